/**
 * All messages of an account in columns, each once, by ascending id: what queries of JMAP look at. The place of
 * a message in the columns is its slot.
 *
 * An EmailView never changes: whoever holds one may use it across any number of awaits. Slots of messages that
 * are gone stay for a while, and are in the place set `gone`.
 */
import type { Modseq } from '#base/id.ts'
import { lowerBound } from './column.ts'
import type { EmailHistory } from './email-history.ts'
import type { EmailOrders } from './email-query/orders.ts'
import type { FlagSets } from './flag-set.ts'
import { KeptResults } from './kept-results.ts'
import type { Mailbox } from './mailbox-row.ts'
import type { PlaceSets } from './place-sets.ts'
import type { SlotFlags } from './slot-flags.ts'

/** Only the first `count` elements of each are the view's. */
export interface EmailSlots {
  readonly ids: Float64Array
  readonly threads: Float64Array
  /** The slot that stands for the thread: the first one that it has. */
  readonly leaders: Uint32Array
  readonly sizes: Float64Array
  /** Milliseconds. */
  readonly receivedAt: Float64Array
  /** Into the flag sets: without `\Deleted`, which is of entries. */
  readonly keywords: Uint32Array
  /** Into the place sets. */
  readonly places: Uint32Array
}

interface EmailViewParts {
  readonly slots: EmailSlots
  readonly count: number
  readonly modseq: Modseq
  readonly changedAt: Modseq
  readonly sets: FlagSets
  readonly placeSets: PlaceSets
  readonly placeCounts: Uint32Array
  readonly mailboxes: readonly Mailbox[]
  readonly orders: EmailOrders
  readonly attachments: SlotFlags
  readonly history: EmailHistory
  /** The view that this one is an earlier state of. */
  readonly latest?: EmailView
}

export class EmailView implements EmailSlots {
  readonly count: number
  readonly ids: Float64Array
  readonly threads: Float64Array
  readonly leaders: Uint32Array
  readonly sizes: Float64Array
  readonly receivedAt: Float64Array
  readonly keywords: Uint32Array
  readonly places: Uint32Array
  readonly sets: FlagSets
  readonly placeSets: PlaceSets
  /** Messages in each place set. */
  readonly placeCounts: Uint32Array
  /** As of the same commit. */
  readonly mailboxes: readonly Mailbox[]
  /** The commit that the view shows. */
  readonly modseq: Modseq
  /** A commit since which no message has changed, up to the view's. */
  readonly changedAt: Modseq
  /** Of all messages of `latest`, which is this view where it is no earlier state. */
  readonly orders: EmailOrders
  readonly latest: EmailView
  /** Whether messages have attachments, as far as that was asked. */
  readonly attachments: SlotFlags
  readonly results = new KeptResults()
  readonly #parts: EmailViewParts

  constructor(parts: EmailViewParts) {
    const { slots } = parts
    this.#parts = parts
    this.count = parts.count
    this.ids = slots.ids
    this.threads = slots.threads
    this.leaders = slots.leaders
    this.sizes = slots.sizes
    this.receivedAt = slots.receivedAt
    this.keywords = slots.keywords
    this.places = slots.places
    this.sets = parts.sets
    this.placeSets = parts.placeSets
    this.placeCounts = parts.placeCounts
    this.mailboxes = parts.mailboxes
    this.modseq = parts.modseq
    this.changedAt = parts.changedAt
    this.orders = parts.orders
    this.latest = parts.latest ?? this
    this.attachments = parts.attachments
  }

  /** -1 where there is no such message. */
  slotOf(id: number): number {
    const slot = lowerBound(this.ids, this.count, id)
    return slot < this.count && this.ids[slot] === id ? slot : -1
  }

  /**
   * The messages as they were, and the slots in which they were different; undefined where that is not remembered.
   * Those that were not there yet are in no mailbox. Mailboxes and their rights are those of today.
   */
  asOf(since: Modseq): { readonly view: EmailView; readonly changed: ReadonlySet<number> } | undefined {
    const keywords = this.keywords.slice(0, this.count)
    const places = this.places.slice(0, this.count)
    const changed = this.#parts.history.undo(this.modseq, since, { keywords, places })
    if (changed === undefined) return undefined
    const placeCounts = new Uint32Array(this.placeSets.size)
    for (const place of places) placeCounts[place]!++
    const slots = { ...this.#parts.slots, keywords, places }
    const { latest } = this
    return { view: new EmailView({ ...this.#parts, slots, placeCounts, modseq: since, latest }), changed }
  }
}
