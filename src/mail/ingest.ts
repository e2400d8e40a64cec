/**
 * A new message comes into a mailbox: the one way in for delivery, IMAP APPEND, JMAP import and migration.
 *
 * Writes, besides what every commit writes: message, structure, entry, mailbox, counters, blob link and the
 * thread keys that are not there yet.
 */
import type { AccountId, MailboxId, MessageId, Modseq, ThreadId, Uid } from '#base/id.ts'
import { ownerKinds } from '#kv/blob-rows.ts'
import type { WriteTx } from '#kv/tx.ts'
import { AccountEdit } from './edit.ts'
import { normalizeKeywords } from './keywords.ts'
import type { MailLimits } from './limits.ts'
import type { PreparedMessage } from './prepare.ts'
import { structureTable } from './tables.ts'
import { joinThread } from './thread.ts'

export interface IngestOptions {
  readonly mailbox: MailboxId
  readonly keywords: readonly string[]
  readonly deleted?: boolean
  /** Now, for SAVEDATE (RFC 8514). Milliseconds. */
  readonly savedAt: number
  /** Of the account. */
  readonly limits: MailLimits
}

export interface Ingested {
  readonly id: MessageId
  readonly uid: Uid
  readonly uidValidity: number
  readonly thread: ThreadId
  readonly modseq: Modseq
}

/** A message that came into one or several mailboxes at once. */
export type IngestedEmail = Omit<Ingested, 'uid' | 'uidValidity'> & { readonly uids: readonly Uid[] }

/**
 * Throws Fault 'overQuota', 'notFound' (the mailbox or the account is gone), 'invalid' and 'tooLarge' (the
 * keywords).
 */
export async function ingest(
  tx: WriteTx,
  account: AccountId,
  message: PreparedMessage,
  o: IngestOptions,
): Promise<Ingested> {
  const edit = await AccountEdit.open(tx, account)
  const { uidValidity } = await edit.mailbox(o.mailbox)
  const { uids, ...ingested } = await bringIn(edit, message, [o.mailbox], o)
  return { ...ingested, uid: uids[0]!, uidValidity }
}

/** The same into several mailboxes, at least one. */
export async function ingestEmail(
  tx: WriteTx,
  account: AccountId,
  message: PreparedMessage,
  mailboxes: readonly MailboxId[],
  o: Omit<IngestOptions, 'mailbox'>,
): Promise<IngestedEmail> {
  return bringIn(await AccountEdit.open(tx, account), message, mailboxes, o)
}

async function bringIn(
  edit: AccountEdit,
  message: PreparedMessage,
  mailboxes: readonly MailboxId[],
  o: Omit<IngestOptions, 'mailbox'>,
): Promise<IngestedEmail> {
  const { tx, account } = edit
  const keywords = normalizeKeywords(o.keywords)
  edit.charge(message.prefix.length + message.staged.sizeBytes, o.limits)
  const id = edit.newMessageId()
  const thread = await joinThread(tx, account, id, message.threadKeys)
  const row = {
    prefix: message.prefix,
    blob: tx.attach(message.staged, { account, kind: ownerKinds.message, id }),
    blobBytes: message.staged.sizeBytes,
    receivedAt: message.receivedAt,
    thread,
    threadKeys: message.threadKeys,
    keywords,
    entries: [],
  }
  const uids: Uid[] = []
  for (const mailbox of mailboxes) {
    const current = edit.message(id) ?? row
    uids.push(await edit.addEntry(id, current, mailbox, { savedAt: o.savedAt, deleted: o.deleted ?? false }))
  }
  tx.put(structureTable, [account, id], message.structure)
  tx.changed(account, 'Email', id, 'created')
  await edit.finish()
  return { id, uids, thread, modseq: edit.modseq }
}
