/**
 * SORT (RFC 5256 §3, RFC 5957): messages of a mailbox in the order of criteria, and where all of those are the same,
 * in that of the mailbox. Of each message only what the criteria ask for is read.
 */
import type { Address } from '#message/address.ts'
import { firstAddress } from '#message/envelope.ts'
import type { StoredStructure } from '#message/structure-codec.ts'
import { headerKey, subjectKey } from './collation.ts'
import { sentDates } from './sent-dates.ts'
import { eachInTurns, sortInTurns } from '../in-turns.ts'
import { eachStructure, type Selection } from './stored-structures.ts'
import type { SortKey } from './arrangements.ts'

export interface SortCriterion {
  readonly key: SortKey | 'relevancy'
  readonly isReversed: boolean
}

/** Of so many ranks to each place, comparing is quicker than going through all ranks. */
const fewOf = 16

/**
 * Places among the indexes, in the order of the criteria. `relevancy` is that of each place, up to 100, where a
 * criterion asks for it: the highest comes first (RFC 6203 §6).
 */
export async function sortMessages(
  selection: Selection,
  criteria: readonly SortCriterion[],
  relevancy: readonly number[] = [],
): Promise<Uint32Array> {
  const { indexes, signal } = selection
  const keys = criteria.map(({ key }) => key).filter((key) => key !== 'relevancy')
  const ranks = await ranksOf(selection, new Set(keys))
  let order = Uint32Array.from(indexes, (_, place) => place)
  // By the last first: each keeps the order that those after it have made.
  for (const { key, isReversed } of criteria.toReversed())
    order = await orderByRank(
      order,
      key === 'relevancy' ? Uint32Array.from(relevancy, (score) => 100 - score) : ranks.get(key)!,
      isReversed,
      signal,
    )
  return order
}

type Ranks = Map<SortKey, Uint32Array>

/** For each key the ranks of all places. */
async function ranksOf(selection: Selection, keys: ReadonlySet<SortKey>): Promise<Ranks> {
  const { view, indexes } = selection
  const known: Ranks = new Map(view.arranged.ranks)
  const missing = [...keys].filter((key) => !known.has(key))
  // Those of a whole mailbox are kept, and worth finding out for most of it.
  if (missing.length > 0 && 2 * indexes.length < view.count) return rankAll(selection, [...keys])
  const all = Array.from({ length: view.count }, (_, index) => index)
  const found = missing.length === 0 ? [] : await rankAll({ ...selection, indexes: all }, missing)
  for (const [key, ranks] of found) {
    known.set(key, ranks)
    view.arranged.ranks.set(key, ranks)
  }
  if (indexes.length === view.count) return known
  const ofPlaces: Ranks = new Map()
  for (const key of keys) {
    const ranks = known.get(key)!
    ofPlaces.set(
      key,
      Uint32Array.from(indexes, (index) => ranks[index]!),
    )
  }
  return ofPlaces
}

async function rankAll(selection: Selection, keys: readonly SortKey[]): Promise<Ranks> {
  const { signal } = selection
  const columns = keys.map((key) => columnOf(key, selection))
  const reads = columns.flatMap(({ read }) => read ?? [])
  if (reads.length > 0) {
    await eachStructure(selection, (structure, place) => {
      for (const read of reads) read(structure, place)
    })
  }
  const found: Ranks = new Map()
  for (const [i, key] of keys.entries())
    found.set(key, await ranksBy(columns[i]!.compare, selection.indexes.length, signal))
  return found
}

type Compare = (a: number, b: number) => number

async function ranksBy(compare: Compare, count: number, signal?: AbortSignal): Promise<Uint32Array> {
  const order = await sortInTurns(count, compare, signal)
  const ranks = new Uint32Array(count)
  let rank = 0
  const give = (i: number): void => {
    if (i > 0 && compare(order[i - 1]!, order[i]!) !== 0) rank++
    ranks[order[i]!] = rank
  }
  await eachInTurns(count, give, signal)
  return ranks
}

/** Those with the same rank stay in their order. */
async function orderByRank(
  before: Uint32Array<ArrayBuffer>,
  ranks: Uint32Array,
  isReversed: boolean,
  signal?: AbortSignal,
): Promise<Uint32Array<ArrayBuffer>> {
  const count = before.length
  let highest = 0
  for (const place of before) highest = Math.max(highest, ranks[place]!)
  if (count < highest / fewOf)
    return before.sort((a, b) => (isReversed ? ranks[b]! - ranks[a]! : ranks[a]! - ranks[b]!))
  // Where the next place of each rank goes.
  const next = new Uint32Array(highest + 2)
  const slot = (place: number): number => (isReversed ? highest - ranks[place]! : ranks[place]!)
  await eachInTurns(count, (i) => next[slot(before[i]!) + 1]!++, signal)
  for (let i = 1; i < next.length; i++) next[i]! += next[i - 1]!
  const order = new Uint32Array(count)
  const put = (i: number): void => {
    order[next[slot(before[i]!)]!++] = before[i]!
  }
  await eachInTurns(count, put, signal)
  return order
}

/** What one criterion compares of each place. */
interface SortColumn {
  /** Fills the column, where that takes more than the view. */
  readonly read?: (structure: StoredStructure, place: number) => void
  readonly compare: Compare
}

function columnOf(key: SortKey, selection: Selection): SortColumn {
  const { view, indexes } = selection
  switch (key) {
    case 'arrival':
      return numbers(indexes, (index) => view.receivedAt.at(index))
    case 'size':
      return numbers(indexes, (index) => view.sizes.at(index))
    case 'date':
      return sentDates(selection)
    case 'subject':
      return texts(indexes.length, subjectKey)
    case 'cc':
    case 'from':
    case 'to':
      return texts(indexes.length, (structure) => {
        const mailbox = firstAddress(structure.memberWire(key))?.mailbox
        return mailbox === undefined ? '' : headerKey(mailbox)
      })
    case 'displayfrom':
      return texts(indexes.length, (structure) => displayKey(structure, 'from'))
    case 'displayto':
      return texts(indexes.length, (structure) => displayKey(structure, 'to'))
  }
}

function numbers(indexes: readonly number[], ofView: (index: number) => number): SortColumn {
  const column = Float64Array.from(indexes, ofView)
  return { compare: (a, b) => column[a]! - column[b]! }
}

/** Of messages that say nothing, and of those that are gone, the empty text, which comes first. */
function texts(count: number, keyOf: (structure: StoredStructure) => string): SortColumn {
  const column = Array.from({ length: count }, () => '')
  return {
    read: (structure, place) => {
      column[place] = keyOf(structure)
    },
    compare: (a, b) => (column[a]! < column[b]! ? -1 : column[a]! > column[b]! ? 1 : 0),
  }
}

/** RFC 5957 §3 and §4. */
function displayKey(structure: StoredStructure, member: 'from' | 'to'): string {
  const address = firstAddress(structure.memberWire(member))
  if (address === undefined) return ''
  const name = address.name === undefined ? '' : headerKey(address.name)
  return name === '' ? headerKey(addressOf(address)) : name
}

const addressOf = ({ mailbox = '', host }: Address): string =>
  host === undefined || mailbox === '' ? mailbox : `${mailbox}@${host}`
