/**
 * Searches of the selected mailbox whose results the client is kept informed of (RFC 5267 §4.3): what joins a result
 * and what leaves it is told in ESEARCH responses, at the moments when the changes themselves are told.
 *
 * What must always hold: a response never changes what message numbers mean, and its numbers are those that the
 * client counts when it reads them. So what is gone leaves the results before EXPUNGE, and what came joins them after
 * EXISTS.
 */
import { lowerBound } from '#mail/column.ts'
import type { MailboxView } from '#mail/mailbox-view.ts'
import type { SearchCriteria } from '#mail/search/criteria.ts'
import { Refusal } from '../errors.ts'
import { beginEsearch } from './esearch-response.ts'
import type { Correlator, SearchContext } from '../session/search-contexts.ts'
import { bothItems, type FetchItem } from '../fetch/fetch-items.ts'
import type { HeldMailbox } from '../namespace/mailbox-ref.ts'
import type { ReturnOptions } from './return-options.ts'
import { type Found, searchIn } from './search-selected.ts'
import { formatSet } from '../wire/sequence-set.ts'
import type { ImapSession } from '../session/session.ts'
import { type Piece, type Sort, SortedResult } from '../session/sorted-result.ts'

/** RFC 5267 §4.3.4: before EXPUNGE, and also while that may not be told. */
export function tellGone(session: ImapSession, now: MailboxView): void {
  const { selectedView: view } = session
  if (view.contexts.size === 0) return
  const gone = view.goneIn(now).map((position) => view.uidAt(position))
  if (gone.length === 0) return
  for (const context of view.contexts.values()) {
    tellLeft(
      session,
      context,
      gone.filter((uid) => includes(context.uids, uid)),
    )
  }
}

/** What changed and what came, once the client knows of it. */
export async function findContextChanges(
  session: ImapSession,
  now: MailboxView,
  held: HeldMailbox,
): Promise<ContextChanges> {
  const { contexts } = session.selectedView
  const changes: ContextChange[] = []
  const newUids = new Set<number>()
  let fetch: readonly FetchItem[] = []
  if (contexts.size === 0 || contexts.modseq === now.highestModseq) return { changes, newUids, fetch }
  const firstNew = now.firstNotBefore(contexts.lastUid + 1)
  const fresh = Array.from({ length: now.count - firstNew }, (_, i) => firstNew + i)
  const changed = [...changedSince(now, contexts.modseq, firstNew), ...fresh]
  for (const context of contexts.values()) {
    const asked = context.isFixed ? fresh : changed
    if (asked.length === 0) continue
    const met = new Set(await searchIn(session, held, now, context.criteria, { among: asked }))
    const left: number[] = []
    const joined: number[] = []
    for (const index of asked) {
      const uid = now.uids.at(index)
      if (met.has(index) === includes(context.uids, uid)) continue
      if (met.has(index)) joined.push(uid)
      else left.push(uid)
      if (met.has(index) && index >= firstNew && context.fetch.length > 0) {
        newUids.add(uid)
        fetch = bothItems(fetch, context.fetch)
      }
    }
    changes.push({ context, left, joined })
  }
  contexts.follow(now)
  return { changes, newUids, fetch }
}

export interface ContextChanges {
  readonly changes: readonly ContextChange[]
  /** New messages in results of searches that ask for items of them (RFC 5465 §7), and these items. */
  readonly newUids: ReadonlySet<number>
  readonly fetch: readonly FetchItem[]
}

interface ContextChange {
  readonly context: SearchContext
  readonly left: readonly number[]
  readonly joined: readonly number[]
}

export async function tellContextChanges(
  session: ImapSession,
  now: MailboxView,
  { changes }: ContextChanges,
): Promise<void> {
  for (const { context, left, joined } of changes) {
    tellLeft(session, context, left)
    await tellJoined(session, context, now, joined)
  }
}

/** RFC 5267 §4.3: a tag means one search only. */
export function assertTagFree({ reader, selected }: ImapSession): void {
  if (selected?.contexts.has(reader.tag)) throw new Refusal('Tag of a search with UPDATE', undefined, 'BAD')
}

interface Following {
  readonly correlator: Correlator
  readonly byUid: boolean
  /** Of a SORT: the positions in its order, and how it came about. */
  readonly order?: { readonly positions: readonly number[]; readonly sort: Sort }
}

/** Where UPDATE is among the words: keeps the client informed of what was found, or says that it is not. */
export function followResult(
  session: ImapSession,
  { words, fetch = [] }: ReturnOptions,
  found: Found,
  { correlator, byUid, order }: Following,
): void {
  if (!words.has('UPDATE')) return
  const { selectedView: view, settings } = session
  const uidsOf = (positions: readonly number[]): Uint32Array =>
    Uint32Array.from(positions, (position) => view.uidAt(position))
  const context = {
    correlator,
    byUid,
    criteria: found.criteria,
    fetch,
    isFixed: isFixed(found.criteria),
    uids: uidsOf(found.positions),
    sorted: order && new SortedResult(order.sort, uidsOf(order.positions)),
  }
  const lastUid = view.count === 0 ? 0 : view.uidAt(view.count - 1)
  const upTo = { modseq: found.now.highestModseq, lastUid }
  if (!view.contexts.add(context, upTo, settings.maxSearchContexts)) refuseUpdates(session)
}

/** RFC 5267 §4.3.1 */
export const refuseUpdates = (session: ImapSession): void =>
  session.untagged(`NO [NOUPDATE "${session.reader.tag}"] The result is not kept up to date`)

/** What can become true or false of a message that is there. */
const changing: ReadonlySet<SearchCriteria['kind']> = new Set([
  'deleted',
  'keyword',
  'modseq',
  'older',
  'thread',
  'younger',
])

function isFixed(criteria: SearchCriteria): boolean {
  if (criteria.kind === 'not') return isFixed(criteria.of)
  if (criteria.kind === 'and' || criteria.kind === 'or') return criteria.of.every(isFixed)
  return !changing.has(criteria.kind)
}

/** Indexes below `end` of messages with a higher MODSEQ. */
function changedSince({ modseqs: { chunks, layout } }: MailboxView, since: number, end: number): number[] {
  const found: number[] = []
  for (const [i, chunk] of chunks.entries()) {
    const start = layout.starts[i]!
    const length = Math.min(layout.lengthOf(i), end - start)
    for (let at = 0; at < length; at++) if (chunk[at]! > since) found.push(start + at)
  }
  return found
}

/** Both lists of UIDs ascend. */
function tellLeft(session: ImapSession, context: SearchContext, left: readonly number[]): void {
  if (left.length === 0) return
  const pieces = context.sorted?.remove(left) ?? inMailboxOrder(left)
  writePieces(session, context, 'REMOVEFROM', pieces)
  context.uids = without(context.uids, left)
}

async function tellJoined(
  session: ImapSession,
  context: SearchContext,
  now: MailboxView,
  joined: readonly number[],
): Promise<void> {
  if (joined.length === 0) return
  const pieces = (await context.sorted?.add(now, joined)) ?? inMailboxOrder(joined)
  writePieces(session, context, 'ADDTO', pieces)
  context.uids = withAll(context.uids, joined)
}

/** RFC 5267 §4.3.3, §4.3.4: wherever they belong. */
const inMailboxOrder = (uids: readonly number[]): readonly Piece[] => [{ at: 0, uids }]

function writePieces(
  session: ImapSession,
  { correlator, byUid }: SearchContext,
  item: 'ADDTO' | 'REMOVEFROM',
  pieces: readonly Piece[],
): void {
  const { out, selectedView: view, isUidOnly } = session
  const isByUid = byUid || isUidOnly
  beginEsearch(session, correlator, isByUid)
  out.sp().ascii(item)
  let before = ' ('
  for (const { at, uids } of pieces) {
    const set = formatSet(isByUid ? uids : uids.values().map((uid) => view.lowerBound(uid) + 1))
    out.ascii(before).uint(at).sp().ascii(set)
    before = ' '
  }
  out.ascii(')\r\n')
}

/** Without those in `left`; both ascend. */
function without(uids: Uint32Array, left: readonly number[]): Uint32Array {
  const rest = new Uint32Array(uids.length - left.length)
  let from = 0
  for (const [i, uid] of left.entries()) {
    const at = lowerBound(uids, uids.length, uid)
    rest.set(uids.subarray(from, at), from - i)
    from = at + 1
  }
  rest.set(uids.subarray(from), from - left.length)
  return rest
}

/** With those in `joined`; both ascend. */
function withAll(uids: Uint32Array, joined: readonly number[]): Uint32Array {
  const all = new Uint32Array(uids.length + joined.length)
  let from = 0
  for (const [i, uid] of joined.entries()) {
    const at = lowerBound(uids, uids.length, uid)
    all.set(uids.subarray(from, at), from + i)
    all[at + i] = uid
    from = at
  }
  all.set(uids.subarray(from), from + joined.length)
  return all
}

function includes(ascending: Uint32Array, uid: number): boolean {
  return ascending[lowerBound(ascending, ascending.length, uid)] === uid
}
