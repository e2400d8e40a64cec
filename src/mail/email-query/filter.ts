/**
 * The filters of Email/query (RFC 8621 §4.4.1): what is asked of mailboxes, dates, sizes and keywords is answered
 * from the columns, all else is a search.
 *
 * Only mailboxes count that the one who asks may read. A message in none of those is not there, nor is it part of
 * its thread.
 */
import { hash } from 'node:crypto'
import type { MailboxId, MessageId } from '#base/id.ts'
import type { StoredStructure } from '#message/structure-codec.ts'
import { headerCriteria, readTokens, textCriteria } from './text.ts'
import type { EmailView } from '../email-view.ts'
import type { Mailbox } from '../mailbox-row.ts'
import { gone } from '../place-sets.ts'
import type { SearchCriteria } from '../search/criteria.ts'

/** All that is there must hold. Mailboxes that are not there have no messages. */
export interface EmailCondition {
  readonly inMailbox?: MailboxId
  readonly inMailboxOtherThan?: readonly MailboxId[]
  /** Milliseconds. */
  readonly before?: number
  readonly after?: number
  readonly minSize?: number
  readonly maxSize?: number
  /** In any case, as all keywords. */
  readonly allInThreadHaveKeyword?: string
  readonly someInThreadHaveKeyword?: string
  readonly noneInThreadHaveKeyword?: string
  readonly hasKeyword?: string
  readonly notKeyword?: string
  readonly hasAttachment?: boolean
  readonly text?: string
  readonly from?: string
  readonly to?: string
  readonly cc?: string
  readonly bcc?: string
  readonly subject?: string
  readonly body?: string
  readonly header?: readonly [name: string, text?: string]
  /** What was found out otherwise: whether it is one of these. */
  readonly isAmong?: readonly { readonly among: ReadonlySet<MessageId>; readonly isIn: boolean }[]
}

export type EmailFilter =
  | { readonly operator: 'AND' | 'OR' | 'NOT'; readonly conditions: readonly EmailFilter[] }
  | { readonly condition: EmailCondition }

export type MayRead = (mailbox: Mailbox) => boolean

/** What may be seen of a view, by slot. */
export class SeenEmails {
  readonly view: EmailView
  /** Of each place set the mailboxes that may be read. */
  readonly #mailboxes: readonly (readonly MailboxId[])[]
  /** By place set whether its messages may be seen. */
  readonly places: Uint8Array
  /** What stands for the mailboxes that may be read: the same messages may be seen by way of others. */
  readonly readable: string
  readonly #threads = new Map<string, ThreadTests>()

  constructor(view: EmailView, mayRead: MayRead) {
    const { placeSets } = view
    const readable = new Set(view.mailboxes.filter(mayRead).map(({ id }) => id))
    this.view = view
    this.#mailboxes = Array.from({ length: placeSets.size }, (_, i) =>
      placeSets.at(i).filter((id) => readable.has(id)),
    )
    this.places = this.placesWhere(({ length }) => length > 0)
    const readsAll = readable.size === view.mailboxes.length
    this.readable = readsAll ? 'all' : hash('sha256', [...readable].join())
  }

  /** Whether there is such a message for the one who asks. */
  has(id: number): boolean {
    const slot = this.view.slotOf(id)
    return slot !== -1 && this.isSeen(slot)
  }

  isSeen(slot: number): boolean {
    return this.places[this.view.places[slot]!] === 1
  }

  /** By place set whether this is so of its mailboxes. */
  placesWhere(is: (mailboxes: readonly MailboxId[]) => boolean): Uint8Array {
    return Uint8Array.from(this.#mailboxes, (mailboxes) => (is(mailboxes) ? 1 : 0))
  }

  /** Messages in place sets. */
  countIn(places: Uint8Array): number {
    let count = 0
    for (const [i, isIn] of places.entries()) if (isIn === 1) count += this.view.placeCounts[i] ?? 0
    return count
  }

  get count(): number {
    return this.countIn(this.places)
  }

  hasKeyword(keyword: string): SlotTest {
    const { keywords, sets } = this.view
    const wanted = keyword.toLowerCase()
    const having = Uint8Array.from({ length: sets.size }, (_, i) =>
      sets.at(i).keywords.includes(wanted) ? 1 : 0,
    )
    return (slot) => having[keywords[slot]!] === 1
  }

  /** Whether any, and whether every message of a thread has a keyword. */
  threadKeyword(keyword: string): ThreadTests {
    const name = keyword.toLowerCase()
    const known = this.#threads.get(name)
    if (known !== undefined) return known
    const found = this.#findThreads(name)
    this.#threads.set(name, found)
    return found
  }

  #findThreads(keyword: string): ThreadTests {
    const { count, leaders } = this.view
    const has = this.hasKeyword(keyword)
    const { places } = this.view
    const seen = this.places
    const some = new Uint8Array(count)
    const missing = new Uint8Array(count)
    for (let slot = 0; slot < count; slot++) {
      if (seen[places[slot]!] === 0) continue
      if (has(slot)) some[leaders[slot]!] = 1
      else missing[leaders[slot]!] = 1
    }
    return { some: (slot) => some[leaders[slot]!] === 1, all: (slot) => missing[leaders[slot]!] === 0 }
  }
}

interface ThreadTests {
  readonly some: SlotTest
  readonly all: SlotTest
}

export type SlotTest = (slot: number) => boolean
export type SlotAt = (index: number) => number

/**
 * A filter: a test where the columns answer it; otherwise what is to be searched for, by slot, among the messages
 * that meet a test.
 */
export type Compiled = SlotTest | Search

interface Search {
  readonly test: SlotTest
  readonly search: SearchCriteria
}

const always: SlotTest = () => true

/** `slotAt` tells the slot of an index of the search. */
export function compileFilter(filter: EmailFilter, seen: SeenEmails, slotAt: SlotAt): Compiled {
  if ('condition' in filter) return allOf(compileCondition(filter.condition, seen, slotAt))
  const of = filter.conditions.map((one) => compileFilter(one, seen, slotAt))
  if (filter.operator === 'AND') return allOf(of)
  const any = anyOf(of, slotAt)
  if (filter.operator === 'OR') return any
  if (typeof any === 'function') return (slot) => !any(slot)
  return { test: always, search: { kind: 'not', of: criteriaOf(any, slotAt) } }
}

function allOf(of: readonly Compiled[]): Compiled {
  const [tests, searches] = apart(of)
  const test = every([...tests, ...searches.map((one) => one.test).filter((one) => one !== always)])
  if (searches.length === 0) return test
  return { test, search: { kind: 'and', of: searches.map(({ search }) => search) } }
}

/** Asked for every message of an account: without a call more than it takes. */
function every([first, second, ...more]: readonly SlotTest[]): SlotTest {
  if (first === undefined) return always
  if (second === undefined) return first
  const rest = more.length === 0 ? second : every([second, ...more])
  return (slot) => first(slot) && rest(slot)
}

function anyOf(of: readonly Compiled[], slotAt: SlotAt): Compiled {
  const [tests, searches] = apart(of)
  const any: SlotTest = tests.length === 1 ? tests[0]! : (slot) => tests.some((test) => test(slot))
  if (searches.length === 0) return any
  const criteria = searches.map((one) => criteriaOf(one, slotAt))
  return { test: always, search: { kind: 'or', of: [known(any, slotAt), ...criteria] } }
}

function apart(of: readonly Compiled[]): readonly [SlotTest[], Search[]] {
  const tests: SlotTest[] = []
  const searches: Search[] = []
  for (const one of of) {
    if (typeof one === 'function') tests.push(one)
    else searches.push(one)
  }
  return [tests, searches]
}

/** The test with it. */
const criteriaOf = ({ test, search }: Search, slotAt: SlotAt): SearchCriteria =>
  test === always ? search : { kind: 'and', of: [known(test, slotAt), search] }

const known = (test: SlotTest, slotAt: SlotAt): SearchCriteria => ({
  kind: 'known',
  answer: (index) => test(slotAt(index)),
})

function compileCondition(condition: EmailCondition, seen: SeenEmails, slotAt: SlotAt): readonly Compiled[] {
  const of: Compiled[] = [...columnTests(condition, seen)]
  const { hasAttachment, header } = condition
  if (hasAttachment !== undefined) of.push(attachment(hasAttachment, seen.view, slotAt))
  for (const region of ['from', 'to', 'cc', 'bcc', 'subject', 'text', 'body'] as const) {
    const text = condition[region]
    if (text !== undefined) of.push({ test: always, search: textCriteria(region, text) })
  }
  if (header !== undefined) {
    const [name, text = ''] = header
    of.push({ test: always, search: headerCriteria(name, text) })
  }
  return of
}

function* columnTests(condition: EmailCondition, seen: SeenEmails): Generator<SlotTest> {
  const { receivedAt, sizes } = seen.view
  const { inMailbox, inMailboxOtherThan, before, after, minSize, maxSize } = condition
  if (inMailbox !== undefined) yield inPlaces(seen, (mailboxes) => mailboxes.includes(inMailbox))
  if (inMailboxOtherThan !== undefined) {
    const others = new Set(inMailboxOtherThan)
    yield inPlaces(seen, (mailboxes) => mailboxes.some((id) => !others.has(id)))
  }
  if (before !== undefined) yield (slot) => receivedAt[slot]! < before
  if (after !== undefined) yield (slot) => receivedAt[slot]! >= after
  if (minSize !== undefined) yield (slot) => sizes[slot]! >= minSize
  if (maxSize !== undefined) yield (slot) => sizes[slot]! < maxSize
  const { ids } = seen.view
  for (const { among, isIn } of condition.isAmong ?? [])
    yield (slot) => among.has(ids[slot]! as MessageId) === isIn
  yield* keywordTests(condition, seen)
}

function inPlaces(seen: SeenEmails, is: (mailboxes: readonly MailboxId[]) => boolean): SlotTest {
  const { places } = seen.view
  const having = seen.placesWhere(is)
  return (slot) => having[places[slot]!] === 1
}

function* keywordTests(condition: EmailCondition, seen: SeenEmails): Generator<SlotTest> {
  const { hasKeyword, notKeyword } = condition
  const { allInThreadHaveKeyword, someInThreadHaveKeyword, noneInThreadHaveKeyword } = condition
  if (hasKeyword !== undefined) yield seen.hasKeyword(hasKeyword)
  if (notKeyword !== undefined) {
    const has = seen.hasKeyword(notKeyword)
    yield (slot) => !has(slot)
  }
  if (allInThreadHaveKeyword !== undefined) yield seen.threadKeyword(allInThreadHaveKeyword).all
  if (someInThreadHaveKeyword !== undefined) yield seen.threadKeyword(someInThreadHaveKeyword).some
  if (noneInThreadHaveKeyword !== undefined) {
    const { some } = seen.threadKeyword(noneInThreadHaveKeyword)
    yield (slot) => !some(slot)
  }
}

/** Whatever a structure was read for is kept: it never changes. */
function attachment(wanted: boolean, view: EmailView, slotAt: SlotAt): Compiled {
  const { attachments } = view
  if (areAllKnown(view)) return (slot) => attachments.get(slot) === wanted
  const answer = (index: number, structure: StoredStructure | undefined): boolean | undefined => {
    const slot = slotAt(index)
    const has = attachments.get(slot) ?? structure?.hasAttachment
    if (has === undefined) return undefined
    if (structure !== undefined) attachments.set(slot, has)
    return has === wanted
  }
  return { test: always, search: { kind: 'known', answer } }
}

function areAllKnown({ attachments, places, count }: EmailView): boolean {
  for (let slot = 0; slot < count; slot++)
    if (places[slot] !== gone && attachments.get(slot) === undefined) return false
  return true
}

/** What of emails decides whether they meet a filter. */
export interface FilterTraits {
  /** Mailboxes or keywords of the message itself: what can change. */
  readonly isMutable: boolean
  /** Keywords of other messages of the thread. */
  readonly ofThreads: boolean
  /** Text that only the index has. */
  readonly ofIndex: boolean
  /** Mailboxes, keywords, dates and sizes only. */
  readonly ofColumns: boolean
  /** Nothing decides that was found out otherwise. */
  readonly isNamed: boolean
  /** How much there is to do for each message; at least 1. */
  readonly conditions: number
  /** Words and phrases, each of which is a search. */
  readonly texts: number
  /** Different ones in conditions on threads, each of which is a pass over all messages. */
  readonly keywords: number
}

const threadConditions = [
  'allInThreadHaveKeyword',
  'someInThreadHaveKeyword',
  'noneInThreadHaveKeyword',
] as const
const mutableConditions = [
  'inMailbox',
  'inMailboxOtherThan',
  'hasKeyword',
  'notKeyword',
  ...threadConditions,
] as const
const textConditions = ['text', 'from', 'to', 'cc', 'bcc', 'subject', 'body'] as const

export function traitsOf(filter: EmailFilter | undefined): FilterTraits {
  const found = new Set<keyof EmailCondition>()
  let conditions = 0
  let texts = 0
  const keywords = new Set<string | undefined>()
  for (const condition of conditionsOf(filter)) {
    const names = Object.keys(condition) as (keyof EmailCondition)[]
    conditions += names.length
    for (const name of names) if (condition[name] !== undefined) found.add(name)
    for (const name of textConditions) texts += tokensIn(condition[name])
    texts += tokensIn(condition.header?.[1])
    for (const name of threadConditions) keywords.add(condition[name]?.toLowerCase())
  }
  const hasAny = (names: readonly (keyof EmailCondition)[]): boolean => names.some((name) => found.has(name))
  return {
    isMutable: hasAny(mutableConditions),
    ofThreads: hasAny(threadConditions),
    ofIndex: hasAny(['text', 'body']),
    ofColumns: !hasAny([...textConditions, 'header', 'hasAttachment']),
    isNamed: !hasAny(['isAmong']),
    conditions: Math.max(1, conditions),
    texts,
    keywords: keywords.size,
  }
}

/** All conditions of a filter, wherever they stand in it. */
function* conditionsOf(filter: EmailFilter | undefined): Generator<EmailCondition> {
  if (filter === undefined) return
  if ('condition' in filter) yield filter.condition
  else for (const one of filter.conditions) yield* conditionsOf(one)
}

const tokensIn = (text: string | undefined): number => (text === undefined ? 0 : readTokens(text).length)
