/** The classic form of a change: a list of operations on the fields of a principal. */
import { invalidProperties, type PropertyProblem } from '#base/fault.ts'
import type { Given } from './principal-fields.ts'
import { classicFields, type ShownPrincipal } from './principal-shape.ts'

const actions = ['set', 'addItem', 'removeItem'] as const

export interface Operation {
  readonly action: (typeof actions)[number]
  readonly field: string
  readonly value: unknown
}

export const mostOperations = 1000
const names = new Set(['action', 'field', 'value'])

/** Throws Fault `invalid` that names everything that is wrong with their form. */
export function readOperations(body: unknown): readonly Operation[] {
  if (!Array.isArray(body) || body.length === 0 || body.length > mostOperations) {
    const problem = `must be a list of 1 to ${mostOperations} operations, such as [{"action": "set", "field": "description", "value": "..."}]`
    throw invalidProperties([{ property: '', problem }])
  }
  const problems: PropertyProblem[] = []
  const read = (body as readonly unknown[]).map((one, i) => readOperation(one, i, problems))
  if (problems.length > 0) throw invalidProperties(problems.slice(0, 50))
  return read
}

function readOperation(given: unknown, i: number, problems: PropertyProblem[]): Operation {
  const operation = { action: 'set', field: '', value: undefined } as const
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    problems.push({ property: String(i), problem: 'must be an object of action, field and value' })
    return operation
  }
  for (const name of Object.keys(given))
    if (!names.has(name)) problems.push({ property: `${i}/${name}`.slice(0, 60), problem: 'is not known' })
  const { action, field, value } = given as Partial<Record<string, unknown>>
  const isAction = actions.some((known) => known === action)
  if (!isAction) problems.push({ property: `${i}/action`, problem: `must be one of ${actions.join(', ')}` })
  if (typeof field !== 'string')
    problems.push({ property: `${i}/field`, problem: 'must be the name of a field' })
  if (!Object.hasOwn(given, 'value')) problems.push({ property: `${i}/value`, problem: 'is missing' })
  return { action: action as Operation['action'], field: field as string, value }
}

export interface Applied {
  /** The fields that operations touched, as they are to be. */
  readonly given: Given
  readonly problems: readonly PropertyProblem[]
  /** Where in the list of operations a wrong property was given. */
  readonly called: (property: string) => string
}

/** `knows`: whether the principal's object has a field of that name. */
export function applyOperations(
  principal: ShownPrincipal,
  operations: readonly Operation[],
  knows: (field: string) => boolean,
): Applied {
  const before = new Map(Object.entries(principal))
  const given = new Map<string, unknown>()
  const problems: PropertyProblem[] = []
  const touched = new Map<string, readonly number[]>()
  for (const [i, { action, field, value }] of operations.entries()) {
    const problem = fieldProblem(principal, field, value, knows)
    if (problem !== undefined) {
      problems.push({ property: `${i}/field`, problem })
      continue
    }
    touched.set(field, [...(touched.get(field) ?? []), i])
    const now: unknown = given.has(field) ? given.get(field) : before.get(field)
    if (action === 'set') given.set(field, value)
    else if (Array.isArray(now) && field !== 'secrets') given.set(field, changedList(now, action, value))
    else problems.push({ property: `${i}/action`, problem: 'must be set: this field is no list' })
  }
  return {
    given: Object.fromEntries(given),
    problems,
    called: (property) => calledIn(property, operations, touched),
  }
}

function fieldProblem(
  principal: ShownPrincipal,
  field: string,
  value: unknown,
  knows: (field: string) => boolean,
): string | undefined {
  if (field === 'type') return value === principal.type ? undefined : 'cannot be changed'
  return classicFields.has(field) || knows(field) ? undefined : 'is not known'
}

function changedList(now: readonly unknown[], action: 'addItem' | 'removeItem', value: unknown): unknown[] {
  const items: readonly unknown[] = Array.isArray(value) ? (value as unknown[]) : [value]
  if (action === 'addItem') return [...now, ...items.filter((item) => !now.includes(item))]
  return now.filter((item) => !items.includes(item))
}

function calledIn(
  property: string,
  operations: readonly Operation[],
  touched: ReadonlyMap<string, readonly number[]>,
): string {
  const [field = '', ...rest] = property.split('/')
  const places = touched.get(field)
  const last = places?.at(-1)
  if (last === undefined) return property
  const isWhole = places?.length === 1 && operations[last]!.action === 'set'
  return [String(last), 'value', ...(isWhole && Array.isArray(operations[last]!.value) ? rest : [])].join('/')
}
