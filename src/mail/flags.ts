/**
 * STORE: changes the flags of entries (RFC 9051 §6.4.6, RFC 7162 §3.1.3).
 *
 * Keywords are those of the message, so that all its entries get a new modseq, in whatever mailbox they are;
 * `\Deleted` is the entry's own. Where nothing would change, nothing is written.
 */
import type { AccountId, MailboxId, MessageId, Modseq, Uid } from '#base/id.ts'
import type { WriteTx } from '#kv/tx.ts'
import { AccountEdit } from './edit.ts'
import { entryOf, findEntries } from './expunge.ts'
import { normalizeKeywords, sameKeywords } from './keywords.ts'
import type { Entry, MessageRow } from './message-row.ts'
import { allFlags, type FlagRights, mayChange } from './rights.ts'

export interface FlagChange {
  readonly how: 'add' | 'remove' | 'replace'
  /** In any case. */
  readonly keywords: readonly string[]
  /** Whether `\Deleted` is among the flags; with `replace`, what it is to be. */
  readonly deleted?: boolean
  /** RFC 4314 §4, STORE: flags that may not be changed are left as they are. All may, where this is absent. */
  readonly may?: FlagRights
  /** RFC 7162 §3.1.3: leave entries alone that changed after this. */
  readonly unchangedSince?: Modseq
  /**
   * RFC 7162 §3.1.12: what the client knows of entries. One of which only other flags changed is no reason to
   * leave it alone.
   */
  readonly known?: ReadonlyMap<Uid, KnownFlags>
}

/** The flags of an entry as of a modseq. */
export interface KnownFlags {
  readonly keywords: readonly string[]
  readonly deleted: boolean
  readonly modseq: Modseq
}

export interface FlagsStored {
  /** UIDs among those given whose flags are different now, ascending as given. */
  readonly changed: Uid[]
  /** UIDs that UNCHANGEDSINCE kept from being changed. */
  readonly modified: Uid[]
  /** What the changed entries have now. */
  readonly modseq: Modseq
}

/**
 * UIDs that the mailbox does not have are passed over. Ten thousand at once work, but a caller with more than
 * about 2,000 should page. Throws Fault 'notFound', 'invalid' and 'tooLarge' (the keywords).
 */
export async function storeFlags(
  tx: WriteTx,
  account: AccountId,
  mailbox: MailboxId,
  uids: readonly Uid[],
  change: FlagChange,
): Promise<FlagsStored> {
  const edit = await AccountEdit.open(tx, account)
  await edit.mailbox(mailbox)
  const wanted = normalizeKeywords(change.keywords)
  const changed: Uid[] = []
  const modified: Uid[] = []
  const touched = new Set<MessageId>()
  const found = await findEntries(edit, mailbox, uids)
  // As they were before this command, which may change a message by one of its entries and come to another.
  const rows = new Map(found.map(([, id]) => [id, edit.message(id)!]))
  for (const [uid, id, before] of found) {
    if (!isUnchanged(rows.get(id)!, before, change, wanted)) modified.push(uid)
    else if ((await storeOne(edit, id, mailbox, uid, change, wanted)) || touched.has(id)) {
      touched.add(id)
      changed.push(uid)
    }
  }
  await edit.finish()
  return { changed, modified, modseq: edit.modseq }
}

/** Whether UNCHANGEDSINCE lets the entry be changed. */
function isUnchanged(row: MessageRow, entry: Entry, change: FlagChange, wanted: readonly string[]): boolean {
  const { how, deleted, unchangedSince } = change
  if (unchangedSince === undefined || entry.modseq <= unchangedSince) return true
  const known = change.known?.get(entry.uid)
  if (how === 'replace' || known === undefined || known.modseq > unchangedSince) return false
  const isAsKnown = (keyword: string): boolean =>
    known.keywords.includes(keyword) === row.keywords.includes(keyword)
  return wanted.every(isAsKnown) && (deleted !== true || known.deleted === entry.deleted)
}

async function storeOne(
  edit: AccountEdit,
  id: MessageId,
  mailbox: MailboxId,
  uid: Uid,
  change: FlagChange,
  wanted: readonly string[],
): Promise<boolean> {
  const row = edit.message(id)!
  const entry = entryOf(edit, id, mailbox, uid)!
  const { may = allFlags } = change
  const keywords = permittedKeywords(row.keywords, changedKeywords(row, change, wanted), may)
  const deleted = may.deleted ? changedDeleted(entry.deleted, change) : entry.deleted
  const sameWords = sameKeywords(keywords, row.keywords)
  if (sameWords && deleted === entry.deleted) return false
  const { modseq } = edit
  const entries = row.entries.map((one) =>
    one === entry ? { ...one, modseq, deleted } : sameWords ? one : { ...one, modseq },
  )
  await edit.replace(id, keywords, entries)
  edit.tx.changed(edit.account, 'Email', id, 'updated')
  return true
}

function changedKeywords(row: MessageRow, change: FlagChange, wanted: readonly string[]): readonly string[] {
  switch (change.how) {
    case 'replace':
      return wanted
    case 'add':
      return wanted.every((keyword) => row.keywords.includes(keyword))
        ? row.keywords
        : normalizeKeywords([...row.keywords, ...wanted])
    case 'remove':
      return row.keywords.filter((keyword) => !wanted.includes(keyword))
  }
}

/** The keywords as they are to be, but for those that may not be changed. */
function permittedKeywords(
  before: readonly string[],
  after: readonly string[],
  may: FlagRights,
): readonly string[] {
  if (after === before || (may.seen && may.others)) return after
  return normalizeKeywords([
    ...before.filter((keyword) => !mayChange(may, keyword)),
    ...after.filter((keyword) => mayChange(may, keyword)),
  ])
}

function changedDeleted(before: boolean, { how, deleted = false }: FlagChange): boolean {
  if (how === 'replace') return deleted
  return deleted ? how === 'add' : before
}
