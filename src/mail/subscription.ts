/**
 * Subscriptions: the mailboxes that a person wants to see in a list (RFC 9051 §6.3.7, §6.3.8).
 *
 * A mailbox carries its subscription, also when it is renamed. The server should not end one just because the
 * mailbox is gone, so the path of a subscribed mailbox that is deleted is kept until it is unsubscribed or a
 * mailbox of that name exists again.
 *
 * Mailboxes of other accounts carry the subscriptions of their owners only (RFC 8621 §2, isSubscribed), so
 * those to them are rows of the subscriber, with the path that the mailbox had: it is all that may be shown
 * once the mailbox is gone or no longer shared.
 */
import { hash } from 'node:crypto'
import { Fault } from '#base/fault.ts'
import type { AccountId, MailboxId } from '#base/id.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import type { Place } from './mailbox-row.ts'
import { foreignSubscriptionTable, lostSubscriptionTable, mailboxTable } from './tables.ts'

const keyHexDigits = 32
/** Then nothing more is remembered. */
const maxLost = 1000
/** Of one account, to mailboxes of others. */
const maxForeign = 10_000

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
  tx.changed(account, 'Subscription', 0, 'updated')
  return true
}

/** A subscribed mailbox is being deleted. */
export async function keepSubscription(tx: WriteTx, account: AccountId, path: string): Promise<void> {
  const lost = await listLostSubscriptions(tx, account)
  if (lost.length < maxLost) tx.put(lostSubscriptionTable, [account, keyOf(path)], path)
}

export interface ForeignSubscription extends Place {
  /** As it was when it was subscribed to. */
  readonly path: string
}

/** The subscriptions of an account to mailboxes of others. */
export async function listForeignSubscriptions(
  tx: ReadTx,
  account: AccountId,
): Promise<readonly ForeignSubscription[]> {
  const rows = await tx.list(foreignSubscriptionTable, [account])
  return rows.map(([[, owner, mailbox], path]) => ({ account: owner, mailbox, path }))
}

/** The mailbox's account must be locked too. Throws Fault('tooLarge'). */
export async function subscribeForeign(
  tx: WriteTx,
  account: AccountId,
  to: ForeignSubscription,
): Promise<void> {
  const all = await listForeignSubscriptions(tx, account)
  const isNew = all.every((one) => one.account !== to.account || one.mailbox !== to.mailbox)
  if (isNew && all.length >= maxForeign)
    throw new Fault('tooLarge', 'too many subscriptions', { limit: maxForeign })
  tx.put(foreignSubscriptionTable, [account, to.account, to.mailbox], to.path)
  await changed(tx, account, to)
}

/** Ends a subscription, if there is one. The mailbox's account must be locked too. */
export async function unsubscribeForeign(tx: WriteTx, account: AccountId, from: Place): Promise<void> {
  if ((await tx.get(foreignSubscriptionTable, account, from.account, from.mailbox)) === undefined) return
  tx.delete(foreignSubscriptionTable, [account, from.account, from.mailbox])
  await changed(tx, account, from)
}

/** To JMAP it is the mailbox that changes (RFC 8621 §2, isSubscribed), in the account that has it. */
async function changed(tx: WriteTx, account: AccountId, { account: owner, mailbox }: Place): Promise<void> {
  tx.changed(account, 'Subscription', 0, 'updated')
  if ((await tx.get(mailboxTable, owner, mailbox)) !== undefined)
    tx.changed(owner, 'Mailbox', mailbox, 'updated')
}

const keyOf = (path: string): string => hash('sha256', path).slice(0, keyHexDigits)
