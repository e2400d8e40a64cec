/**
 * What the views of all messages of an account are made of, kept up to date.
 *
 * What must always hold: what a view can see never changes. New messages are appended behind what older views
 * can see; keywords and places, which do change, are copied before they do, if a view has seen them.
 */
import type { MessageId, Modseq } from '#base/id.ts'
import { lowerBound } from './column.ts'
import { EmailHistory } from './email-history.ts'
import { EmailOrders } from './email-query/orders.ts'
import { type EmailSlots, EmailView } from './email-view.ts'
import type { FlagSets } from './flag-set.ts'
import type { Mailbox } from './mailbox-row.ts'
import type { MessageSummary } from './message-row.ts'
import { gone, PlaceSets } from './place-sets.ts'
import { SlotFlags } from './slot-flags.ts'

const leastCapacity = 64
const bytesPerEmail = 4 * 8 + 3 * 4
/** Slots of messages that are gone, before they are given up where they are many among all. */
const spareSlots = 1024
/** Combinations of mailboxes that are kept even where few messages are left. */
const sparePlaceSets = 4096

/** Undefined for a message that is gone. */
export type EmailNews = ReadonlyMap<MessageId, MessageSummary | undefined>

type Slots = { -readonly [K in keyof EmailSlots]: EmailSlots[K] }

const newSlots = (capacity: number): Slots => ({
  ids: new Float64Array(capacity),
  threads: new Float64Array(capacity),
  leaders: new Uint32Array(capacity),
  sizes: new Float64Array(capacity),
  receivedAt: new Float64Array(capacity),
  keywords: new Uint32Array(capacity),
  places: new Uint32Array(capacity),
})

const names = ['ids', 'threads', 'leaders', 'sizes', 'receivedAt', 'keywords', 'places'] as const

/** What the columns hold of a message. */
export interface Email {
  readonly id: number
  readonly thread: number
  readonly sizeBytes: number
  readonly receivedAt: number
  readonly keywords: number
  readonly places: number
}

export class EmailColumns {
  readonly #sets: FlagSets
  readonly #placeSets: PlaceSets
  #slots: Slots
  #count = 0
  /** A view has the arrays of keywords and places. */
  #isShared = false
  /** By thread, where the message that began it has no slot. */
  #leaders = new Map<number, number>()
  #placeCounts = new Uint32Array(16)
  #orders = new EmailOrders()
  #attachments = new SlotFlags()
  /** Begins with the first view: what was read before need not be of one commit. */
  #history: EmailHistory | undefined
  #modseq: Modseq
  #changedAt: Modseq

  /** `expected` messages are going to be appended, as they are at this commit or later. */
  constructor(o: { expected: number; sets: FlagSets; modseq: Modseq; placeSets?: PlaceSets }) {
    this.#sets = o.sets
    this.#placeSets = o.placeSets ?? new PlaceSets()
    this.#slots = newSlots(Math.max(leastCapacity, o.expected))
    this.#modseq = o.modseq
    this.#changedAt = o.modseq
  }

  get count(): number {
    return this.#count
  }

  get sizeBytes(): number {
    const kept = this.#orders.sizeBytes + this.#attachments.sizeBytes + (this.#history?.sizeBytes ?? 0)
    return this.#slots.ids.length * bytesPerEmail + 100 * this.#placeSets.size + kept
  }

  /** Numbers of combinations are kept for ever: there can be more of them than is worth it. */
  get isCluttered(): boolean {
    return this.#placeSets.size > sparePlaceSets && this.#placeSets.size > this.#count
  }

  view(mailboxes: readonly Mailbox[]): EmailView {
    this.#isShared = true
    this.#history ??= new EmailHistory(this.#changedAt)
    return new EmailView({
      slots: { ...this.#slots },
      count: this.#count,
      modseq: this.#modseq,
      changedAt: this.#changedAt,
      sets: this.#sets,
      placeSets: this.#placeSets,
      placeCounts: this.#placeCounts.slice(),
      mailboxes,
      orders: this.#orders,
      attachments: this.#attachments,
      history: this.#history,
    })
  }

  /** The message's id must be above all others. */
  append(id: MessageId, row: MessageSummary): void {
    this.appendEmail({
      id,
      thread: row.thread,
      sizeBytes: row.sizeBytes,
      receivedAt: row.receivedAt,
      keywords: this.#sets.numberOf(row.keywords, false),
      places: this.#placeSets.numberOf(row.entries),
    })
  }

  /**
   * Brings the columns to the commit `to`. Doing so twice is the same as once. False where they cannot be, as a message
   * is missing that should have been there: they must be read again.
   */
  update(news: EmailNews, to: Modseq): boolean {
    const from = this.#modseq
    this.#modseq = to
    if (news.size === 0) return true
    this.#changedAt = to
    const before = { slots: [] as number[], keywords: [] as number[], places: [] as number[] }
    const note = (slot: number, keywords: number, places: number): void => {
      before.slots.push(slot)
      before.keywords.push(keywords)
      before.places.push(places)
    }
    const fresh: (readonly [MessageId, MessageSummary])[] = []
    for (const [id, row] of news) {
      const slot = this.#find(id)
      if (slot !== -1) this.#change(slot, row, note)
      else if (row !== undefined) fresh.push([id, row])
    }
    fresh.sort(([a], [b]) => a - b)
    if (fresh.length > 0 && fresh[0]![0] < this.#lastId) return false
    for (const [id, row] of fresh) {
      this.append(id, row)
      note(this.#count - 1, this.#slots.keywords[this.#count - 1]!, gone)
    }
    this.#history?.add({ from, to, ...before })
    this.#giveUpSlots()
    return true
  }

  get #lastId(): number {
    return this.#count === 0 ? 0 : this.#slots.ids[this.#count - 1]!
  }

  #find(id: number): number {
    const slot = lowerBound(this.#slots.ids, this.#count, id)
    return slot < this.#count && this.#slots.ids[slot] === id ? slot : -1
  }

  /** The same, with the numbers of its keywords and places. */
  appendEmail({ id, thread, sizeBytes, receivedAt, keywords, places }: Email): void {
    if (this.#count === this.#slots.ids.length) this.#grow()
    const slots = this.#slots
    const slot = this.#count++
    slots.ids[slot] = id
    slots.threads[slot] = thread
    slots.leaders[slot] = this.#leaderOf(thread, slot)
    slots.sizes[slot] = sizeBytes
    slots.receivedAt[slot] = receivedAt
    slots.keywords[slot] = keywords
    slots.places[slot] = places
    this.#countPlace(places, 1)
  }

  #leaderOf(thread: number, slot: number): number {
    if (this.#slots.ids[slot] === thread) return slot
    const first = this.#find(thread)
    if (first !== -1 && this.#slots.threads[first] === thread) return first
    const known = this.#leaders.get(thread)
    if (known === undefined) this.#leaders.set(thread, slot)
    return known ?? slot
  }

  #change(
    slot: number,
    row: MessageSummary | undefined,
    note: (slot: number, keywords: number, places: number) => void,
  ): void {
    const keywordsBefore = this.#slots.keywords[slot]!
    const placesBefore = this.#slots.places[slot]!
    const keywords = row === undefined ? keywordsBefore : this.#sets.numberOf(row.keywords, false)
    const places = row === undefined ? gone : this.#placeSets.numberOf(row.entries)
    if (keywords === keywordsBefore && places === placesBefore) return
    if (this.#isShared) {
      this.#slots = {
        ...this.#slots,
        keywords: this.#slots.keywords.slice(),
        places: this.#slots.places.slice(),
      }
      this.#isShared = false
    }
    note(slot, keywordsBefore, placesBefore)
    this.#slots.keywords[slot] = keywords
    this.#slots.places[slot] = places
    this.#countPlace(placesBefore, -1)
    this.#countPlace(places, 1)
  }

  #countPlace(places: number, by: number): void {
    if (places >= this.#placeCounts.length) {
      const larger = new Uint32Array(2 * places)
      larger.set(this.#placeCounts)
      this.#placeCounts = larger
    }
    this.#placeCounts[places]! += by
  }

  #grow(): void {
    const larger = newSlots(2 * this.#count)
    for (const name of names) larger[name].set(this.#slots[name])
    this.#slots = larger
    this.#isShared = false
  }

  #giveUpSlots(): void {
    const before = this.#slots
    const count = this.#count
    const left = count - this.#placeCounts[gone]!
    if (count - left < spareSlots || 4 * (count - left) < count) return
    this.#slots = newSlots(Math.max(leastCapacity, left))
    this.#count = 0
    this.#isShared = false
    this.#leaders = new Map()
    this.#placeCounts = new Uint32Array(this.#placeCounts.length)
    this.#orders = new EmailOrders()
    this.#attachments = new SlotFlags()
    this.#history = undefined
    for (let slot = 0; slot < count; slot++) {
      if (before.places[slot] === gone) continue
      this.appendEmail({
        id: before.ids[slot]!,
        thread: before.threads[slot]!,
        sizeBytes: before.sizes[slot]!,
        receivedAt: before.receivedAt[slot]!,
        keywords: before.keywords[slot]!,
        places: before.places[slot]!,
      })
    }
  }
}
