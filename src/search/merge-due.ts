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
  const to = segments.length
  let from = to
  let bytes = 0
  // Newer segments are smaller: from the end back, a class of size after the other.
  while (from > 0) {
    const largest = sizeClass(segments[from - 1]!.sizeBytes)
    while (from > 0 && sizeClass(segments[from - 1]!.sizeBytes) <= largest) {
      const next = segments[from - 1]!.sizeBytes
      if (bytes + next > mostBytes) return to - from >= together ? [from, to] : undefined
      bytes += next
      from--
    }
    if (to - from >= together) return [from, to]
  }
  return undefined
}
