/**
 * The entries of one mailbox in columns, ordered by UID.
 *
 * A MailboxView never changes: whoever holds one may iterate it across any number of awaits, and asks the
 * AccountView for the current one when it wants to know more.
 */
import type { MailboxId, Modseq, Uid } from '#base/id.ts'
import type { Arranged, Arrangements } from './arrange/arrangements.ts'
import type { Column } from './column.ts'
import type { FlagSet, FlagSets } from './flag-set.ts'
import type { Mailbox } from './mailbox-row.ts'

/** Element i of each belongs to sequence number i + 1. */
export interface Columns {
  readonly uids: Column<Uint32Array>
  readonly ids: Column<Float64Array>
  readonly threads: Column<Float64Array>
  readonly modseqs: Column<Float64Array>
  readonly flagSets: Column<Uint32Array>
  readonly sizes: Column<Float64Array>
  readonly receivedAt: Column<Float64Array>
  readonly savedAt: Column<Float64Array>
}

export class MailboxView implements Columns {
  /** The mailbox's row as of the same commit. */
  readonly mailbox: Mailbox
  readonly count: number
  readonly uids: Column<Uint32Array>
  readonly ids: Column<Float64Array>
  readonly threads: Column<Float64Array>
  readonly modseqs: Column<Float64Array>
  readonly flagSets: Column<Uint32Array>
  readonly sizes: Column<Float64Array>
  readonly receivedAt: Column<Float64Array>
  readonly savedAt: Column<Float64Array>
  /** What the numbers in `flagSets` mean. */
  readonly sets: FlagSets
  /** For each chunk the flag sets that its entries have, once somebody asked. */
  readonly #used: WeakMap<Uint32Array, UsedSets>
  readonly #arrangements: Arrangements
  #flagSetsInUse: readonly FlagSet[] | undefined
  #firstUnseen: number | undefined

  constructor(
    mailbox: Mailbox,
    columns: Columns,
    sets: FlagSets,
    used: WeakMap<Uint32Array, UsedSets>,
    arrangements: Arrangements,
  ) {
    this.mailbox = mailbox
    this.count = columns.uids.count
    this.uids = columns.uids
    this.ids = columns.ids
    this.threads = columns.threads
    this.modseqs = columns.modseqs
    this.flagSets = columns.flagSets
    this.sizes = columns.sizes
    this.receivedAt = columns.receivedAt
    this.savedAt = columns.savedAt
    this.sets = sets
    this.#used = used
    this.#arrangements = arrangements
  }

  /** What is known of all of its messages together. */
  get arranged(): Arranged {
    return this.#arrangements.of(this.ids)
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
    return this.sets.at(this.flagSets.at(index))
  }

  /** Every combination of flags that an entry of the mailbox has, once. */
  flagSetsInUse(): Iterable<FlagSet> {
    return (this.#flagSetsInUse ??= this.#findFlagSets())
  }

  #findFlagSets(): readonly FlagSet[] {
    const found = new Set<number>()
    for (let i = 0; i < this.flagSets.chunks.length; i++)
      for (const set of this.#usedIn(i).sets) found.add(set)
    return Array.from(found, (set) => this.sets.at(set))
  }

  /** The index of the first entry without `$seen`, -1 where there is none. */
  firstUnseen(): number {
    return (this.#firstUnseen ??= this.#findFirstUnseen())
  }

  #findFirstUnseen(): number {
    const { chunks, layout } = this.flagSets
    for (let i = 0; i < chunks.length; i++) {
      if (!this.#usedIn(i).hasUnseen) continue
      const start = layout.starts[i]!
      for (let at = start; at < layout.starts[i + 1]!; at++) if (!this.flagsAt(at).seen) return at
    }
    return -1
  }

  /** Index of a UID, -1 where the mailbox does not have it. */
  indexOfUid(uid: number): number {
    const index = this.uids.lowerBound(uid)
    return index < this.count && this.uids.at(index) === uid ? index : -1
  }

  /** Index of the first UID that is not below this one; `count` where all are. */
  firstNotBefore(uid: number): number {
    return this.uids.lowerBound(uid)
  }

  #usedIn(chunk: number): UsedSets {
    const numbers = this.flagSets.chunks[chunk]!
    const length = this.flagSets.layout.lengthOf(chunk)
    const known = this.#used.get(numbers)
    if (known?.length === length) return known
    const sets = new Set(numbers.subarray(0, length))
    let hasUnseen = false
    for (const set of sets) hasUnseen ||= !this.sets.at(set).seen
    const used = { length, sets, hasUnseen }
    this.#used.set(numbers, used)
    return used
  }
}

/** Of the first `length` entries of a chunk. */
export interface UsedSets {
  readonly length: number
  readonly sets: ReadonlySet<number>
  readonly hasUnseen: boolean
}
