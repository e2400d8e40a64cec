/**
 * What a view must read to be up to date: the rows that changed since a commit, found by the change log, and
 * the entries of a mailbox page by page.
 *
 * All of it is read in one snapshot, so it does not matter which of several commits changed what: the rows
 * say how things are, and an entry's modseq says whether that is new.
 */
import type { AccountId, DataType, MailboxId, MessageId, Modseq, Uid } from '#base/id.ts'
import { entriesSince, expungedSince } from '#kv/change-log.ts'
import type { ReadTx } from '#kv/tx.ts'
import type { Mailbox } from './mailbox-row.ts'
import { type Entry, type MessageSummary, summaryOf } from './message-row.ts'
import { entryTable, mailboxTable, storedMessageTable } from './tables.ts'

export interface ReadEntry {
  readonly id: MessageId
  readonly message: MessageSummary
  readonly entry: Entry
}

export interface News {
  /** The commit that the rows are of. */
  readonly to: Modseq
  /** Mailboxes whose row, entries or expunged UIDs may be new; undefined for one that is gone. */
  readonly mailboxes: ReadonlyMap<MailboxId, Mailbox | undefined>
  /** Entries that are new or whose flags changed. */
  readonly entries: readonly ReadEntry[]
  /** Messages that are new or different in whatever way; undefined for one that is gone. */
  readonly messages: ReadonlyMap<MessageId, MessageSummary | undefined>
  /** Only of mailboxes that are loaded. */
  readonly expunged: ReadonlyMap<MailboxId, readonly Uid[]>
}

/** Entries of a mailbox that are read in one snapshot. */
const pageEntries = 2000
/** More changed messages than this are not followed. */
const maxFollowed = 20_000
const logPage = 256

/** `tooMuch` where the log does not reach back to `from`, or says more than is worth following. */
export async function readNews(
  tx: ReadTx,
  account: AccountId,
  from: Modseq,
  to: Modseq,
  isLoaded: (id: MailboxId) => boolean,
): Promise<News | 'tooMuch'> {
  const changed = await changedIds(tx, account, from)
  if (changed === 'tooMuch') return 'tooMuch'
  const { entries, messages } = await changedEntries(tx, account, from, [...changed.messages])
  // Where only flags changed, the log does not name the mailbox.
  for (const { entry } of entries) changed.mailboxes.add(entry.mailbox)
  const mailboxes = new Map<MailboxId, Mailbox | undefined>()
  const expunged = new Map<MailboxId, readonly Uid[]>()
  for (const id of changed.mailboxes) {
    const row = await tx.get(mailboxTable, account, id)
    mailboxes.set(id, row === undefined ? undefined : { ...row, id })
    if (row === undefined || !isLoaded(id)) continue
    const uids = await expungedSince(tx, account, id, from)
    if (uids === 'tooOld') return 'tooMuch'
    expunged.set(id, uids)
  }
  return { to, mailboxes, entries, messages, expunged }
}

export interface MailboxNews {
  /** Entries that are new or whose flags changed. */
  readonly entries: readonly ReadEntry[]
  readonly expunged: readonly Uid[]
}

/** What happened in one mailbox since a commit; `tooMuch` also where more messages than `most` changed. */
export async function readMailboxNews(
  tx: ReadTx,
  account: AccountId,
  mailbox: MailboxId,
  from: Modseq,
  most: number,
): Promise<MailboxNews | 'tooMuch'> {
  const changed = await changedIds(tx, account, from, { most })
  const expunged = await expungedSince(tx, account, mailbox, from)
  if (changed === 'tooMuch' || expunged === 'tooOld') return 'tooMuch'
  const { entries } = await changedEntries(tx, account, from, [...changed.messages])
  return { entries: entries.filter(({ entry }) => entry.mailbox === mailbox), expunged }
}

/** These messages, and of all mailboxes their entries that are new or whose flags changed after a commit. */
async function changedEntries(
  tx: ReadTx,
  account: AccountId,
  from: Modseq,
  ids: readonly MessageId[],
): Promise<{ messages: Map<MessageId, MessageSummary | undefined>; entries: readonly ReadEntry[] }> {
  const messages = await readSummaries(tx, account, ids)
  const entries: ReadEntry[] = []
  for (const [i, message] of messages.entries()) {
    for (const entry of message?.entries ?? [])
      if (entry.modseq > from) entries.push({ id: ids[i]!, message: message!, entry })
  }
  return { messages: new Map(ids.map((id, i) => [id, messages[i]])), entries }
}

export interface OthersChanges {
  /** Those that were changed in whatever way, or whose messages were. */
  readonly mailboxes: ReadonlySet<MailboxId>
  readonly types: ReadonlySet<DataType>
}

/** What somebody else changed since a commit: all but these commits. */
export async function changedByOthers(
  tx: ReadTx,
  account: AccountId,
  from: Modseq,
  ours: ReadonlySet<Modseq>,
): Promise<OthersChanges | 'tooMuch'> {
  const changed = await changedIds(tx, account, from, { without: ours })
  if (changed === 'tooMuch') return 'tooMuch'
  for (const message of await readSummaries(tx, account, [...changed.messages]))
    for (const { mailbox } of message?.entries ?? []) changed.mailboxes.add(mailbox)
  return changed
}

interface ChangedIds {
  /** Also those that are gone. */
  readonly messages: Set<MessageId>
  readonly mailboxes: Set<MailboxId>
  readonly types: Set<DataType>
}

async function changedIds(
  tx: ReadTx,
  account: AccountId,
  from: Modseq,
  { without, most = maxFollowed }: { without?: ReadonlySet<Modseq>; most?: number } = {},
): Promise<ChangedIds | 'tooMuch'> {
  const messages = new Set<MessageId>()
  const mailboxes = new Set<MailboxId>()
  const types = new Set<DataType>()
  for (let after = from; ;) {
    const page = await entriesSince(tx, account, after, logPage)
    if (page === 'tooOld') return 'tooMuch'
    for (const [modseq, entry] of page) {
      after = modseq
      if (without?.has(modseq) === true) continue
      for (const type of entry.keys()) types.add(type)
      for (const id of entry.get('Mailbox')?.keys() ?? []) mailboxes.add(id as MailboxId)
      for (const id of entry.get('Email')?.keys() ?? []) messages.add(id as MessageId)
    }
    if (messages.size > most) return 'tooMuch'
    if (page.length < logPage) return { messages, mailboxes, types }
  }
}

/** The next entries of a mailbox by UID; `last` is where to go on, undefined at the end. */
export async function readPage(
  tx: ReadTx,
  account: AccountId,
  mailbox: MailboxId,
  after: Uid,
): Promise<{ entries: readonly ReadEntry[]; last: Uid | undefined }> {
  const rows = await tx.list(entryTable, [account, mailbox], {
    after: [account, mailbox, after],
    limit: pageEntries,
  })
  const ids = rows.map(([, id]) => id)
  const messages = await readSummaries(tx, account, ids)
  const entries: ReadEntry[] = []
  for (const [i, [[, , uid], id]] of rows.entries()) {
    const message = messages[i]
    const entry = message?.entries.find((one) => one.mailbox === mailbox && one.uid === uid)
    if (entry !== undefined) entries.push({ id, message: message!, entry })
  }
  return { entries, last: rows.length === pageEntries ? rows.at(-1)![0][2] : undefined }
}

async function readSummaries(
  tx: ReadTx,
  account: AccountId,
  ids: readonly MessageId[],
): Promise<readonly (MessageSummary | undefined)[]> {
  const keys = ids.map((id) => [account, id] as const)
  const rows = await tx.getMany(storedMessageTable, keys)
  return rows.map((row) => row && summaryOf(row))
}
