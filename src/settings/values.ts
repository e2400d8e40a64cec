/**
 * Reads the values of an object as an administrator or a program gives them, in JSON: every wrong property
 * is found and named in one go, and nothing is passed over. Names are looked up as own properties only, so
 * `__proto__` and its like are unknown properties as any other.
 */
import { isFault, type PropertyProblem } from '#base/fault.ts'
import type { Field } from './field.ts'

export type Fields = Readonly<Record<string, Field<unknown>>>
export type Values = Readonly<Record<string, unknown>>

/** More problems than these are not told: the first ones are enough to find the mistake. */
const maxProblems = 50
const longestShownName = 60

export interface ReadValues {
  /** Only what was given and is right. */
  readonly values: Values
  readonly problems: readonly PropertyProblem[]
}

/**
 * `create`: required fields must be there. `update`: what is absent stays, and what can be set only once may
 * not be given. null puts a field back to its fallback.
 */
export function readValues(fields: Fields, input: unknown, how: 'create' | 'update'): ReadValues {
  const problems: PropertyProblem[] = []
  const values = readParts(fields, input, '', how, problems)
  return { values, problems: problems.slice(0, maxProblems) }
}

function readParts(
  fields: Fields,
  input: unknown,
  path: string,
  how: 'create' | 'update',
  problems: PropertyProblem[],
): Values {
  const values: Record<string, unknown> = {}
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    problems.push({ property: path.slice(1), problem: 'must be an object' })
    return values
  }
  for (const name of Object.keys(input)) {
    if (problems.length >= maxProblems) return values
    const property = `${path}/${name}`.slice(1)
    const field = Object.hasOwn(fields, name) ? fields[name]! : undefined
    const given = (input as Record<string, unknown>)[name]
    const problem = field === undefined ? 'is not known' : settingProblem(field, how)
    if (field === undefined || problem !== undefined) {
      problems.push({ property: property.slice(0, longestShownName), problem: problem! })
      continue
    }
    if (given === undefined) continue
    const before = problems.length
    const value =
      given === null ? nullOf(field, property, problems) : readOne(field, given, property, problems)
    if (problems.length === before) values[name] = value
  }
  if (how === 'create') {
    for (const [name, field] of Object.entries(fields)) {
      if (field.required && !Object.hasOwn(input, name))
        problems.push({ property: `${path}/${name}`.slice(1), problem: `must be ${field.allowed}` })
    }
  }
  return values
}

function settingProblem(field: Field<unknown>, how: 'create' | 'update'): string | undefined {
  if (field.settable === 'never') return 'is set by the server'
  return field.settable === 'atCreation' && how === 'update' ? 'cannot be changed' : undefined
}

function nullOf(field: Field<unknown>, property: string, problems: PropertyProblem[]): unknown {
  if (field.required) problems.push({ property, problem: `must be ${field.allowed}` })
  return field.fallback
}

function readOne(
  field: Field<unknown>,
  given: unknown,
  property: string,
  problems: PropertyProblem[],
): unknown {
  if (field.kind === 'record' && field.parts !== undefined) {
    const parts = readParts(field.parts, given, `/${property}`, 'create', problems)
    return { ...fallbacksOf(field.parts), ...parts }
  }
  if (field.kind === 'list' && field.item !== undefined) {
    const { item, count } = field
    // A single value is a list of one.
    if (!Array.isArray(given)) return [readOne(item, given, property, problems)]
    if (count !== undefined && (given.length < count.min || given.length > count.max)) {
      problems.push({ property, problem: `must be ${field.allowed}` })
      return undefined
    }
    return given.map((one, i) => readOne(item, one, `${property}/${i}`, problems))
  }
  return readLeaf(field, given, property, problems)
}

function readLeaf(
  field: Field<unknown>,
  given: unknown,
  property: string,
  problems: PropertyProblem[],
): unknown {
  try {
    return field.read(given)
  } catch (error) {
    if (!isFault(error, 'invalid')) throw error
    problems.push({ property, problem: error.publicText })
    return undefined
  }
}

/** What a new object has where nothing else is said. */
export const fallbacksOf = (fields: Fields): Values =>
  Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.fallback]))

/** Reads a patch: what it gives for a name, or else what was there before. */
export const givenIn =
  (patch: Values) =>
  <T>(name: string, before: T): T =>
    Object.hasOwn(patch, name) ? (patch[name] as T) : before
