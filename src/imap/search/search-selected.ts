/**
 * Finding messages of the selected mailbox: what SEARCH and SORT have in common between their arguments and their
 * result. What is found is only what the client knows: messages that came meanwhile have no number yet.
 */
import { SyntaxFault } from '#base/fault.ts'
import type { MailboxView } from '#mail/mailbox-view.ts'
import { search, type SearchOptions, type Wanted } from '#mail/search/query.ts'
import { relevanceOf } from '#mail/search/relevance.ts'
import type { SearchCriteria, UidRange } from '#mail/search/criteria.ts'
import { Refusal } from '../errors.ts'
import type { HeldMailbox } from '../namespace/mailbox-ref.ts'
import { type Limited, limitSearched } from '../session/message-limit.ts'
import { Progress } from '../session/progress.ts'
import type { ReturnOptions } from './return-options.ts'
import { replaceFilters } from './search-filters.ts'
import { assertCharset, assertFuzzy, type SearchProgram } from './search-program.ts'
import { maxUid, resolveKeys, type SearchPlace } from './search-keys.ts'
import {
  type Numbered,
  type Positions,
  positionsWithin,
  type SequenceSet,
  star,
} from '../wire/sequence-set.ts'
import type { ImapSession } from '../session/session.ts'
import type { SessionView } from '../session/view.ts'

export interface Found {
  readonly criteria: SearchCriteria
  readonly hasModseq: boolean
  /** Positions in the client's view, ascending. */
  readonly positions: readonly number[]
  /** The mailbox as it was searched. */
  readonly now: MailboxView
  readonly held: HeldMailbox
  readonly limited?: Pick<Limited<unknown>, 'limit'>
}

interface SelectedOptions {
  /** RELEVANCY is asked for. */
  readonly isRanked?: boolean
  /** Only so many messages are looked at. */
  readonly isLimited?: boolean
  readonly wanted?: Wanted | undefined
}

/**
 * Of a search that is to be saved and fails, nothing is saved where the answer is NO; what was saved before stays where
 * it is BAD (RFC 9051 §6.4.4.1).
 */
export async function orForgetSaved<T>(
  session: ImapSession,
  returns: ReturnOptions | undefined,
  searching: () => Promise<T>,
): Promise<T> {
  try {
    return await searching()
  } catch (error) {
    const isBad = error instanceof SyntaxFault || (error instanceof Refusal && error.status === 'BAD')
    if (returns?.words.has('SAVE') === true && !isBad) session.selected?.save([])
    throw error
  }
}

/** A Refusal for a charset or a filter that is not known; CONDSTORE where the keys need it. */
export async function searchSelected(
  session: ImapSession,
  written: SearchProgram,
  o: SelectedOptions = {},
): Promise<Found> {
  assertCharset(written)
  const program = await replaceFilters(session, written)
  if (o.isRanked === true) assertFuzzy(program)
  const { selectedView: view } = session
  if (program.hasModseq) session.enableCondstore()
  const { now, held } = await session.selectedNow('r')
  const criteria = resolveKeys(
    program.key,
    placeOf(view, () => view.saved, view.idPrefix),
  )
  const limited = o.isLimited === true ? limitSearched(session, now, criteria) : undefined
  const isNumbered = view.isNumberedAs(now)
  const among = limited?.messages
  const indexes = await searchIn(session, held, now, criteria, {
    ...(among !== undefined && { among }),
    // What is found last may be what the client does not know.
    ...(isNumbered && o.wanted !== undefined && { wanted: o.wanted }),
  })
  const positions = isNumbered ? indexes : positionsOf(view, now, indexes)
  const found = { criteria, hasModseq: program.hasModseq, positions, now, held }
  return limited === undefined ? found : { ...found, limited }
}

/** Indexes into `now` of what meets the criteria. */
export async function searchIn(
  session: ImapSession,
  { account }: HeldMailbox,
  now: MailboxView,
  criteria: SearchCriteria,
  o: Pick<SearchOptions, 'among' | 'wanted'> = {},
): Promise<readonly number[]> {
  const { services, connection } = session
  using progress = new Progress(session, o.among?.length ?? now.count)
  return await search({
    db: services.db,
    blobs: services.blobs,
    indexes: services.indexes,
    account,
    view: now,
    criteria,
    ...o,
    now: services.clock.now(),
    signal: connection.signal,
    onProgress: (done) => (progress.done = done),
  })
}

/** How relevant each of some messages is, from 1 to 100, given by ascending indexes into `now`. */
export function relevancyOf(
  { services: { db, blobs, indexes }, connection: { signal } }: ImapSession,
  { now, held, criteria }: Pick<Found, 'now' | 'held' | 'criteria'>,
  found: readonly number[],
): Promise<readonly number[]> {
  const { account } = held
  return relevanceOf({ db, blobs, indexes, account, view: now, criteria, signal }, found)
}

/** Of all that was found in the selected mailbox. */
export const relevancyOfFound = (session: ImapSession, found: Found): Promise<readonly number[]> =>
  relevancyOf(session, found, found.positions.map(session.selectedView.locator(found.now)))

/** Messages that the client does not know yet are not found. */
function positionsOf(view: SessionView, { uids }: MailboxView, indexes: readonly number[]): number[] {
  const positions: number[] = []
  let near = 0
  for (const index of indexes) {
    const uid = uids.at(index)
    const at = near < view.count && view.uidAt(near) === uid ? near : view.lowerBound(uid)
    if (at >= view.count) break
    if (view.uidAt(at) !== uid) continue
    positions.push(at)
    near = at + 1
  }
  return positions
}

/**
 * Message numbers and `$` are resolved to what they are now, UIDs also to those of messages that will come
 * (RFC 5267 §4.3).
 */
export function placeOf(numbered: Numbered, savedNow: () => Positions, idPrefix: string): SearchPlace {
  let known: Positions | undefined
  const saved = ({ saved: isNamed }: SequenceSet): Positions => (isNamed ? (known ??= savedNow()) : [])
  return {
    idPrefix,
    rangesOf(set, byUid) {
      const ranges: UidRange[] = byUid ? [...uidRanges(set, numbered)] : []
      const positions = byUid ? saved(set) : positionsWithin(set, numbered, saved(set))
      for (let i = 0; i < positions.length; i += 2)
        ranges.push([numbered.uidAt(positions[i]!), numbered.uidAt(positions[i + 1]!)])
      return ranges
    },
  }
}

/** As written, with `*` for the last message and those behind it. */
function* uidRanges({ ranges }: SequenceSet, view: Numbered): Generator<UidRange, void, void> {
  const last = view.count === 0 ? 0 : view.uidAt(view.count - 1)
  for (let i = 0; i < ranges.length; i += 2) {
    const [a, b] = [ranges[i]!, ranges[i + 1]!]
    if (a === star || b === star) yield [Math.min(a || last, b || last), maxUid]
    else yield [Math.min(a, b), Math.max(a, b)]
  }
}

/** RFC 7162 §3.1.5: the highest MODSEQ of messages at these positions; 0 for none, and where MODSEQ is no key. */
export function highestModseq(
  positions: readonly number[],
  { now, hasModseq }: Found,
  view: SessionView,
): number {
  if (!hasModseq) return 0
  const locate = view.locator(now)
  let highest = 0
  for (const position of positions) highest = Math.max(highest, now.modseqs.at(locate(position)))
  return highest
}
