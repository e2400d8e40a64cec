/**
 * Mailbox access keys (RFC 4467 §2.2): the secrets by which URLs are proven to have been authorised. Everybody has
 * their own for each mailbox, also for those of others; with a new key all URLs of before are worth nothing.
 */
import { randomBytes } from 'node:crypto'
import type { AccountId } from '#base/id.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import type { Place } from './mailbox-row.ts'
import { accessKeyTable } from './tables.ts'

const keyBytes = 32

/** Undefined where there is none. */
export const readAccessKey = async (
  tx: ReadTx,
  owner: AccountId,
  { account, mailbox }: Place,
): Promise<Uint8Array | undefined> => tx.get(accessKeyTable, owner, account, mailbox)

/** The key; a new one where there is none. The owner must be locked. */
export async function ensureAccessKey(tx: WriteTx, owner: AccountId, place: Place): Promise<Uint8Array> {
  return (await readAccessKey(tx, owner, place)) ?? resetAccessKey(tx, owner, place)
}

export function resetAccessKey(tx: WriteTx, owner: AccountId, { account, mailbox }: Place): Uint8Array {
  const key = randomBytes(keyBytes)
  tx.put(accessKeyTable, [owner, account, mailbox], key)
  return key
}

export async function removeAccessKeys(tx: WriteTx, owner: AccountId): Promise<void> {
  for (const [key] of await tx.list(accessKeyTable, [owner])) tx.delete(accessKeyTable, key)
}
