/**
 * Makes one segment of several that follow each other. Documents that are gone meanwhile are left out, and with
 * them the terms that only they had.
 */
import type { DictionaryBytes } from './dictionary-format.ts'
import { mergeDictionaries } from './dictionary-merge.ts'
import type { Segment } from './segment.ts'
import { dictionaries, type DictionaryName, writeSegment } from './segment-format.ts'

/** `segments` by ascending ids; `isGone` says it of a document. Pieces of the new one. */
export async function mergeSegments(
  segments: readonly Segment[],
  isGone: (id: number) => boolean,
): Promise<readonly Uint8Array[]> {
  const ids: number[] = []
  const incomplete: number[] = []
  const sources = segments.map((segment) => {
    const numbers = new Int32Array(segment.ids.length)
    for (const [number, id] of segment.ids.entries()) numbers[number] = isGone(id) ? -1 : ids.push(id) - 1
    for (const number of segment.incomplete) if (numbers[number]! >= 0) incomplete.push(numbers[number]!)
    return { segment, numbers }
  })
  const parts: Partial<Record<DictionaryName, DictionaryBytes>> = {}
  for (const name of dictionaries) {
    const merged = []
    for (const { segment, numbers } of sources)
      merged.push({ bytes: await segment.dictionaryBytes(name, true), numbers })
    parts[name] = mergeDictionaries(merged, name !== 'stems')
  }
  return writeSegment({ ids, incomplete }, parts as Record<DictionaryName, DictionaryBytes>)
}
