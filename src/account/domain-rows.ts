/**
 * A domain's rows: its own, one for each of its aliases, and the DKIM keys of both. What must always hold: a
 * name is one domain or the alias of one; no domain is deleted while anything has an address in it; a
 * redirection leads to a domain that is here.
 */
import { unicodeDomain } from '#base/domain-name.ts'
import { Fault, invalidProperties } from '#base/fault.ts'
import type { WriteTx } from '#kv/tx.ts'
import { dropAccountMark } from './account-rows.ts'
import { assertNoAddresses } from './address-rows.ts'
import { deleteDkimKeys, followDkim } from './dkim-tables.ts'
import { domainDefaults, type DomainRow, domainTable } from './tables.ts'

const exists = (name: string): Fault =>
  new Fault('exists', `the domain ${unicodeDomain(name)} exists already`, { what: 'domain' })

const noSuchDomain = (): Fault => new Fault('notFound', 'There is no such Domain.', { what: 'domain' })

export async function createDomainRows(tx: WriteTx, name: string, row: DomainRow): Promise<void> {
  if ((await tx.get(domainTable, name)) !== undefined) throw exists(name)
  await assertFits(tx, name, row)
  tx.put(domainTable, [name], row)
  followDkim(tx, name, row.createdAt)
  await putAliases(tx, name, { ...row, aliases: [] }, row)
}

export async function updateDomainRows(
  tx: WriteTx,
  name: string,
  change: (row: DomainRow) => DomainRow,
): Promise<void> {
  const before = await tx.get(domainTable, name)
  if (before === undefined || before.aliasOf !== undefined) throw noSuchDomain()
  const after = change(before)
  await assertFits(tx, name, after)
  tx.put(domainTable, [name], after)
  if (after.dkimManagement !== before.dkimManagement)
    for (const one of [name, ...after.aliases]) followDkim(tx, one, after.createdAt)
  await putAliases(tx, name, before, after)
}

export async function destroyDomainRows(tx: WriteTx, name: string): Promise<void> {
  const row = await tx.get(domainTable, name)
  if (row === undefined || row.aliasOf !== undefined) throw noSuchDomain()
  await assertNoAddresses(tx, name)
  dropAccountMark(tx, name)
  await putAliases(tx, name, row, { ...row, aliases: [] })
  await deleteDkimKeys(tx, name)
  tx.delete(domainTable, [name])
}

async function assertFits(tx: WriteTx, name: string, row: DomainRow): Promise<void> {
  const { redirectTo } = row
  if (redirectTo === undefined) return
  const there = await tx.get(domainTable, redirectTo)
  if (redirectTo === name || there === undefined || there.redirectTo !== undefined) {
    const problem = 'must be another domain of this server that does not redirect itself'
    throw invalidProperties([{ property: 'redirectTo', problem }])
  }
}

async function putAliases(
  tx: WriteTx,
  name: string,
  { aliases: before }: DomainRow,
  { aliases: after, createdAt }: DomainRow,
): Promise<void> {
  for (const alias of before) {
    if (after.includes(alias)) continue
    await deleteDkimKeys(tx, alias)
    tx.delete(domainTable, [alias])
  }
  for (const alias of after) {
    if (before.includes(alias)) continue
    if ((await tx.get(domainTable, alias)) !== undefined || alias === name) throw exists(alias)
    tx.put(domainTable, [alias], { ...domainDefaults, aliasOf: name, createdAt: 0 })
    followDkim(tx, alias, createdAt)
  }
}
