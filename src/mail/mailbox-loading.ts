/** The columns of a mailbox that nobody has in memory: as they are kept in the store, or from its rows. */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { AccountId, Uid } from '#base/id.ts'
import type { Db } from '#kv/db.ts'
import type { FlagSets } from './flag-set.ts'
import { type KeptColumns, leastKept, readKept } from './kept-columns.ts'
import { MailboxColumns, viewEntry } from './mailbox-columns.ts'
import type { Mailbox } from './mailbox-row.ts'
import { readPage } from './news.ts'

/** Brought up to date; undefined where there are none that can be. */
export async function keptColumns(
  db: Db,
  account: AccountId,
  { id, messages }: Pick<Mailbox, 'id' | 'messages'>,
  sets: FlagSets,
): Promise<KeptColumns | undefined> {
  if (messages < leastKept) return undefined
  const kept = await readKept(db, account, id, sets)
  if (kept === undefined || kept === 'old' || kept === 'damaged') return undefined
  const { columns, news } = kept
  columns.update(
    news.entries.map((one) => viewEntry(one, sets)),
    news.expunged,
  )
  return kept
}

/** Read in pages, each in a snapshot of its own, so that a large mailbox holds up nobody. */
export async function columnsOfRows(
  db: Db,
  account: AccountId,
  { id, messages }: Pick<Mailbox, 'id' | 'messages'>,
  sets: FlagSets,
): Promise<MailboxColumns> {
  const columns = new MailboxColumns(messages)
  for (let after = 0 as Uid; ;) {
    const page = await db.read((tx) => readPage(tx, account, id, after))
    for (const one of page.entries) columns.append(viewEntry(one, sets))
    if (page.last === undefined) return columns
    after = page.last
    await nextTurn()
  }
}
