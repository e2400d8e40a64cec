/** Makes a segment of documents: their texts come one after the other, and become words, stems and places. */
import { DictionaryWriter } from './dictionary-writer.ts'
import { type Field, fields, headerField } from './field.ts'
import { type SegmentDocuments, writeSegment } from './segment-format.ts'
import type { Stemmer } from './fuzzy.ts'
import { doubled, type TermTable } from './term-table.ts'

/** Between two texts of a field, so that no phrase reaches from one into the other. */
const gap = 8

/** By the rules of one language: of each word the number of its stem, so that a word is looked up once. */
class StemNumbers {
  readonly #stemmer: Stemmer
  readonly #words: TermTable
  readonly #stems: TermTable
  /** By number of the word: 0 where nobody has asked, 1 where it is its own stem, else that of the stem and two. */
  #known = new Int32Array(1 << 10)

  constructor(stemmer: Stemmer, words: TermTable, stems: TermTable) {
    this.#stemmer = stemmer
    this.#words = words
    this.#stems = stems
  }

  /** -1 where the word is its own stem. */
  of(word: number): number {
    while (word >= this.#known.length) this.#known = doubled(this.#known)
    let known = this.#known[word]!
    if (known === 0) {
      const text = this.#words.text(word)
      const stem = this.#stemmer.stem(text)
      known = stem === text || stem === '' ? 1 : this.#stems.of(stem) + 2
      this.#known[word] = known
    }
    return known - 2
  }
}

export class SegmentWriter {
  readonly #words = new DictionaryWriter(true)
  readonly #header = new DictionaryWriter(true)
  readonly #stems = new DictionaryWriter(false)
  readonly #ids: number[] = []
  readonly #incomplete: number[] = []
  /** The next position in each field of the document. */
  readonly #next: number[] = []
  #nextInHeader = 0
  readonly #stemsOf = new Map<Stemmer, StemNumbers>()
  #stemmer: StemNumbers | undefined

  get documents(): number {
    return this.#ids.length
  }

  /** What was gathered so far, as a measure of memory: twelve bytes each, beside the terms. */
  get occurrences(): number {
    return this.#words.occurrences + this.#header.occurrences + this.#stems.occurrences
  }

  /** The next document; ids come in ascending order. */
  begin(id: number): void {
    this.#ids.push(id)
    this.#next.length = 0
    this.#nextInHeader = 0
    this.#stemmer = undefined
  }

  /** From here on words of the document have stems too. */
  setStemmer(stemmer: Stemmer | undefined): void {
    this.#stemmer = undefined
    if (stemmer === undefined) return
    this.#stemmer = this.#stemsOf.get(stemmer)
    if (this.#stemmer !== undefined) return
    this.#stemmer = new StemNumbers(stemmer, this.#words.terms, this.#stems.terms)
    this.#stemsOf.set(stemmer, this.#stemmer)
  }

  /** Text of a field; not `isLast` where the next one goes on with it, with another word. */
  add(field: Field, text: string, isLast = true): void {
    const document = this.#ids.length - 1
    const number = fields[field]
    const first = this.#next[number] ?? 0
    const { terms } = this.#words
    const count = terms.read(text)
    const { numbers } = terms
    for (let i = 0; i < count; i++) {
      this.#words.add(numbers[i]!, document, number, first + i)
      const stem = this.#stemmer?.of(numbers[i]!) ?? -1
      if (stem >= 0) this.#stems.add(stem, document, number, first + i)
    }
    this.#next[number] = first + count + (isLast ? gap : 0)
  }

  /** A header field as it is shown, with its name. */
  addHeader(line: string): void {
    const document = this.#ids.length - 1
    const first = this.#nextInHeader
    const { terms } = this.#header
    const count = terms.read(line)
    const { numbers } = terms
    for (let i = 0; i < count; i++) this.#header.add(numbers[i]!, document, headerField, first + i)
    this.#nextInHeader = first + count + gap
  }

  /** Not all text of the document is here: it may contain what is not found. */
  markIncomplete(): void {
    const document = this.#ids.length - 1
    if (this.#incomplete.at(-1) !== document) this.#incomplete.push(document)
  }

  /** The segment in pieces. The writer must not be used afterwards. */
  done(): readonly Uint8Array[] {
    const documents: SegmentDocuments = {
      ids: this.#ids,
      incomplete: this.#incomplete,
    }
    return writeSegment(documents, {
      words: this.#words.done(),
      header: this.#header.done(),
      stems: this.#stems.done(),
    })
  }
}
