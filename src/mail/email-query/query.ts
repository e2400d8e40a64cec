/**
 * Email/query (RFC 8621 §4.4): the messages of an account that meet a filter, in the order of a sort, with one of
 * each thread or all.
 *
 * What must always hold: the order is total. Messages that no sort tells apart follow each other by id, in the
 * direction of the last sort.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { AccountId } from '#base/id.ts'
import type { BlobStore } from '#blob/store.ts'
import type { Db } from '#kv/db.ts'
import type { SearchIndexes } from '#search/indexes.ts'
import {
  compileFilter,
  type EmailFilter,
  type MayRead,
  SeenEmails,
  type SlotTest,
  traitsOf,
} from './filter.ts'
import type { Order } from './orders.ts'
import { arranged, baseOrder, type EmailSort, isArranged } from './sort.ts'
import type { EmailView } from '../email-view.ts'
import { searchMessages } from '../search/query.ts'
import type { SearchCriteria } from '../search/criteria.ts'

export interface EmailQuery {
  readonly filter: EmailFilter | undefined
  readonly sort: readonly EmailSort[]
  readonly collapseThreads: boolean
}

export interface EmailQueryOptions {
  readonly db: Db
  readonly blobs: BlobStore
  readonly indexes?: SearchIndexes
  readonly account: AccountId
  readonly view: EmailView
  readonly mayRead: MayRead
  readonly query: EmailQuery
  /** Only so many from the beginning need be found. */
  readonly first?: number
  /** With `first`: the number of all is wanted besides. */
  readonly needsTotal?: boolean
  /** How far the index is, where the filter asks for what it alone has: without, such results are not kept. */
  readonly indexedUpTo?: number
  readonly signal?: AbortSignal
}

export interface EmailResult {
  /** In order; all of them, or at least as many as were wanted. */
  readonly slots: Uint32Array
  /** Of all, where it is known. */
  readonly total: number | undefined
}

export async function queryEmails(o: EmailQueryOptions): Promise<EmailResult> {
  const seen = new SeenEmails(o.view, o.mayRead)
  const name = nameOf(o, seen)
  const kept = name === undefined ? undefined : o.view.results.get(name)
  if (kept !== undefined) return { slots: kept, total: kept.length }
  const { slots, total } = await findEmails(o, seen)
  if (name !== undefined && total === slots.length) o.view.results.set(name, slots.slice())
  return { slots, total }
}

/** The results of longer queries are not kept. */
const longestName = 4096

/** What a result depends on besides the view; undefined where that is not known. */
function nameOf({ query, indexedUpTo }: EmailQueryOptions, { readable }: SeenEmails): string | undefined {
  const { ofIndex, isNamed } = traitsOf(query.filter)
  if (!isNamed || (ofIndex && indexedUpTo === undefined)) return undefined
  const asked = JSON.stringify([query, indexedUpTo])
  return asked.length > longestName ? undefined : `${asked} ${readable}`
}

async function findEmails(o: EmailQueryOptions, seen: SeenEmails): Promise<EmailResult> {
  const { query } = o
  const scan: Scan = { places: noSlots }
  const filter = query.filter ?? { operator: 'AND', conditions: [] }
  const compiled = compileFilter(filter, seen, (place) => scan.places[place]!)
  const order = await baseOrder(o, query.sort)
  const total = o.needsTotal === true ? cheapTotal(query, seen) : undefined
  const isWhole = o.first === undefined || (o.needsTotal === true && total === undefined)
  const first = isWhole ? Number.POSITIVE_INFINITY : o.first
  // Where something is done with all that was found, all must be.
  const isFinal = isArranged(query.sort)
  const most = isFinal ? first : Number.POSITIVE_INFINITY
  const { conditions } = traitsOf(query.filter)
  if (typeof compiled === 'function') {
    const collapse = isFinal && query.collapseThreads
    const found = await scanOrder(order, seen, compiled, { most, collapse, signal: o.signal, conditions })
    return finished(o, seen, found, { isWhole: isWhole || !isFinal, isCollapsed: collapse, total })
  }
  const all = { most: Number.POSITIVE_INFINITY, collapse: false, signal: o.signal, conditions }
  scan.places = await scanOrder(order, seen, compiled.test, all)
  const count = query.collapseThreads ? Number.POSITIVE_INFINITY : most
  const found = await searchPlaces(o, scan.places, compiled.search, count)
  return finished(o, seen, found.slots, { isWhole: found.isWhole, isCollapsed: false, total })
}

const noSlots = new Uint32Array(0)

/** The slots that a search looks at, in the order of the result. */
interface Scan {
  places: Uint32Array
}

/** What the counts of mailboxes tell (RFC 8621 §4.4): the total of a mailbox, and of all. */
function cheapTotal({ filter, collapseThreads }: EmailQuery, seen: SeenEmails): number | undefined {
  if (collapseThreads) return undefined
  if (filter === undefined) return seen.count
  if (!('condition' in filter)) return undefined
  const { inMailbox, ...others } = filter.condition
  const isOnly = Object.values(others).every((value) => value === undefined)
  if (!isOnly) return undefined
  return inMailbox === undefined
    ? seen.count
    : seen.countIn(seen.placesWhere((mailboxes) => mailboxes.includes(inMailbox)))
}

interface ScanOptions {
  /** Found so many, it is over. */
  readonly most: number
  /** Only the first of each thread. */
  readonly collapse: boolean
  readonly signal?: AbortSignal | undefined
  /** That the test asks. */
  readonly conditions?: number
}

/** Slots that are looked at before others have a turn. */
const turnSlots = 50_000

/** Those that may be seen and meet the test, in order. */
async function scanOrder(
  { slots, count, isReversed }: Order,
  seen: SeenEmails,
  test: SlotTest,
  { most, collapse, signal, conditions = 1 }: ScanOptions,
): Promise<Uint32Array<ArrayBuffer>> {
  const turn = Math.ceil(turnSlots / conditions)
  const { leaders, places, count: known } = seen.view
  const isSeen = seen.places
  const threads = collapse ? new Uint8Array(known) : undefined
  let found = new Uint32Array(Math.min(most, 256))
  let at = 0
  for (let i = 0; i < count && at < most; i++) {
    if (i % turn === turn - 1) {
      await nextTurn()
      signal?.throwIfAborted()
    }
    const slot = slots[isReversed ? count - 1 - i : i]!
    // The order may be that of a later view.
    if (slot >= known || isSeen[places[slot]!] !== 1 || !test(slot)) continue
    if (threads !== undefined) {
      const leader = leaders[slot]!
      if (threads[leader] === 1) continue
      threads[leader] = 1
    }
    if (at === found.length) {
      const larger = new Uint32Array(Math.min(known, 4 * at + 64))
      larger.set(found)
      found = larger
    }
    found[at++] = slot
  }
  return found.subarray(0, at)
}

/** The slots among these that meet the criteria, whose indexes are places; of the first ones at least `count`. */
async function searchPlaces(
  o: EmailQueryOptions,
  slots: Uint32Array,
  criteria: SearchCriteria,
  count: number,
): Promise<{ readonly slots: Uint32Array<ArrayBuffer>; readonly isWhole: boolean }> {
  const { db, blobs, account, indexes, signal, view } = o
  const { matches, isWhole } = await searchMessages({
    db,
    blobs,
    account,
    view: { count: slots.length, ids: { at: (place) => view.ids[slots[place]!]! } },
    columns: () => {
      throw new Error('not a condition on emails')
    },
    criteria,
    weight: traitsOf(o.query.filter).conditions,
    ...(indexes === undefined ? {} : { indexes }),
    ...(signal === undefined ? {} : { signal }),
    ...(count === Number.POSITIVE_INFINITY ? {} : { wanted: { count, isFromEnd: false } }),
  })
  return { slots: Uint32Array.from(matches, (place) => slots[place]!), isWhole }
}

async function finished(
  o: EmailQueryOptions,
  seen: SeenEmails,
  found: Uint32Array<ArrayBuffer>,
  { isWhole, isCollapsed, total }: { isWhole: boolean; isCollapsed: boolean; total: number | undefined },
): Promise<EmailResult> {
  const { sort, collapseThreads } = o.query
  const ordered = isArranged(sort) ? found : await arranged(o, sort, seen, found)
  const slots = collapseThreads && !isCollapsed ? firstOfThreads(ordered, o.view) : ordered
  return { slots, total: total ?? (isWhole ? slots.length : undefined) }
}

/** RFC 8621 §4.4.3. */
export function firstOfThreads(slots: Uint32Array, { leaders, count }: EmailView): Uint32Array {
  const threads = new Uint8Array(count)
  const first = new Uint32Array(slots.length)
  let found = 0
  for (const slot of slots) {
    const leader = leaders[slot]!
    if (threads[leader] === 1) continue
    threads[leader] = 1
    first[found++] = slot
  }
  return first.subarray(0, found)
}
