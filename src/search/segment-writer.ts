/** Makes a segment of documents: their texts come one after the other, and become words, stems and places. */
import { DictionaryWriter } from './dictionary-writer.ts'
import { type Field, fields, headerField } from './field.ts'
import { type SegmentDocuments, writeSegment } from './segment-format.ts'
import type { Stemmer } from './fuzzy.ts'
import { eachWord } from './words.ts'

/** Between two texts of a field, so that no phrase reaches from one into the other. */
const gap = 8

export class SegmentWriter {
  readonly #words = new DictionaryWriter()
  readonly #header = new DictionaryWriter()
  readonly #stems = new DictionaryWriter()
  readonly #ids: number[] = []
  readonly #incomplete: number[] = []
  /** The next position in each field of the document. */
  readonly #next: number[] = []
  #nextInHeader = 0
  #stemmer: Stemmer | undefined

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
    this.#stemmer = stemmer
  }

  /** Text of a field; not `isLast` where the next one goes on with it, with another word. */
  add(field: Field, text: string, isLast = true): void {
    const document = this.#ids.length - 1
    const number = fields[field]
    const first = this.#next[number] ?? 0
    let last = first - 1
    eachWord(text, (word, position) => {
      last = first + position
      this.#words.add(word, document, number, last)
      const stem = this.#stemmer?.stem(word)
      if (stem !== undefined && stem !== word && stem !== '') this.#stems.add(stem, document, number, last)
    })
    this.#next[number] = last + 1 + (isLast ? gap : 0)
  }

  /** A header field as it is shown, with its name. */
  addHeader(line: string): void {
    const document = this.#ids.length - 1
    const first = this.#nextInHeader
    let last = first - 1
    eachWord(line, (word, position) => {
      last = first + position
      this.#header.add(word, document, headerField, last)
    })
    this.#nextInHeader = last + 1 + gap
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
      words: this.#words.done(true),
      header: this.#header.done(true),
      stems: this.#stems.done(false),
    })
  }
}
