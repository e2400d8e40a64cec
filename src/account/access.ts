/**
 * What somebody who signed in is and may do: the result of every way to prove who one is. It is made anew
 * from the rows when something about the account changes (`access-watch.ts`), never changed in place.
 */
import { domainPart } from '#base/domain-name.ts'
import type { AccountId } from '#base/id.ts'
import type { ReadTx } from '#kv/tx.ts'
import { receivingAddresses } from './address-list.ts'
import type { MailProtocol } from './credential-tables.ts'
import type { Permission } from './permission.ts'
import { effectivePermissions } from './role.ts'
import type { CredentialId } from './shown-once.ts'
import { type AccountRow, accountRowTable, domainTable } from './tables.ts'

export interface Access {
  readonly account: AccountId
  /** The account's name, also where somebody signed in with another of its addresses. */
  readonly name: string
  /** The account's own addresses without patterns and catch-alls; the first is primary. */
  readonly emails: readonly string[]
  /** The groups that the account is a member of, directly or through other groups. */
  readonly groups: readonly AccountId[]
  readonly permissions: ReadonlySet<Permission>
  /** The app password or API key that was signed in with, which may limit the permissions. */
  readonly credential?: CredentialId
  /** Of an app password, what it is for; none: all. */
  readonly protocols?: readonly MailProtocol[]
  /** When the password was set that was signed in with: with another one it is over. */
  readonly passwordAt?: number
  /** Who acts as the account, where that is another, whose the password is. */
  readonly by?: AccountId
}

/** Groups of groups of an account beyond this many are not looked at. */
const maxGroups = 1000

/** Of an account that may sign in; undefined where it is gone, disabled or may not, or its domain is disabled. */
export async function readAccess(tx: ReadTx, id: AccountId): Promise<Access | undefined> {
  const row = await tx.get(accountRowTable, id)
  if (row?.enabled !== true || !(await isDomainEnabled(tx, row))) return undefined
  const access = await accessOf(tx, id, row)
  return access.permissions.has('authenticate') ? access : undefined
}

/** Of the domain that an account belongs to by its name. */
export async function isDomainEnabled(tx: ReadTx, { name }: Pick<AccountRow, 'name'>): Promise<boolean> {
  return (await tx.get(domainTable, domainPart(name)))?.enabled ?? false
}

export async function accessOf(tx: ReadTx, id: AccountId, row: AccountRow): Promise<Access> {
  return {
    account: id,
    name: row.name,
    emails: receivingAddresses(row),
    groups: await groupsOf(tx, row),
    permissions: await effectivePermissions(tx, row),
  }
}

/** Nearest first, each once; circles end by themselves. A disabled group is none. */
export async function groupsOf(tx: ReadTx, row: Pick<AccountRow, 'memberOf'>): Promise<readonly AccountId[]> {
  const found = new Set<AccountId>()
  const seen = new Set<AccountId>(row.memberOf)
  for (const id of seen) {
    const group = await tx.get(accountRowTable, id)
    if (group?.type !== 'group' || !group.enabled) continue
    found.add(id)
    for (const above of group.memberOf) if (seen.size < maxGroups) seen.add(above)
  }
  return [...found]
}
