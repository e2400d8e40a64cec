/**
 * The sorts of Email/query (RFC 8621 §4.4.2). What never changes of emails is kept as an order of all of them
 * (`orders.ts`); keywords, which do change, are looked at each time.
 */
import type { AccountId, MessageId } from '#base/id.ts'
import { SyntaxFault } from '#base/fault.ts'
import type { Db } from '#kv/db.ts'
import { StoredStructure } from '#message/structure-codec.ts'
import type { SeenEmails } from './filter.ts'
import { collationKey, type EmailCollation, type EmailKey, isTextKey, sortedText } from './keys.ts'
import { type Criterion, type Key, type Order, type ReadKeys, stablySorted } from './orders.ts'
import type { EmailView } from '../email-view.ts'
import { structureTable } from '../tables.ts'

type EmailKeywordKey = 'hasKeyword' | 'allInThreadHaveKeyword' | 'someInThreadHaveKeyword'

export type EmailSort =
  | { readonly key: EmailKey; readonly isAscending: boolean; readonly collation?: EmailCollation }
  | { readonly key: EmailKeywordKey; readonly isAscending: boolean; readonly keyword: string }

export interface SortSource {
  readonly db: Db
  readonly account: AccountId
  readonly view: EmailView
  readonly signal?: AbortSignal
}

const newestFirst: EmailSort = { key: 'receivedAt', isAscending: false }

/** Where in a list of sorts those begin that never change, to the end of it. */
const firstKept = (sort: readonly EmailSort[]): number => sort.findLastIndex((one) => 'keyword' in one) + 1

/** The order of all emails by the last of the sorts: what is found in it is then to be `arranged`. */
export function baseOrder(o: SortSource, sort: readonly EmailSort[]): Promise<Order> {
  const kept = sort.slice(firstKept(sort))
  const criteria = (kept.length === 0 ? [newestFirst] : kept).map((one) => criterionOf(o, one))
  return o.view.orders.order(o.view.latest, criteria, o.signal)
}

/** Whether what is found in the base order is in order already. */
export const isArranged = (sort: readonly EmailSort[]): boolean => firstKept(sort) === 0

/** Slots, which are in the base order, by the sorts before those. */
export async function arranged(
  o: SortSource,
  sort: readonly EmailSort[],
  seen: SeenEmails,
  slots: Uint32Array<ArrayBuffer>,
): Promise<Uint32Array<ArrayBuffer>> {
  let order = slots
  for (const one of sort.slice(0, firstKept(sort)).toReversed()) {
    const numberOf = 'keyword' in one ? keywordNumber(one, seen) : await rankOf(o, one)
    order = stablySorted(order, numberOf, one.isAscending)
  }
  return order
}

/** Of false and true. */
export function keywordNumber(
  { key, keyword }: Extract<EmailSort, { keyword: string }>,
  seen: SeenEmails,
): (slot: number) => number {
  const threads = key === 'hasKeyword' ? undefined : seen.threadKeyword(keyword)
  const has =
    threads === undefined
      ? seen.hasKeyword(keyword)
      : key === 'allInThreadHaveKeyword'
        ? threads.all
        : threads.some
  return (slot) => (has(slot) ? 1 : 0)
}

async function rankOf(o: SortSource, sort: EmailSort): Promise<(slot: number) => number> {
  const ranks = await o.view.orders.ranks(o.view.latest, criterionOf(o, sort), o.signal)
  return (slot) => ranks[slot]!
}

function criterionOf(o: SortSource, sort: EmailSort): Criterion {
  const { isAscending } = sort
  if ('keyword' in sort) throw new Error('keywords have no order that is kept')
  const { key, collation = 'i;unicode-casemap' } = sort
  if (!isTextKey(key)) return { name: key, isAscending, read: readNumbers(o, key) }
  const keyOf = (structure: StoredStructure): Key => collationKey(sortedText(structure, key), collation)
  return { name: `${key} ${collation}`, isAscending, read: ofStructures(o, keyOf) }
}

function readNumbers(o: SortSource, key: 'receivedAt' | 'size' | 'sentAt'): ReadKeys {
  const { receivedAt, sizes } = o.view
  if (key === 'receivedAt') return (slots) => Promise.resolve(slots.map((slot) => receivedAt[slot]!))
  if (key === 'size') return (slots) => Promise.resolve(slots.map((slot) => sizes[slot]!))
  // Where a message says nothing, what IMAP sorts by in its place (RFC 5256 §2.2).
  return ofStructures(o, ({ sentAt }, slot) => sentAt ?? receivedAt[slot]!)
}

/** What is damaged has the lowest key. */
function ofStructures(
  { db, account, view }: SortSource,
  keyOf: (structure: StoredStructure, slot: number) => Key,
): ReadKeys {
  return async (slots) => {
    const keys = slots.map((slot) => [account, view.ids[slot]! as MessageId] as const)
    const structures = await db.read((tx) => tx.getMany(structureTable, keys))
    return structures.map((stored, i) => {
      if (stored === undefined) return undefined
      try {
        return keyOf(new StoredStructure(stored), slots[i]!)
      } catch (error) {
        if (error instanceof SyntaxFault) return undefined
        throw error
      }
    })
  }
}
