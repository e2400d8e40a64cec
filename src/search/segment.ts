/**
 * A segment that is being searched. Sections are read when they are first needed and stay as long as the cache
 * of segments has room.
 */
import { empty } from '#base/bytes.ts'
import type { BlobHash } from '#base/id.ts'
import { Lru } from '#base/lru.ts'
import type { BlobStore } from '#blob/store.ts'
import { Postings, TermList } from './dictionary.ts'
import type { DictionaryBytes } from './dictionary-format.ts'
import {
  type DictionaryName,
  headBytes,
  readDocuments,
  readHead,
  type SectionName,
  type SectionPlaces,
} from './segment-format.ts'

/** A dictionary whose sections are in memory. */
export interface OpenDictionary {
  readonly terms: TermList
  readonly postings: Postings
}

export class Segment {
  /** Ids of its documents by number, ascending. */
  readonly ids: Float64Array
  readonly incomplete: readonly number[]
  readonly #read: (name: SectionName) => Promise<Uint8Array>
  readonly #sections = new Map<SectionName, Promise<Uint8Array>>()
  readonly #lists = new Map<DictionaryName, TermList>()
  /** Bytes that it keeps in memory. */
  sizeBytes: number

  private constructor(documents: Uint8Array, read: (name: SectionName) => Promise<Uint8Array>) {
    const { ids, incomplete } = readDocuments(documents)
    this.ids = Float64Array.from(ids)
    this.incomplete = incomplete
    this.#read = read
    this.sizeBytes = 256 + this.ids.byteLength + 8 * incomplete.length
  }

  /** Throws SyntaxFault, DamagedBlob or Fault('notFound') where it cannot be read. */
  static async open(blobs: Pick<BlobStore, 'readRange'>, hash: BlobHash): Promise<Segment> {
    const places: SectionPlaces = readHead(await blobs.readRange(hash, 0, headBytes))
    const read = async (name: SectionName): Promise<Uint8Array> => blobs.readRange(hash, ...places[name])
    return new Segment(await read('documents'), read)
  }

  /** `places`: with the positions of words. */
  async dictionary(name: DictionaryName, places = false): Promise<OpenDictionary> {
    const { terms, marks, postings, positions } = await this.dictionaryBytes(name, places)
    let list = this.#lists.get(name)
    if (list === undefined) this.#lists.set(name, (list = new TermList(terms, marks)))
    return { terms: list, postings: new Postings(list, postings, places ? positions : undefined) }
  }

  /** As they are stored; without positions where nobody asks for them. */
  async dictionaryBytes(name: DictionaryName, places: boolean): Promise<DictionaryBytes> {
    const [terms, marks, postings, positions] = await Promise.all([
      this.#section(`${name}.terms`),
      this.#section(`${name}.marks`),
      this.#section(`${name}.postings`),
      places ? this.#section(`${name}.positions`) : empty,
    ])
    return { terms, marks, postings, positions }
  }

  #section(name: SectionName): Promise<Uint8Array> {
    let section = this.#sections.get(name)
    if (section === undefined) {
      section = this.#read(name)
      this.#sections.set(name, section)
      section.then(
        (bytes) => (this.sizeBytes += bytes.length),
        () => this.#sections.delete(name),
      )
    }
    return section
  }
}

/** The segments that were searched last, as many as there is room for. */
export class SegmentCache {
  readonly #blobs: Pick<BlobStore, 'readRange'>
  readonly #segments: Lru<BlobHash, Segment>

  constructor(blobs: Pick<BlobStore, 'readRange'>, budgetBytes: number) {
    this.#blobs = blobs
    this.#segments = new Lru(budgetBytes)
  }

  async open(hash: BlobHash): Promise<Segment> {
    const segment = this.#segments.get(hash) ?? (await Segment.open(this.#blobs, hash))
    // Weighed each time: more of it may have been read.
    this.#segments.set(hash, segment, segment.sizeBytes)
    return segment
  }
}
