/** All rows of an account's credentials, and of what ends with them, together. */
import type { AccountId } from '#base/id.ts'
import type { WriteTx } from '#kv/tx.ts'
import { credentialTable, credentialUseTable, passwordTable, secondFactorTable } from './credential-tables.ts'
import { destroyPushSubscriptions } from './push-subscription.ts'

/** With an account that goes: nothing that could open it is left. */
export async function destroyCredentials(tx: WriteTx, account: AccountId): Promise<void> {
  tx.delete(passwordTable, [account])
  tx.delete(secondFactorTable, [account])
  for (const [key] of await tx.list(credentialTable, [account])) tx.delete(credentialTable, key)
  for (const [key] of await tx.list(credentialUseTable, [account])) tx.delete(credentialUseTable, key)
  await destroyPushSubscriptions(tx, account)
}
