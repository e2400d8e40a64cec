/**
 * The result of a SORT that a client is kept informed of, in its order: where in it messages leave and join
 * (RFC 5267 §4.3.3, §4.3.4). What is already in it keeps its order, since no sort asks for what can change.
 */
import type { MailboxView } from '#mail/mailbox-view.ts'

/** Places among ascending indexes, in the order of the sort. */
export type Sort = (now: MailboxView, indexes: readonly number[]) => Promise<Uint32Array>

/** Messages that follow each other in a result: where the first is, counted from 1, and their UIDs in order. */
export interface Piece {
  readonly at: number
  readonly uids: readonly number[]
}

/** With so many that join at once, all are sorted anew. */
const manyJoin = 16
/** How many of the result a new message is compared with at a time. */
const pivots = 64

export class SortedResult {
  readonly #sort: Sort
  #uids: Uint32Array

  constructor(sort: Sort, uids: Uint32Array) {
    this.#sort = sort
    this.#uids = uids
  }

  /** Each piece leaves after those before it have left. */
  remove(uids: readonly number[]): readonly Piece[] {
    const left = new Set(uids)
    const pieces: { at: number; uids: number[] }[] = []
    let kept = 0
    const rest = this.#uids.filter((uid) => {
      if (!left.has(uid)) return ++kept > 0
      if (pieces.at(-1)?.at !== kept + 1) pieces.push({ at: kept + 1, uids: [] })
      pieces.at(-1)!.uids.push(uid)
      return false
    })
    this.#uids = rest
    return pieces
  }

  /** Each piece joins after those before it have joined. All of the result is in the mailbox now. */
  async add(now: MailboxView, uids: readonly number[]): Promise<readonly Piece[]> {
    const before =
      uids.length > manyJoin ? await this.#placesOfMany(now, uids) : await this.#places(now, uids)
    const pieces: { at: number; uids: number[] }[] = []
    const all = new Uint32Array(this.#uids.length + uids.length)
    let from = 0
    let to = 0
    for (const [uid, place] of before) {
      all.set(this.#uids.subarray(from, place), to)
      to += place - from
      from = place
      const last = pieces.at(-1)
      if (last !== undefined && last.at + last.uids.length === to + 1) last.uids.push(uid)
      else pieces.push({ at: to + 1, uids: [uid] })
      all[to++] = uid
    }
    all.set(this.#uids.subarray(from), to)
    this.#uids = all
    return pieces
  }

  /** How many of the result stand before each, in the order of the sort. */
  async #placesOfMany(now: MailboxView, uids: readonly number[]): Promise<Map<number, number>> {
    const joining = new Set(uids)
    const places = new Map<number, number>()
    let before = 0
    for (const uid of await this.#ordered(now, [...this.#uids, ...uids]))
      if (joining.has(uid)) places.set(uid, before)
      else before++
    return places
  }

  async #places(now: MailboxView, uids: readonly number[]): Promise<Map<number, number>> {
    const places = new Map<number, number>()
    let from = 0
    for (const uid of await this.#ordered(now, uids)) {
      from = await this.#place(now, uid, from)
      places.set(uid, from)
    }
    return places
  }

  async #place(now: MailboxView, uid: number, from: number): Promise<number> {
    let end = this.#uids.length
    while (from < end) {
      const step = Math.ceil((end - from) / pivots)
      const compared: number[] = []
      for (let at = from + step - 1; at < end; at += step) compared.push(this.#uids[at]!)
      const place = (await this.#ordered(now, [...compared, uid])).indexOf(uid)
      const start = from
      from = start + place * step
      if (place < compared.length) end = start + (place + 1) * step - 1
    }
    return from
  }

  async #ordered(now: MailboxView, uids: readonly number[]): Promise<readonly number[]> {
    const ascending = uids.toSorted((a, b) => a - b)
    const places = await this.#sort(
      now,
      ascending.map((uid) => now.indexOfUid(uid)),
    )
    return Array.from(places, (place) => ascending[place]!)
  }
}
