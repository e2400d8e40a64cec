/** Filters of queries (RFC 8620 §5.5): conditions of the type, put together by AND, OR and NOT. */
import type { PropertyProblem } from '#base/fault.ts'
import { invalidArguments, MethodError } from './errors.ts'
import { type Fields, isObject, type ReadFields, readFields } from './value.ts'

/** `conditions` of an operator may be none: AND is then true, OR is false, and so is nothing of NOT. */
export type Filter<C> =
  | { readonly operator: 'AND' | 'OR' | 'NOT'; readonly conditions: readonly Filter<C>[] }
  | { readonly condition: C }

/** Deeper or larger ones are refused before anything is looked at. */
const deepest = 30
const mostConditions = 1000

/** undefined for none. Throws MethodError `invalidArguments` and `unsupportedFilter`. */
export function readFilter<C extends Fields>(
  input: unknown,
  conditions: C,
): Filter<ReadFields<C>> | undefined {
  if (input === null || input === undefined) return undefined
  return read(input, conditions, 'filter', { depth: 0, left: { count: mostConditions } })
}

type Test<T> = (one: T) => boolean

/**
 * What tells whether the filter, or none, is true of something. `testOf` is asked once for each condition, so that
 * what a condition needs is made ready once, and not for each of the objects.
 */
export function filterTest<C, T>(filter: Filter<C> | undefined, testOf: (condition: C) => Test<T>): Test<T> {
  if (filter === undefined) return () => true
  if ('condition' in filter) return testOf(filter.condition)
  const tests = filter.conditions.map((one) => filterTest(one, testOf))
  if (filter.operator === 'AND') return (one) => tests.every((test) => test(one))
  const isOr = filter.operator === 'OR'
  return (one) => tests.some((test) => test(one)) === isOr
}

interface Bounds {
  readonly depth: number
  readonly left: { count: number }
}

function read<C extends Fields>(
  input: unknown,
  known: C,
  path: string,
  { depth, left }: Bounds,
): Filter<ReadFields<C>> {
  if (!isObject(input)) throw invalidArguments([{ property: path, problem: 'must be an object' }])
  if (depth > deepest || --left.count < 0)
    throw new MethodError(
      'unsupportedFilter',
      `A filter may have ${mostConditions} conditions, ${deepest} levels deep.`,
    )
  if (Object.hasOwn(input, 'operator')) {
    const { operator, conditions, ...more } = input
    const problems: PropertyProblem[] = Object.keys(more).map((name) => ({
      property: path,
      problem: `has the unknown ${name}`,
    }))
    if (operator !== 'AND' && operator !== 'OR' && operator !== 'NOT')
      problems.push({ property: `${path}/operator`, problem: 'must be AND, OR or NOT' })
    if (!Array.isArray(conditions))
      problems.push({ property: `${path}/conditions`, problem: 'must be a list' })
    if (problems.length > 0) throw invalidArguments(problems)
    const inner = (conditions as readonly unknown[]).map((one, i) =>
      read(one, known, `${path}/conditions/${i}`, { depth: depth + 1, left }),
    )
    return { operator: operator as 'AND', conditions: inner }
  }
  for (const name of Object.keys(input))
    if (!Object.hasOwn(known, name))
      throw new MethodError(
        'unsupportedFilter',
        `There is no condition ${JSON.stringify(name.slice(0, 200))}.`,
      )
  const problems: PropertyProblem[] = []
  const condition = readFields(known, input, problems, `${path}/`)
  if (problems.length > 0) throw invalidArguments(problems)
  return { condition }
}
