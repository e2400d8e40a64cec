/**
 * What the values of JMAP may be: the arguments of methods and the properties of objects, as data, so that one
 * test can try every wrong type on every method.
 *
 * A value reads what came from JSON.parse, never changes it, and collects what is wrong by the path of the
 * property (RFC 8620 §5.3: names, with slashes for nested ones). Objects with names of the client's choice become
 * Maps, so that no name means anything.
 */
import type { PropertyProblem } from '#base/fault.ts'
import { utcDateOf } from '#base/utc-date.ts'

export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [name: string]: Json | undefined
}

/** Those properties of an object that were asked for. */
export function chosen(object: JsonObject, properties: ReadonlySet<string>): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => properties.has(name)))
}

export interface Value<T> {
  /** What would be right: "a string", "a list of ids or null". */
  readonly wanted: string
  /** Values that are wrong in type, for tests. */
  readonly wrong: readonly Json[]
  /** Adds what is wrong to `problems`; what is returned then is of no use. */
  read(input: unknown, path: string, problems: PropertyProblem[]): T
}

/** What a value gives. */
export type Read<V> = V extends Value<infer T> ? T : never

const simple = <T>(wanted: string, wrong: readonly Json[], is: (input: unknown) => input is T): Value<T> => ({
  wanted,
  wrong,
  read(input, path, problems) {
    if (!is(input)) problems.push({ property: path, problem: `must be ${wanted}` })
    return input as T
  },
})

export const boolean = simple('true or false', ['true', 1, {}, [], null], (v) => typeof v === 'boolean')
export const string = simple('a string', [5, true, {}, [], null], (v) => typeof v === 'string')

/** RFC 8620 §1.3: exact in a double. */
export const int = simple(
  'a whole number',
  ['5', 1.5, 2 ** 53, {}, [], null, true],
  (v): v is number => typeof v === 'number' && Number.isSafeInteger(v),
)
export const unsignedInt = simple(
  'a whole number, 0 or more',
  ['5', -1, 1.5, 2 ** 53, {}, [], null, true],
  (v): v is number => typeof v === 'number' && Number.isSafeInteger(v) && v >= 0,
)
export const positiveInt = simple(
  'a whole number, 1 or more',
  ['5', 0, -1, 1.5, {}, [], null, true],
  (v): v is number => typeof v === 'number' && Number.isSafeInteger(v) && v > 0,
)

/** RFC 8620 §1.2: 1 to 255 of the characters of base64url. */
export const isId = (text: string): boolean => /^[A-Za-z0-9_-]{1,255}$/.test(text)

/** An id, or "#" and the creation id of an object that was created in this request (RFC 8620 §5.3). */
export const id = simple(
  'an id',
  [5, true, {}, [], null],
  (v): v is string => typeof v === 'string' && v.length <= 256 && isId(v.startsWith('#') ? v.slice(1) : v),
)

/** Ids that are asked for: one that could be none is not found, which is no error (RFC 8620 §5.1). */
export const wantedId = simple('an id', [5, true, {}, [], null], (v) => typeof v === 'string')

const dateForm = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)$/

/** RFC 8620 §1.4: capital letters, and no fraction that is zero. Milliseconds since 1970. */
function readDate(text: string): number | undefined {
  const match = dateForm.exec(text)
  if (match === null || text.length > 64) return undefined
  const [, year, month, day, hour, minute, second, fraction, zone] = match
  if (fraction !== undefined && /^\.0+$/.test(fraction)) return undefined
  const inZone = zone === 'Z' || (Number(zone!.slice(1, 3)) < 24 && Number(zone!.slice(4)) < 60)
  const days = new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate()
  const isPossible =
    Number(month) >= 1 &&
    Number(month) <= 12 &&
    Number(day) >= 1 &&
    Number(day) <= days &&
    Number(hour) < 24 &&
    Number(minute) < 60 &&
    Number(second) <= 60
  if (!inZone || !isPossible) return undefined
  // A leap second is the last one of its minute.
  const time = Date.parse(second === '60' ? text.replace(/:60/, ':59') : text)
  return Number.isNaN(time) ? undefined : time
}

/** As text: what it stands for is read by `timeOf`. */
export const date = simple(
  'a date such as "2026-01-31T10:00:00+01:00"',
  ['yesterday', 5, true, {}, [], null],
  (v): v is string => typeof v === 'string' && readDate(v) !== undefined,
)
export const utcDate = simple(
  'a date such as "2026-01-31T10:00:00Z"',
  ['2026-01-31T10:00:00+01:00', '2026-01-31', 5, true, {}, [], null],
  (v): v is string => typeof v === 'string' && v.endsWith('Z') && readDate(v) !== undefined,
)

/** Milliseconds since 1970 of a date that was read. */
export const timeOf = (text: string): number => readDate(text)!

/** The other way round, without parts of a second. */
export const utcSecondOf = (ms: number): string => utcDateOf(ms - (ms % 1000))

/** Whatever JSON can say. */
export const anything: Value<Json> = { wanted: 'a value', wrong: [], read: (input) => input as Json }

export const oneOf = <const T extends string>(...texts: readonly T[]): Value<T> =>
  simple(
    `one of ${texts.map((text) => `"${text}"`).join(', ')}`,
    ['no such word', 5, true, {}, [], null],
    (v): v is T => texts.includes(v as T),
  )

export const nullable = <T>(value: Value<T>): Value<T | null> => ({
  wanted: `${value.wanted} or null`,
  wrong: value.wrong.filter((one) => one !== null),
  read: (input, path, problems) => (input === null ? null : value.read(input, path, problems)),
})

/** As many wrong members are told of. */
const mostTold = 10

export const listOf = <T>(value: Value<T>): Value<readonly T[]> => ({
  wanted: `a list, each ${value.wanted}`,
  wrong: [{}, 'x', 5, true, null, ...value.wrong.map((one) => [one])],
  read(input, path, problems) {
    if (!Array.isArray(input)) {
      problems.push({ property: path, problem: 'must be a list' })
      return []
    }
    const before = problems.length
    const found: T[] = []
    for (const [i, one] of input.entries()) {
      found.push(value.read(one, `${path}/${i}`, problems))
      if (problems.length - before >= mostTold) break
    }
    return found
  },
})

export const isObject = (input: unknown): input is JsonObject =>
  typeof input === 'object' && input !== null && !Array.isArray(input)

/** An object whose names are the client's. */
export const mapOf = <K extends string, T>(key: Value<K>, value: Value<T>): Value<ReadonlyMap<K, T>> => ({
  wanted: `an object, each value ${value.wanted}`,
  wrong: [[], 'x', 5, true, null],
  read(input, path, problems) {
    const found = new Map<K, T>()
    if (!isObject(input)) {
      problems.push({ property: path, problem: 'must be an object' })
      return found
    }
    const before = problems.length
    for (const [name, one] of Object.entries(input)) {
      const at = `${path}/${pointerToken(name)}`
      found.set(key.read(name, at, problems), value.read(one, at, problems))
      if (problems.length - before >= mostTold) break
    }
    return found
  },
})

/** RFC 8620 §1.1: `Id[Boolean]` and the like, where each value must be true. */
export const setOf = <K extends string>(key: Value<K>): Value<ReadonlySet<K>> => {
  const map = mapOf(key, isTrue)
  return {
    wanted: 'an object, each value true',
    wrong: [...map.wrong, { a: false }, { a: null }, { a: 'true' }],
    read: (input, path, problems) => new Set(map.read(input, path, problems).keys()),
  }
}

const isTrue = simple('true', [false], (v): v is true => v === true)

export type Fields = Readonly<Record<string, Value<unknown>>>

/** The values of fields; those that were not given are absent. */
export type ReadFields<F extends Fields> = { readonly [K in keyof F]?: Read<F[K]> }

/** An object with these properties, none of which must be there. */
export const object = <F extends Fields>(fields: F): Value<ReadFields<F>> => ({
  wanted: 'an object',
  wrong: [[], 'x', 5, true, null, { noSuchProperty: 1 }],
  read(input, path, problems) {
    if (isObject(input)) return readFields(fields, input, problems, path === '' ? '' : `${path}/`)
    problems.push({ property: path, problem: 'must be an object' })
    return {}
  },
})

/** Reads the properties of an object; one that is not known is a problem. */
export function readFields<F extends Fields>(
  fields: F,
  input: JsonObject,
  problems: PropertyProblem[],
  prefix = '',
): ReadFields<F> {
  const found: Record<string, unknown> = {}
  for (const [name, value] of Object.entries(input)) {
    const path = prefix + pointerToken(name)
    if (Object.hasOwn(fields, name)) found[name] = fields[name]!.read(value, path, problems)
    else problems.push({ property: path, problem: 'is not known' })
  }
  return found as ReadFields<F>
}

/** RFC 6901 §3. */
export const pointerToken = (name: string): string => name.replaceAll('~', '~0').replaceAll('/', '~1')
