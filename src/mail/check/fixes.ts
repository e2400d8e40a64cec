/**
 * The repairs of mail that several checks use. Each reads what it changes in its own transaction, and leaves
 * the traces by which clients learn of it: modseqs, expunge log, change log, and where UIDs can no longer be
 * trusted a new UIDVALIDITY.
 */
import { Fault } from '#base/fault.ts'
import type { AccountId, BlobHash, MailboxId, MessageId, Uid } from '#base/id.ts'
import { linkAgain } from '#blob/check.ts'
import { ownerKinds } from '#kv/blob-rows.ts'
import { expungeLogTable } from '#kv/change-log.ts'
import { anyRowTable, getRow } from '#kv/check.ts'
import type { WriteTx } from '#kv/tx.ts'
import { AccountEdit } from '../edit.ts'
import { expungeEntry } from '../expunge.ts'
import { noLimits } from '../limits.ts'
import { inboxId } from '../mailbox.ts'
import type { MailboxRow } from '../mailbox-row.ts'
import type { Entry, MessageRow } from '../message-row.ts'
import { countersTable, entryTable, mailboxTable, messageTable, structureTable } from '../tables.ts'
import { joinThread } from '../thread.ts'

/** Something in the mailbox changed; one that does not exist is left to its own repair. */
export async function touchMailbox(
  tx: WriteTx,
  account: AccountId,
  id: MailboxId,
  change: Partial<MailboxRow> = {},
): Promise<void> {
  const row = await tx.get(mailboxTable, account, id)
  if (row === undefined) return
  tx.put(mailboxTable, [account, id], { ...row, ...change, highestModseq: tx.modseq(account) })
  tx.changed(account, 'Mailbox', id, 'updated')
}

/** The message with a change, all its entries new to whoever asks what changed. */
export async function rewriteMessage(
  tx: WriteTx,
  account: AccountId,
  id: MessageId,
  change: (row: MessageRow) => Partial<MessageRow>,
): Promise<void> {
  const row = await tx.get(messageTable, account, id)
  if (row === undefined) return
  const changed = { ...row, ...change(row) }
  const modseq = tx.modseq(account)
  const entries = changed.entries.map((entry) => ({ ...entry, modseq }))
  tx.put(messageTable, [account, id], { ...changed, entries })
  for (const mailbox of new Set(entries.map((entry) => entry.mailbox)))
    await touchMailbox(tx, account, mailbox)
  tx.changed(account, 'Email', id, 'updated')
}

/** The entry of a list goes, and clients are told. */
export async function dropEntry(
  tx: WriteTx,
  account: AccountId,
  mailbox: MailboxId,
  uid: Uid,
): Promise<void> {
  tx.delete(entryTable, [account, mailbox, uid])
  tx.expunged(account, mailbox, [uid])
  await touchMailbox(tx, account, mailbox)
}

/** What clients know of the UIDs of a mailbox no longer holds. */
export async function renewUidValidity(tx: WriteTx, account: AccountId, mailbox: MailboxId): Promise<void> {
  await touchMailbox(tx, account, mailbox, { uidValidity: await newUidValidity(tx, account) })
  // It is about UIDs that mean other messages now.
  const rows = await tx.list(anyRowTable, [expungeLogTable.prefix(account, mailbox)])
  for (const [key] of rows) tx.delete(anyRowTable, key)
}

export async function newUidValidity(tx: WriteTx, account: AccountId): Promise<number> {
  const counters = await tx.get(countersTable, account)
  if (counters === undefined) throw new Fault('notFound', 'no such account', { what: 'account' })
  const uidValidity = counters.uidValidity + 1
  tx.put(countersTable, [account], { ...counters, uidValidity })
  return uidValidity
}

/** The entry `index` of a message gets a UID that nobody has. */
export async function giveNewUid(
  tx: WriteTx,
  account: AccountId,
  id: MessageId,
  index: number,
): Promise<void> {
  const row = await tx.get(messageTable, account, id)
  const entry = row?.entries[index]
  if (entry === undefined) return
  const uid = await takeUid(tx, account, entry.mailbox)
  if (uid === undefined) return
  await rewriteMessage(tx, account, id, ({ entries }) => ({
    entries: entries.map((one, i) => (i === index ? { ...one, uid } : one)),
  }))
  tx.put(entryTable, [account, entry.mailbox, uid], id)
  await renewUidValidity(tx, account, entry.mailbox)
}

async function takeUid(tx: WriteTx, account: AccountId, mailbox: MailboxId): Promise<Uid | undefined> {
  const box = await tx.get(mailboxTable, account, mailbox)
  if (box === undefined) return undefined
  let uid = Math.max(1, box.uidNext) as Uid
  // UIDNEXT may itself be wrong.
  while ((await getRow(tx, entryTable, account, mailbox, uid)) !== undefined) uid++
  tx.put(mailboxTable, [account, mailbox], { ...box, uidNext: (uid + 1) as Uid })
  return uid
}

/** A message that is in no mailbox comes into the Inbox. */
export async function putIntoInbox(
  tx: WriteTx,
  account: AccountId,
  id: MessageId,
  now: number,
): Promise<void> {
  const row = await tx.get(messageTable, account, id)
  if (row === undefined || row.entries.length > 0) return
  const uid = await takeUid(tx, account, inboxId)
  if (uid === undefined) return
  const entry: Entry = { mailbox: inboxId, uid, modseq: tx.modseq(account), savedAt: now, deleted: false }
  await rewriteMessage(tx, account, id, () => ({ entries: [entry] }))
  tx.put(entryTable, [account, inboxId, uid], id)
}

/** The message is expunged from all its mailboxes. */
export async function expungeMessage(tx: WriteTx, account: AccountId, id: MessageId): Promise<void> {
  const edit = await AccountEdit.open(tx, account)
  await edit.readMessages([id])
  for (const entry of edit.message(id)?.entries ?? []) await expungeEntry(edit, id, entry)
  await edit.finish()
}

/** What is known of bytes without a message row. */
export interface FoundMessage {
  readonly blob: BlobHash
  readonly blobBytes: number
  readonly structure: Uint8Array
  readonly threadKeys: Uint8Array
  readonly receivedAt: number
}

/**
 * A message again from its bytes, where the one it was had entries. It is a new one: the bytes that were added
 * at delivery are lost, and what is known under a UID must not change (RFC 9051 §2.3.1.1).
 */
export async function remakeMessage(
  tx: WriteTx,
  account: AccountId,
  lost: { id: MessageId; places: readonly (readonly [MailboxId, Uid])[] },
  found: FoundMessage,
  now: number,
): Promise<void> {
  const row = await getRow(tx, messageTable, account, lost.id)
  if (row !== undefined && row !== 'damaged') return
  tx.delete(messageTable, [account, lost.id])
  for (const [mailbox, uid] of lost.places) await dropEntry(tx, account, mailbox, uid)
  tx.delete(structureTable, [account, lost.id])
  tx.unlink(found.blob, { account, kind: ownerKinds.message, id: lost.id })
  tx.changed(account, 'Email', lost.id, 'destroyed')
  const mailboxes = new Set<MailboxId>()
  for (const [mailbox] of lost.places) {
    const isThere = (await tx.get(mailboxTable, account, mailbox)) !== undefined
    mailboxes.add(isThere ? mailbox : inboxId)
  }
  if (mailboxes.size === 0) mailboxes.add(inboxId)
  const edit = await AccountEdit.open(tx, account)
  const id = edit.newMessageId()
  edit.charge(found.blobBytes, noLimits)
  const thread = await joinThread(tx, account, id, found.threadKeys)
  await linkAgain(tx, found.blob, { account, kind: ownerKinds.message, id })
  const { structure, ...rest } = found
  let made: MessageRow = { ...rest, prefix: Buffer.alloc(0), thread, keywords: [], entries: [] }
  for (const mailbox of mailboxes) {
    await edit.addEntry(id, made, mailbox, { savedAt: now, deleted: false })
    made = edit.message(id)!
  }
  tx.put(structureTable, [account, id], structure)
  tx.changed(account, 'Email', id, 'created')
  await edit.finish()
}
