/**
 * COPY and MOVE: a message gets one more entry, and with MOVE loses the one it had (RFC 9051 §6.4.7, §6.4.8).
 *
 * Within an account the message stays the same, and so do its EMAILID and its keywords (RFC 8474 §5.1). A copy
 * is a message of its own, with the same bytes, where it goes to another account; where it has flags that its
 * copy may not have (RFC 4314 §4), since keywords are those of the message; and where it has very many entries,
 * so that no row grows without end.
 */
import type { MailboxId, MessageId, Uid } from '#base/id.ts'
import { ownerKinds } from '#kv/blob-rows.ts'
import type { WriteTx } from '#kv/tx.ts'
import { AccountEdit } from './edit.ts'
import { entryOf, expungeEntry, findEntries } from './expunge.ts'
import { type MailLimits, noLimits } from './limits.ts'
import type { Place } from './mailbox-row.ts'
import { type Entry, type MessageRow, sizeOf } from './message-row.ts'
import { allFlags, type FlagRights, mayChange } from './rights.ts'
import { messageTable, structureTable } from './tables.ts'
import { joinThread, joinThreadOf } from './thread.ts'

/** Entries that one message may have. */
export const maxEntries = 1000

/** Which messages go where. */
export interface Transfer {
  readonly from: Place
  readonly uids: readonly Uid[]
  readonly to: Place
}

export interface TransferOptions {
  /** Now, in milliseconds. */
  readonly savedAt: number
  /** Of the account that the messages come into: asked where it then holds more. */
  readonly limits?: MailLimits
  /** Which flags the copies may have: all, where this is absent. */
  readonly may?: FlagRights
  /** Called for each message. */
  readonly onEach?: () => void
}

export interface Copied {
  /** Of the mailbox that the messages are in now. */
  readonly uidValidity: number
  /** The UID before and the UID now, for COPYUID (RFC 4315 §3), ascending in both. */
  readonly pairs: (readonly [Uid, Uid])[]
}

/**
 * Copies by ascending UID; UIDs that the mailbox does not have are passed over. Both accounts must be locked.
 * COPY is all or nothing (RFC 9051 §6.4.7), so a caller does not split it, as it may split MOVE. Throws
 * Fault('notFound') for either mailbox and Fault('overQuota').
 */
export function copyMessages(tx: WriteTx, what: Transfer, o: TransferOptions): Promise<Copied> {
  return transfer(tx, what, { ...o, move: false })
}

/** As `copyMessages`; the entries in the first mailbox are expunged. Also within one mailbox. */
export function moveMessages(tx: WriteTx, what: Transfer, o: TransferOptions): Promise<Copied> {
  return transfer(tx, what, { ...o, move: true })
}

async function transfer(
  tx: WriteTx,
  { from, uids, to }: Transfer,
  o: TransferOptions & { move: boolean },
): Promise<Copied> {
  const source = await AccountEdit.open(tx, from.account)
  const target = from.account === to.account ? source : await AccountEdit.open(tx, to.account)
  await source.mailbox(from.mailbox)
  const { uidValidity } = await target.mailbox(to.mailbox)
  const pairs: (readonly [Uid, Uid])[] = []
  const ascending = uids.toSorted((a, b) => a - b)
  for (const [uid, id, entry] of await findEntries(source, from.mailbox, ascending)) {
    const isSame = source === target && staysSame(source.message(id)!, o)
    const copied = isSame
      ? await source.addEntry(id, source.message(id)!, to.mailbox, entryFor(entry, o))
      : await copyAsNew({ source, target, to: to.mailbox }, id, entry, o)
    pairs.push([uid, copied])
    o.onEach?.()
    if (o.move) await expungeEntry(source, id, entryOf(source, id, from.mailbox, uid)!)
    else if (isSame) tx.changed(from.account, 'Email', id, 'updated')
  }
  await source.finish()
  if (target !== source) await target.finish()
  return { uidValidity, pairs }
}

/** Whether another entry is all that the copy needs. An entry that leaves makes room for the one that comes. */
function staysSame(row: MessageRow, { move, may = allFlags }: TransferOptions & { move: boolean }): boolean {
  return (
    row.entries.length < maxEntries + (move ? 1 : 0) &&
    row.keywords.every((keyword) => mayChange(may, keyword))
  )
}

const entryFor = (
  { deleted }: Entry,
  { savedAt, may = allFlags }: TransferOptions,
): { savedAt: number; deleted: boolean } => ({ savedAt, deleted: deleted && may.deleted })

/** A message with the same bytes, and the keywords that it may have. */
async function copyAsNew(
  { source, target, to }: { source: AccountEdit; target: AccountEdit; to: MailboxId },
  original: MessageId,
  entry: Entry,
  o: TransferOptions & { move: boolean },
): Promise<Uid> {
  const { tx, account } = target
  const { may = allFlags, limits = noLimits } = o
  const row = source.message(original)!
  const structure = await tx.get(structureTable, source.account, original)
  // What moves within an account takes no more room than before.
  target.charge(sizeOf(row), o.move && source === target ? noLimits : limits)
  const id = target.newMessageId()
  await tx.link(row.blob, { account, kind: ownerKinds.message, id })
  if (structure !== undefined) tx.put(structureTable, [account, id], structure)
  const thread =
    source === target
      ? await joinThreadOf(tx, account, id, row)
      : await joinThread(tx, account, id, row.threadKeys)
  tx.changed(account, 'Email', id, 'created')
  const keywords = row.keywords.filter((keyword) => mayChange(may, keyword))
  const uid = await target.addEntry(id, { ...row, thread, keywords, entries: [] }, to, entryFor(entry, o))
  // Those that follow look in the rows for their thread.
  tx.put(messageTable, [account, id], target.message(id)!)
  return uid
}
