/**
 * The format of a dictionary: sorted terms, and for each the documents that have it, field by field.
 *
 *     terms       00 term 00 term 00 ... term 00, UTF-8 in the order of the bytes
 *     marks       for every 32nd term where it, its postings and its positions begin: three numbers of 32 bits
 *     postings    a term after the other, each with its length in front: the set of its fields, then for each
 *                 field how many documents have it there, and their numbers as gaps
 *     positions   likewise: for each field and document how often, and where, as gaps
 *
 * The terms lie flat and plain, so that those which contain something are found by one search through memory.
 */
import { PackWriter } from '#base/pack.ts'

export const termsPerMark = 32
export const markBytes = 12

export interface DictionaryBytes {
  readonly terms: Uint8Array
  readonly marks: Uint8Array
  readonly postings: Uint8Array
  readonly positions: Uint8Array
}

/** Writes a dictionary, a term after the other. */
export class DictionaryEncoder {
  readonly #terms = new PackWriter(1 << 16).u8(0)
  readonly #postings = new PackWriter(1 << 16)
  readonly #positions = new PackWriter(1 << 16)
  readonly #marks: number[] = []
  #count = 0

  /** Terms come in the order of their bytes, each once, without a zero in it. */
  add(term: Uint8Array, postings: PackWriter, positions: PackWriter): void {
    if (this.#count++ % termsPerMark === 0)
      this.#marks.push(this.#terms.size, this.#postings.size, this.#positions.size)
    this.#terms.raw(term).u8(0)
    this.#postings.written(postings)
    this.#positions.written(positions)
  }

  /** Bytes that were written so far. */
  get size(): number {
    return this.#terms.size + this.#postings.size + this.#positions.size
  }

  done(): DictionaryBytes {
    const marks = Buffer.allocUnsafe(this.#marks.length * 4)
    for (const [i, mark] of this.#marks.entries()) marks.writeUInt32LE(mark, i * 4)
    return {
      terms: this.#terms.done(),
      marks,
      postings: this.#postings.done(),
      positions: this.#positions.done(),
    }
  }
}
