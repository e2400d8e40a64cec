/** What can be done with domains. Their aliases are rows of their own, and are shown with the domain only. */
import type { Clock } from '#base/clock.ts'
import { invalidProperties } from '#base/fault.ts'
import type { Db } from '#kv/db.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import type { ObjectHandler, Plan, QueryRequest, QueryResult } from '#registry/managed-object.ts'
import { givenIn, type Values } from '#settings/values.ts'
import type { Accounts } from '../account.ts'
import { updateAccountRows } from '../account-rows.ts'
import { readOwnAddress, readOwnDomain } from '../address.ts'
import { createDomainRows, destroyDomainRows, updateDomainRows } from '../domain-rows.ts'
import { updateListRows } from '../list-rows.ts'
import {
  accountNameTable,
  accountRowTable,
  type AddressOwner,
  addressTable,
  type Alias,
  domainDefaults,
  type DomainRow,
  domainTable,
  isSameOwner,
  listTable,
} from '../tables.ts'
import { domainObject } from './domain-object.ts'
import { momentOf } from './fields.ts'

export class DomainHandler implements ObjectHandler {
  readonly object = domainObject
  readonly #o: { db: Db; clock: Clock; accounts: Accounts }

  constructor(o: { db: Db; clock: Clock; accounts: Accounts }) {
    this.#o = o
  }

  async locate(_tx: ReadTx, key: string): Promise<string | undefined> {
    return readOwnDomain(key)
  }

  async read(tx: ReadTx, name: string): Promise<Values | undefined> {
    const row = await tx.get(domainTable, name)
    if (row === undefined || row.aliasOf !== undefined) return undefined
    return {
      name,
      description: row.description,
      enabled: row.enabled,
      aliases: row.aliases,
      redirectTo: row.redirectTo,
      catchAllAddress: await catchAllOf(tx, name),
      subAddressing: row.subAddressing ? 'enabled' : 'disabled',
      maxDiskQuota: row.maxDiskQuota,
      maxAccounts: row.maxAccounts,
      dkimManagement: row.dkimManagement,
      reportAddressUri: row.reportAddressUri,
      createdAt: momentOf(row.createdAt),
    }
  }

  async query({ filter, position, limit }: QueryRequest): Promise<QueryResult> {
    const needle = typeof filter['text'] === 'string' ? filter['text'].toLowerCase() : ''
    const all = await this.#o.accounts.listDomains()
    const found = all.filter(({ name, description }) =>
      `${name}\n${description}`.toLowerCase().includes(needle),
    )
    return { ids: found.slice(position, position + limit).map(({ name }) => name), total: found.length }
  }

  async create(values: Values): Promise<Plan> {
    const name = values['name'] as string
    const row = patchedRow({ ...domainDefaults, createdAt: this.#o.clock.now() }, values)
    return this.#plan(name, async (tx) => {
      await createDomainRows(tx, name, row)
      await setCatchAll(tx, name, values)
    })
  }

  async update(name: string, patch: Values): Promise<Plan> {
    return this.#plan(name, async (tx) => {
      await updateDomainRows(tx, name, (row) => patchedRow(row, patch))
      await setCatchAll(tx, name, patch)
    })
  }

  async destroy(name: string): Promise<Plan> {
    return this.#plan(name, (tx) => destroyDomainRows(tx, name))
  }

  #plan(name: string, change: (tx: WriteTx) => Promise<void>): Plan {
    return {
      accounts: [],
      apply: async (tx) => {
        await change(tx)
        return name
      },
      committed: () => this.#o.accounts.forget(name),
    }
  }
}

function patchedRow(row: DomainRow, patch: Values): DomainRow {
  const given = givenIn(patch)
  return {
    ...row,
    description: given('description', row.description),
    enabled: given('enabled', row.enabled),
    aliases: [...new Set(given('aliases', row.aliases))],
    redirectTo: given('redirectTo', row.redirectTo),
    subAddressing: Object.hasOwn(patch, 'subAddressing')
      ? patch['subAddressing'] === 'enabled'
      : row.subAddressing,
    maxDiskQuota: given('maxDiskQuota', row.maxDiskQuota),
    maxAccounts: given('maxAccounts', row.maxAccounts),
    dkimManagement: given('dkimManagement', row.dkimManagement),
    reportAddressUri: given('reportAddressUri', row.reportAddressUri),
  }
}

/** The name of whoever has the domain's catch-all. */
async function catchAllOf(tx: ReadTx, domain: string): Promise<string | undefined> {
  const owner = await tx.get(addressTable, domain, '')
  if (owner === undefined) return undefined
  return owner.kind === 'account'
    ? (await tx.get(accountRowTable, owner.id))?.name
    : (await tx.get(listTable, owner.id))?.name
}

/** The catch-all is one of its owner's aliases: it moves from one owner to another. */
async function setCatchAll(tx: WriteTx, domain: string, patch: Values): Promise<void> {
  if (!Object.hasOwn(patch, 'catchAllAddress')) return
  const address = patch['catchAllAddress'] as string | undefined
  const before = await tx.get(addressTable, domain, '')
  const after = address === undefined ? undefined : await ownerOf(tx, address)
  if (before !== undefined && after !== undefined && isSameOwner(before, after)) return
  const alias = `@${domain}`
  if (before !== undefined)
    await changeAliases(tx, before, (all) => all.filter((one) => one.address !== alias))
  if (after !== undefined) {
    const added = { address: alias, enabled: true, description: '' }
    await changeAliases(tx, after, (all) => [...all, added])
  }
}

async function ownerOf(tx: WriteTx, address: string): Promise<AddressOwner> {
  const key = readOwnAddress(address)!
  const named = await tx.get(accountNameTable, address)
  const owner =
    named === undefined
      ? await tx.get(addressTable, key.domain, key.local)
      : ({ kind: 'account', id: named } as const)
  if (owner !== undefined) return owner
  const problem = 'must be the address of an account or a list here'
  throw invalidProperties([{ property: 'catchAllAddress', problem }])
}

async function changeAliases(
  tx: WriteTx,
  owner: AddressOwner,
  change: (aliases: readonly Alias[]) => readonly Alias[],
): Promise<void> {
  if (owner.kind === 'list')
    await updateListRows(tx, owner.id, (row) => ({ ...row, aliases: change(row.aliases) }))
  else await updateAccountRows(tx, owner.id, (row) => ({ ...row, aliases: change(row.aliases) }))
}
