/**
 * Columns of mailboxes that are kept in the store, so that the first command in a mailbox after a start does not
 * read the rows of all its messages, which lie far apart.
 *
 * They are a copy of what the rows say as of a commit. Where the mailbox's HIGHESTMODSEQ has not risen since, that
 * is how it is now; else the change log brings them up to date. What must always hold: the rows are the truth, so
 * that columns which are damaged, too old or of another mailbox of that number count as not there, and nothing is
 * lost with them. They are written when somebody has read a mailbox, some time afterwards: no commit waits for it.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { SyntaxFault } from '#base/fault.ts'
import type { AccountId, MailboxId, Modseq } from '#base/id.ts'
import type { Db } from '#kv/db.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import { packColumns, readPartHead, unpackPart } from './columns-pack.ts'
import type { FlagSets } from './flag-set.ts'
import { MailboxColumns } from './mailbox-columns.ts'
import type { MailboxView } from './mailbox-view.ts'
import { type MailboxNews, readMailboxNews } from './news.ts'
import { keptColumnsTable, mailboxTable } from './tables.ts'

/** Rows of fewer are read at once. */
export const leastKept = 256
/** Parts that are looked at in one turn. */
const partsPerTurn = 4

/** What happened to a mailbox since its columns were kept that makes keeping them again worth while. */
export const mostBehind = (count: number): number => Math.max(500, count >> 3)
/** Changed messages, or commits, beyond which reading the rows is no slower. */
const mostFollowed = (count: number): number => Math.max(2000, count >> 1)

export interface KeptColumns {
  readonly columns: MailboxColumns
  readonly modseq: Modseq
  /** What has to be done to them. */
  readonly news: MailboxNews
}

/** `old`: there are some that nobody can bring up to date. */
export async function readKept(
  db: Db,
  account: AccountId,
  mailbox: MailboxId,
  sets: FlagSets,
): Promise<KeptColumns | 'old' | 'damaged' | undefined> {
  try {
    const found = await db.read((tx) => readParts(tx, account, mailbox))
    return found === undefined || found === 'old' ? found : await unpack(found, sets)
  } catch (error) {
    if (error instanceof SyntaxFault) return 'damaged'
    throw error
  }
}

interface FoundParts {
  readonly parts: readonly Uint8Array[]
  readonly news: MailboxNews
}

async function readParts(
  tx: ReadTx,
  account: AccountId,
  id: MailboxId,
): Promise<FoundParts | 'old' | undefined> {
  const mailbox = await tx.get(mailboxTable, account, id)
  const parts = await tx.list(keptColumnsTable, [account, id])
  const first = parts[0]?.[1]
  if (first === undefined || mailbox === undefined) return undefined
  const { uidValidity, modseq, count } = readPartHead(first)
  const now = await tx.sequence(account)
  if (uidValidity !== mailbox.uidValidity || modseq > now) return 'old'
  const found = { parts: parts.map(([, part]) => part), news: { entries: [], expunged: [] } }
  if (mailbox.highestModseq <= modseq) return found
  const most = mostFollowed(count)
  const news = now - modseq > most ? 'tooMuch' : await readMailboxNews(tx, account, id, modseq, most)
  return news === 'tooMuch' ? 'old' : { ...found, news }
}

/** Throws SyntaxFault. */
async function unpack({ parts, news }: FoundParts, sets: FlagSets): Promise<KeptColumns> {
  const head = readPartHead(parts[0]!)
  const columns = new MailboxColumns(head.count)
  for (const [i, bytes] of parts.entries()) {
    if (i % partsPerTurn === partsPerTurn - 1) await nextTurn()
    const part = unpackPart(bytes, sets)
    if (part.modseq !== head.modseq) throw new SyntaxFault('parts of different columns', 0)
    columns.adopt(part.chunks)
  }
  if (parts.length !== head.parts || columns.count !== head.count)
    throw new SyntaxFault('parts of columns are missing', 0)
  return { columns, modseq: head.modseq, news }
}

/** Keeps what a view shows that is of this commit, or newer. Nothing happens where the mailbox is gone. */
export async function keepColumns(
  db: Db,
  account: AccountId,
  view: MailboxView,
  modseq: Modseq,
): Promise<void> {
  const parts: Uint8Array[] = []
  for (const part of packColumns(view, modseq)) {
    parts.push(part)
    if (parts.length % partsPerTurn === 0) await nextTurn()
  }
  await db.write([account], async (tx) => {
    const mailbox = await tx.get(mailboxTable, account, view.id)
    if (mailbox?.uidValidity !== view.uidValidity) return
    await dropKept(tx, account, view.id)
    for (const [i, part] of parts.entries()) tx.put(keptColumnsTable, [account, view.id, i], part)
  })
}

export async function dropKept(tx: WriteTx, account: AccountId, mailbox: MailboxId): Promise<void> {
  // Of no account, so that no sequence rises: what another worker keeps meanwhile is a conflict and does not stay.
  await tx.get(keptColumnsTable, account, mailbox, 0)
  for (const [key] of await tx.list(keptColumnsTable, [account, mailbox])) tx.delete(keptColumnsTable, key)
}

const perCommit = 100

/** All that is kept of an account. */
export async function dropAllKept(db: Db, account: AccountId): Promise<void> {
  for (;;) {
    const dropped = await db.write([], async (tx) => {
      const page = await tx.list(keptColumnsTable, [account], { limit: perCommit })
      for (const [key] of page) tx.delete(keptColumnsTable, key)
      return page.length
    })
    if (dropped < perCommit) return
  }
}
