/**
 * What the mailboxes of an account were like at an earlier commit: who had which rights, and which of the messages
 * that came or left since were in them. With it, somebody who sees only some mailboxes can be told what became
 * different for them, and of nothing else.
 *
 * What must always hold: what is said to have been so was so. Of mailboxes that nobody was ever given rights on, no
 * log tells what came and left.
 */
import type { AccountId, MailboxId, MessageId, Modseq, ThreadId } from '#base/id.ts'
import { changesSince } from '#kv/change-log.ts'
import { type SharedLogRow, sharedSince } from '#kv/shared-log.ts'
import type { ReadTx } from '#kv/tx.ts'
import type { EmailView } from './email-view.ts'
import { grantsCodec, type Mailbox, wasShared } from './mailbox-row.ts'
import type { Grant } from './rights.ts'

export interface MailboxPast {
  readonly id: MailboxId
  /** As it is now; undefined where it was destroyed since. */
  readonly now: Mailbox | undefined
  /** Whether it was not created since. */
  readonly wasThere: boolean
  /** As they were then, or when it was created. */
  readonly grants: readonly Grant[]
  /** The commits since that changed the rights on it, or destroyed it. */
  readonly rightsChanged: readonly Modseq[]
  /** As they were at a commit since then. */
  grantsAt(modseq: Modseq): readonly Grant[]
  /** Whether `passed` has all that came or left since. */
  readonly isLogged: boolean
  readonly passed: ReadonlyMap<MessageId, Passed>
}

/** A message that came into a mailbox or left it since. */
interface Passed {
  readonly thread: ThreadId
  /** Whether it was in there then. */
  readonly wasIn: boolean
}

/**
 * The mailboxes of `all`, those of now, and those that were destroyed since. What came and left is read where rights
 * have changed, and of those that `wanted` says.
 */
export async function accountPast(
  tx: ReadTx,
  account: AccountId,
  all: readonly Mailbox[],
  since: Modseq,
  wanted: (mailbox: Mailbox) => boolean,
): Promise<readonly MailboxPast[] | 'tooOld'> {
  const changes = await changesSince(tx, account, 'Mailbox', since, Number.POSITIVE_INFINITY)
  if (changes === 'tooOld') return changes
  const created = new Set<number>(changes.created)
  const past: MailboxPast[] = []
  const add = async (id: MailboxId, now: Mailbox | undefined, isRead: boolean): Promise<void> => {
    const rows = isRead ? await sharedSince(tx, account, id, since) : []
    if (rows !== 'tooOld') past.push({ ...mailboxPast(id, now, rows), wasThere: !created.has(id) })
  }
  for (const mailbox of all) {
    const { id, grantsModseq, highestModseq } = mailbox
    await add(id, mailbox, grantsModseq > since || (highestModseq > since && wanted(mailbox)))
  }
  for (const id of changes.destroyed) await add(id as MailboxId, undefined, true)
  return past
}

function mailboxPast(
  id: MailboxId,
  now: Mailbox | undefined,
  rows: readonly (readonly [Modseq, SharedLogRow])[],
): Omit<MailboxPast, 'wasThere'> {
  const passed = new Map<MessageId, Passed>()
  const rights = rows.filter(([, { rightsBefore }]) => rightsBefore.length > 0)
  for (const [, { came, left }] of rows) {
    for (const [passing, wasIn] of [[came, false] as const, [left, true] as const])
      for (const [message, thread] of passing)
        if (!passed.has(message as MessageId))
          passed.set(message as MessageId, { thread: thread as ThreadId, wasIn })
  }
  const [first] = rights
  // One that is gone and was never shared had no grants.
  const then = first === undefined ? now : grantsCodec.decode(first[1].rightsBefore)
  return {
    id,
    now,
    grants: then?.grants ?? [],
    rightsChanged: rights.map(([modseq]) => modseq),
    grantsAt(modseq) {
      const later = rights.find(([changed]) => changed > modseq)
      return later === undefined ? (now?.grants ?? []) : grantsCodec.decode(later[1].rightsBefore).grants
    },
    isLogged: then !== undefined && wasShared(then),
    passed,
  }
}

/** The messages that are in any of some mailboxes, ascending, each with its thread. */
export function messagesIn(
  { count, ids, threads, places, placeSets }: EmailView,
  mailboxes: ReadonlySet<MailboxId>,
): Map<MessageId, ThreadId> {
  const isIn = Array.from({ length: placeSets.size }, (_, i) =>
    placeSets.at(i).some((id) => mailboxes.has(id)),
  )
  const found = new Map<MessageId, ThreadId>()
  for (let slot = 0; slot < count; slot++)
    if (isIn[places[slot]!] === true) found.set(ids[slot]! as MessageId, threads[slot]! as ThreadId)
  return found
}
