/**
 * Notifications that somebody's rights on a mailbox changed (RFC 9670 §3), kept in the account of whom it concerns,
 * until that user dismisses them.
 *
 * What must always hold: written in the commit that changes the rights; of one mailbox there is one notification,
 * which says what is different since the user last dismissed one, and there are never more than some, so that nobody can fill the account of
 * another (RFC 9670 §6.3). Grants to groups and to anyone are told nobody.
 */
import type { AccountId, MailboxId } from '#base/id.ts'
import { json } from '#kv/codec.ts'
import { u48 } from '#kv/key.ts'
import { accountTable } from '#kv/table.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import type { Principals } from './principal.ts'
import { effectiveRights, type Grant, type Identity, type Rights } from './rights.ts'
import { countersTable } from './tables.ts'

/** Who changed it, as they were called then. */
interface Sharer {
  readonly account: AccountId
  readonly name: string
  readonly email: string | null
}

export interface ShareNotification {
  /** Milliseconds. */
  readonly created: number
  readonly changedBy: Sharer
  readonly owner: AccountId
  readonly mailbox: MailboxId
  /** Of the mailbox. */
  readonly name: string
  readonly oldRights: Rights
  readonly newRights: Rights
}

/** By numbers that rise and are never used again. */
export const shareNotificationTable = accountTable({
  name: 'share-notification',
  letter: 'N',
  key: [u48()],
  value: json<ShareNotification>(),
})

/** When there are more, the oldest go. */
export const maxNotifications = 200
/** Of one commit and account. */
const maxPerCommit = 1024
/** Accounts that are told by one command, which writes to all of them. */
const maxTold = 200

/** Who is told of a change; the commit must be one of their accounts too. */
export interface ShareNotice {
  readonly by: Sharer
  /** Milliseconds. */
  readonly at: number
  readonly told: readonly Identity[]
}

/** Those of the accounts that are users and not the one who changes something; nobody where they are too many. */
export async function toldOf(
  principals: Principals,
  by: AccountId,
  grantees: Iterable<AccountId>,
): Promise<readonly Identity[]> {
  const others = [...new Set(grantees)].filter((id) => id !== by)
  if (others.length > maxTold) return []
  const told: Identity[] = []
  for (const account of others) {
    const principal = await principals.byId(account)
    if (principal?.isGroup === false) told.push({ account, groups: await principals.groupsOf(account) })
  }
  return told
}

/** The grants of a mailbox are others than before. */
export async function notifyOfGrants(
  tx: WriteTx,
  mailbox: { readonly owner: AccountId; readonly id: MailboxId; readonly name: string },
  { before, after }: { readonly before: readonly Grant[]; readonly after: readonly Grant[] },
  { by, at, told }: ShareNotice,
): Promise<void> {
  for (const who of told) {
    const oldRights = effectiveRights(mailbox.owner, before, who)
    const newRights = effectiveRights(mailbox.owner, after, who)
    if (oldRights === newRights) continue
    const { owner, id, name } = mailbox
    const notification = { created: at, changedBy: by, owner, mailbox: id, name, oldRights, newRights }
    await addNotification(tx, who.account, notification)
  }
}

async function addNotification(tx: WriteTx, account: AccountId, made: ShareNotification): Promise<void> {
  // Whoever is gone meanwhile is told nothing.
  if ((await tx.get(countersTable, account)) === undefined) return
  const all = await listNotifications(tx, account)
  const earlier = all.find(([, { owner, mailbox }]) => owner === made.owner && mailbox === made.mailbox)
  if (earlier !== undefined) dismiss(tx, account, earlier[0])
  const oldest = all.find(([id]) => id !== earlier?.[0])
  if (earlier === undefined && all.length >= maxNotifications && oldest !== undefined)
    dismiss(tx, account, oldest[0])
  const oldRights = earlier?.[1].oldRights ?? made.oldRights
  if (oldRights === made.newRights) return
  const first = tx.modseq(account) * maxPerCommit
  const id = Math.max(first, (all.at(-1)?.[0] ?? 0) + 1)
  tx.put(shareNotificationTable, [account, id], { ...made, oldRights })
  tx.changed(account, 'ShareNotification', id, 'created')
}

/** Oldest first. */
export async function listNotifications(
  tx: ReadTx,
  account: AccountId,
): Promise<readonly (readonly [number, ShareNotification])[]> {
  return (await tx.list(shareNotificationTable, [account])).map(([[, id], row]) => [id, row] as const)
}

/** False where there is none. */
export async function dismissNotification(tx: WriteTx, account: AccountId, id: number): Promise<boolean> {
  if ((await tx.get(shareNotificationTable, account, id)) === undefined) return false
  dismiss(tx, account, id)
  return true
}

function dismiss(tx: WriteTx, account: AccountId, id: number): void {
  tx.delete(shareNotificationTable, [account, id])
  tx.changed(account, 'ShareNotification', id, 'destroyed')
}
