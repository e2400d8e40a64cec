/**
 * Makes one segment of several that follow each other. Documents that are gone meanwhile are left out, and with
 * them the terms that only they had.
 */
import { asBuffer } from '#base/bytes.ts'
import { PackReader, PackWriter } from '#base/pack.ts'
import type { Postings } from './dictionary.ts'
import { type DictionaryBytes, DictionaryEncoder } from './dictionary-format.ts'
import type { Segment } from './segment.ts'
import { dictionaries, type DictionaryName, writeSegment } from './segment-format.ts'

/** A segment that is merged, and for each of its documents the number in the new one, -1 where it is gone. */
interface Source {
  readonly segment: Segment
  readonly numbers: Int32Array
}

/** One of the dictionaries, read term by term. */
interface Cursor {
  readonly numbers: Int32Array
  readonly postings: Postings
  readonly terms: Iterator<readonly [number, Uint8Array]>
  number: number
  term: Buffer | undefined
}

/** `segments` by ascending ids; `isGone` says it of a document. Pieces of the new one. */
export async function mergeSegments(
  segments: readonly Segment[],
  isGone: (id: number) => boolean,
): Promise<readonly Uint8Array[]> {
  const ids: number[] = []
  const incomplete: number[] = []
  const sources = segments.map((segment): Source => {
    const numbers = new Int32Array(segment.ids.length)
    for (const [number, id] of segment.ids.entries()) numbers[number] = isGone(id) ? -1 : ids.push(id) - 1
    for (const number of segment.incomplete) if (numbers[number]! >= 0) incomplete.push(numbers[number]!)
    return { segment, numbers }
  })
  const parts: Partial<Record<DictionaryName, DictionaryBytes>> = {}
  for (const name of dictionaries) parts[name] = await mergeDictionaries(sources, name)
  return writeSegment({ ids, incomplete }, parts as Record<DictionaryName, DictionaryBytes>)
}

async function mergeDictionaries(sources: readonly Source[], name: DictionaryName): Promise<DictionaryBytes> {
  const hasPositions = name !== 'stems'
  const cursors: Cursor[] = []
  for (const { segment, numbers } of sources) {
    const { terms, postings } = await segment.dictionary(name, hasPositions)
    const cursor: Cursor = { numbers, postings, terms: terms[Symbol.iterator](), number: 0, term: undefined }
    advance(cursor)
    cursors.push(cursor)
  }
  const encoder = new DictionaryEncoder()
  for (;;) {
    let least: Buffer | undefined
    for (const { term } of cursors) {
      if (term !== undefined && (least === undefined || Buffer.compare(term, least) < 0)) least = term
    }
    if (least === undefined) return encoder.done()
    const having = cursors.filter(({ term }) => term !== undefined && term.equals(least))
    const merged = mergeTerm(having, hasPositions)
    if (merged !== undefined) encoder.add(least, merged.postings, merged.positions)
    for (const cursor of having) advance(cursor)
  }
}

function advance(cursor: Cursor): void {
  const next = cursor.terms.next()
  cursor.number = next.done === true ? -1 : next.value[0]
  cursor.term = next.done === true ? undefined : asBuffer(next.value[1])
}

interface FieldLists {
  readonly documents: number[]
  /** Encoded, document by document. */
  readonly positions: PackWriter
}

/** Undefined where no document has the term any more. */
function mergeTerm(
  cursors: readonly Cursor[],
  hasPositions: boolean,
): { postings: PackWriter; positions: PackWriter } | undefined {
  const lists: (FieldLists | undefined)[] = []
  for (const { numbers, postings, number } of cursors) {
    const stored = postings.stored(number)
    const from = new PackReader(stored.postings)
    const places = new PackReader(stored.positions)
    const set = from.u8()
    for (let field = 0; 1 << field <= set; field++) {
      if ((set & (1 << field)) === 0) continue
      const list = (lists[field] ??= { documents: [], positions: new PackWriter(32) })
      for (const document of from.ascending()) {
        const positions = hasPositions ? places.ascending() : undefined
        const now = numbers[document]!
        if (now < 0) continue
        list.documents.push(now)
        if (positions !== undefined) list.positions.ascending(positions)
      }
    }
  }
  let set = 0
  for (const [field, list] of lists.entries()) if ((list?.documents.length ?? 0) > 0) set |= 1 << field
  if (set === 0) return undefined
  const postings = new PackWriter(64).u8(set)
  const positions = new PackWriter(64)
  for (const [field, list] of lists.entries()) {
    if (list === undefined || (set & (1 << field)) === 0) continue
    postings.ascending(list.documents)
    positions.raw(list.positions.done())
  }
  return { postings, positions }
}
