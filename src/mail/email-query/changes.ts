/**
 * Email/queryChanges (RFC 8620 §5.6, RFC 8621 §4.5): what makes of the result of a query, as it was at a commit, the
 * result of today.
 *
 * Where the account's view remembers what has changed since and columns answer the filter, the two results are
 * compared. Otherwise the change log tells which messages may have come, gone or moved: all those that were there
 * are taken out, and those that are there are put in. Both are exact: whoever does as told has the result of today.
 */
import type { AccountId, MessageId, Modseq } from '#base/id.ts'
import { entriesSince, mergeChange, type Changes } from '#kv/change-log.ts'
import type { ReadTx } from '#kv/tx.ts'
import { messagesIn } from '../account-past.ts'
import { type MayRead, SeenEmails, traitsOf } from './filter.ts'
import { type EmailQuery, type EmailQueryOptions, firstOfThreads, queryEmails } from './query.ts'
import { keywordNumber } from './sort.ts'
import type { EmailView } from '../email-view.ts'
import { gone } from '../place-sets.ts'

export interface EmailQueryChangesOptions extends Omit<EmailQueryOptions, 'first' | 'needsTotal'> {
  readonly since: Modseq
  /** What could be read then, and which of some messages could be seen; undefined: all, by whoever asks now. */
  readonly before?: SeenBefore
  /** Ids up to which documents were indexed then and are now: the text of attachments is found only since. */
  readonly indexed?: { readonly before: number; readonly now: number }
  /** What comes behind it need not be told, where nothing can move. */
  readonly upTo?: MessageId
}

export interface SeenBefore {
  /** Of a mailbox as it is now. */
  readonly mayRead: MayRead
  readonly saw: (ids: readonly MessageId[]) => Promise<readonly boolean[]>
}

export interface EmailQueryChanges {
  readonly removed: readonly MessageId[]
  /** By ascending index. */
  readonly added: readonly { readonly id: MessageId; readonly index: number }[]
  readonly total: number
}

/** What was in the result and may be there no more or elsewhere, and what is there now: slots, and ids of the rest. */
interface Difference {
  readonly result: Uint32Array
  readonly removed: ReadonlySet<number>
  readonly added: ReadonlySet<number>
  readonly removedIds: readonly MessageId[]
}

/** `unknown` where the log does not reach back, or there was no such commit. */
export async function queryEmailChanges(o: EmailQueryChangesOptions): Promise<EmailQueryChanges | 'unknown'> {
  if (o.since > o.view.modseq) return 'unknown'
  const difference = (await compared(o)) ?? (await logged(o))
  return difference === 'unknown' ? difference : told(o, difference)
}

function told(
  o: EmailQueryChangesOptions,
  { result, removed, added, removedIds }: Difference,
): EmailQueryChanges {
  const { view, query, upTo } = o
  const isFixed = !traitsOf(query.filter).isMutable && query.sort.every((one) => !('keyword' in one))
  const last = isFixed && upTo !== undefined ? result.indexOf(view.slotOf(upTo)) : -1
  const end = last === -1 ? result.length : last + 1
  const behind = marked(result.subarray(end), view.count)
  const idOf = (slot: number): MessageId => view.ids[slot]! as MessageId
  const addedItems: { id: MessageId; index: number }[] = []
  for (let index = 0; index < end; index++)
    if (added.has(result[index]!)) addedItems.push({ id: idOf(result[index]!), index })
  return {
    removed: [...removedIds, ...[...removed].filter((slot) => behind[slot] === 0).map(idOf)],
    added: addedItems,
    total: result.length,
  }
}

/** Both results side by side; undefined where the old one cannot be had. */
async function compared(o: EmailQueryChangesOptions): Promise<Difference | undefined> {
  const { view, query, since } = o
  if (!traitsOf(query.filter).ofColumns) return undefined
  const then = view.asOf(since)
  if (then === undefined || hasLostMailboxes(then.view)) return undefined
  const mayReadThen = o.before?.mayRead ?? o.mayRead
  const seenThen = new SeenEmails(then.view, mayReadThen)
  const lost = [...then.changed].filter((slot) => view.places[slot] === gone && seenThen.isSeen(slot))
  // The place of a message that is gone is not known where its text decides it.
  if (lost.length > 0 && query.collapseThreads && ofStructures(query)) return undefined
  const before = await queryEmails({ ...o, view: then.view, mayRead: mayReadThen })
  const { slots: result } = await queryEmails(o)
  const old = marked(before.slots, view.count)
  const now = marked(result, view.count)
  const removed = new Set(before.slots.filter((slot) => now[slot] === 0))
  const added = new Set(result.filter((slot) => old[slot] === 0))
  for (const slot of lost) removed.add(slot)
  for (const slot of moved(o, seenThen, result)) {
    if (old[slot] === 0) continue
    removed.add(slot)
    added.add(slot)
  }
  return { result, removed, added, removedIds: [] }
}

/** Whether a message was in a mailbox that is there no more: what it was like in there is not known. */
function hasLostMailboxes({ mailboxes, placeSets, placeCounts }: EmailView): boolean {
  const known = new Set(mailboxes.map(({ id }) => id))
  return placeCounts.some((count, place) => count > 0 && placeSets.at(place).some((id) => !known.has(id)))
}

function marked(slots: Uint32Array, count: number): Uint8Array {
  const marks = new Uint8Array(count)
  for (const slot of slots) marks[slot] = 1
  return marks
}

const ofStructures = ({ sort }: EmailQuery): boolean =>
  sort.some(({ key }) => key === 'sentAt' || key === 'from' || key === 'to' || key === 'subject')

/** Those whose keywords, or the keywords of whose threads, sort them elsewhere. */
function moved(o: EmailQueryChangesOptions, seenThen: SeenEmails, slots: Uint32Array): Uint32Array {
  if (o.query.sort.every((one) => !('keyword' in one))) return new Uint32Array(0)
  const seen = new SeenEmails(o.view, o.mayRead)
  const numbers = o.query.sort.flatMap((one) =>
    'keyword' in one ? [[keywordNumber(one, seen), keywordNumber(one, seenThen)] as const] : [],
  )
  return slots.filter((slot) => numbers.some(([now, before]) => now(slot) !== before(slot)))
}

/** What the change log knows to be different. */
interface Logged {
  readonly emails: Changes
  readonly threads: Set<number>
}

async function readLog(
  tx: ReadTx,
  account: AccountId,
  since: Modseq,
  to: Modseq,
): Promise<Logged | 'unknown'> {
  const emails: Changes = new Map()
  const threads = new Set<number>()
  for (let after = since; ;) {
    const page = await entriesSince(tx, account, after, 256)
    if (page === 'tooOld') return 'unknown'
    for (const [modseq, entry] of page) {
      if (modseq > to) return { emails, threads }
      after = modseq
      // A change of 0 is of all, and of none.
      for (const [id, how] of entry.get('Email') ?? []) if (id !== 0) mergeChange(emails, id, how)
      for (const id of entry.get('Thread')?.keys() ?? []) threads.add(id)
    }
    if (page.length < 256) return { emails, threads }
  }
}

async function logged(o: EmailQueryChangesOptions): Promise<Difference | 'unknown'> {
  const { db, account, view, query, since } = o
  const log = await db.read((tx) => readLog(tx, account, since, view.modseq))
  if (log === 'unknown') return log
  addTurned(o, log)
  const traits = traitsOf(query.filter)
  const byThread = query.sort.some(
    ({ key }) => key === 'allInThreadHaveKeyword' || key === 'someInThreadHaveKeyword',
  )
  const changed = changedSlots(o, log, traits.ofThreads || byThread)
  const all = await queryEmails({ ...o, query: { ...query, collapseThreads: false } })
  if (query.collapseThreads) return onlySeen(o, collapsed(view, all.slots, changed))
  const { created, updated, destroyed } = changed
  const added = new Set([...created, ...updated])
  return onlySeen(o, { result: all.slots, removed: updated, added, removedIds: destroyed })
}

/** As if the messages had changed that lie where the user may read now and could not then, or the other way round. */
function addTurned({ view, mayRead, before }: EmailQueryChangesOptions, { emails, threads }: Logged): void {
  if (before === undefined) return
  const turned = view.mailboxes.filter((mailbox) => mayRead(mailbox) !== before.mayRead(mailbox))
  for (const [id, thread] of messagesIn(view, new Set(turned.map(({ id }) => id)))) {
    mergeChange(emails, id, 'updated')
    threads.add(thread)
  }
}

/** Of what may not be seen now only that is told which could be seen: nobody must learn of the rest. */
async function onlySeen(o: EmailQueryChangesOptions, difference: Difference): Promise<Difference> {
  if (o.before === undefined) return difference
  const seen = new SeenEmails(o.view, o.mayRead)
  const { removed, removedIds } = difference
  const hidden = [...removed].filter((slot) => !seen.isSeen(slot))
  const ids = [...removedIds, ...hidden.map((slot) => o.view.ids[slot]! as MessageId)]
  const saw = await o.before.saw(ids)
  return {
    ...difference,
    removed: removed.difference(new Set(hidden)),
    removedIds: ids.filter((_, i) => saw[i] === true),
  }
}

interface Changed {
  readonly created: ReadonlySet<number>
  /** Also those of whose threads others are different, if that matters. */
  readonly updated: ReadonlySet<number>
  readonly destroyed: readonly MessageId[]
  /** The slots that stand for threads in which something is different. */
  readonly leaders: ReadonlySet<number>
}

function changedSlots({ view, indexed }: EmailQueryChangesOptions, log: Logged, byThread: boolean): Changed {
  const created = new Set<number>()
  const updated = new Set<number>()
  const destroyed: MessageId[] = []
  for (const [id, how] of log.emails) {
    const slot = view.slotOf(id)
    // What has only entries with \Deleted has a slot still.
    if (slot === -1 || view.places[slot] === gone) destroyed.push(id as MessageId)
    else if (how === 'created' || how === 'restored') created.add(slot)
    else updated.add(slot)
  }
  const leaders = new Set<number>()
  for (const slot of [...created, ...updated]) leaders.add(view.leaders[slot]!)
  for (let slot = 0; slot < view.count; slot++) {
    if (view.places[slot] === gone) continue
    if (log.threads.has(view.threads[slot]!)) leaders.add(view.leaders[slot]!)
    const isOfThread = byThread && leaders.has(view.leaders[slot]!)
    const isIndexed =
      indexed !== undefined && view.ids[slot]! > indexed.before && view.ids[slot]! <= indexed.now
    if ((isOfThread || isIndexed) && !created.has(slot)) updated.add(slot)
  }
  for (const slot of updated) leaders.add(view.leaders[slot]!)
  return { created, updated, destroyed, leaders }
}

/**
 * Of a thread without changes the first message is what it was. Of one with changes it was the first of those that
 * have not changed, or one of those that have.
 */
function collapsed(
  view: EmailView,
  all: Uint32Array,
  { created, updated, destroyed, leaders }: Changed,
): Difference {
  const result = firstOfThreads(all, view)
  const removed = new Set(updated)
  const added = new Set<number>()
  const unchanged = new Map<number, number>()
  for (const slot of all) {
    const leader = view.leaders[slot]!
    if (leaders.has(leader) && !unchanged.has(leader) && !created.has(slot) && !updated.has(slot))
      unchanged.set(leader, slot)
  }
  const others = new Set([...updated].map((slot) => view.leaders[slot]!))
  for (const slot of result) {
    const leader = view.leaders[slot]!
    if (!leaders.has(leader)) continue
    const before = unchanged.get(leader)
    const isOnlyAdded = destroyed.length === 0 && !others.has(leader)
    if (isOnlyAdded && before === slot) continue
    if (before !== undefined) removed.add(before)
    added.add(slot)
  }
  return { result, removed, added, removedIds: destroyed }
}
