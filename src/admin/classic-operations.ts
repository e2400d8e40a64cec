/** What is asked of settings in the classic form, and which changes of objects that is. */
import { Fault, invalidProperties, type PropertyProblem } from '#base/fault.ts'
import type { WantedChange } from '#registry/change.ts'
import { singletonId } from '#registry/managed-object.ts'
import type { AnySettingsObject } from '#settings/object.ts'
import { idIn, keyOf, rootOf, type ShownInstance, targetOf } from './classic-keys.ts'

type Operation =
  | {
      readonly type: 'insert'
      readonly prefix: string
      readonly values: readonly (readonly [string, string])[]
      readonly isNew: boolean
    }
  | { readonly type: 'delete'; readonly keys: readonly string[] }
  | { readonly type: 'clear'; readonly prefix: string }

const mostOperations = 1000

const isObject = (given: unknown): given is Readonly<Record<string, unknown>> =>
  typeof given === 'object' && given !== null && !Array.isArray(given)

const isPair = (given: unknown): given is readonly [string, string] =>
  Array.isArray(given) && given.length === 2 && given.every((one) => typeof one === 'string')

const fieldsOf = {
  insert: ['type', 'prefix', 'values', 'assert_empty'],
  delete: ['type', 'keys'],
  clear: ['type', 'prefix'],
} as const

/** Throws Fault `invalid` that names what is wrong with their form. */
export function readSettingsOperations(body: unknown): readonly Operation[] {
  if (!Array.isArray(body) || body.length === 0 || body.length > mostOperations)
    throw invalidProperties([
      { property: '', problem: `must be a list of 1 to ${mostOperations} operations` },
    ])
  const problems: PropertyProblem[] = []
  const read = (body as readonly unknown[]).flatMap((one, i) => {
    const found = isObject(one) ? readOperation(one, i, problems) : undefined
    if (!isObject(one)) problems.push({ property: String(i), problem: 'must be an object' })
    return found === undefined ? [] : [found]
  })
  if (problems.length > 0) throw invalidProperties(problems.slice(0, 50))
  return read
}

function readOperation(
  given: Readonly<Record<string, unknown>>,
  i: number,
  problems: PropertyProblem[],
): Operation | undefined {
  const wrong = (name: string, problem: string): undefined =>
    void problems.push({ property: `${i}/${name}`.slice(0, 60), problem })
  const own = (name: string): unknown => (Object.hasOwn(given, name) ? given[name] : undefined)
  const type = Object.keys(fieldsOf).find((one) => one === own('type')) as Operation['type'] | undefined
  if (type === undefined) return wrong('type', `must be one of ${Object.keys(fieldsOf).join(', ')}`)
  for (const name of Object.keys(given))
    if (!fieldsOf[type].some((known: string) => known === name)) wrong(name, 'is not known')
  const prefix = own('prefix') ?? ''
  if (typeof prefix !== 'string') return wrong('prefix', 'must be text')
  if (type === 'clear')
    return prefix === '' ? wrong('prefix', 'must be there') : { type, prefix: prefix.replace(/\.$/, '') }
  if (type === 'delete') {
    const keys = own('keys')
    const isRight = Array.isArray(keys) && keys.every((one) => typeof one === 'string')
    return isRight ? { type, keys } : wrong('keys', 'must be a list of keys')
  }
  const values = own('values')
  if (!Array.isArray(values) || !values.every(isPair))
    return wrong('values', 'must be a list of pairs of key and value, both text')
  const isNew = own('assert_empty') ?? false
  if (typeof isNew !== 'boolean') return wrong('assert_empty', 'must be true or false')
  return { type, prefix: prefix.replace(/\.$/, ''), values, isNew }
}

/** What becomes of one object. */
interface Wanted {
  readonly object: AnySettingsObject
  readonly id: string
  readonly patch: Map<string, unknown>
  readonly places: Map<string, string>
  isGone: boolean
}

/** Throws Fault `exists` where something is that must not be. */
export function planSettings(
  operations: readonly Operation[],
  objects: readonly AnySettingsObject[],
  instances: readonly ShownInstance[],
): { readonly changes: readonly WantedChange[]; readonly problems: readonly PropertyProblem[] } {
  const problems: PropertyProblem[] = []
  const wanted = new Map<string, Wanted>()
  const of = (object: AnySettingsObject, id: string): Wanted => {
    const key = `${object.name} ${id}`
    const found = wanted.get(key) ?? { object, id, patch: new Map(), places: new Map(), isGone: false }
    wanted.set(key, found)
    return found
  }
  const set = (key: string, value: string | null, place: string): void => {
    const target = targetOf(objects, key)
    if (target === undefined) {
      problems.push({ property: place, problem: 'is the key of no setting' })
      return
    }
    const { object, id, field, index } = target
    const { patch, places } = of(object, id)
    places.set(field, place)
    const before = patch.get(field)
    if (index === undefined) patch.set(field, value)
    else
      patch.set(field, [
        ...(Array.isArray(before) ? (before as unknown[]) : []),
        ...(value === null ? [] : [value]),
      ])
  }
  for (const [i, operation] of operations.entries()) {
    if (operation.type === 'insert') {
      const { prefix, values, isNew } = operation
      if (isNew) assertNothingBelow(prefix, objects, instances)
      for (const [j, [key, value]] of values.entries())
        set(prefix === '' ? key : `${prefix}.${key}`, value, `${i}/values/${j}`)
    } else if (operation.type === 'delete') {
      for (const [j, key] of operation.keys.entries()) set(key, null, `${i}/keys/${j}`)
    } else {
      clear(operation.prefix, instances, of)
    }
  }
  return { changes: [...wanted.values()].flatMap((one) => changeOf(one, instances)), problems }
}

const isAtOrBelow = (key: string, prefix: string): boolean => key === prefix || key.startsWith(`${prefix}.`)

const ownOrigins = ({ values }: ShownInstance): readonly string[] => Object.keys(values['origins'] ?? {})

/** A whole object where the prefix is above its keys, or the single values that are below it. */
function clear(
  prefix: string,
  instances: readonly ShownInstance[],
  of: (object: AnySettingsObject, id: string) => Wanted,
): void {
  for (const one of instances) {
    const { object, id } = one
    if (object.many && isAtOrBelow(`${rootOf(object)}.${id}`, prefix)) of(object, id).isGone = true
    else
      for (const field of ownOrigins(one))
        if (isAtOrBelow(keyOf(object, id, field), prefix)) of(object, id).patch.set(field, null)
  }
}

function assertNothingBelow(
  prefix: string,
  objects: readonly AnySettingsObject[],
  instances: readonly ShownInstance[],
): void {
  const isThere = instances.some((one) => {
    const { object, id } = one
    if (object.many) return objects.includes(object) && idIn(object, `${prefix}.`) === id
    return prefix !== '' && ownOrigins(one).some((field) => isAtOrBelow(keyOf(object, id, field), prefix))
  })
  if (isThere) throw new Fault('exists', `There is something at ${prefix} already.`, { what: 'settings' })
}

function changeOf(one: Wanted, instances: readonly ShownInstance[]): readonly WantedChange[] {
  const { object, id, patch, places, isGone } = one
  const isThere = instances.some((instance) => instance.object === object && instance.id === id)
  const called = (property: string): string => places.get(property.split('/')[0]!) ?? property
  const given = Object.fromEntries(patch)
  if (isGone && isThere) {
    const gone = { verb: 'destroy', object: object.name, key: id } as const
    return patch.size === 0
      ? [gone]
      : [gone, { verb: 'create', object: object.name, given: { name: id, ...given }, called }]
  }
  if (!object.many) return [{ verb: 'update', object: object.name, key: singletonId, given, called }]
  if (isThere) return [{ verb: 'update', object: object.name, key: id, given, called }]
  return [{ verb: 'create', object: object.name, given: { name: id, ...given }, called }]
}
