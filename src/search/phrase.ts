/**
 * Which documents have the words of a needle one after the other. That is not yet the needle: what stands
 * between the words is not in the index.
 */
import type { OpenDictionary } from './segment.ts'
import type { Piece } from './words.ts'

type Places = Map<number, number[]>

/** Takes away from `having` the documents in which the pieces do not follow each other in the field. */
export function keepPhrases(
  dictionary: OpenDictionary,
  pieces: readonly Piece[],
  field: number,
  having: Uint8Array,
): void {
  let ends: Places | undefined
  for (const piece of pieces) {
    const places = placesOf(dictionary, piece, field, having)
    ends = ends === undefined ? places : following(ends, places)
  }
  for (let document = 0; document < having.length; document++)
    if (having[document] === 1 && ends?.has(document) !== true) having[document] = 0
}

function placesOf(
  { terms, postings }: OpenDictionary,
  { text, kind }: Piece,
  field: number,
  having: Uint8Array,
): Places {
  const found: Places = new Map()
  for (const term of terms.numbersOf(text, kind)) {
    for (const [document, positions] of postings.places(term, field, having)) {
      const before = found.get(document)
      if (before === undefined) found.set(document, positions)
      else for (const position of positions) before.push(position)
    }
  }
  return found
}

/** Those places that come right after one of `before`. */
function following(before: Places, places: Places): Places {
  const found: Places = new Map()
  for (const [document, ends] of before) {
    const next = places.get(document)
    if (next === undefined) continue
    const wanted = new Set(ends)
    const kept = next.filter((position) => wanted.has(position - 1))
    if (kept.length > 0) found.set(document, kept)
  }
  return found
}
