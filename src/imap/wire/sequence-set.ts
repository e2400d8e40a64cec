/**
 * Sets of message numbers and UIDs (RFC 9051 §9, sequence-set): as the client wrote them, and resolved
 * against the view of a session.
 *
 * Whatever the client writes, work and memory follow the number of ranges written and of messages there
 * are, never the distance between two numbers.
 */
import { SyntaxFault } from '#base/fault.ts'

/** Stands for `*` in a range. */
export const star = 0

export interface SequenceSet {
  /** Pairs of first and last, as written: in any order, with `star` on either side. */
  readonly ranges: readonly number[]
  /** `$` was among them: the saved result of a search (RFC 9051 §6.4.4.1). */
  readonly saved: boolean
}

/** Ascending positions in a view, from 0, as pairs of first and last that neither touch nor overlap. */
export type Positions = readonly number[]

/** What a set is resolved against. */
export interface Numbered {
  readonly count: number
  /** The position of the first message whose UID is not below this one. */
  lowerBound(uid: number): number
  uidAt(position: number): number
}

/** Message numbers. One above the number of messages is an error of the client (RFC 9051 §9, seq-number). */
export function positionsOfNumbers(set: SequenceSet, view: Numbered, saved: Positions): Positions {
  const found: number[] = []
  for (let i = 0; i < set.ranges.length; i += 2) {
    const a = set.ranges[i]! === star ? view.count : set.ranges[i]!
    const b = set.ranges[i + 1]! === star ? view.count : set.ranges[i + 1]!
    if (a > view.count || b > view.count || a === 0 || b === 0) {
      throw new SyntaxFault('no message with that number', 0)
    }
    found.push(Math.min(a, b) - 1, Math.max(a, b) - 1)
  }
  return merge(set.saved ? [...found, ...saved] : found)
}

/** Message numbers as SEARCH takes them: numbers that no message has are passed over. */
export function positionsWithin(set: SequenceSet, view: Numbered, saved: Positions): Positions {
  const found: number[] = []
  for (let i = 0; i < set.ranges.length; i += 2) {
    const a = set.ranges[i]! === star ? view.count : set.ranges[i]!
    const b = set.ranges[i + 1]! === star ? view.count : set.ranges[i + 1]!
    const first = Math.max(1, Math.min(a, b))
    const last = Math.min(view.count, Math.max(a, b))
    if (first <= last) found.push(first - 1, last - 1)
  }
  return merge(set.saved ? [...found, ...saved] : found)
}

/** UIDs; those that nothing has are passed over (RFC 9051 §6.4.9). */
export function positionsOfUids(set: SequenceSet, view: Numbered, saved: Positions): Positions {
  const found: number[] = []
  const last = view.count === 0 ? 0 : view.uidAt(view.count - 1)
  for (let i = 0; i < set.ranges.length; i += 2) {
    const a = set.ranges[i]! === star ? last : set.ranges[i]!
    const b = set.ranges[i + 1]! === star ? last : set.ranges[i + 1]!
    const first = view.lowerBound(Math.min(a, b))
    const end = view.lowerBound(Math.max(a, b) + 1)
    if (first < end) found.push(first, end - 1)
  }
  return merge(set.saved ? [...found, ...saved] : found)
}

/** Sorts and joins pairs. */
export function merge(pairs: readonly number[]): Positions {
  if (pairs.length <= 2) return pairs
  const order: [number, number][] = []
  for (let i = 0; i < pairs.length; i += 2) order.push([pairs[i]!, pairs[i + 1]!])
  order.sort((a, b) => a[0] - b[0])
  const merged: number[] = [order[0]![0], order[0]![1]]
  for (const [first, last] of order) {
    const end = merged.length - 1
    if (first > merged[end]! + 1) merged.push(first, last)
    else if (last > merged[end]!) merged[end] = last
  }
  return merged
}

/** What is in both. */
export function intersect(a: Positions, b: Positions): Positions {
  const both: number[] = []
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    const first = Math.max(a[i]!, b[j]!)
    const last = Math.min(a[i + 1]!, b[j + 1]!)
    if (first <= last) both.push(first, last)
    if (a[i + 1]! < b[j + 1]!) i += 2
    else j += 2
  }
  return both
}

/** Each position once, ascending. */
export function* eachPosition(positions: Positions): Generator<number, void, void> {
  for (let i = 0; i < positions.length; i += 2) {
    for (let at = positions[i]!; at <= positions[i + 1]!; at++) yield at
  }
}

/** Each position once, descending. */
export function* eachPositionDown(positions: Positions): Generator<number, void, void> {
  for (let i = positions.length - 2; i >= 0; i -= 2) {
    for (let at = positions[i + 1]!; at >= positions[i]!; at--) yield at
  }
}

export function countPositions(positions: Positions): number {
  let count = 0
  for (let i = 0; i < positions.length; i += 2) count += positions[i + 1]! - positions[i]! + 1
  return count
}

/** Ascending positions, each once, as pairs. */
export function pairUp(ascending: Iterable<number>): Positions {
  const pairs: number[] = []
  for (const at of ascending) {
    const end = pairs.length - 1
    if (end > 0 && pairs[end] === at - 1) pairs[end] = at
    else pairs.push(at, at)
  }
  return pairs
}

/** Pairs of first and last as they are written. */
export function formatRanges(pairs: Positions): string {
  let out = ''
  for (let i = 0; i < pairs.length; i += 2) {
    const [first, last] = [pairs[i]!, pairs[i + 1]!]
    out += `${i === 0 ? '' : ','}${first === last ? first : `${first}:${last}`}`
  }
  return out
}

/** `2,4:7,9`: numbers in the order given, runs of neighbours joined. Never empty on the wire, so neither here. */
export function formatSet(numbers: Iterable<number>): string {
  let out = ''
  let first = -1
  let last = -1
  const close = (): void => {
    if (first === -1) return
    out += `${out === '' ? '' : ','}${first === last ? first : `${first}:${last}`}`
  }
  for (const number of numbers) {
    if (number === last + 1 && first !== -1) {
      last = number
      continue
    }
    close()
    first = last = number
  }
  close()
  return out
}
