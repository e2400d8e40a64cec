/**
 * Makes one dictionary of several, in one pass through each. What stays as it is, the positions of words above all,
 * is copied and not read.
 */
import { asBuffer } from '#base/bytes.ts'
import { SyntaxFault } from '#base/fault.ts'
import { PackReader, PackWriter } from '#base/pack.ts'
import { type DictionaryBytes, DictionaryEncoder } from './dictionary-format.ts'

/** A dictionary that is merged, and for each of its documents the number in the new one, -1 where it is gone. */
export interface MergedDictionary {
  readonly bytes: DictionaryBytes
  readonly numbers: Int32Array
}

/** `sources` by ascending numbers of documents. Terms that no document has any more are left out. */
export function mergeDictionaries(
  sources: readonly MergedDictionary[],
  hasPositions: boolean,
): DictionaryBytes {
  const cursors = sources.map((source) => new Cursor(source, hasPositions))
  const encoder = new DictionaryEncoder()
  const merger = new TermMerger(hasPositions)
  const having: Cursor[] = []
  for (;;) {
    having.length = 0
    for (const cursor of cursors) {
      if (cursor.isAtEnd) continue
      const order = having.length === 0 ? -1 : cursor.compareTerm(having[0]!)
      if (order < 0) having.length = 0
      if (order <= 0) having.push(cursor)
    }
    if (having.length === 0) return encoder.done()
    if (merger.merge(having)) encoder.add(having[0]!.term, merger.postings, merger.positions)
    for (const cursor of having) cursor.next()
  }
}

/** Reads a dictionary term by term. */
class Cursor {
  readonly numbers: Int32Array
  /** At the postings of the term, and at its positions. */
  readonly postings: PackReader
  readonly positions: PackReader
  readonly #hasPositions: boolean
  readonly #terms: Buffer
  #start = 0
  #end = 0

  constructor({ bytes, numbers }: MergedDictionary, hasPositions: boolean) {
    this.numbers = numbers
    this.#terms = asBuffer(bytes.terms)
    this.postings = new PackReader(bytes.postings)
    this.positions = new PackReader(bytes.positions)
    this.#hasPositions = hasPositions
    this.next()
  }

  get isAtEnd(): boolean {
    return this.#start === this.#terms.length
  }

  get term(): Uint8Array {
    return this.#terms.subarray(this.#start, this.#end)
  }

  /** The postings and positions of the term before were read. */
  next(): void {
    this.#start = this.#end + 1
    if (this.isAtEnd) return
    let end = this.#start
    while (end < this.#terms.length && this.#terms[end] !== 0) end++
    if (end >= this.#terms.length) throw new SyntaxFault('damaged terms', this.#start)
    this.#end = end
    // Their lengths.
    this.postings.uint()
    if (this.#hasPositions) this.positions.uint()
  }

  /** By bytes. */
  compareTerm(other: Cursor): number {
    const length = this.#end - this.#start
    const otherLength = other.#end - other.#start
    const both = Math.min(length, otherLength)
    for (let i = 0; i < both; i++) {
      const order = this.#terms[this.#start + i]! - other.#terms[other.#start + i]!
      if (order !== 0) return order
    }
    return length - otherLength
  }
}

class TermMerger {
  readonly postings = new PackWriter(1 << 12)
  readonly positions = new PackWriter(1 << 12)
  readonly #hasPositions: boolean
  readonly #lists = new PackWriter(1 << 12)
  readonly #documents = new PackWriter(1 << 12)
  /** In the list that is being written: how many documents there are, and the last of them. */
  #count = 0
  #last = 0

  constructor(hasPositions: boolean) {
    this.#hasPositions = hasPositions
  }

  /** Reads the term of these cursors; false where no document has it any more. */
  merge(cursors: readonly Cursor[]): boolean {
    this.#lists.clear()
    this.positions.clear()
    const sets = cursors.map(({ postings }) => postings.u8())
    const all = sets.reduce((set, one) => set | one, 0)
    let left = 0
    for (let field = 0; 1 << field <= all; field++) {
      this.#documents.clear()
      this.#count = 0
      this.#last = 0
      for (let i = 0; i < cursors.length; i++)
        if ((sets[i]! & (1 << field)) !== 0) this.#readList(cursors[i]!)
      if (this.#count === 0) continue
      left |= 1 << field
      this.#lists.uint(this.#count).all(this.#documents)
    }
    this.postings.clear()
    this.postings.u8(left).all(this.#lists)
    return left !== 0
  }

  #readList({ numbers, postings, positions }: Cursor): void {
    let document = 0
    /** Positions before this were copied. */
    let copied = positions.at
    for (let left = postings.uint(); left > 0; left--) {
      document += postings.uint()
      const now = numbers[document]
      if (now === undefined) throw new SyntaxFault('damaged postings', postings.at)
      if (now < 0) this.positions.part(positions, copied, positions.at)
      if (this.#hasPositions) positions.skipUints(positions.uint())
      if (now < 0) {
        copied = positions.at
        continue
      }
      this.#documents.uint(now - this.#last)
      this.#last = now
      this.#count++
    }
    this.positions.part(positions, copied, positions.at)
  }
}
