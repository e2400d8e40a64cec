/**
 * Which Emails of Threads somebody sees: those with an entry without `\Deleted` (RFC 8621 §4.1.1) in a mailbox
 * whose contents the user may read (§2, mayReadItems).
 */
import type { MailboxId, MessageId } from '#base/id.ts'
import type { ReadTx } from '#kv/tx.ts'
import { listMailboxes } from '#mail/mailbox.ts'
import type { Mailbox } from '#mail/mailbox-row.ts'
import type { Entry, MessageRow } from '#mail/message-row.ts'
import type { OpenAccount } from './accounts.ts'

/** The mailboxes that the user may read; undefined for all, of an account of one's own that nobody restricts. */
export type Readable = ReadonlySet<MailboxId> | undefined

export async function readableMailboxes(tx: ReadTx, account: OpenAccount): Promise<Readable> {
  return readableOf(account, await listMailboxes(tx, account.id))
}

export function readableOf(account: OpenAccount, all: readonly Mailbox[]): Readable {
  const readable = all.filter((mailbox) => account.mayRead(mailbox))
  return readable.length === all.length ? undefined : new Set(readable.map(({ id }) => id))
}

const isReadable = (readable: Readable, { mailbox }: Pick<Entry, 'mailbox'>): boolean =>
  readable === undefined || readable.has(mailbox)

export const isVisible = (readable: Readable, { entries }: Pick<MessageRow, 'entries'>): boolean =>
  entries.some((entry) => !entry.deleted && isReadable(readable, entry))

/** RFC 8621 §3: oldest first, and then by id. */
export const inThreadOrder = (
  [a, rowA]: readonly [MessageId, MessageRow],
  [b, rowB]: readonly [MessageId, MessageRow],
): number => rowA.receivedAt - rowB.receivedAt || a - b
