/**
 * An account's rows, written together: the account, its name, its addresses, its memberships.
 */
import { Fault, invalidProperties } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import { dropMark, lookByMark, putMark } from '#kv/mark.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import { ownedAddresses } from './address-list.ts'
import { assertAddressesFree, type PlacedAddress, putAddresses } from './address-rows.ts'
import { destroyCredentials } from './credential-rows.ts'
import { readOwned } from './own-address.ts'
import { readRole } from './role.ts'
import { accountNameTable, type AccountRow, accountRowTable, domainTable, memberTable } from './tables.ts'

const placedAddresses = (row: AccountRow): readonly PlacedAddress[] => [
  { property: 'emailAddress', address: row.emailAddress },
  ...row.aliases.map(({ address }, i) => ({ property: `aliases/${i}/address`, address })),
]

/**
 * Throws Fault `invalid` where a domain, a group or a role is missing, `exists` where a name or an address is
 * somebody else's. `id` is undefined before an account has one. Groups and roles that it had before may be
 * gone: they give nothing, and are in nobody's way.
 */
export async function assertAccountFits(
  tx: Pick<ReadTx, 'get'>,
  id: AccountId | undefined,
  row: AccountRow,
  before: Pick<AccountRow, 'memberOf' | 'roles'> = { memberOf: [], roles: [] },
): Promise<void> {
  const owner = id === undefined ? undefined : ({ kind: 'account', id } as const)
  await assertAddressesFree(tx, owner, [{ property: 'name', address: row.name }, ...placedAddresses(row)])
  for (const [i, group] of row.memberOf.entries()) {
    if (before.memberOf.includes(group)) continue
    const found = await tx.get(accountRowTable, group)
    if (found?.type !== 'group' || group === id) {
      throw invalidProperties([{ property: `memberOf/${i}`, problem: 'must be a group' }])
    }
  }
  for (const [i, role] of row.roles.entries()) {
    if (!before.roles.includes(role) && (await readRole(tx, role)) === undefined) {
      throw invalidProperties([{ property: `roles/${i}`, problem: 'must be a role that exists' }])
    }
  }
}

/** Throws what `assertAccountFits` throws. */
export async function createAccountRows(tx: WriteTx, id: AccountId, row: AccountRow): Promise<void> {
  await assertAccountFits(tx, id, row)
  await assertDomainHasRoom(tx, row)
  tx.put(accountNameTable, [row.name], id)
  writeRows(tx, id, undefined, row)
}

/** `change` gets the row as it is. Throws Fault `notFound` and what `assertAccountFits` throws. */
export async function updateAccountRows(
  tx: WriteTx,
  id: AccountId,
  change: (row: AccountRow) => AccountRow | Promise<AccountRow>,
): Promise<AccountRow> {
  const before = await tx.get(accountRowTable, id)
  if (before === undefined) throw noSuchAccount()
  const after = await change(before)
  await assertAccountFits(tx, id, after, before)
  if (after.name !== before.name) {
    tx.delete(accountNameTable, [before.name])
    tx.put(accountNameTable, [after.name], id)
  }
  writeRows(tx, id, before, after)
  return after
}

/** All that leads to an account. Its mail is removed afterwards, by a task. */
export async function destroyAccountRows(tx: WriteTx, id: AccountId): Promise<AccountRow> {
  const row = await tx.get(accountRowTable, id)
  if (row === undefined) throw noSuchAccount()
  putAddresses(tx, { kind: 'account', id }, ownedAddresses(row), [])
  for (const group of row.memberOf) tx.delete(memberTable, [group, id])
  tx.delete(accountNameTable, [row.name])
  await destroyCredentials(tx, id)
  tx.delete(accountRowTable, [id])
  return row
}

function writeRows(tx: WriteTx, id: AccountId, before: AccountRow | undefined, after: AccountRow): void {
  tx.put(accountRowTable, [id], after)
  putAddresses(tx, { kind: 'account', id }, before ? ownedAddresses(before) : [], ownedAddresses(after))
  const groups = new Set(after.memberOf)
  for (const group of before?.memberOf ?? []) if (!groups.has(group)) tx.delete(memberTable, [group, id])
  for (const group of groups) tx.put(memberTable, [group, id], true)
}

async function assertDomainHasRoom(tx: WriteTx, row: AccountRow): Promise<void> {
  const domain = readOwned(row.name)!.domain
  const limit = (await tx.get(domainTable, domain))?.maxAccounts ?? 0
  if (limit === 0) return
  await lookByMark(tx, markOf(domain))
  const names = await namesOfDomain(tx, domain, limit)
  if (names >= limit)
    throw new Fault('overQuota', `${domain} may have ${limit} accounts and has them`, { limit })
  putMark(tx, markOf(domain))
}

const markOf = (domain: string): string => `accounts of ${domain}`

/** With the domain. */
export const dropAccountMark = (tx: WriteTx, domain: string): void => dropMark(tx, markOf(domain))

/** How many accounts are called by an address of the domain, counted up to a limit. */
async function namesOfDomain(tx: ReadTx, domain: string, limit: number): Promise<number> {
  let count = 0
  for (let after: readonly [string] | undefined; ;) {
    const page = await tx.list(accountNameTable, [], {
      limit: 1000,
      ...(after === undefined ? {} : { after }),
    })
    for (const [[name]] of page) if (name.endsWith(`@${domain}`)) count++
    if (page.length < 1000 || count >= limit) return count
    after = page.at(-1)![0]
  }
}

export const noSuchAccount = (): Fault =>
  new Fault('notFound', 'There is no such account.', { what: 'account' })
