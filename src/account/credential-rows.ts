/** All rows of an account's credentials, and of what ends with them, together. */
import type { AccountId } from '#base/id.ts'
import { dropMark, lookByMark, putMark } from '#kv/mark.ts'
import type { WriteTx } from '#kv/tx.ts'
import {
  type CredentialRow,
  credentialTable,
  credentialUseTable,
  passwordCredential,
  passwordTable,
  secondFactorTable,
} from './credential-tables.ts'
import { destroyPushSubscriptions } from './push-subscription.ts'
import type { CredentialId } from './shown-once.ts'

const markOf = (account: AccountId): string => `credentials of ${account}`

/** Before looking at all credentials of an account: one that is added between now and the commit is a conflict. */
export const lookAtCredentials = (tx: WriteTx, account: AccountId): Promise<void> =>
  lookByMark(tx, markOf(account))

/** Another credential. Whether it may be there is the caller's matter. */
export function putNewCredential(
  tx: WriteTx,
  account: AccountId,
  id: CredentialId,
  row: CredentialRow,
): void {
  putMark(tx, markOf(account))
  tx.put(credentialTable, [account, id], row)
}

/** With an account that goes: nothing that could open it is left. */
export async function destroyCredentials(tx: WriteTx, account: AccountId): Promise<void> {
  tx.delete(passwordTable, [account])
  tx.delete(secondFactorTable, [account])
  await lookAtCredentials(tx, account)
  const credentials = (await tx.list(credentialTable, [account])).map(([[, id]]) => id)
  for (const id of credentials) tx.delete(credentialTable, [account, id])
  // Also where it is noted only now that one was used.
  for (const id of [passwordCredential, ...credentials]) tx.delete(credentialUseTable, [account, id])
  dropMark(tx, markOf(account))
  await destroyPushSubscriptions(tx, account)
}
