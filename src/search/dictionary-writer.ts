/**
 * Gathers the words of documents and writes them as a dictionary.
 *
 * What is gathered takes twelve bytes an occurrence, beside the terms themselves: occurrences of a term are a
 * chain through three columns.
 */
import { PackWriter } from '#base/pack.ts'
import { type DictionaryBytes, DictionaryEncoder } from './dictionary-format.ts'

const mostFields = 8

export class DictionaryWriter {
  /** The number of each term, by order of appearance. */
  readonly #terms = new Map<string, number>()
  /** By term: its first and its last occurrence. */
  readonly #first: number[] = []
  readonly #last: number[] = []
  /** By occurrence: document and field in one, the position, and the next of the same term. */
  #where = new Int32Array(1 << 12)
  #position = new Int32Array(1 << 12)
  #next = new Int32Array(1 << 12)
  #count = 0

  get occurrences(): number {
    return this.#count
  }

  /** Documents come in ascending order, and positions within one of its fields too. */
  add(term: string, document: number, field: number, position: number): void {
    if (this.#count === this.#where.length) this.#grow()
    const at = this.#count++
    this.#where[at] = document * mostFields + field
    this.#position[at] = position
    this.#next[at] = -1
    const number = this.#terms.get(term)
    if (number === undefined) {
      this.#terms.set(term, this.#first.length)
      this.#first.push(at)
      this.#last.push(at)
    } else {
      this.#next[this.#last[number]!] = at
      this.#last[number] = at
    }
  }

  /** `hasPositions`: whether phrases can be looked for. The writer must not be used afterwards. */
  done(hasPositions: boolean): DictionaryBytes {
    const encoder = new DictionaryEncoder()
    const sorted = Array.from(this.#terms, ([term, number]) => [byteText(term), number] as const)
    sorted.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
    const scratch = { postings: Buffer.allocUnsafe(1 << 12), positions: Buffer.allocUnsafe(1 << 12) }
    for (const [term, number] of sorted) {
      const postings = new PackWriter(scratch.postings)
      const positions = new PackWriter(scratch.positions)
      this.#encode(number, postings, hasPositions ? positions : undefined)
      encoder.add(Buffer.from(term, 'latin1'), postings.done(), positions.done())
    }
    return encoder.done()
  }

  #encode(number: number, postings: PackWriter, positions: PackWriter | undefined): void {
    const first = this.#first[number]!
    let set = 0
    for (let at = first; at >= 0; at = this.#next[at]!) set |= 1 << (this.#where[at]! % mostFields)
    postings.u8(set)
    for (let field = 0; field < mostFields; field++) {
      if ((set & (1 << field)) !== 0) this.#encodeField(first, field, postings, positions)
    }
  }

  #encodeField(first: number, field: number, postings: PackWriter, positions: PackWriter | undefined): void {
    const documents: number[] = []
    const places: number[][] = []
    let last = -1
    for (let at = first; at >= 0; at = this.#next[at]!) {
      const where = this.#where[at]!
      if (where % mostFields !== field) continue
      if (where !== last) {
        documents.push((where - field) / mostFields)
        places.push([])
        last = where
      }
      places.at(-1)!.push(this.#position[at]!)
    }
    postings.ascending(documents)
    if (positions !== undefined) for (const one of places) positions.ascending(one)
  }

  #grow(): void {
    const grown = (column: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> => {
      const larger = new Int32Array(column.length * 2)
      larger.set(column)
      return larger
    }
    this.#where = grown(this.#where)
    this.#position = grown(this.#position)
    this.#next = grown(this.#next)
  }
}

/** UTF-8 as text of one character a byte, whose order is that of the bytes. */
const byteText = (term: string): string =>
  /^[\x01-\x7f]*$/.test(term) ? term : Buffer.from(term, 'utf8').toString('latin1')
