/**
 * Orders of all emails of an account by what never changes of them, kept with the columns: where mail came in
 * since, only that is put in its place. What is kept is bounded, and given up with the columns.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { sortInTurns } from '../in-turns.ts'
import { gone } from '../place-sets.ts'

/** All emails of an account, as its latest view has them: the place set of each slot. */
interface Emails {
  readonly count: number
  readonly places: Uint32Array
}

export type Key = number | string

/** What is compared of the emails in these slots; undefined for one that cannot be read any more. */
export type ReadKeys = (slots: readonly number[]) => Promise<readonly (Key | undefined)[]>

export interface Criterion {
  /** Different for all that compare differently. */
  readonly name: string
  readonly isAscending: boolean
  readonly read: ReadKeys
}

/** All slots in order. */
export interface Order {
  readonly slots: Uint32Array
  readonly count: number
  /** To be read from the end. */
  readonly isReversed: boolean
}

interface Ranking {
  /** Slots that have a rank. */
  readonly known: number
  /** `count` slots in ascending order, equal ones by slot; some that are gone may be missing. */
  readonly slots: Uint32Array
  readonly count: number
  /** By slot: equal where the keys are, ascending in their order. */
  readonly ranks: Uint32Array
}

const mostRankings = 6
const mostOrders = 4
/** More new emails are not put in place one by one. */
const mostPlaced = 256
const pageSlots = 512

export class EmailOrders {
  readonly #rankings = new Map<string, Promise<Ranking>>()
  readonly #orders = new Map<string, { readonly known: number; readonly order: Order }>()
  readonly #sizes = new Map<string, number>()

  get sizeBytes(): number {
    let bytes = 0
    for (const size of this.#sizes.values()) bytes += size
    for (const { order } of this.#orders.values()) bytes += order.slots.byteLength
    return bytes
  }

  /** By the criteria, of which there is at least one. Slots behind the view's may be among them. */
  async order(view: Emails, criteria: readonly Criterion[], signal?: AbortSignal): Promise<Order> {
    const last = criteria.at(-1)!
    const lowest = await this.#ranking(view, last, signal)
    const { slots, count } = lowest
    if (criteria.length === 1) return { slots, count, isReversed: !last.isAscending }
    const name = criteria.map((one) => `${one.isAscending ? '+' : '-'}${one.name}`).join(' ')
    const kept = this.#orders.get(name)
    if (kept !== undefined && kept.known >= view.count) return kept.order
    let order = slots.slice(0, count)
    if (!last.isAscending) order.reverse()
    for (const one of criteria.slice(0, -1).toReversed()) {
      const { ranks } = await this.#ranking(view, one, signal)
      order = stablySorted(order, (slot) => ranks[slot]!, one.isAscending)
    }
    const made = { slots: order, count, isReversed: false }
    put(this.#orders, name, { known: view.count, order: made }, mostOrders)
    return made
  }

  /** By slot: equal where emails are the same in this. */
  async ranks(view: Emails, criterion: Criterion, signal?: AbortSignal): Promise<Uint32Array> {
    return (await this.#ranking(view, criterion, signal)).ranks
  }

  /** One after the other, so that each builds on what the last one found. */
  async #ranking(view: Emails, { name, read }: Criterion, signal?: AbortSignal): Promise<Ranking> {
    const last = this.#rankings.get(name) ?? Promise.resolve(undefined)
    const next = last
      .catch(() => undefined)
      .then((before) => {
        if (before !== undefined && before.known >= view.count) return before
        return before === undefined ? rankAll(view, read, signal) : extend(before, view, read, signal)
      })
    put(this.#rankings, name, next, mostRankings)
    const ranking = await next
    this.#sizes.set(name, ranking.slots.byteLength + ranking.ranks.byteLength)
    for (const one of this.#sizes.keys()) if (!this.#rankings.has(one)) this.#sizes.delete(one)
    return ranking
  }
}

/** As the last one; the oldest go. */
function put<V>(map: Map<string, V>, name: string, value: V, most: number): void {
  map.delete(name)
  map.set(name, value)
  for (const oldest of map.keys()) if (map.size > most) map.delete(oldest)
}

const compareKeys = (a: Key, b: Key): number => (a < b ? -1 : a > b ? 1 : 0)

async function rankAll(view: Emails, read: ReadKeys, signal?: AbortSignal): Promise<Ranking> {
  const keys: Key[] = []
  let lowest: Key = ''
  for (let from = 0; from < view.count; from += pageSlots) {
    if (from > 0) await nextTurn()
    signal?.throwIfAborted()
    const page = Array.from({ length: Math.min(pageSlots, view.count - from) }, (_, i) => from + i)
    for (const key of await read(page)) {
      if (typeof key === 'number') lowest = Number.NEGATIVE_INFINITY
      keys.push(key ?? lowest)
    }
  }
  const known = view.count
  const sorted = await sortInTurns(known, (a, b) => compareKeys(keys[a]!, keys[b]!), signal)
  const slots = withRoom(sorted)
  const ranks = new Uint32Array(slots.length)
  let rank = 0
  for (let i = 0; i < known; i++) {
    if (i > 0 && compareKeys(keys[slots[i - 1]!]!, keys[slots[i]!]!) !== 0) rank++
    ranks[slots[i]!] = rank
  }
  return { known, count: known, slots, ranks }
}

/** Room for as much again as comes in while a view is used. */
function withRoom(numbers: Uint32Array): Uint32Array {
  const larger = new Uint32Array(numbers.length + 64 + (numbers.length >>> 3))
  larger.set(numbers)
  return larger
}

interface Placed {
  readonly slot: number
  readonly key: Key
}

/** The ranking with the emails that are new. What a ranking shows never changes: behind it more may be written. */
async function extend(before: Ranking, view: Emails, read: ReadKeys, signal?: AbortSignal): Promise<Ranking> {
  const added = view.count - before.known
  if (added > mostPlaced) return rankAll(view, read, signal)
  const fresh = Array.from({ length: added }, (_, i) => before.known + i)
  const keys = await read(fresh)
  const placed: Placed[] = []
  for (const [i, slot] of fresh.entries()) {
    if (keys[i] === undefined && view.places[slot] !== gone) return rankAll(view, read, signal)
    if (keys[i] !== undefined) placed.push({ slot, key: keys[i] })
  }
  placed.sort((a, b) => compareKeys(a.key, b.key) || a.slot - b.slot)
  const top = before.slots[before.count - 1]
  const [topKey] = top === undefined ? [] : await read([top])
  if (topKey !== undefined && (placed.length === 0 || compareKeys(topKey, placed[0]!.key) <= 0))
    return appended(before, view.count, placed, topKey)
  const all = before.slots.subarray(0, before.count)
  const places = await findPlaces(all, placed, read)
  if (places !== undefined) return merged(before, view.count, placed, places)
  const slots = all.filter((slot) => view.places[slot] !== gone)
  const amongLive = await findPlaces(slots, placed, read)
  if (amongLive === undefined) return rankAll(view, read, signal)
  return merged({ ...before, slots, count: slots.length }, view.count, placed, amongLive)
}

/** All new ones come last. */
function appended(before: Ranking, known: number, placed: readonly Placed[], topKey: Key): Ranking {
  const hasRoom = before.slots.length >= before.count + placed.length && before.ranks.length >= known
  const slots = hasRoom ? before.slots : withRoom(before.slots.subarray(0, before.count + placed.length))
  const ranks = before.ranks.length >= known ? before.ranks : withRoom(before.ranks.subarray(0, known))
  let { count } = before
  let rank = ranks[slots[count - 1]!]!
  let last = topKey
  for (const { slot, key } of placed) {
    if (compareKeys(last, key) !== 0) rank++
    last = key
    slots[count++] = slot
    ranks[slot] = rank
  }
  return { known, slots, count, ranks }
}

interface Place {
  /** Elements that come before. */
  readonly at: number
  /** The last of those is its equal. */
  readonly isEqual: boolean
}

/** Looks for all places at once; undefined where an email that is needed for it is gone meanwhile. */
async function findPlaces(
  slots: Uint32Array,
  placed: readonly Placed[],
  read: ReadKeys,
): Promise<readonly Place[] | undefined> {
  const low = placed.map(() => 0)
  const high = placed.map(() => slots.length)
  const isEqual = placed.map(() => false)
  for (;;) {
    const open = placed.map((_, i) => i).filter((i) => low[i]! < high[i]!)
    if (open.length === 0) return placed.map((_, i) => ({ at: low[i]!, isEqual: isEqual[i]! }))
    const middles = open.map((i) => (low[i]! + high[i]!) >>> 1)
    const keys = await read(middles.map((middle) => slots[middle]!))
    for (const [j, i] of open.entries()) {
      if (keys[j] === undefined) return undefined
      const order = compareKeys(keys[j], placed[i]!.key)
      if (order > 0) high[i] = middles[j]!
      else {
        low[i] = middles[j]! + 1
        isEqual[i] = order === 0
      }
    }
  }
}

/** Equal ones come after those that were there, as their slots are higher. */
function merged(
  before: Ranking,
  known: number,
  placed: readonly Placed[],
  places: readonly Place[],
): Ranking {
  const slots = withRoom(new Uint32Array(before.count + placed.length))
  const ranks = new Uint32Array(Math.max(slots.length, known))
  let count = 0
  let rank = -1
  const put = (slot: number, isSame: boolean): void => {
    if (!isSame) rank++
    slots[count++] = slot
    ranks[slot] = rank
  }
  let next = 0
  for (let at = 0; at <= before.count; at++) {
    const first = next
    for (; next < placed.length && places[next]!.at === at; next++) {
      const { slot, key } = placed[next]!
      put(slot, next > first ? key === placed[next - 1]!.key : places[next]!.isEqual)
    }
    if (at === before.count) break
    const slot = before.slots[at]!
    put(slot, next === first && at > 0 && before.ranks[slot] === before.ranks[before.slots[at - 1]!])
  }
  return { known, slots, count, ranks }
}

/** In the order of numbers that slots have; equal ones stay in theirs. */
export function stablySorted(
  slots: Uint32Array<ArrayBuffer>,
  numberOf: (slot: number) => number,
  isAscending: boolean,
): Uint32Array<ArrayBuffer> {
  let highest = 0
  for (const slot of slots) highest = Math.max(highest, numberOf(slot))
  // Where the next slot with each number goes.
  const next = new Uint32Array(highest + 2)
  const place = (slot: number): number => (isAscending ? numberOf(slot) : highest - numberOf(slot))
  for (const slot of slots) next[place(slot) + 1]!++
  for (let i = 1; i < next.length; i++) next[i]! += next[i - 1]!
  const sorted = new Uint32Array(slots.length)
  for (const slot of slots) sorted[next[place(slot)]!++] = slot
  return sorted
}
