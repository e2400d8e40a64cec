/**
 * Sharing: who has which rights on a mailbox, read and changed; and which accounts share something with somebody.
 *
 * What must always hold: the index `share` has a row for a grantee and a mailbox of another account exactly
 * where that has an entry for the grantee. Both are written in the owner's transactions, so that the account's lock orders
 * them. Whether the one who asks may do so is the caller's matter.
 */
import { Fault } from '#base/fault.ts'
import type { AccountId, MailboxId } from '#base/id.ts'
import type { Db } from '#kv/db.ts'
import { logShared } from '#kv/shared-log.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import { grantsCodec, type MailboxRow, type Place, wasShared } from './mailbox-row.ts'
import {
  allRights,
  bothRights,
  type Grant,
  granteesOf,
  type Identity,
  noRights,
  type Rights,
  withoutRights,
} from './rights.ts'
import { notifyOfGrants, type ShareNotice } from './share-notification.ts'
import { mailboxTable, shareTable } from './tables.ts'

/** Whose entry of an access control list it is, and which of the two they may have (RFC 4314 §2). */
export interface Identifier {
  readonly grantee: AccountId
  /** `denied` are the negative rights. */
  readonly kind: 'granted' | 'denied'
}

/** RFC 4314 §3.1 */
export interface GrantChange extends Identifier {
  readonly how: 'set' | 'add' | 'remove'
  readonly rights: Rights
}

export interface ShareOptions {
  readonly maxShares: number
  /** Who is told; nobody, where it is left out. */
  readonly notice?: ShareNotice
}

/** The entries of a mailbox, by ascending grantee. Throws Fault('notFound'). */
export async function listGrants(tx: ReadTx, place: Place): Promise<readonly Grant[]> {
  return (await rowOf(tx, place)).grants
}

/**
 * Replaces all entries. Throws Fault 'notFound', 'tooLarge' (more entries than `maxShares`) and 'invalid' (a
 * grantee twice).
 */
export async function setGrants(
  tx: WriteTx,
  place: Place,
  grants: readonly Grant[],
  o: ShareOptions,
): Promise<void> {
  const { account, mailbox } = place
  const row = await rowOf(tx, place)
  const kept = grants.filter((grant) => says(account, grant)).toSorted((a, b) => a.grantee - b.grantee)
  if (kept.some(({ grantee }, i) => grantee === kept[i + 1]?.grantee))
    throw new Fault('invalid', 'a grantee stands there twice', { properties: ['shareWith'] })
  // Where the limit was lowered, what there is stays and can be changed.
  if (kept.length > Math.max(o.maxShares, row.grants.length))
    throw new Fault('tooLarge', 'the mailbox is shared with too many', { limit: o.maxShares })
  putIndex(tx, place, row.grants, kept)
  await logRights(tx, place, row)
  tx.put(mailboxTable, [account, mailbox], { ...row, grants: kept, grantsModseq: tx.modseq(account) })
  otherVisibility(tx, account, mailbox)
  if (restricts(account, kept)) await logAll(tx, account)
  if (o.notice === undefined) return
  const changed = { before: row.grants, after: kept }
  await notifyOfGrants(tx, { owner: account, id: mailbox, name: row.name }, changed, o.notice)
}

/** Changes what one grantee has. Throws what `setGrants` throws. */
export async function changeGrant(
  tx: WriteTx,
  place: Place,
  change: GrantChange,
  o: ShareOptions,
): Promise<void> {
  const { account } = place
  const { grantee } = change
  const grants = await listGrants(tx, place)
  const before = grants.find((grant) => grant.grantee === grantee) ?? none(grantee)
  const start = before[change.kind] ?? (grantee === account ? allRights : noRights)
  const rights = changed(start, change)
  // An entry of no rights is none, but the owner's, which stands in the place of all rights.
  const isNone = change.kind === 'granted' && rights === noRights && grantee !== account
  const after = { ...before, [change.kind]: isNone ? undefined : rights }
  await setGrants(tx, place, [...grants.filter((grant) => grant !== before), after], o)
}

/** Removes an entry, which for the owner brings all rights back (RFC 4314 §3.2). Throws Fault('notFound'). */
export async function removeGrant(
  tx: WriteTx,
  place: Place,
  { grantee, kind }: Identifier,
  notice?: ShareNotice,
): Promise<void> {
  const grants = await listGrants(tx, place)
  const gone = kind === 'granted' ? { granted: undefined } : { denied: noRights }
  const left = grants.map((grant) => (grant.grantee === grantee ? { ...grant, ...gone } : grant))
  await setGrants(tx, place, left, {
    maxShares: grants.length,
    ...(notice === undefined ? {} : { notice }),
  })
}

/**
 * The accounts that may share a mailbox with somebody or somebody's groups, ascending; without the own one. With
 * some it may be that everything is denied.
 */
export async function accountsSharingWith(tx: ReadTx, who: Identity): Promise<readonly AccountId[]> {
  const owners = new Set(who.groups)
  for (const grantee of granteesOf(who))
    for (const [[, owner]] of await tx.list(shareTable, [grantee])) owners.add(owner)
  owners.delete(who.account)
  return [...owners].sort((a, b) => a - b)
}

/** Of an account that is gone: its mailboxes are in nobody's list any more. */
export async function stopSharing(db: Db, account: AccountId): Promise<void> {
  const rows = await db.read((tx) => tx.list(mailboxTable, [account]))
  await db.write([], async (tx) => {
    for (const [[, mailbox], { grants }] of rows) putIndex(tx, { account, mailbox }, grants, [])
  })
}

/** An account that is gone leaves everybody's lists. */
export async function removeGrantee(db: Db, grantee: AccountId): Promise<void> {
  const rows = await db.read((tx) => tx.list(shareTable, [grantee]))
  for (const [[, owner, mailbox]] of rows) {
    await db.write([owner], async (tx) => {
      const row = await tx.get(mailboxTable, owner, mailbox)
      tx.delete(shareTable, [grantee, owner, mailbox])
      if (row === undefined) return
      const grants = row.grants.filter((grant) => grant.grantee !== grantee)
      await logRights(tx, { account: owner, mailbox }, row)
      tx.put(mailboxTable, [owner, mailbox], { ...row, grants, grantsModseq: tx.modseq(owner) })
      otherVisibility(tx, owner, mailbox)
    })
  }
}

/** The index follows the grants of a mailbox: none before it is created, none after it is deleted. */
export function putIndex(
  tx: WriteTx,
  { account, mailbox }: Place,
  before: readonly Grant[],
  after: readonly Grant[],
): void {
  const had = new Set(before.filter((grant) => isIndexed(account, grant)).map(({ grantee }) => grantee))
  for (const grant of after) {
    if (!isIndexed(account, grant) || had.delete(grant.grantee)) continue
    tx.put(shareTable, [grant.grantee, account, mailbox], true)
  }
  for (const grantee of had) tx.delete(shareTable, [grantee, account, mailbox])
}

/** Notes what was said of rights, which are about to be others. */
export const logRights = (
  tx: WriteTx,
  { account, mailbox }: Place,
  before: Pick<MailboxRow, 'grants' | 'grantsModseq'>,
): Promise<void> => logShared(tx, account, mailbox, { rightsBefore: grantsCodec.encode(before) })

/** Whether somebody is kept out who may see what is not shared: the owner, the members of a group. */
export const restricts = (owner: AccountId, grants: readonly Grant[]): boolean =>
  grants.some(({ grantee, denied }) => grantee === owner || denied !== noRights)

/** What comes and leaves is logged in all mailboxes of the account, as if each had been shared once. */
async function logAll(tx: WriteTx, account: AccountId): Promise<void> {
  for (const [[, mailbox], row] of await tx.list(mailboxTable, [account])) {
    if (wasShared(row)) continue
    await logRights(tx, { account, mailbox }, row)
    tx.put(mailboxTable, [account, mailbox], { ...row, grantsModseq: tx.modseq(account) })
    tx.changed(account, 'Mailbox', mailbox, 'updated')
  }
}

/** Whether the index says so: also of what is only denied, so that all entries of an account are found. */
export const isIndexed = (owner: AccountId, { grantee }: Grant): boolean => grantee !== owner

/** Somebody sees more or less than before: of the mailbox, and of messages and threads altogether. */
function otherVisibility(tx: WriteTx, account: AccountId, mailbox: MailboxId): void {
  tx.changed(account, 'Mailbox', mailbox, 'updated')
  tx.changed(account, 'Email', 0, 'counts')
  tx.changed(account, 'Thread', 0, 'counts')
}

const none = (grantee: AccountId): Grant => ({ grantee, granted: undefined, denied: noRights })

/** Whether an entry differs from none: for the owner, having no rights does. */
const says = (owner: AccountId, { grantee, granted, denied }: Grant): boolean =>
  denied !== noRights || (granted !== undefined && (granted !== noRights || grantee === owner))

function changed(before: Rights, { how, rights }: GrantChange): Rights {
  if (how === 'set') return rights
  return how === 'add' ? bothRights(before, rights) : withoutRights(before, rights)
}

async function rowOf(tx: ReadTx, { account, mailbox }: Place): Promise<MailboxRow> {
  const row = await tx.get(mailboxTable, account, mailbox)
  if (row === undefined) throw new Fault('notFound', 'no such mailbox', { what: 'mailbox' })
  return row
}
