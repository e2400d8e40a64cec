/**
 * What the views of one mailbox are made of, kept up to date.
 *
 * What must always hold: what a view can see never changes. New entries are appended behind what older views
 * can see of the last chunks, chunks in which flags change or entries go are copied, and all others are shared.
 */
import type { MessageId, Modseq, ThreadId, Uid } from '#base/id.ts'
import { Arrangements } from './arrange/arrangements.ts'
import { type Chunk, Column, Layout, lowerBound } from './column.ts'
import type { FlagSets } from './flag-set.ts'
import type { Mailbox } from './mailbox-row.ts'
import { type Columns, MailboxView, type UsedSets } from './mailbox-view.ts'
import type { ReadEntry } from './news.ts'

/** What the columns hold of an entry. */
export interface ViewEntry {
  readonly uid: Uid
  readonly id: MessageId
  readonly thread: ThreadId
  readonly modseq: Modseq
  /** Index into the view's flag sets. */
  readonly flagSet: number
  readonly sizeBytes: number
  /** Milliseconds. */
  readonly receivedAt: number
  readonly savedAt: number
}

/** What the columns hold of an entry that was read. */
export const viewEntry = ({ id, message, entry }: ReadEntry, sets: FlagSets): ViewEntry => ({
  uid: entry.uid,
  id,
  thread: message.thread,
  modseq: entry.modseq,
  flagSet: sets.numberOf(message.keywords, entry.deleted),
  sizeBytes: message.sizeBytes,
  receivedAt: message.receivedAt,
  savedAt: entry.savedAt,
})

/** Entries in a chunk. */
export const chunkEntries = 512
const leastCapacity = 16
const bytesPerEntry = 2 * 4 + 6 * 8

/** The same entries of each column. */
export interface Chunks {
  readonly uids: Uint32Array
  readonly ids: Float64Array
  readonly threads: Float64Array
  readonly modseqs: Float64Array
  readonly flagSets: Uint32Array
  readonly sizes: Float64Array
  readonly receivedAt: Float64Array
  readonly savedAt: Float64Array
}

export const newChunks = (capacity: number): Chunks => ({
  uids: new Uint32Array(capacity),
  ids: new Float64Array(capacity),
  threads: new Float64Array(capacity),
  modseqs: new Float64Array(capacity),
  flagSets: new Uint32Array(capacity),
  sizes: new Float64Array(capacity),
  receivedAt: new Float64Array(capacity),
  savedAt: new Float64Array(capacity),
})

export const columnNames = [
  'uids',
  'ids',
  'threads',
  'modseqs',
  'flagSets',
  'sizes',
  'receivedAt',
  'savedAt',
] as const satisfies readonly (keyof Chunks)[]

/** Owns the chunks that the views of one mailbox look at. */
export class MailboxColumns {
  #chunks: Chunks[] = []
  /** Entries in each chunk: at least one. */
  #lengths: number[] = []
  #count = 0
  #capacity = 0
  readonly #expected: number
  readonly #used = new WeakMap<Uint32Array, UsedSets>()
  readonly #arrangements = new Arrangements()
  /** Of the last view, as long as the columns are the same. */
  #shown: Columns | undefined

  /** `expected` entries are going to be appended. */
  constructor(expected: number) {
    this.#expected = expected
  }

  get count(): number {
    return this.#count
  }

  get sizeBytes(): number {
    return this.#capacity * bytesPerEntry + this.#arrangements.sizeBytes
  }

  view(mailbox: Mailbox, sets: FlagSets): MailboxView {
    this.#shown ??= this.#columns()
    return new MailboxView(mailbox, this.#shown, sets, this.#used, this.#arrangements)
  }

  /**
   * Brings the columns up to date: entries that are new or whose flags or modseq changed, and UIDs that are
   * gone. Doing so twice is the same as once.
   */
  update(entries: readonly ViewEntry[], expunged: readonly number[]): void {
    const fresh: ViewEntry[] = []
    const copied = new Set<number>()
    for (const entry of entries) {
      if (entry.uid > this.#lastUid) fresh.push(entry)
      else this.#change(entry, copied)
    }
    if (expunged.length > 0) this.#remove(expunged)
    if (fresh.length > 1) fresh.sort((a, b) => a.uid - b.uid)
    for (const entry of fresh) this.append(entry)
  }

  /** The entry's UID must be above all others. */
  append(entry: ViewEntry): void {
    const chunk = this.#room()
    const at = this.#lengths[this.#lengths.length - 1]!++
    chunk.uids[at] = entry.uid
    chunk.ids[at] = entry.id
    chunk.threads[at] = entry.thread
    chunk.modseqs[at] = entry.modseq
    chunk.flagSets[at] = entry.flagSet
    chunk.sizes[at] = entry.sizeBytes
    chunk.receivedAt[at] = entry.receivedAt
    chunk.savedAt[at] = entry.savedAt
    this.#count++
    this.#shown = undefined
  }

  /** Chunks that are full: their UIDs must be above all others, and rise. */
  adopt(chunks: readonly Chunks[]): void {
    for (const chunk of chunks) {
      this.#put(this.#chunks.length, chunk)
      this.#lengths.push(chunk.uids.length)
      this.#count += chunk.uids.length
    }
    this.#shown = undefined
  }

  get #lastUid(): number {
    const last = this.#chunks.length - 1
    return last === -1 ? 0 : this.#chunks[last]!.uids[this.#lengths[last]! - 1]!
  }

  #columns(): Columns {
    const layout = new Layout(this.#lengths)
    const chunks = this.#chunks
    return {
      uids: new Column(
        chunks.map((one) => one.uids),
        layout,
      ),
      ids: new Column(
        chunks.map((one) => one.ids),
        layout,
      ),
      threads: new Column(
        chunks.map((one) => one.threads),
        layout,
      ),
      modseqs: new Column(
        chunks.map((one) => one.modseqs),
        layout,
      ),
      flagSets: new Column(
        chunks.map((one) => one.flagSets),
        layout,
      ),
      sizes: new Column(
        chunks.map((one) => one.sizes),
        layout,
      ),
      receivedAt: new Column(
        chunks.map((one) => one.receivedAt),
        layout,
      ),
      savedAt: new Column(
        chunks.map((one) => one.savedAt),
        layout,
      ),
    }
  }

  /** The chunk that has a UID, and its place there. */
  #find(uid: number): { chunk: number; at: number } | undefined {
    let low = 0
    let high = this.#chunks.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#chunks[middle]!.uids[this.#lengths[middle]! - 1]! < uid) low = middle + 1
      else high = middle
    }
    const chunk = this.#chunks[low]
    if (chunk === undefined) return undefined
    const at = lowerBound(chunk.uids, this.#lengths[low]!, uid)
    return chunk.uids[at] === uid ? { chunk: low, at } : undefined
  }

  /** Flags and modseq of an entry; `copied` are the chunks that no view has seen yet. */
  #change(entry: ViewEntry, copied: Set<number>): void {
    const found = this.#find(entry.uid)
    if (found === undefined) return
    let chunk = this.#chunks[found.chunk]!
    if (chunk.modseqs[found.at] === entry.modseq) return
    if (!copied.has(found.chunk)) {
      chunk = { ...chunk, modseqs: chunk.modseqs.slice(), flagSets: chunk.flagSets.slice() }
      this.#chunks[found.chunk] = chunk
      this.#shown = undefined
      copied.add(found.chunk)
    }
    chunk.modseqs[found.at] = entry.modseq
    chunk.flagSets[found.at] = entry.flagSet
  }

  /** A last chunk with room for one more entry. */
  #room(): Chunks {
    const last = this.#chunks.length - 1
    const chunk = this.#chunks[last]
    const length = this.#lengths[last] ?? chunkEntries
    if (chunk !== undefined && length < chunk.uids.length) return chunk
    if (chunk === undefined || length >= chunkEntries) {
      const capacity = between(leastCapacity, this.#expected - this.#count, chunkEntries)
      this.#lengths.push(0)
      return this.#put(this.#chunks.length, newChunks(capacity))
    }
    const larger = newChunks(between(leastCapacity, 2 * length, chunkEntries))
    for (const name of columnNames) larger[name].set(chunk[name])
    return this.#put(last, larger)
  }

  #put(at: number, chunk: Chunks): Chunks {
    this.#capacity += chunk.uids.length - (this.#chunks[at]?.uids.length ?? 0)
    this.#chunks[at] = chunk
    return chunk
  }

  #remove(expunged: readonly number[]): void {
    const gaps = new Map<number, Set<number>>()
    for (const uid of expunged) {
      const found = this.#find(uid)
      if (found === undefined) continue
      const ofChunk = gaps.get(found.chunk)
      if (ofChunk === undefined) gaps.set(found.chunk, new Set([found.at]))
      else ofChunk.add(found.at)
    }
    if (gaps.size === 0) return
    for (const [i, gone] of gaps) {
      const from = this.#chunks[i]!
      const length = this.#lengths[i]!
      const to = newChunks(length - gone.size)
      const indexes = [...gone].sort((a, b) => a - b)
      for (const name of columnNames) closeGaps(from[name], length, to[name], indexes)
      this.#put(i, to)
      this.#lengths[i] = length - gone.size
      this.#count -= gone.size
    }
    this.#chunks = this.#chunks.filter((_, i) => this.#lengths[i]! > 0)
    this.#lengths = this.#lengths.filter((length) => length > 0)
    this.#shown = undefined
    if (this.#chunks.length > leastChunks + (2 * this.#count) / chunkEntries) this.#repack()
  }

  /** Makes full chunks of those in which little is left. */
  #repack(): void {
    const chunks = this.#chunks
    const lengths = this.#lengths
    this.#chunks = []
    this.#lengths = []
    let left = this.#count
    this.#capacity = 0
    let to: Chunks | undefined
    let filled = 0
    for (const [i, from] of chunks.entries()) {
      for (let at = 0; at < lengths[i]!;) {
        if (to === undefined || filled === to.uids.length) {
          to = this.#put(this.#chunks.length, newChunks(Math.min(left, chunkEntries)))
          this.#lengths.push(to.uids.length)
          left -= to.uids.length
          filled = 0
        }
        const take = Math.min(lengths[i]! - at, to.uids.length - filled)
        for (const name of columnNames) to[name].set(from[name].subarray(at, at + take), filled)
        at += take
        filled += take
      }
    }
  }
}

/** A mailbox may have as many chunks that are not full before they are joined. */
const leastChunks = 8

const between = (least: number, wanted: number, most: number): number =>
  Math.max(least, Math.min(wanted, most))

/** Copies a column without the elements at these indexes, run by run. */
function closeGaps(from: Chunk, count: number, to: Chunk, gaps: readonly number[]): void {
  let start = 0
  let at = 0
  for (const gap of [...gaps, count]) {
    to.set(from.subarray(start, gap), at)
    at += gap - start
    start = gap + 1
  }
}
