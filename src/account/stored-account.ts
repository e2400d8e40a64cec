/** An account as it is read from the store. Known as `Account` (account.ts) outside this folder. */
import type { AccountId } from '#base/id.ts'
import type { ReadTx } from '#kv/tx.ts'
import { type AccountRow, accountRowTable } from './tables.ts'

export interface StoredAccount extends AccountRow {
  readonly id: AccountId
}

export async function readAccount(tx: ReadTx, id: AccountId): Promise<StoredAccount | undefined> {
  const row = await tx.get(accountRowTable, id)
  return row === undefined ? undefined : { id, ...row }
}
