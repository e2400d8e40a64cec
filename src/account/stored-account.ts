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

/** The number that a text says, which an account or a list may have; undefined where it says none. */
export function readAccountId(text: string): AccountId | undefined {
  const id = /^[1-9]\d{0,9}$/.test(text) ? Number(text) : 0
  return id > 0 && id <= 0xffff_ffff ? (id as AccountId) : undefined
}
