/**
 * Which Emails of Threads somebody sees: those with an entry without `\Deleted` (RFC 8621 §4.1.1) in a mailbox
 * whose contents the user may read (§2, mayReadItems).
 */
import type { AccountId, MailboxId, MessageId, Modseq } from '#base/id.ts'
import { changesSince, type Departed, departuresSince, expungedSince } from '#kv/change-log.ts'
import type { ReadTx } from '#kv/tx.ts'
import { listMailboxes } from '#mail/mailbox.ts'
import type { Mailbox } from '#mail/mailbox-row.ts'
import type { Entry, MessageRow } from '#mail/message-row.ts'
import type { OpenAccount } from './accounts.ts'
import { cannotCalculate } from './standard-changes.ts'

/** The mailboxes that the user may read; undefined for all, of an account of one's own that nobody restricts. */
export type Readable = ReadonlySet<MailboxId> | undefined

export async function readableMailboxes(tx: ReadTx, account: OpenAccount): Promise<Readable> {
  return readableOf(account, await listMailboxes(tx, account.id))
}

export function readableOf(account: OpenAccount, all: readonly Mailbox[]): Readable {
  const readable = all.filter((mailbox) => account.mayRead(mailbox))
  return readable.length === all.length ? undefined : new Set(readable.map(({ id }) => id))
}

export const isReadable = (readable: Readable, { mailbox }: Pick<Entry, 'mailbox'>): boolean =>
  readable === undefined || readable.has(mailbox)

export const isVisible = (readable: Readable, { entries }: Pick<MessageRow, 'entries'>): boolean =>
  entries.some((entry) => !entry.deleted && isReadable(readable, entry))

/** RFC 8621 §3: oldest first, and then by id. */
export const inThreadOrder = (
  [a, rowA]: readonly [MessageId, MessageRow],
  [b, rowB]: readonly [MessageId, MessageRow],
): number => rowA.receivedAt - rowB.receivedAt || a - b

/**
 * The messages, and the threads of those, that left a mailbox which the user may read. Throws MethodError
 * `cannotCalculateChanges` where that is not known: of mailboxes that are not shared nobody keeps it.
 */
export async function departed(
  tx: ReadTx,
  account: AccountId,
  all: readonly Mailbox[],
  readable: ReadonlySet<MailboxId>,
  since: Modseq,
): Promise<Departed> {
  const shared = all.filter(({ id, grants }) => readable.has(id) && grants.length > 0).map(({ id }) => id)
  const found = await departuresSince(tx, account, shared, since)
  if (found === 'tooOld') throw cannotCalculate()
  for (const mailbox of readable) {
    if (shared.includes(mailbox)) continue
    const uids = await expungedSince(tx, account, mailbox, since)
    if (uids === 'tooOld' || uids.length > 0) throw cannotCalculate()
  }
  return found
}

/**
 * What somebody sees of an account is known from its changes only while they may read what they could before. Throws
 * MethodError `cannotCalculateChanges`.
 */
export async function assertSameRights(
  tx: ReadTx,
  account: AccountId,
  all: readonly Mailbox[],
  since: Modseq,
): Promise<void> {
  const mailboxes = await changesSince(tx, account, 'Mailbox', since, Number.POSITIVE_INFINITY)
  if (mailboxes === 'tooOld' || mailboxes.destroyed.length > 0) throw cannotCalculate()
  const isNew = new Set(mailboxes.created)
  if (all.some(({ id, grantsModseq }) => grantsModseq > since && !isNew.has(id))) throw cannotCalculate()
}
