/**
 * Gathers the words of documents and writes them as a dictionary.
 *
 * What is gathered takes twelve bytes an occurrence, beside the terms themselves, in the order of the text; once all
 * are there, eight more bring them into the order of the terms.
 */
import { PackWriter } from '#base/pack.ts'
import { type DictionaryBytes, DictionaryEncoder } from './dictionary-format.ts'
import { doubled, TermTable } from './term-table.ts'

const mostFields = 8
/** Of an occurrence: its term, document and field in one, and the position. */
const numbersEach = 3

export class DictionaryWriter {
  readonly terms = new TermTable()
  readonly #hasPositions: boolean
  /** By term: how many occurrences it has, and document and field of the last one. */
  #counts = new Int32Array(1 << 10)
  #lastWhere = new Int32Array(1 << 10)
  #numbers = new Int32Array(numbersEach << 12)
  #end = 0

  /** `hasPositions`: whether phrases can be looked for. */
  constructor(hasPositions: boolean) {
    this.#hasPositions = hasPositions
  }

  get occurrences(): number {
    return this.#end / numbersEach
  }

  /** A term by its number in `terms`. Documents come in ascending order, and positions within one of its fields too. */
  add(term: number, document: number, field: number, position: number): void {
    while (term >= this.#counts.length) {
      this.#counts = doubled(this.#counts)
      this.#lastWhere = doubled(this.#lastWhere)
    }
    const where = document * mostFields + field
    if (!this.#hasPositions && this.#counts[term]! > 0 && this.#lastWhere[term] === where) return
    if (this.#end === this.#numbers.length) this.#numbers = doubled(this.#numbers)
    const numbers = this.#numbers
    const at = this.#end
    this.#end += numbersEach
    numbers[at] = term
    numbers[at + 1] = where
    numbers[at + 2] = position
    this.#counts[term]!++
    this.#lastWhere[term] = where
  }

  /** The writer must not be used afterwards. */
  done(): DictionaryBytes {
    const { terms } = this
    const { starts, places } = this.#byTerm()
    const encoder = new DictionaryEncoder()
    const postings = new PackWriter(1 << 12)
    const positions = new PackWriter(1 << 12)
    const sorted = terms.sorted()
    for (let i = 0; i < sorted.length; i++) {
      const term = sorted[i]!
      postings.clear()
      positions.clear()
      encode(places, starts[term]!, starts[term + 1]!, postings, this.#hasPositions ? positions : undefined)
      encoder.add(terms.bytes(term), postings, positions)
    }
    return encoder.done()
  }

  /** The occurrences in the order of the terms' numbers: document and field, and the position, of each. */
  #byTerm(): { starts: Int32Array; places: Int32Array } {
    const { size } = this.terms
    const starts = new Int32Array(size + 1)
    for (let term = 0; term < size; term++) starts[term + 1] = starts[term]! + 2 * this.#counts[term]!
    const places = new Int32Array(starts[size]!)
    const next = starts.slice()
    const numbers = this.#numbers
    for (let at = 0; at < this.#end; at += numbersEach) {
      const to = next[numbers[at]!]!
      places[to] = numbers[at + 1]!
      places[to + 1] = numbers[at + 2]!
      next[numbers[at]!] = to + 2
    }
    return { starts, places }
  }
}

/** One term, whose occurrences are from `start` to `end`. */
function encode(
  places: Int32Array,
  start: number,
  end: number,
  postings: PackWriter,
  positions: PackWriter | undefined,
): void {
  let set = 0
  for (let at = start; at < end; at += 2) set |= 1 << (places[at]! % mostFields)
  postings.u8(set)
  for (let field = 0; 1 << field <= set; field++) {
    if ((set & (1 << field)) !== 0) encodeField(places, start, end, field, postings, positions)
  }
}

function encodeField(
  places: Int32Array,
  start: number,
  end: number,
  field: number,
  postings: PackWriter,
  positions: PackWriter | undefined,
): void {
  let documents = 0
  for (let at = start, last = -1; at < end; at += 2) {
    const where = places[at]!
    if (where % mostFields !== field || where === last) continue
    documents++
    last = where
  }
  postings.uint(documents)
  let document = 0
  for (let at = start; at < end;) {
    const where = places[at]!
    if (where % mostFields !== field) {
      at += 2
      continue
    }
    postings.uint((where - field) / mostFields - document)
    document = (where - field) / mostFields
    // Those of one document in one field.
    const first = at
    let count = 0
    for (; at < end; at += 2) {
      if (places[at] === where) count++
      else if (places[at]! % mostFields === field) break
    }
    if (positions === undefined) continue
    positions.uint(count)
    for (let one = first, last = 0; one < at; one += 2) {
      if (places[one] !== where) continue
      positions.uint(places[one + 1]! - last)
      last = places[one + 1]!
    }
  }
}
