/**
 * The entries of one mailbox in columns, ordered by UID.
 *
 * A MailboxView never changes: whoever holds one may iterate it across any number of awaits, and asks the
 * AccountView for the current one when it wants to know more. `MailboxColumns` makes the next view from the
 * last: new entries are appended behind what older views can see of the shared arrays, flags and modseqs are
 * copied before they change, and an expunge copies all.
 */
import type { MailboxId, MessageId, Modseq, ThreadId, Uid } from '#base/id.ts'
import type { FlagSet, FlagSets } from './flag-set.ts'
import type { Mailbox } from './mailbox-row.ts'

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

/** Every array has exactly `count` elements; element i of each belongs to sequence number i + 1. */
interface Columns {
  readonly uids: Uint32Array
  readonly ids: Float64Array
  readonly threads: Float64Array
  readonly modseqs: Float64Array
  readonly flagSets: Uint32Array
  readonly sizes: Float64Array
  readonly receivedAt: Float64Array
  readonly savedAt: Float64Array
}

const bytesPerEntry = 2 * 4 + 6 * 8
const leastCapacity = 16

const newColumns = (capacity: number): Columns => ({
  uids: new Uint32Array(capacity),
  ids: new Float64Array(capacity),
  threads: new Float64Array(capacity),
  modseqs: new Float64Array(capacity),
  flagSets: new Uint32Array(capacity),
  sizes: new Float64Array(capacity),
  receivedAt: new Float64Array(capacity),
  savedAt: new Float64Array(capacity),
})

export class MailboxView implements Columns {
  /** The mailbox's row as of the same commit. */
  readonly mailbox: Mailbox
  readonly count: number
  readonly uids: Uint32Array
  readonly ids: Float64Array
  readonly threads: Float64Array
  readonly modseqs: Float64Array
  readonly flagSets: Uint32Array
  readonly sizes: Float64Array
  readonly receivedAt: Float64Array
  readonly savedAt: Float64Array
  readonly #sets: FlagSets

  constructor(mailbox: Mailbox, count: number, columns: Columns, sets: FlagSets) {
    this.mailbox = mailbox
    this.count = count
    this.uids = columns.uids.subarray(0, count)
    this.ids = columns.ids.subarray(0, count)
    this.threads = columns.threads.subarray(0, count)
    this.modseqs = columns.modseqs.subarray(0, count)
    this.flagSets = columns.flagSets.subarray(0, count)
    this.sizes = columns.sizes.subarray(0, count)
    this.receivedAt = columns.receivedAt.subarray(0, count)
    this.savedAt = columns.savedAt.subarray(0, count)
    this.#sets = sets
  }

  get id(): MailboxId {
    return this.mailbox.id
  }

  get highestModseq(): Modseq {
    return this.mailbox.highestModseq
  }

  get uidNext(): Uid {
    return this.mailbox.uidNext
  }

  get uidValidity(): number {
    return this.mailbox.uidValidity
  }

  /** The flags of the entry at an index. */
  flagsAt(index: number): FlagSet {
    return this.#sets.at(this.flagSets[index]!)
  }

  /** A flag set by its number in the column. */
  flagSet(number: number): FlagSet {
    return this.#sets.at(number)
  }

  /** Index of a UID, -1 where the mailbox does not have it. */
  indexOfUid(uid: number): number {
    const index = firstNotBefore(this.uids, this.count, uid)
    return index < this.count && this.uids[index] === uid ? index : -1
  }

  /** Index of the first UID that is not below this one; `count` where all are. */
  firstNotBefore(uid: number): number {
    return firstNotBefore(this.uids, this.count, uid)
  }
}

function firstNotBefore(uids: Uint32Array, count: number, uid: number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (uids[middle]! < uid) low = middle + 1
    else high = middle
  }
  return low
}

/** Owns the arrays that the views of one mailbox look at. */
export class MailboxColumns {
  #columns: Columns
  #count = 0
  #capacity: number

  constructor(capacity: number) {
    this.#capacity = Math.max(capacity, leastCapacity)
    this.#columns = newColumns(this.#capacity)
  }

  get count(): number {
    return this.#count
  }

  get sizeBytes(): number {
    return this.#capacity * bytesPerEntry
  }

  view(mailbox: Mailbox, sets: FlagSets): MailboxView {
    return new MailboxView(mailbox, this.#count, this.#columns, sets)
  }

  /**
   * Brings the columns up to date: entries that are new or whose flags or modseq changed, and UIDs that are
   * gone. Doing so twice is the same as once.
   */
  update(entries: readonly ViewEntry[], expunged: readonly number[]): void {
    const fresh: ViewEntry[] = []
    let copied = false
    for (const entry of entries) {
      const index = firstNotBefore(this.#columns.uids, this.#count, entry.uid)
      if (index >= this.#count) fresh.push(entry)
      else if (this.#columns.uids[index] === entry.uid && this.#columns.modseqs[index] !== entry.modseq) {
        if (!copied) this.#copyFlags()
        copied = true
        this.#columns.modseqs[index] = entry.modseq
        this.#columns.flagSets[index] = entry.flagSet
      }
    }
    if (expunged.length > 0) this.#remove(expunged)
    if (fresh.length > 1) fresh.sort((a, b) => a.uid - b.uid)
    for (const entry of fresh) this.append(entry)
  }

  /** The entry's UID must be above all others. */
  append(entry: ViewEntry): void {
    if (this.#count === this.#capacity) this.#grow()
    const columns = this.#columns
    const at = this.#count++
    columns.uids[at] = entry.uid
    columns.ids[at] = entry.id
    columns.threads[at] = entry.thread
    columns.modseqs[at] = entry.modseq
    columns.flagSets[at] = entry.flagSet
    columns.sizes[at] = entry.sizeBytes
    columns.receivedAt[at] = entry.receivedAt
    columns.savedAt[at] = entry.savedAt
  }

  #copyFlags(): void {
    const { modseqs, flagSets } = this.#columns
    this.#columns = { ...this.#columns, modseqs: modseqs.slice(), flagSets: flagSets.slice() }
  }

  #grow(): void {
    this.#capacity *= 2
    const larger = newColumns(this.#capacity)
    for (const name of columnNames) larger[name].set(this.#columns[name])
    this.#columns = larger
  }

  #remove(expunged: readonly number[]): void {
    const gone = new Set<number>()
    for (const uid of expunged) {
      const index = firstNotBefore(this.#columns.uids, this.#count, uid)
      if (index < this.#count && this.#columns.uids[index] === uid) gone.add(index)
    }
    if (gone.size === 0) return
    const left = this.#count - gone.size
    this.#capacity = Math.max(leastCapacity, left + (left >>> 3))
    const columns = newColumns(this.#capacity)
    const indexes = [...gone].sort((a, b) => a - b)
    for (const name of columnNames) closeGaps(this.#columns[name], this.#count, columns[name], indexes)
    this.#columns = columns
    this.#count = left
  }
}

const columnNames = [
  'uids',
  'ids',
  'threads',
  'modseqs',
  'flagSets',
  'sizes',
  'receivedAt',
  'savedAt',
] as const satisfies readonly (keyof Columns)[]

/** Copies a column without the elements at these indexes, run by run. */
function closeGaps(
  from: Uint32Array | Float64Array,
  count: number,
  to: Uint32Array | Float64Array,
  gaps: readonly number[],
): void {
  let start = 0
  let at = 0
  for (const gap of [...gaps, count]) {
    to.set(from.subarray(start, gap), at)
    at += gap - start
    start = gap + 1
  }
}
