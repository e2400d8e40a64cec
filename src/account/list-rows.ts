/** A mailing list's rows: its own, and those by which its addresses lead to it. */
import { Fault } from '#base/fault.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import { ownedAddresses } from './address-list.ts'
import { assertAddressesFree, putAddresses } from './address-rows.ts'
import { type ListId, type ListRow, listTable } from './tables.ts'

const addressesOf = (row: ListRow): readonly string[] =>
  ownedAddresses({ emailAddress: row.name, aliases: row.aliases })

/** Throws Fault `invalid` and `exists`. `id` is undefined before a list has one. */
export async function assertListFits(
  tx: Pick<ReadTx, 'get'>,
  id: ListId | undefined,
  row: ListRow,
): Promise<void> {
  await assertAddressesFree(tx, id && { kind: 'list', id }, [
    { property: 'name', address: row.name },
    ...row.aliases.map(({ address }, i) => ({ property: `aliases/${i}/address`, address })),
  ])
}

export async function createListRows(tx: WriteTx, id: ListId, row: ListRow): Promise<void> {
  await assertListFits(tx, id, row)
  tx.put(listTable, [id], row)
  putAddresses(tx, { kind: 'list', id }, [], addressesOf(row))
}

export async function updateListRows(
  tx: WriteTx,
  id: ListId,
  change: (row: ListRow) => ListRow,
): Promise<void> {
  const before = await tx.get(listTable, id)
  if (before === undefined) throw noSuchList()
  const after = change(before)
  await assertListFits(tx, id, after)
  tx.put(listTable, [id], after)
  putAddresses(tx, { kind: 'list', id }, addressesOf(before), addressesOf(after))
}

export async function destroyListRows(tx: WriteTx, id: ListId): Promise<void> {
  const row = await tx.get(listTable, id)
  if (row === undefined) throw noSuchList()
  putAddresses(tx, { kind: 'list', id }, addressesOf(row), [])
  tx.delete(listTable, [id])
}

const noSuchList = (): Fault => new Fault('notFound', 'There is no such MailingList.', { what: 'list' })
