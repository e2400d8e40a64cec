/**
 * Reading a dictionary (`dictionary-format.ts`): which terms there are, and which documents have them.
 *
 * Bytes are of our own making and their blob is checked, yet nothing is read outside them: damage is a
 * SyntaxFault.
 */
import { asBuffer, empty } from '#base/bytes.ts'
import { SyntaxFault } from '#base/fault.ts'
import { PackReader } from '#base/pack.ts'
import { markBytes, termsPerMark } from './dictionary-format.ts'
import type { FieldSet } from './field.ts'

/** How a piece of text must appear in a term. */
export type PieceKind = 'term' | 'prefix' | 'suffix' | 'inside'

export class TermList {
  readonly #terms: Buffer
  readonly #marks: Buffer

  constructor(terms: Uint8Array, marks: Uint8Array) {
    this.#terms = asBuffer(terms)
    this.#marks = asBuffer(marks)
  }

  /** How many marks there are, each of up to 32 terms. */
  get markCount(): number {
    return this.#marks.length / markBytes
  }

  postingsAt(mark: number): number {
    return this.#marks.readUInt32LE(mark * markBytes + 4)
  }

  positionsAt(mark: number): number {
    return this.#marks.readUInt32LE(mark * markBytes + 8)
  }

  /** The numbers of the terms in which the piece appears like that, ascending. */
  *numbersOf(piece: string, kind: PieceKind): Generator<number> {
    if (kind === 'term' || kind === 'prefix') yield* this.#sorted(Buffer.from(piece), kind === 'term')
    else yield* this.#scanned(Buffer.from(kind === 'suffix' ? `${piece}\0` : piece))
  }

  /** A term by its number. */
  textOf(number: number): string {
    let at = this.#termAt(Math.floor(number / termsPerMark))
    for (let left = number % termsPerMark; left > 0; left--) at = this.#terms.indexOf(0, at) + 1
    return this.#terms.toString('utf8', at, this.#terms.indexOf(0, at))
  }

  #termAt(mark: number): number {
    return this.#marks.readUInt32LE(mark * markBytes)
  }

  /** The last mark for which `isBefore` holds; marks for which it holds come first. */
  #lastMark(isBefore: (mark: number) => boolean): number {
    let low = 0
    let high = this.markCount
    while (low < high) {
      const middle = (low + high) >>> 1
      if (isBefore(middle)) low = middle + 1
      else high = middle
    }
    return Math.max(low - 1, 0)
  }

  *#sorted(piece: Buffer, whole: boolean): Generator<number> {
    const terms = this.#terms
    const compareAt = (at: number, end: number): number => terms.compare(piece, 0, piece.length, at, end)
    const mark = this.#lastMark((m) => {
      const at = this.#termAt(m)
      return compareAt(at, terms.indexOf(0, at)) < 0
    })
    let number = mark * termsPerMark
    for (let at = this.markCount === 0 ? terms.length : this.#termAt(mark); at < terms.length; number++) {
      const end = terms.indexOf(0, at)
      if (end < 0) throw new SyntaxFault('damaged terms', at)
      const order = compareAt(at, whole ? end : Math.min(end, at + piece.length))
      if (order > 0) return
      if (order === 0) yield number
      at = end + 1
    }
  }

  *#scanned(piece: Buffer): Generator<number> {
    const terms = this.#terms
    let mark = 0
    let number = 0
    let at = 1
    for (let hit = terms.indexOf(piece, 1); hit >= 0; hit = terms.indexOf(piece, at)) {
      // Only a jump to another mark is worth a search.
      if (mark + 1 < this.markCount && this.#termAt(mark + 1) <= hit) {
        mark = this.#lastMark((m) => this.#termAt(m) <= hit)
        number = mark * termsPerMark
        at = this.#termAt(mark)
      }
      let end = terms.indexOf(0, at)
      while (end >= 0 && end < hit) {
        number++
        at = end + 1
        end = terms.indexOf(0, at)
      }
      if (end < 0) throw new SyntaxFault('damaged terms', at)
      yield number
      number++
      at = end + 1
    }
  }
}

/** Bytes that a number says the length of, many after each other, of which the nth is wanted. */
class Nth {
  readonly #bytes: Buffer
  readonly #markAt: (mark: number) => number
  #reader: PackReader
  #number = 0

  constructor(bytes: Uint8Array, markAt: (mark: number) => number) {
    this.#bytes = asBuffer(bytes)
    this.#markAt = markAt
    this.#reader = new PackReader(this.#bytes)
  }

  /** Cheapest in ascending order. */
  at(number: number): Uint8Array {
    if (number < this.#number || number - this.#number >= termsPerMark) {
      const mark = Math.floor(number / termsPerMark)
      this.#reader = new PackReader(this.#bytes, this.#markAt(mark))
      this.#number = mark * termsPerMark
    }
    for (; this.#number < number; this.#number++) this.#reader.bytes()
    this.#number++
    return this.#reader.bytes()
  }
}

/** The documents of terms. */
export class Postings {
  readonly #nth: Nth
  readonly #nthPositions: Nth | undefined

  /** Without `positions` there are no places. */
  constructor(terms: TermList, postings: Uint8Array, positions: Uint8Array | undefined) {
    this.#nth = new Nth(postings, (mark) => terms.postingsAt(mark))
    if (positions !== undefined) this.#nthPositions = new Nth(positions, (mark) => terms.positionsAt(mark))
  }

  /** Marks the documents that have a term in one of the fields. A number beyond `marks` is damage. */
  mark(term: number, wanted: FieldSet, marks: Uint8Array): void {
    const from = new PackReader(this.#nth.at(term))
    const set = from.u8()
    for (let bit = 1; bit <= set && bit <= wanted; bit <<= 1) {
      if ((set & bit) === 0) continue
      const count = from.uint()
      if ((wanted & bit) === 0) {
        from.skipUints(count)
        continue
      }
      let document = 0
      for (let i = 0; i < count; i++) {
        document += from.uint()
        if (document >= marks.length) throw new SyntaxFault('damaged postings', from.at)
        marks[document] = 1
      }
    }
  }

  /** The places of a term in one field, document by document, of the documents that are marked. */
  *places(
    term: number,
    field: number,
    marks: Uint8Array,
  ): Generator<readonly [document: number, positions: number[]]> {
    const from = new PackReader(this.#nth.at(term))
    const places = new PackReader(this.#nthPositions?.at(term) ?? empty)
    const set = from.u8()
    for (let one = 0; 1 << one <= set && one <= field; one++) {
      if ((set & (1 << one)) === 0) continue
      const documents = from.uint()
      let document = 0
      for (let i = 0; i < documents; i++) {
        document += from.uint()
        if (one === field && marks[document] === 1) yield [document, places.ascending()]
        else places.skipUints(places.uint())
      }
    }
  }
}
