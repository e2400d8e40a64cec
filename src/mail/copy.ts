/**
 * COPY and MOVE: a message gets one more entry, and with MOVE loses the one it had (RFC 9051 §6.4.7, §6.4.8).
 *
 * The message stays the same, and so do its EMAILID and its keywords (RFC 8474 §5.1). Only where it has very
 * many entries does a copy become a message of its own, so that no row grows without end.
 */
import type { AccountId, MailboxId, MessageId, Uid } from '#base/id.ts'
import { ownerKinds } from '#kv/blob-rows.ts'
import type { WriteTx } from '#kv/tx.ts'
import { AccountEdit } from './edit.ts'
import { entryOf, expungeEntry, findEntries } from './expunge.ts'
import { noLimits } from './limits.ts'
import { sizeOf } from './message-row.ts'
import { structureTable } from './tables.ts'
import { joinThreadOf } from './thread.ts'

/** Entries that one message may have. */
export const maxEntries = 1000

export interface Copied {
  /** Of the mailbox that the messages are in now. */
  readonly uidValidity: number
  /** The UID before and the UID now, for COPYUID (RFC 4315 §3), ascending in both. */
  readonly pairs: (readonly [Uid, Uid])[]
}

/**
 * Copies by ascending UID; UIDs that the mailbox does not have are passed over. `savedAt` is now, in
 * milliseconds. COPY is all or nothing (RFC 9051 §6.4.7), so a caller does not split it, as it may split MOVE.
 * Throws Fault('notFound') for either mailbox.
 */
export function copyMessages(
  tx: WriteTx,
  account: AccountId,
  from: MailboxId,
  uids: readonly Uid[],
  to: MailboxId,
  o: { savedAt: number },
): Promise<Copied> {
  return transfer(tx, account, from, uids, to, { ...o, move: false })
}

/** As `copyMessages`; the entries in the first mailbox are expunged. Also within one mailbox. */
export function moveMessages(
  tx: WriteTx,
  account: AccountId,
  from: MailboxId,
  uids: readonly Uid[],
  to: MailboxId,
  o: { savedAt: number },
): Promise<Copied> {
  return transfer(tx, account, from, uids, to, { ...o, move: true })
}

async function transfer(
  tx: WriteTx,
  account: AccountId,
  from: MailboxId,
  uids: readonly Uid[],
  to: MailboxId,
  o: { savedAt: number; move: boolean },
): Promise<Copied> {
  const edit = await AccountEdit.open(tx, account)
  await edit.mailbox(from)
  const { uidValidity } = await edit.mailbox(to)
  const pairs: (readonly [Uid, Uid])[] = []
  const ascending = uids.toSorted((a, b) => a - b)
  for (const [uid, id, entry] of await findEntries(edit, from, ascending)) {
    const row = edit.message(id)!
    // An entry that leaves makes room for the one that comes.
    const isFull = row.entries.length >= maxEntries + (o.move ? 1 : 0)
    const copied = isFull
      ? await copyAsNew(edit, id, to, { ...o, deleted: entry.deleted })
      : await edit.addEntry(id, row, to, { savedAt: o.savedAt, deleted: entry.deleted })
    pairs.push([uid, copied])
    if (o.move) await expungeEntry(edit, id, entryOf(edit, id, from, uid)!)
    else if (!isFull) tx.changed(account, 'Email', id, 'updated')
  }
  edit.finish()
  return { uidValidity, pairs }
}

/** A message with the same bytes, keywords and thread. Quota is not asked: this is rare. */
async function copyAsNew(
  edit: AccountEdit,
  original: MessageId,
  to: MailboxId,
  o: { savedAt: number; deleted: boolean },
): Promise<Uid> {
  const { tx, account } = edit
  const row = edit.message(original)!
  const structure = await tx.get(structureTable, account, original)
  edit.charge(sizeOf(row), noLimits)
  const id = edit.newMessageId()
  await tx.link(row.blob, { account, kind: ownerKinds.message, id })
  if (structure !== undefined) tx.put(structureTable, [account, id], structure)
  await joinThreadOf(tx, account, id, row)
  tx.changed(account, 'Email', id, 'created')
  return edit.addEntry(id, { ...row, entries: [] }, to, o)
}
