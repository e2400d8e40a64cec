/**
 * The index of one account as of one moment, for searches.
 *
 * What it says of a document is sure: `present` and `absent` are what reading the text would show, whatever was
 * written in which case; everything else is `unknown` and must be read. Documents that the index does not have
 * are always unknown.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { fields, type FieldSet, headerField } from './field.ts'
import type { FuzzyWord } from './fuzzy.ts'
import { type FuzzyRegion, rankWord } from './ranking.ts'
import { keepPhrases } from './phrase.ts'
import type { OpenDictionary, Segment } from './segment.ts'
import { needlePieces, type Piece } from './words.ts'

export const unknown = 0
export const absent = 1
export const present = 2

/** Where a text may stand. `text` is the whole of a message, with its headers; `header` is its headers. */
export type Region = 'from' | 'to' | 'cc' | 'bcc' | 'subject' | 'body' | 'header' | 'text'

export class AccountIndex {
  readonly #segments: readonly Segment[]
  /** The number that the first document of each segment has in the whole index. */
  readonly #starts: readonly number[]
  readonly documents: number
  /** Where the document is, or would be, that was asked for last: those of a view mostly follow each other. */
  #near: { readonly ids: Float64Array; readonly start: number } = { ids: new Float64Array(0), start: 0 }
  #at = 0

  constructor(segments: readonly Segment[]) {
    const starts: number[] = []
    let documents = 0
    for (const segment of segments) {
      starts.push(documents)
      documents += segment.ids.length
    }
    this.#segments = segments
    this.#starts = starts
    this.documents = documents
  }

  /** The number of a document in the index, -1 where it is not there. Cheapest beside the last one asked for. */
  numberOf(id: number): number {
    const { ids, start } = this.#near
    let at = this.#at
    if (at + 1 < ids.length && ids[at + 1] === id) at++
    else if (at > 0 && ids[at - 1] === id) at--
    else if (ids[at] !== id) return this.#find(id)
    this.#at = at
    return start + at
  }

  #find(id: number): number {
    const segment = this.#segmentOf(id)
    const ids = this.#segments[segment]?.ids
    if (ids === undefined) return -1
    const at = lowerBound(ids, id)
    this.#near = { ids, start: this.#starts[segment]! }
    this.#at = at
    return ids[at] === id ? this.#near.start + at : -1
  }

  /** By number of the document: whether the text contains the needle, which is folded. */
  async contains(region: Region, needle: string): Promise<Uint8Array> {
    const answers = new Uint8Array(this.documents)
    const pieces = needlePieces(needle)
    if (pieces.length === 0) return answers
    for (const [i, segment] of this.#segments.entries()) {
      if (i > 0) await nextTurn()
      const its = answers.subarray(this.#starts[i], this.#starts[i]! + segment.ids.length)
      await answerIn(segment, region, needle, pieces, its)
    }
    return answers
  }

  /**
   * By number of the document: how well it meets all words, up to 1; 0 where it misses one. Words that few
   * documents have count for more.
   */
  async rank(region: FuzzyRegion, words: readonly FuzzyWord[]): Promise<Float32Array> {
    const scores = new Float32Array(this.documents)
    const missing = new Uint8Array(this.documents)
    let weights = 0
    for (const word of words) {
      const best = new Float32Array(this.documents)
      for (const [i, segment] of this.#segments.entries()) {
        await nextTurn()
        best.set(await rankWord(segment, region, word), this.#starts[i])
      }
      let having = 0
      for (const met of best) if (met > 0) having++
      const weight = rarity(this.documents, having)
      weights += weight
      for (let i = 0; i < best.length; i++) {
        if (best[i] === 0) missing[i] = 1
        else scores[i]! += best[i]! * weight
      }
    }
    for (let i = 0; i < scores.length; i++) scores[i] = missing[i] === 1 ? 0 : scores[i]! / weights
    return scores
  }

  #segmentOf(id: number): number {
    let low = 0
    let high = this.#segments.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#segments[middle]!.ids[0]! <= id) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}

const rarity = (documents: number, having: number): number => Math.log(2 + documents / (having + 1))

function lowerBound(ids: Float64Array, id: number): number {
  let low = 0
  let high = ids.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (ids[middle]! < id) low = middle + 1
    else high = middle
  }
  return low
}

async function answerIn(
  segment: Segment,
  region: Region,
  needle: string,
  pieces: readonly Piece[],
  answers: Uint8Array,
): Promise<void> {
  const having = new Uint8Array(answers.length)
  if (region === 'header' || region === 'text')
    await markField(segment, 'header', headerField, pieces, having)
  if (region !== 'header')
    await markField(segment, 'words', fields[region === 'text' ? 'body' : region], pieces, having)
  // What is one piece of a word is contained where a word has it; what is more may have other signs between.
  const isSure = pieces.length === 1 && pieces[0]!.text === needle
  for (const [i, has] of having.entries()) answers[i] = has === 0 ? absent : isSure ? present : unknown
  for (const number of segment.incomplete) if (answers[number] === absent) answers[number] = unknown
}

/** Adds the documents that have all pieces, one after the other, in a field of one of the dictionaries. */
async function markField(
  segment: Segment,
  name: 'header' | 'words',
  field: number,
  pieces: readonly Piece[],
  marks: Uint8Array,
): Promise<void> {
  const isPhrase = pieces.length > 1 && pieces.every(({ isWhole }) => isWhole)
  const dictionary = await segment.dictionary(name, isPhrase)
  const having = havingAll(dictionary, pieces, 1 << field, marks.length)
  if (isPhrase) keepPhrases(dictionary, pieces, field, having)
  addMarks(marks, having)
}

function addMarks(marks: Uint8Array, more: Uint8Array): void {
  for (let i = 0; i < marks.length; i++) marks[i]! |= more[i]!
}

/** Marks the documents that have every piece in one of the fields. */
function havingAll(
  { terms, postings }: OpenDictionary,
  pieces: readonly Piece[],
  wanted: FieldSet,
  documents: number,
): Uint8Array {
  const all = new Uint8Array(documents).fill(1)
  for (const { text, kind } of pieces) {
    const having = new Uint8Array(documents)
    for (const term of terms.numbersOf(text, kind)) postings.mark(term, wanted, having)
    for (let i = 0; i < documents; i++) all[i]! &= having[i]!
  }
  return all
}
