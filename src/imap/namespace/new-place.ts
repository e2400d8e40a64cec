/**
 * Where a mailbox may be made: what CREATE and RENAME ask in their commits before they make one.
 */
import type { AccountId, MailboxId } from '#base/id.ts'
import { Fault } from '#base/fault.ts'
import type { WriteTx } from '#kv/tx.ts'
import type { MailLimits } from '#mail/limits.ts'
import { createMailbox, inboxId, listMailboxes } from '#mail/mailbox.ts'
import { findMailbox } from '#mail/mailbox-path.ts'
import type { Mailbox } from '#mail/mailbox-row.ts'
import {
  allRights,
  effectiveRights,
  hasAny,
  type Identity,
  noRights,
  type Rights,
  rightsOf,
} from '#mail/rights.ts'
import type { ShareNotice } from '#mail/share-notification.ts'
import { delimiter, parentPath } from './mailbox-name.ts'
import { notPermitted } from './mailbox-ref.ts'

/** A path that no mailbox has, where the user may make one. Only `newPlace` makes these. */
export interface NewPlace {
  readonly account: AccountId
  readonly path: string
  /** The last name of the path. */
  readonly name: string
  /** All mailboxes of the account, read once: there may be thousands. */
  readonly all: readonly Mailbox[]
  readonly isPermitted: true
}

/**
 * RFC 4314 §4, CREATE and RENAME: `k` on the nearest mailbox above that exists. Who may not see what is there
 * gets the same answer whether or not it is there. Throws Fault 'exists' and 'forbidden'.
 */
export async function newPlace(
  tx: WriteTx,
  account: AccountId,
  path: string,
  who: Identity,
): Promise<NewPlace> {
  const all = await listMailboxes(tx, account)
  const there = findMailbox(all, path)
  if (there !== undefined && hasAny(effectiveRights(account, there.grants, who), rightsOf('l')))
    throw new Fault('exists', 'Mailbox already exists', { what: 'mailbox' })
  if (there !== undefined || !hasAny(rightsAbove(all, account, path, who), rightsOf('k')))
    throw notPermitted()
  return { account, path, name: path.slice(path.lastIndexOf(delimiter) + 1), all, isPermitted: true }
}

function rightsAbove(all: readonly Mailbox[], account: AccountId, path: string, who: Identity): Rights {
  const above = nearestAbove(all, path)
  if (above !== undefined) return effectiveRights(account, above.grants, who)
  if (who.account === account) return allRights
  // At the top of a group its members may do what they may in its Inbox; at the top of a user nobody else.
  const inbox = all.find(({ id }) => id === inboxId)
  return who.groups.includes(account) ? effectiveRights(account, inbox?.grants ?? [], who) : noRights
}

function nearestAbove(all: readonly Mailbox[], path: string): Mailbox | undefined {
  for (let above = parentPath(path); above !== undefined; above = parentPath(above)) {
    const mailbox = findMailbox(all, above)
    if (mailbox !== undefined) return mailbox
  }
  return undefined
}

/** Those who are given rights on what is made there. */
export const granteesAbove = (all: readonly Mailbox[], path: string): readonly AccountId[] =>
  nearestAbove(all, path)?.grants.map(({ grantee }) => grantee) ?? []

interface NewMailboxOptions {
  readonly limits: MailLimits
  readonly notice: ShareNotice
}

/** The mailbox above a new place, made with all above it where it is missing; 0 for the top. */
export function ensureParent(
  tx: WriteTx,
  { account, path, all }: NewPlace,
  o: NewMailboxOptions,
): Promise<MailboxId | 0> {
  return ensure(tx, account, all, parentPath(path), o)
}

async function ensure(
  tx: WriteTx,
  account: AccountId,
  all: readonly Mailbox[],
  path: string | undefined,
  o: NewMailboxOptions,
): Promise<MailboxId | 0> {
  if (path === undefined) return 0
  const found = findMailbox(all, path)
  if (found !== undefined) return found.id
  const parent = await ensure(tx, account, all, parentPath(path), o)
  const name = path.slice(path.lastIndexOf(delimiter) + 1)
  return (await createMailbox(tx, account, { ...o, name, parent })).id
}
