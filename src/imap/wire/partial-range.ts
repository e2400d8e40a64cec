/**
 * A part of a list of messages, counted from its beginning or its end (RFC 9394 §4, partial-range): of what a search
 * found, or of what a FETCH names.
 */
import type { Arguments } from './grammar.ts'
import { countPositions, type Positions } from './sequence-set.ts'

const minus = 0x2d

export interface PartialRange {
  /** Counted from 1; in either order. */
  readonly first: number
  readonly last: number
  /** Backwards from the last of the list. */
  readonly isFromEnd: boolean
}

/** `1:100` or `-1:-100`. */
export function partialRange(args: Arguments): PartialRange {
  const isFromEnd = args.take(minus)
  const first = args.nzNumber()
  args.expect(0x3a, '":"')
  if (isFromEnd) args.expect(minus, '"-"')
  return { first, last: args.nzNumber(), isFromEnd }
}

/** As it was written. */
export const formatRange = ({ first, last, isFromEnd }: PartialRange): string =>
  isFromEnd ? `-${first}:-${last}` : `${first}:${last}`

/** The range as indexes into a list of so many: from the first to before the second. */
function bounds({ first, last, isFromEnd }: PartialRange, count: number): [from: number, end: number] {
  const near = Math.min(first, last) - 1
  const far = Math.min(Math.max(first, last), count)
  return isFromEnd ? [count - far, Math.max(0, count - near)] : [near, far]
}

export const partOf = <T>(list: readonly T[], range: PartialRange): readonly T[] =>
  list.slice(...bounds(range, list.length))

/** The part of a set of messages, in mailbox order. */
export function partOfPositions(positions: Positions, range: PartialRange): Positions {
  const [from, end] = bounds(range, countPositions(positions))
  const part: number[] = []
  for (let i = 0, before = 0; i < positions.length && before < end; i += 2) {
    const [first, last] = [positions[i]!, positions[i + 1]!]
    const a = first + Math.max(0, from - before)
    const b = Math.min(last, first + end - before - 1)
    if (a <= b) part.push(a, b)
    before += last - first + 1
  }
  return part
}
