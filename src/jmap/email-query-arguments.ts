/**
 * What Email/query, Email/queryChanges and SearchSnippet/get are asked (RFC 8621 §4.4), as `mail/` knows it; and the
 * states of queries.
 *
 * A state is the last change of messages that the result shows. Where the result depends on more, that is part of
 * it: how far the search index was, and, unless everything may be read, who asks.
 */
import type { MailboxId, Modseq } from '#base/id.ts'
import { modseqOf, stateOf } from '#kv/change-log.ts'
import { type EmailCondition, type EmailFilter, traitsOf } from '#mail/email-query/filter.ts'
import type { EmailQuery } from '#mail/email-query/query.ts'
import type { EmailSort } from '#mail/email-query/sort.ts'
import type { EmailView } from '#mail/email-view.ts'
import { indexedUpTo } from '#mail/search/index-status.ts'
import { objectNumber } from '#mail/object-id.ts'
import { askerOf, type OpenAccount } from './accounts.ts'
import { invalidArguments, MethodError } from './errors.ts'
import type { Filter } from './filter.ts'
import type { Call } from './method.ts'
import { smimeConditions, type SmimeSets, smimeTests } from './smime-filter.ts'
import type { Comparator } from './sort.ts'
import {
  boolean,
  id,
  listOf,
  type ReadFields,
  string,
  timeOf,
  unsignedInt,
  utcDate,
  type Value,
} from './value.ts'

/** RFC 8621 §4.4.1: one or two elements. */
const header: Value<readonly [name: string, text?: string]> = {
  wanted: 'a list of one or two strings',
  wrong: [[], ['a', 'b', 'c'], [5], ['a', null], 'a', 5, null],
  read(input, path, problems) {
    const texts = listOf(string).read(input, path, problems)
    if (Array.isArray(input) && (input.length === 0 || input.length > 2))
      problems.push({ property: path, problem: 'must be a list of one or two strings' })
    return texts as readonly [string, string?]
  },
}

export const emailConditions = {
  inMailbox: id,
  inMailboxOtherThan: listOf(id),
  before: utcDate,
  after: utcDate,
  minSize: unsignedInt,
  maxSize: unsignedInt,
  allInThreadHaveKeyword: string,
  someInThreadHaveKeyword: string,
  noneInThreadHaveKeyword: string,
  hasKeyword: string,
  notKeyword: string,
  hasAttachment: boolean,
  text: string,
  from: string,
  to: string,
  cc: string,
  bcc: string,
  subject: string,
  body: string,
  header,
  ...smimeConditions,
} as const

const keywordSorts = ['hasKeyword', 'allInThreadHaveKeyword', 'someInThreadHaveKeyword'] as const
const keptSorts = ['receivedAt', 'size', 'from', 'to', 'subject', 'sentAt'] as const
/** `emailQuerySortOptions` of an account's capability (RFC 8621 §1.3.1). */
export const emailSorts = [...keptSorts, ...keywordSorts] as const

export const emailSortFields = { keyword: string } as const
export const emailQueryFields = { collapseThreads: boolean } as const

type GivenFilter = Filter<ReadFields<typeof emailConditions>>
type GivenSort = Comparator<ReadFields<typeof emailSortFields>>

/** Words and phrases of one filter, each of which is a search. */
const mostTexts = 64
/** Characters of all of them, and of names of header fields: each message may be compared with them. */
const mostTextChars = 10_000
/** Conditions and sorts that look at whole threads. */
const mostKeywords = 32

/** Throws MethodError `unsupportedFilter` for one that asks too much at once. */
export function emailFilterOf(
  call: Call,
  account: OpenAccount,
  filter: GivenFilter,
  sets: SmimeSets = {},
): EmailFilter {
  if (textChars(filter) > mostTextChars)
    throw new MethodError('unsupportedFilter', `The texts of a filter may have ${mostTextChars} characters.`)
  const known = convert(call, account, filter, sets)
  const { texts, keywords } = traitsOf(known)
  if (texts > mostTexts || keywords > mostKeywords)
    throw new MethodError(
      'unsupportedFilter',
      `A filter may have ${mostTexts} words, and ask for ${mostKeywords} keywords in threads.`,
    )
  return known
}

function textChars(filter: GivenFilter): number {
  if ('operator' in filter) return filter.conditions.reduce((sum, one) => sum + textChars(one), 0)
  const { text, from, to, cc, bcc, subject, body, header: field = [] } = filter.condition
  return [text, from, to, cc, bcc, subject, body, ...field].reduce((sum, one) => sum + (one?.length ?? 0), 0)
}

function convert(call: Call, account: OpenAccount, filter: GivenFilter, sets: SmimeSets): EmailFilter {
  if ('operator' in filter)
    return { ...filter, conditions: filter.conditions.map((one) => convert(call, account, one, sets)) }
  const { inMailbox, inMailboxOtherThan, before, after, ...rest } = filter.condition
  const { hasSmime: _, hasVerifiedSmime: __, hasVerifiedSmimeAtDelivery: ___, ...same } = rest
  const isAmong = smimeTests(rest, sets)
  const condition: EmailCondition = {
    ...same,
    ...(isAmong.length === 0 ? {} : { isAmong }),
    ...(inMailbox === undefined ? {} : { inMailbox: mailboxOf(call, account, inMailbox) }),
    ...(inMailboxOtherThan === undefined
      ? {}
      : { inMailboxOtherThan: inMailboxOtherThan.map((one) => mailboxOf(call, account, one)) }),
    ...(before === undefined ? {} : { before: timeOf(before) }),
    ...(after === undefined ? {} : { after: timeOf(after) }),
  }
  return { condition }
}

/** No mailbox has the number 0. */
function mailboxOf(call: Call, { idPrefix }: OpenAccount, text: string): MailboxId {
  return (objectNumber('F', call.resolve(text) ?? text, idPrefix) ?? 0) as MailboxId
}

export function emailQueryOf(
  call: Call,
  account: OpenAccount,
  { filter, sort }: { readonly filter: GivenFilter | undefined; readonly sort: readonly GivenSort[] },
  { collapseThreads = false }: ReadFields<typeof emailQueryFields>,
  sets: SmimeSets = {},
): EmailQuery {
  return {
    filter: filter === undefined ? undefined : emailFilterOf(call, account, filter, sets),
    sort: sort.map(sortOf),
    collapseThreads,
  }
}

function sortOf({ property, isAscending, collation, keyword }: GivenSort, i: number): EmailSort {
  const byKeyword = keywordSorts.find((name) => name === property)
  if (byKeyword === undefined) {
    const key = keptSorts.find((name) => name === property)!
    return {
      key,
      isAscending,
      ...(collation === undefined ? {} : { collation }),
    }
  }
  if (keyword === undefined)
    throw invalidArguments([{ property: `sort/${i}/keyword`, problem: 'must be there' }])
  return { key: byKeyword, isAscending, keyword }
}

/** What a result is of. */
export interface EmailQueryState {
  readonly modseq: Modseq
  /** Only where the filter looks into what the index alone has. */
  readonly indexed: number | undefined
  /** Only where rights decide what is seen: the user and the groups as which rights were given. */
  readonly asker: string | undefined
}

/** Before the query itself, which may then know more and never less. */
export async function emailQueryState(
  call: Call,
  account: OpenAccount,
  view: EmailView,
  query: EmailQuery,
): Promise<EmailQueryState> {
  const { ofIndex } = traitsOf(query.filter)
  const readsAll = account.isOwn && view.mailboxes.every((mailbox) => account.mayRead(mailbox))
  const changedAt = await lastChange(call, account, view)
  return {
    modseq: readsAll ? changedAt : latest(changedAt, view),
    indexed: ofIndex ? await indexedUpTo(call.services.db, account.id) : undefined,
    asker: readsAll ? undefined : askerOf(account.who),
  }
}

/**
 * When an Email of the view changed last, by the log: a view may know it as later than it was, where it was read anew or
 * followed several commits at once, and the view of another worker as something else.
 */
async function lastChange({ services }: Call, account: OpenAccount, view: EmailView): Promise<Modseq> {
  const now = await services.db.read((tx) => services.states.read(tx, account.id, 'Email'))
  return now > view.modseq ? view.changedAt : now
}

/** With other rights there may be other results. */
const latest = (changedAt: Modseq, { mailboxes }: EmailView): Modseq =>
  Math.max(changedAt, ...mailboxes.map(({ grantsModseq }) => grantsModseq)) as Modseq

export const formatQueryState = ({ modseq, indexed, asker }: EmailQueryState): string =>
  [
    stateOf(modseq),
    ...(indexed === undefined ? [] : [`i${indexed.toString(36)}`]),
    ...(asker === undefined ? [] : [`u${asker}`]),
  ].join('-')

/** undefined for anything that we never gave out. */
export function parseQueryState(text: string): EmailQueryState | undefined {
  const match = /^([0-9a-z]{1,10})(?:-i([0-9a-z]{1,10}))?(?:-u([0-9a-f]{16}))?$/.exec(text)
  const modseq = match === null ? undefined : modseqOf(match[1]!)
  if (match === null || modseq === undefined) return undefined
  const [, , indexed, asker] = match
  return { modseq, indexed: indexed === undefined ? undefined : Number.parseInt(indexed, 36), asker }
}
