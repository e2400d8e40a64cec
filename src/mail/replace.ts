/**
 * REPLACE (RFC 8508): a new message comes into a mailbox and an old one leaves another, or the same, in one commit.
 */
import { Fault } from '#base/fault.ts'
import type { Uid } from '#base/id.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import type { Place } from './mailbox-row.ts'
import { expungeMessages } from './expunge.ts'
import { type Ingested, ingest, type IngestOptions } from './ingest.ts'
import type { MailLimits, MailUsage } from './limits.ts'
import { sizeOf } from './message-row.ts'
import type { PreparedMessage } from './prepare.ts'
import { entryTable, messageTable } from './tables.ts'

/** A message in a mailbox. */
export interface Replaced {
  readonly place: Place
  readonly uid: Uid
}

const nothing: MailUsage = { usedBytes: 0, messages: 0 }

/**
 * The room that an account has when the message is gone: none where it is another's, or in other mailboxes too.
 * Undefined where there is no such message.
 */
export async function roomOf(
  tx: ReadTx,
  { place, uid }: Replaced,
  account: Place['account'],
): Promise<MailUsage | undefined> {
  const id = await tx.get(entryTable, place.account, place.mailbox, uid)
  const row = id === undefined ? undefined : await tx.get(messageTable, place.account, id)
  if (row === undefined) return undefined
  if (place.account !== account || row.entries.length > 1) return nothing
  return { usedBytes: sizeOf(row), messages: 1 }
}

/**
 * Both accounts must be locked. Throws what `ingest` throws, and Fault('conflict') where the message that is to go
 * is not there any more.
 */
export async function replaceMessage(
  tx: WriteTx,
  old: Replaced,
  to: Place,
  message: PreparedMessage,
  o: Omit<IngestOptions, 'mailbox'>,
): Promise<Ingested> {
  const room = await roomOf(tx, old, to.account)
  if (room === undefined) throw new Fault('conflict', 'the message is gone', {})
  // First in, then out, so that the thread goes on; only what is more counts (RFC 8508 §3.4).
  const limits = withRoom(o.limits, room)
  const ingested = await ingest(tx, to.account, message, { ...o, mailbox: to.mailbox, limits })
  await expungeMessages(tx, old.place.account, old.place.mailbox, [old.uid], { onlyDeleted: false })
  return ingested
}

const withRoom = (limits: MailLimits, { usedBytes, messages }: MailUsage): MailLimits => ({
  ...limits,
  bytes: limits.bytes === 0 ? 0 : limits.bytes + usedBytes,
  messages: limits.messages === 0 ? 0 : limits.messages + messages,
})
