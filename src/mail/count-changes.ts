/**
 * What an edit does to the counts of JMAP and to its Threads, which may concern messages and mailboxes that the
 * edit itself does not touch: a Thread is unread in every mailbox that it is in (RFC 8621 §2).
 *
 * Only the Threads of messages are read that came or went, or became read or unread; a Thread has at most
 * as many messages as `thread.ts` says.
 */
import type { AccountId, MailboxId, MessageId, ThreadId } from '#base/id.ts'
import type { Change, ReadTx } from '#kv/tx.ts'
import { type CountedMessage, countedMessage, countsAlike, MailboxTally } from './mailbox-counts.ts'
import type { MessageRow } from './message-row.ts'
import { messageTable, threadTable } from './tables.ts'

export interface ChangedMessage {
  readonly id: MessageId
  /** undefined for one that is new. */
  readonly before: MessageRow | undefined
  /** undefined for one that is gone. */
  readonly after: MessageRow | undefined
}

export interface CountChanges {
  /** By how much each mailbox has more. */
  readonly tally: MailboxTally
  /** Threads that have other Emails than before, as JMAP sees them. */
  readonly threads: ReadonlyMap<ThreadId, Change>
  /** Mailboxes that Emails came into or left, by the Thread. */
  readonly moves: ReadonlyMap<ThreadId, ReadonlySet<MailboxId>>
}

interface ChangedThread {
  readonly ids: Set<MessageId>
  readonly before: CountedMessage[]
  readonly after: CountedMessage[]
  /** Begun by the edit. */
  isNew: boolean
  /** Emails came or went. */
  hasOthers: boolean
  readonly moves: Set<MailboxId>
}

/** The rows of messages and threads must be as they are after the edit. */
export async function countChanges(
  tx: ReadTx,
  account: AccountId,
  changed: Iterable<ChangedMessage>,
  trash: MailboxId | 0,
): Promise<CountChanges> {
  const tally = new MailboxTally(trash)
  const threads = new Map<ThreadId, Change>()
  const moves = new Map<ThreadId, ReadonlySet<MailboxId>>()
  const found = changedThreads(changed)
  if (found.size === 0) return { tally, threads, moves }
  await addOthers(tx, account, found)
  for (const [id, { before, after, isNew, hasOthers, moves: places }] of found) {
    if (places.size > 0) moves.set(id, places)
    tally.add(before, -1)
    tally.add(after, 1)
    // A thread that nobody saw may have been seen before.
    const came = isNew ? 'created' : 'restored'
    if (hasOthers) threads.set(id, before.length === 0 ? came : after.length === 0 ? 'destroyed' : 'updated')
  }
  return { tally, threads, moves }
}

function changedThreads(changed: Iterable<ChangedMessage>): Map<ThreadId, ChangedThread> {
  const found = new Map<ThreadId, ChangedThread>()
  for (const { id, before, after } of changed) {
    const was = before && countedMessage(before)
    const is = after && countedMessage(after)
    if (countsAlike(was, is)) continue
    const { thread } = (was ?? is)!
    let of = found.get(thread)
    if (of === undefined) {
      of = { ids: new Set(), before: [], after: [], isNew: false, hasOthers: false, moves: new Set() }
      found.set(thread, of)
    }
    of.ids.add(id)
    if (was === undefined || is === undefined) of.hasOthers = true
    for (const mailbox of differing(was?.mailboxes ?? [], is?.mailboxes ?? [])) of.moves.add(mailbox)
    // Then all its messages are new, and so among those that changed.
    if (before === undefined && (thread as number) === id) of.isNew = true
    if (was !== undefined) of.before.push(was)
    if (is !== undefined) of.after.push(is)
  }
  return found
}

const differing = (a: readonly MailboxId[], b: readonly MailboxId[]): readonly MailboxId[] => [
  ...a.filter((mailbox) => !b.includes(mailbox)),
  ...b.filter((mailbox) => !a.includes(mailbox)),
]

/** The messages that the edit leaves as they are. */
async function addOthers(
  tx: ReadTx,
  account: AccountId,
  found: ReadonlyMap<ThreadId, ChangedThread>,
): Promise<void> {
  const asked = [...found].filter(([, { isNew }]) => !isNew)
  if (asked.length === 0) return
  const rows = await tx.getMany(
    threadTable,
    asked.map(([id]) => [account, id] as const),
  )
  const others: { readonly id: MessageId; readonly of: ChangedThread }[] = []
  for (const [i, row] of rows.entries()) {
    const of = asked[i]![1]
    for (const id of row?.messages ?? []) if (!of.ids.has(id)) others.push({ id, of })
  }
  if (others.length === 0) return
  const messages = await tx.getMany(
    messageTable,
    others.map(({ id }) => [account, id] as const),
  )
  for (const [i, row] of messages.entries()) {
    const counted = row && countedMessage(row)
    if (counted === undefined) continue
    const { of } = others[i]!
    of.before.push(counted)
    of.after.push(counted)
  }
}
