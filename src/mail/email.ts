/**
 * Messages as JMAP sees them (RFC 8621 §4.1.1): in a set of mailboxes, with keywords. An entry with `\Deleted` is not
 * there, and a message without any other is none.
 *
 * Changing and destroying are one change of one message each, in an edit that may hold many of them.
 */
import { Fault } from '#base/fault.ts'
import type { AccountId, MailboxId, MessageId, ThreadId } from '#base/id.ts'
import { ownerKinds } from '#kv/blob-rows.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import { maxEntries } from './copy.ts'
import { AccountEdit } from './edit.ts'
import { expungeEntry } from './expunge.ts'
import { normalizeKeywords, sameKeywords } from './keywords.ts'
import type { MailLimits } from './limits.ts'
import { type MessageRow, sizeOf } from './message-row.ts'
import { messageTable, structureTable } from './tables.ts'
import { joinThread } from './thread.ts'

/** Mailboxes that a message is in, each once. */
export function mailboxesOf({ entries }: Pick<MessageRow, 'entries'>): ReadonlySet<MailboxId> {
  const found = new Set<MailboxId>()
  for (const { mailbox, deleted } of entries) if (!deleted) found.add(mailbox)
  return found
}

/** Rows of messages, undefined for those that are not there; also those with nothing but `\Deleted` entries. */
export const readEmails = async (
  tx: ReadTx,
  account: AccountId,
  ids: readonly MessageId[],
): Promise<readonly (MessageRow | undefined)[]> =>
  tx.getMany(
    messageTable,
    ids.map((id) => [account, id] as const),
  )

/** The ids of so many messages, the oldest first. */
export async function firstEmailIds(
  tx: ReadTx,
  account: AccountId,
  limit: number,
): Promise<readonly MessageId[]> {
  return (await tx.list(messageTable, [account], { limit })).map(([[, id]]) => id)
}

/** Stored structures of messages, in the order of the ids. */
export const readStructures = async (
  tx: ReadTx,
  account: AccountId,
  ids: readonly MessageId[],
): Promise<readonly (Uint8Array | undefined)[]> =>
  tx.getMany(
    structureTable,
    ids.map((id) => [account, id] as const),
  )

export interface EmailChange {
  /** All that it is to have, in any case. */
  readonly keywords?: readonly string[]
  /** All that it is to be in, at least one. */
  readonly mailboxes?: ReadonlySet<MailboxId>
  /** Now, in milliseconds. */
  readonly savedAt: number
}

/**
 * Throws Fault 'notFound' (the message, a mailbox), 'invalid', 'tooLarge' (keywords, mailboxes) and 'conflict' (a
 * mailbox has no more UIDs), and has changed nothing then: the edit can go on.
 */
export async function changeEmail(edit: AccountEdit, id: MessageId, change: EmailChange): Promise<void> {
  const row = await readEmail(edit, id)
  const keywords = change.keywords === undefined ? row.keywords : normalizeKeywords(change.keywords)
  const { added, gone } =
    change.mailboxes === undefined ? nowhereElse : await movesOf(edit, row, change.mailboxes)
  // Nothing that comes now fails.
  const isOther = !sameKeywords(row.keywords, keywords)
  if (isOther) await changeKeywords(edit, id, keywords)
  for (const mailbox of added) await putInto(edit, id, mailbox, change.savedAt)
  if (gone.size > 0)
    for (const entry of edit.message(id)!.entries)
      if (gone.has(entry.mailbox)) await edit.removeEntry(id, entry)
  if (isOther || added.size > 0 || gone.size > 0) edit.tx.changed(edit.account, 'Email', id, 'updated')
}

interface Moves {
  readonly added: ReadonlySet<MailboxId>
  readonly gone: ReadonlySet<MailboxId>
}

const nowhereElse: Moves = { added: new Set(), gone: new Set() }

/** What is possible of them. Throws as `changeEmail`. */
async function movesOf(edit: AccountEdit, row: MessageRow, wanted: ReadonlySet<MailboxId>): Promise<Moves> {
  const before = mailboxesOf(row)
  const added = wanted.difference(before)
  const gone = before.difference(wanted)
  if (row.entries.length + added.size > maxEntries + gone.size)
    throw new Fault('tooLarge', 'in too many mailboxes', { limit: maxEntries })
  for (const mailbox of added) await edit.assertRoomIn(mailbox)
  return { added, gone }
}

/** With the mailboxes that it is in, so that what changes it finds all rows. Throws Fault 'notFound'. */
async function readEmail(edit: AccountEdit, id: MessageId): Promise<MessageRow> {
  if (edit.message(id) === undefined) await edit.readMessages([id])
  const row = edit.message(id)
  if (row === undefined) throw new Fault('notFound', 'no such message', { what: 'message' })
  for (const { mailbox } of row.entries) await edit.mailbox(mailbox)
  return row
}

function changeKeywords(edit: AccountEdit, id: MessageId, keywords: readonly string[]): Promise<void> {
  const { modseq } = edit
  const { entries } = edit.message(id)!
  return edit.replace(
    id,
    keywords,
    entries.map((entry) => ({ ...entry, modseq })),
  )
}

/** An entry that waits for its expunge comes back; otherwise there is a new one. */
async function putInto(edit: AccountEdit, id: MessageId, mailbox: MailboxId, savedAt: number): Promise<void> {
  const row = edit.message(id)!
  const waiting = row.entries.find((entry) => entry.mailbox === mailbox)
  if (waiting === undefined) await edit.addEntry(id, row, mailbox, { savedAt, deleted: false })
  else {
    const { modseq } = edit
    const back = row.entries.map((entry) =>
      entry === waiting ? { ...entry, modseq, deleted: false } : entry,
    )
    await edit.replace(id, row.keywords, back)
  }
}

/** Takes a message out of all its mailboxes. Throws Fault 'notFound', and has changed nothing then. */
export async function destroyEmail(edit: AccountEdit, id: MessageId): Promise<void> {
  const { entries } = await readEmail(edit, id)
  for (const entry of entries) await expungeEntry(edit, id, entry)
}

export interface CopyEmailOptions {
  readonly mailboxes: readonly MailboxId[]
  readonly keywords: readonly string[]
  readonly receivedAt: number
  /** Now, in milliseconds. */
  readonly savedAt: number
  /** Of the account that it comes into. */
  readonly limits: MailLimits
}

/**
 * The same message in another account (RFC 8621 §4.7). Both must be locked. Throws Fault 'notFound' (the message, a
 * mailbox), 'overQuota', 'invalid' and 'tooLarge' (the keywords).
 */
export async function copyEmail(
  tx: WriteTx,
  from: { readonly account: AccountId; readonly id: MessageId },
  account: AccountId,
  o: CopyEmailOptions,
): Promise<{ readonly id: MessageId; readonly row: MessageRow; readonly thread: ThreadId }> {
  const original = await tx.get(messageTable, from.account, from.id)
  if (original === undefined) throw new Fault('notFound', 'no such message', { what: 'message' })
  const edit = await AccountEdit.open(tx, account)
  const keywords = normalizeKeywords(o.keywords)
  edit.charge(sizeOf(original), o.limits)
  const id = edit.newMessageId()
  await tx.link(original.blob, { account, kind: ownerKinds.message, id })
  const structure = await tx.get(structureTable, from.account, from.id)
  if (structure !== undefined) tx.put(structureTable, [account, id], structure)
  const thread = await joinThread(tx, account, id, original.threadKeys)
  const row = { ...original, receivedAt: o.receivedAt, thread, keywords, entries: [] }
  for (const mailbox of o.mailboxes)
    await edit.addEntry(id, edit.message(id) ?? row, mailbox, { savedAt: o.savedAt, deleted: false })
  tx.changed(account, 'Email', id, 'created')
  await edit.finish()
  return { id, row, thread }
}
