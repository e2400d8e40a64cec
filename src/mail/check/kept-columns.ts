/**
 * The check of the columns that are kept of mailboxes: they belong to one, can be read, and say what the rows say.
 * They follow from the rows, so that those which are wrong are taken away: the server makes them anew.
 */
import type { AccountId, MailboxId, Uid } from '#base/id.ts'
import { anyRowTable, getRow, rowPages, type Trouble } from '#kv/check.ts'
import type { Db } from '#kv/db.ts'
import { kinds } from './kinds.ts'
import { FlagSets } from '../flag-set.ts'
import { dropKept, type KeptColumns, readKept } from '../kept-columns.ts'
import { columnNames, MailboxColumns, viewEntry } from '../mailbox-columns.ts'
import type { Mailbox } from '../mailbox-row.ts'
import { readPage } from '../news.ts'
import { keptColumnsTable, mailboxTable } from '../tables.ts'

/** Some 90 kB each. */
const perPage = 50

/** To be called when all else is whole: what is kept is compared with the rows. */
export async function* keptColumnsTroubles(db: Db): AsyncGenerator<Trouble> {
  let last = ''
  for await (const page of rowPages(db, keptColumnsTable.prefix(), perPage)) {
    for (const [key] of page) {
      const elements = elementsOf(key)
      if (elements === undefined) {
        const what = `row ${Buffer.from(key).toString('hex')}`
        yield { kind: kinds.columnsUnreadable, what, fix: (tx) => tx.delete(anyRowTable, [key]) }
        continue
      }
      const [account, mailbox] = elements
      const what = `account ${account}: mailbox ${mailbox}`
      if (what === last) continue
      last = what
      const kind = await whatIsWrong(db, account, mailbox)
      if (kind !== undefined) yield { kind, what, fix: (tx) => dropKept(tx, account, mailbox) }
    }
  }
}

function elementsOf(key: Uint8Array): readonly [AccountId, MailboxId, number] | undefined {
  try {
    return keptColumnsTable.elements(key)
  } catch {
    return undefined
  }
}

async function whatIsWrong(db: Db, account: AccountId, id: MailboxId): Promise<Trouble['kind'] | undefined> {
  const row = await db.read((tx) => getRow(tx, mailboxTable, account, id))
  if (row === undefined || row === 'damaged') return kinds.columnsOrphan
  const sets = new FlagSets()
  const kept = await readKept(db, account, id, sets)
  if (kept === 'damaged') return kinds.columnsUnreadable
  // What nobody can bring up to date nobody reads.
  if (kept === undefined || kept === 'old') return undefined
  return (await isAsRows(db, account, { ...row, id }, kept, sets)) ? undefined : kinds.columnsWrong
}

async function isAsRows(
  db: Db,
  account: AccountId,
  mailbox: Mailbox,
  { columns, news }: KeptColumns,
  sets: FlagSets,
): Promise<boolean> {
  columns.update(
    news.entries.map((one) => viewEntry(one, sets)),
    news.expunged,
  )
  const rows = new MailboxColumns(columns.count)
  for (let after = 0 as Uid | undefined; after !== undefined;) {
    const from = after
    const page = await db.read((tx) => readPage(tx, account, mailbox.id, from))
    for (const one of page.entries) rows.append(viewEntry(one, sets))
    after = page.last
  }
  const [a, b] = [columns.view(mailbox, sets), rows.view(mailbox, sets)]
  if (a.count !== b.count) return false
  return columnNames.every((name) => {
    const numbers = [...b[name]]
    return a[name][Symbol.iterator]().every((number, i) => number === numbers[i])
  })
}
