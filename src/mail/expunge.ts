/**
 * EXPUNGE: entries leave a mailbox for good. The last entry of a message takes the message with it: row,
 * structure, place in its thread and ownership of its blob, whose bytes the sweeper then removes.
 */
import type { AccountId, MailboxId, MessageId, Uid } from '#base/id.ts'
import { ownerKinds } from '#kv/blob-rows.ts'
import type { WriteTx } from '#kv/tx.ts'
import { AccountEdit } from './edit.ts'
import type { Entry } from './message-row.ts'
import { entryTable, structureTable } from './tables.ts'
import { leaveThread } from './thread.ts'

/** Of a whole mailbox, entries that are looked at together. */
const pageEntries = 1000

export interface ExpungeOptions {
  /** IMAP (RFC 9051 §6.4.3): only entries with `\Deleted` go. */
  readonly onlyDeleted: boolean
  /** With 'all': at most as many entries, lowest UIDs first, so that a large mailbox goes page by page. */
  readonly limit?: number
}

/**
 * Returns the UIDs that are gone, ascending; UIDs that the mailbox does not have are passed over. Thousands of
 * UIDs at once work, but a caller with more than about 2,000 should page. Throws Fault('notFound').
 */
export async function expungeMessages(
  tx: WriteTx,
  account: AccountId,
  mailbox: MailboxId,
  uids: readonly Uid[] | 'all',
  o: ExpungeOptions,
): Promise<Uid[]> {
  const edit = await AccountEdit.open(tx, account)
  const { deleted } = await edit.mailbox(mailbox)
  if (o.onlyDeleted && deleted === 0) return []
  const gone = await expungeEntries(edit, mailbox, uids, o)
  await edit.finish()
  return gone
}

/** The same inside an edit that does more. */
export async function expungeEntries(
  edit: AccountEdit,
  mailbox: MailboxId,
  uids: readonly Uid[] | 'all',
  o: ExpungeOptions,
): Promise<Uid[]> {
  const gone: Uid[] = []
  if (uids !== 'all') await expungeSome(edit, mailbox, uids, o, gone)
  else {
    for (let after = 0 as Uid, isOver = false; !isOver;) {
      const page = await uidsAfter(edit, mailbox, after)
      await expungeSome(edit, mailbox, page, o, gone)
      const { deleted } = await edit.mailbox(mailbox)
      isOver = page.length < pageEntries || gone.length === o.limit || (o.onlyDeleted && deleted === 0)
      after = page.at(-1) ?? after
    }
  }
  return gone.sort((a, b) => a - b)
}

async function expungeSome(
  edit: AccountEdit,
  mailbox: MailboxId,
  uids: readonly Uid[],
  o: ExpungeOptions,
  gone: Uid[],
): Promise<void> {
  for (const [uid, id, entry] of await findEntries(edit, mailbox, uids)) {
    if (gone.length === o.limit) return
    if (o.onlyDeleted && !entry.deleted) continue
    await expungeEntry(edit, id, entry)
    gone.push(uid)
  }
}

async function uidsAfter(edit: AccountEdit, mailbox: MailboxId, after: Uid): Promise<readonly Uid[]> {
  const { tx, account } = edit
  const o = { after: [account, mailbox, after] as const, limit: pageEntries }
  return (await tx.list(entryTable, [account, mailbox], o)).map(([[, , uid]]) => uid)
}

/** The entries that a mailbox has under these UIDs, each with its message, which the edit then holds. */
export async function findEntries(
  edit: AccountEdit,
  mailbox: MailboxId,
  wanted: readonly Uid[],
): Promise<readonly (readonly [Uid, MessageId, Entry])[]> {
  const uids = [...new Set(wanted)]
  const ids = await edit.messagesOf(mailbox, uids)
  await edit.readMessages([...new Set(ids.filter((id) => id !== undefined))])
  const found: (readonly [Uid, MessageId, Entry])[] = []
  for (const [i, uid] of uids.entries()) {
    const id = ids[i]
    const entry = id === undefined ? undefined : entryOf(edit, id, mailbox, uid)
    if (entry !== undefined) found.push([uid, id!, entry])
  }
  return found
}

/** The entry as the edit has it now. */
export const entryOf = (edit: AccountEdit, id: MessageId, mailbox: MailboxId, uid: Uid): Entry | undefined =>
  edit.message(id)?.entries.find((entry) => entry.mailbox === mailbox && entry.uid === uid)

/** One entry goes; with the last, the message. */
export async function expungeEntry(edit: AccountEdit, id: MessageId, entry: Entry): Promise<void> {
  const { tx, account } = edit
  const row = await edit.removeEntry(id, entry)
  if (row.entries.length > 0) {
    tx.changed(account, 'Email', id, 'updated')
    return
  }
  edit.release(id)
  tx.delete(structureTable, [account, id])
  tx.unlink(row.blob, { account, kind: ownerKinds.message, id })
  await leaveThread(tx, account, id, row)
  tx.changed(account, 'Email', id, 'destroyed')
}
