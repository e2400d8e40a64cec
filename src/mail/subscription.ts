/**
 * Subscriptions: the mailboxes that a person wants to see in a list (RFC 9051 §6.3.7, §6.3.8).
 *
 * A mailbox carries its subscription, also when it is renamed. The server should not end one just because the
 * mailbox is gone, so the path of a subscribed mailbox that is deleted is kept until it is unsubscribed or a
 * mailbox of that name exists again.
 */
import { hash } from 'node:crypto'
import { Fault } from '#base/fault.ts'
import type { AccountId, MailboxId } from '#base/id.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import { lostSubscriptionTable, mailboxTable } from './tables.ts'

const keyHexDigits = 32
/** Then nothing more is remembered. */
const maxLost = 1000

/** Throws Fault('notFound'). */
export async function setSubscribed(
  tx: WriteTx,
  account: AccountId,
  id: MailboxId,
  subscribed: boolean,
): Promise<void> {
  const row = await tx.get(mailboxTable, account, id)
  if (row === undefined) throw new Fault('notFound', 'no such mailbox', { what: 'mailbox' })
  if (row.subscribed === subscribed) return
  tx.put(mailboxTable, [account, id], { ...row, subscribed })
  tx.changed(account, 'Mailbox', id, 'updated')
}

/** Paths that are subscribed to but have no mailbox any more. */
export async function listLostSubscriptions(tx: ReadTx, account: AccountId): Promise<readonly string[]> {
  return (await tx.list(lostSubscriptionTable, [account])).map(([, path]) => path)
}

/** Ends the subscription to a path that has no mailbox any more; false where there was none. */
export async function dropLostSubscription(tx: WriteTx, account: AccountId, path: string): Promise<boolean> {
  const key = [account, keyOf(path)] as const
  if ((await tx.get(lostSubscriptionTable, ...key)) === undefined) return false
  tx.delete(lostSubscriptionTable, key)
  return true
}

/** A subscribed mailbox is being deleted. */
export async function keepSubscription(tx: WriteTx, account: AccountId, path: string): Promise<void> {
  const lost = await listLostSubscriptions(tx, account)
  if (lost.length < maxLost) tx.put(lostSubscriptionTable, [account, keyOf(path)], path)
}

const keyOf = (path: string): string => hash('sha256', path).slice(0, keyHexDigits)
