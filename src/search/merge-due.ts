/**
 * Which segments are to become one: where eight follow each other that are all smaller than some size class,
 * so that a document is written a few times in its life and a search looks into few segments.
 */
import type { SegmentRow } from './manifest.ts'

const together = 8
/** What a merged segment may have: merging takes several times as much memory. */
const mostBytes = 24 << 20
const sizeClass = (bytes: number): number => Math.floor(Math.log2(Math.max(bytes, 1 << 16)) / 3)

/** The first of them and the one after the last, undefined where nothing is due. */
export function mergeDue(segments: readonly SegmentRow[]): readonly [from: number, to: number] | undefined {
  // Newer segments are smaller. Behind one that is full, those before it are still to be looked at.
  for (let to = segments.length; to >= together; to--) {
    const from = startOfRun(segments, to)
    if (from !== undefined) return [from, to]
  }
  return undefined
}

/**
 * Where a run begins that ends before `to`: long enough, not too large, and at least twice as large as its largest
 * member, which is otherwise written again and again for little.
 */
function startOfRun(segments: readonly SegmentRow[], to: number): number | undefined {
  let bytes = 0
  let largest = 0
  for (let from = to - 1; from >= 0; from--) {
    const { sizeBytes } = segments[from]!
    bytes += sizeBytes
    if (bytes > mostBytes) return undefined
    largest = Math.max(largest, sizeBytes)
    const before = segments[from - 1]?.sizeBytes ?? Number.POSITIVE_INFINITY
    const isLast = sizeClass(before) > sizeClass(largest) || bytes + before > mostBytes
    if (isLast && to - from >= together && bytes >= 2 * largest) return from
  }
  return undefined
}
