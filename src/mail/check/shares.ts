/**
 * The check of sharing: what the rows of mailboxes say of rights makes sense, belongs to accounts that exist,
 * and is in the index; and the index says nothing else.
 */
import type { AccountId, MailboxId } from '#base/id.ts'
import { anyRowTable, getRow, openRow, rowPages, type Trouble } from '#kv/check.ts'
import type { Db } from '#kv/db.ts'
import type { Table } from '#kv/table.ts'
import type { WriteTx } from '#kv/tx.ts'
import { kinds } from './kinds.ts'
import { unknownRow } from './mailboxes.ts'
import type { MailScan } from './scan.ts'
import { pastGroupsTable } from '../past-groups.ts'
import { allRights, anyone, type Grant, hasAll } from '../rights.ts'
import { isIndexed, logRights, putIndex } from '../share.ts'
import { shareNotificationTable } from '../share-notification.ts'
import { mailboxTable, shareTable } from '../tables.ts'

export async function* checkShares(scan: MailScan): AsyncGenerator<Trouble> {
  const { db, account } = scan
  yield* unreadable(db, account, shareNotificationTable)
  yield* unreadable(db, account, pastGroupsTable)
  for (const [id, { name, grants }] of scan.mailboxes) {
    const what = `mailbox ${id} "${name}"`
    if (!isInOrder(grants)) {
      const fix = (tx: WriteTx): Promise<void> => keepGrants(tx, account, id, () => true)
      yield { kind: kinds.grantsWrong, what, fix }
    }
    for (const grant of grants) {
      const { grantee } = grant
      if (grantee !== anyone && grantee !== account && !(await scan.isAccount(grantee))) {
        const fix = (tx: WriteTx): Promise<void> => keepGrants(tx, account, id, (other) => other !== grantee)
        yield { kind: kinds.grantDangling, what: `${what}: account ${grantee}`, fix }
      } else if (
        isIndexed(account, grant) &&
        (await db.read((tx) => getRow(tx, shareTable, grantee, account, id))) === undefined
      ) {
        const fix = (tx: WriteTx): void => putIndex(tx, { account, mailbox: id }, [], [grant])
        yield { kind: kinds.shareMissing, what: `${what}: account ${grantee}`, fix }
      }
    }
  }
}

async function* unreadable<K extends readonly unknown[], V>(
  db: Db,
  account: AccountId,
  table: Table<readonly [AccountId, ...K], V>,
): AsyncGenerator<Trouble> {
  for await (const page of rowPages(db, table.prefix(account)))
    for (const row of page) if (openRow(table, row)?.value === undefined) yield unknownRow(row[0])
}

/** Rows of the index for which no mailbox has a grant. */
export async function* shareIndexTroubles(db: Db): AsyncGenerator<Trouble> {
  for await (const page of rowPages(db, shareTable.prefix())) {
    for (const row of page) {
      const opened = openRow(shareTable, row)
      if (opened === undefined) {
        yield unknownRow(row[0])
        continue
      }
      const [grantee, owner, id] = opened.elements
      const mailbox = await db.read((tx) => getRow(tx, mailboxTable, owner, id))
      // One that cannot be read is told of where its account is checked.
      if (mailbox === 'damaged') continue
      const grant = mailbox?.grants.find((one) => one.grantee === grantee)
      if (grant !== undefined && isIndexed(owner, grant)) continue
      const fix = (tx: WriteTx): void => tx.delete(anyRowTable, [row[0]])
      const what = `account ${grantee}: mailbox ${id} of account ${owner}`
      yield { kind: kinds.shareDangling, what, fix }
    }
  }
}

const isInOrder = (grants: readonly Grant[]): boolean =>
  grants.every(
    ({ grantee, granted, denied }, i) =>
      grantee > (grants[i - 1]?.grantee ?? 0) &&
      hasAll(allRights, denied) &&
      hasAll(allRights, granted ?? denied),
  )

/** The grants of these, in order, each once, with rights that there are. */
async function keepGrants(
  tx: WriteTx,
  account: AccountId,
  id: MailboxId,
  isKept: (grantee: AccountId) => boolean,
): Promise<void> {
  const row = await tx.get(mailboxTable, account, id)
  if (row === undefined) return
  const kept = new Map<AccountId, Grant>()
  for (const grant of row.grants) {
    const { grantee, granted, denied } = grant
    const isWhole = hasAll(allRights, denied) && hasAll(allRights, granted ?? denied)
    if (grantee > 0 && isWhole && isKept(grantee) && !kept.has(grantee)) kept.set(grantee, grant)
  }
  const grants = [...kept.values()].toSorted((a, b) => a.grantee - b.grantee)
  putIndex(tx, { account, mailbox: id }, row.grants, grants)
  await logRights(tx, { account, mailbox: id }, row)
  tx.put(mailboxTable, [account, id], { ...row, grants, grantsModseq: tx.modseq(account) })
  tx.changed(account, 'Mailbox', id, 'updated')
}
