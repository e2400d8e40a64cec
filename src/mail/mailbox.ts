/**
 * Mailboxes: creating, renaming, deleting. The IMAP path of a mailbox is the names of its parents and its own,
 * joined with "/"; siblings have different names, and at the top nothing but the Inbox is called "inbox" in any
 * case (RFC 9051 §5.1).
 *
 * UIDVALIDITY rises with every mailbox that an account creates, so a name that is used again never shows an old
 * one (RFC 9051 §2.3.1.1); it stays the same when a mailbox is renamed.
 */
import { Fault } from '#base/fault.ts'
import type { AccountId, MailboxId, MessageId, Modseq, Uid } from '#base/id.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import { deleteAnnotations } from './annotation.ts'
import { AccountEdit } from './edit.ts'
import { expungeEntries } from './expunge.ts'
import { dropKept } from './kept-columns.ts'
import type { MailLimits, MailUsage } from './limits.ts'
import { checkMailboxName, mailboxPath } from './mailbox-path.ts'
import { noCounts } from './mailbox-counts.ts'
import { type Mailbox, type MailboxRole, type MailboxRow, wasShared } from './mailbox-row.ts'
import { checkPlace, checkRole, checkTree } from './mailbox-tree.ts'
import type { Grant } from './rights.ts'
import { logRights, putIndex, restricts } from './share.ts'
import { notifyOfGrants, type ShareNotice } from './share-notification.ts'
import { dropLostSubscription, keepSubscription } from './subscription.ts'
import { countersTable, lastUidValidityTable, mailboxTable } from './tables.ts'
import { leaveTrash, takeTrash } from './trash-role.ts'

/** The Inbox is the first mailbox of every account and can be neither deleted nor moved. */
export const inboxId = 1 as MailboxId

/** So that a list of them stays something to read in one go. */
const maxMailboxes = 10_000

const provisioned: readonly (readonly [string, MailboxRole])[] = [
  ['Inbox', 'inbox'],
  ['Drafts', 'drafts'],
  ['Sent', 'sent'],
  ['Junk', 'junk'],
  ['Trash', 'trash'],
  ['Archive', 'archive'],
]

const provisionedTrash = (inboxId + provisioned.findIndex(([, role]) => role === 'trash')) as MailboxId

/** Gives a new account its mailboxes. UIDVALIDITY begins at `createdAt` (milliseconds), or behind those that are gone. */
export async function provisionAccount(tx: WriteTx, account: AccountId, createdAt: number): Promise<void> {
  if ((await tx.get(countersTable, account)) !== undefined) {
    throw new Fault('exists', 'account has mailboxes', { what: 'account' })
  }
  const given = (await tx.get(lastUidValidityTable)) ?? 0
  const uidValidity = Math.max(Math.floor(createdAt / 1000), given + 1)
  for (const [i, [name, role]] of provisioned.entries()) {
    const id = (inboxId + i) as MailboxId
    const row = newRow({ name, parent: 0, role, uidValidity: uidValidity + i, modseq: tx.modseq(account) })
    tx.put(mailboxTable, [account, id], row)
    tx.changed(account, 'Mailbox', id, 'created')
  }
  tx.put(countersTable, [account], {
    nextMessage: 1 as MessageId,
    nextMailbox: (inboxId + provisioned.length) as MailboxId,
    uidValidity: uidValidity + provisioned.length - 1,
    usedBytes: 0,
    messages: 0,
    trash: provisionedTrash,
  })
}

/** All mailboxes in the order of their creation. */
export async function listMailboxes(tx: ReadTx, account: AccountId): Promise<readonly Mailbox[]> {
  const rows = await tx.list(mailboxTable, [account])
  return rows.map(([[, id], row]) => ({ ...row, id }))
}

/** Bytes that the account's messages take, each counted once, and how many there are. */
export async function quotaUsage(tx: ReadTx, account: AccountId): Promise<MailUsage> {
  const counters = await tx.get(countersTable, account)
  return { usedBytes: counters?.usedBytes ?? 0, messages: counters?.messages ?? 0 }
}

/**
 * The mailbox has the grants of the one above it (RFC 4314 §4): whoever shares a mailbox shares what is sorted
 * into it later, and nobody who may create in it can make something there that its owner does not see. Whom the
 * notice names is told so.
 *
 * `checkedLater`, here and below: who calls looks by `checkMailboxTree` whether all is well when several changes
 * are done.
 *
 * Throws Fault 'exists' (the name or the role is taken), 'notFound' (the parent), 'invalid' (the name),
 * 'overQuota' (`limits`, those of the account) and 'tooLarge' (too many for any account, or too deep).
 */
export async function createMailbox(
  tx: WriteTx,
  account: AccountId,
  o: {
    name: string
    parent: MailboxId | 0
    role?: MailboxRole
    subscribed?: boolean
    sortOrder?: number
    limits?: MailLimits
    notice?: ShareNotice
    checkedLater?: true
  },
): Promise<Mailbox> {
  const edit = await AccountEdit.open(tx, account)
  const all = await listMailboxes(tx, account)
  const most = o.limits?.mailboxes ?? 0
  if (most > 0 && all.length >= most) throw new Fault('overQuota', 'too many mailboxes', { limit: most })
  if (all.length >= maxMailboxes) throw new Fault('tooLarge', 'too many mailboxes', { limit: maxMailboxes })
  if (o.checkedLater === true) checkMailboxName(o.name)
  else {
    checkPlace(all, undefined, o)
    if (o.role !== undefined) checkRole(all, o.role)
  }
  const id = edit.newMailboxId()
  const grants = all.find((mailbox) => mailbox.id === o.parent)?.grants ?? []
  const uidValidity = edit.newUidValidity()
  const isLogged = all.some((mailbox) => restricts(account, mailbox.grants))
  const row = newRow({ ...o, uidValidity, modseq: edit.modseq, role: o.role, grants, isLogged })
  const created = { ...row, subscribed: o.subscribed ?? false, sortOrder: o.sortOrder ?? 0, id }
  if (o.role === 'trash') edit.setTrash(id)
  const wasSubscribed = await dropLostSubscription(tx, account, mailboxPath([...all, created], id))
  const mailbox = wasSubscribed ? { ...created, subscribed: true } : created
  tx.put(mailboxTable, [account, id], mailbox)
  putIndex(tx, { account, mailbox: id }, [], grants)
  const changed = { before: [], after: grants }
  if (o.notice !== undefined)
    await notifyOfGrants(tx, { owner: account, id, name: o.name }, changed, o.notice)
  tx.changed(account, 'Mailbox', id, 'created')
  await edit.finish()
  return mailbox
}

/** What of a mailbox can be changed, each where it is given. */
export interface MailboxChange {
  readonly name?: string
  readonly parent?: MailboxId | 0
  /** null for none. */
  readonly role?: MailboxRole | null
  readonly sortOrder?: number
  readonly checkedLater?: true
}

/**
 * Changes a mailbox; with another parent the mailboxes below it go along. Throws Fault 'forbidden' where the Inbox
 * would get another place or role, 'invalid' for a parent that lies below it, and what `createMailbox` throws.
 */
export async function updateMailbox(
  tx: WriteTx,
  account: AccountId,
  id: MailboxId,
  change: MailboxChange,
): Promise<void> {
  const all = await listMailboxes(tx, account)
  const before = find(all, id)
  const { name = before.name, parent = before.parent, sortOrder = before.sortOrder } = change
  const role = change.role === undefined ? before.role : (change.role ?? undefined)
  const isPlaced = name !== before.name || parent !== before.parent
  if (id === inboxId && (isPlaced || role !== before.role))
    throw new Fault('forbidden', 'the Inbox stays where it is', { what: 'mailbox' })
  if (isPlaced && change.checkedLater === true) checkMailboxName(name)
  else if (isPlaced) checkPlace(all, id, { name, parent })
  if (role !== before.role) {
    if (role !== undefined && change.checkedLater !== true) checkRole(all, role)
    if (role === 'trash') await takeTrash(tx, account, id)
    else if (before.role === 'trash') await leaveTrash(tx, account, id)
  } else if (!isPlaced && sortOrder === before.sortOrder) return
  const row = (await tx.get(mailboxTable, account, id))!
  tx.put(mailboxTable, [account, id], { ...row, name, parent, role, sortOrder })
  tx.changed(account, 'Mailbox', id, 'updated')
}

/** `updateMailbox` of name and parent. The Inbox cannot be renamed even to what it is called. */
export async function renameMailbox(
  tx: WriteTx,
  account: AccountId,
  id: MailboxId,
  to: { name: string; parent: MailboxId | 0 },
): Promise<void> {
  if (id === inboxId) throw new Fault('forbidden', 'the Inbox stays where it is', { what: 'mailbox' })
  await updateMailbox(tx, account, id, to)
}

/**
 * Deletes a mailbox with its messages; whom the notice names is told that it is shared no more. One with very many should be emptied by `expungeMessages` page by page
 * first. Throws Fault 'notFound', 'forbidden' (the Inbox), 'conflict' (there are mailboxes below it).
 */
export async function deleteMailbox(
  tx: WriteTx,
  account: AccountId,
  id: MailboxId,
  o: { notice?: ShareNotice; checkedLater?: true } = {},
): Promise<void> {
  const all = await listMailboxes(tx, account)
  const mailbox = find(all, id)
  if (id === inboxId) throw new Fault('forbidden', 'the Inbox cannot be deleted', { what: 'mailbox' })
  if (o.checkedLater !== true && all.some(({ parent }) => parent === id))
    throw new Fault('conflict', 'mailbox has mailboxes below it', {})
  const edit = await AccountEdit.open(tx, account)
  await expungeEntries(edit, id, 'all', { onlyDeleted: false })
  await edit.forget(id)
  await edit.finish()
  if (mailbox.role === 'trash') await leaveTrash(tx, account, id)
  if (mailbox.subscribed) await keepSubscription(tx, account, mailboxPath(all, id))
  await deleteAnnotations(tx, { account, mailbox: id })
  await dropKept(tx, account, id)
  tx.delete(mailboxTable, [account, id])
  putIndex(tx, { account, mailbox: id }, mailbox.grants, [])
  if (wasShared(mailbox)) await logRights(tx, { account, mailbox: id }, mailbox)
  const changed = { before: mailbox.grants, after: [] }
  if (o.notice !== undefined)
    await notifyOfGrants(tx, { owner: account, id, name: mailbox.name }, changed, o.notice)
  tx.changed(account, 'Mailbox', id, 'destroyed')
}

/** What was `checkedLater`. Throws what `createMailbox` throws. */
export async function checkMailboxTree(tx: ReadTx, account: AccountId): Promise<void> {
  checkTree(await listMailboxes(tx, account))
}

function newRow(o: {
  name: string
  parent: MailboxId | 0
  role: MailboxRole | undefined
  uidValidity: number
  modseq: Modseq
  grants?: readonly Grant[]
  /** Also without grants. */
  isLogged?: boolean
}): MailboxRow {
  const { grants = [], isLogged = false } = o
  return {
    name: o.name,
    parent: o.parent,
    role: o.role,
    subscribed: true,
    uidValidity: o.uidValidity,
    uidNext: 1 as Uid,
    highestModseq: o.modseq,
    messages: 0,
    unseen: 0,
    deleted: 0,
    sizeBytes: 0,
    grants,
    grantsModseq: grants.length > 0 || isLogged ? o.modseq : (0 as Modseq),
    sortOrder: 0,
    counts: noCounts,
  }
}

function find(all: readonly Mailbox[], id: MailboxId): Mailbox {
  const mailbox = all.find((other) => other.id === id)
  if (mailbox === undefined) throw new Fault('notFound', 'no such mailbox', { what: 'mailbox' })
  return mailbox
}
