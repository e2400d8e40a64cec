/**
 * A mailbox becomes the trash or ceases to be it: the Threads of what is in it are counted otherwise then, in every
 * mailbox that they are in (RFC 8621 §2).
 */
import type { AccountId, MailboxId, MessageId, ThreadId, Uid } from '#base/id.ts'
import type { WriteTx } from '#kv/tx.ts'
import { AccountEdit } from './edit.ts'
import { type CountedMessage, countedMessage, MailboxTally } from './mailbox-counts.ts'
import type { MessageRow } from './message-row.ts'
import { entryTable, messageTable, threadTable } from './tables.ts'

const pageEntries = 1000

/** The mailbox is the trash from now on, whichever was. */
export async function takeTrash(tx: WriteTx, account: AccountId, mailbox: MailboxId): Promise<void> {
  await setTrash(tx, await AccountEdit.open(tx, account), mailbox)
}

/** The mailbox is not the trash any more, if it was. */
export async function leaveTrash(tx: WriteTx, account: AccountId, mailbox: MailboxId): Promise<void> {
  const edit = await AccountEdit.open(tx, account)
  if (edit.trash === mailbox) await setTrash(tx, edit, 0)
}

async function setTrash(tx: WriteTx, edit: AccountEdit, to: MailboxId | 0): Promise<void> {
  const { account, trash: from } = edit
  if (from === to) return
  const seen = new Set<ThreadId>()
  for (const mailbox of [from, to]) {
    if (mailbox === 0) continue
    for await (const messages of threadsIn(tx, account, mailbox, seen)) {
      const before = new MailboxTally(from)
      const after = new MailboxTally(to)
      before.add(messages, -1)
      after.add(messages, 1)
      await edit.addCounts(before)
      await edit.addCounts(after)
    }
  }
  edit.setTrash(to)
  await edit.finish()
}

/** The messages of each thread that has an entry in the mailbox and is not in `seen` yet. */
async function* threadsIn(
  tx: WriteTx,
  account: AccountId,
  mailbox: MailboxId,
  seen: Set<ThreadId>,
): AsyncGenerator<readonly CountedMessage[]> {
  for (let after = 0 as Uid; ;) {
    const o = { after: [account, mailbox, after] as const, limit: pageEntries }
    const page = await tx.list(entryTable, [account, mailbox], o)
    const rows = await readMessages(
      tx,
      account,
      page.map(([, id]) => id),
    )
    const fresh = new Map<ThreadId, MessageRow>()
    for (const row of rows) if (!seen.has(row.thread)) fresh.set(row.thread, row)
    const ids = [...fresh.keys()]
    const threads = await tx.getMany(
      threadTable,
      ids.map((id) => [account, id] as const),
    )
    for (const [i, thread] of ids.entries()) {
      seen.add(thread)
      const row = threads[i]
      const messages =
        row === undefined ? [fresh.get(thread)!] : await readMessages(tx, account, row.messages)
      yield messages.map(countedMessage).filter((one) => one !== undefined)
    }
    if (page.length < pageEntries) return
    after = page.at(-1)![0][2]
  }
}

async function readMessages(
  tx: WriteTx,
  account: AccountId,
  ids: readonly MessageId[],
): Promise<readonly MessageRow[]> {
  const rows = await tx.getMany(
    messageTable,
    ids.map((id) => [account, id] as const),
  )
  return rows.filter((row) => row !== undefined)
}
