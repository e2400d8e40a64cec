/** Comparators of queries (RFC 8620 §5.5). */
import type { PropertyProblem } from '#base/fault.ts'
import { invalidArguments, MethodError } from './errors.ts'
import { boolean, type Fields, isObject, readFields, type ReadFields, string } from './value.ts'

/** Those that the session tells (RFC 8620 §2). */
export const collations = ['i;ascii-casemap', 'i;unicode-casemap', 'i;octet', 'i;ascii-numeric'] as const
type Collation = (typeof collations)[number]

export type Comparator<M> = M & {
  readonly property: string
  readonly isAscending: boolean
  readonly collation: Collation | undefined
}

const mostComparators = 20

/** Throws MethodError `invalidArguments` and `unsupportedSort`. */
export function readSort<S extends Fields>(
  given: readonly unknown[],
  properties: readonly string[],
  more?: S,
): readonly Comparator<ReadFields<S>>[] {
  if (given.length > mostComparators)
    throw new MethodError('unsupportedSort', `At most ${mostComparators} comparators are possible.`)
  return given.map((one, i) => readComparator(one, properties, more, `sort/${i}`))
}

const fields = { property: string, isAscending: boolean, collation: string } as const

function readComparator<S extends Fields>(
  input: unknown,
  properties: readonly string[],
  more: S | undefined,
  path: string,
): Comparator<ReadFields<S>> {
  if (!isObject(input)) throw invalidArguments([{ property: path, problem: 'must be an object' }])
  const problems: PropertyProblem[] = []
  const {
    property,
    isAscending = true,
    collation,
    ...rest
  } = readFields({ ...fields, ...more }, input, problems, `${path}/`)
  if (property === undefined) problems.push({ property: `${path}/property`, problem: 'must be there' })
  if (problems.length > 0) throw invalidArguments(problems)
  if (!properties.includes(property as string))
    throw new MethodError(
      'unsupportedSort',
      `Sorting by ${JSON.stringify(String(property).slice(0, 200))} is not possible.`,
    )
  if (collation !== undefined && !collations.includes(collation as Collation))
    throw new MethodError('unsupportedSort', 'There is no such collation.')
  return { ...(rest as ReadFields<S>), property, isAscending, collation } as Comparator<ReadFields<S>>
}
