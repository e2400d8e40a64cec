/** What can be done with mailing lists. */
import type { Clock } from '#base/clock.ts'
import { foldAddress } from '#base/domain-name.ts'
import type { Db } from '#kv/db.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import type { ObjectHandler, Plan, QueryRequest, QueryResult } from '#registry/managed-object.ts'
import { givenIn, type Values } from '#settings/values.ts'
import type { Accounts } from '../account.ts'
import { readOwnAddress } from '../address.ts'
import { assertListFits, createListRows, destroyListRows, updateListRows } from '../list-rows.ts'
import { normaliseExact } from '../own-address.ts'
import { readAccountId } from '../stored-account.ts'
import { addressTable, type Alias, listDefaults, type ListId, type ListRow, listTable } from '../tables.ts'
import { momentOf } from './fields.ts'
import { listObject } from './list-object.ts'

export class ListHandler implements ObjectHandler {
  readonly object = listObject
  readonly #o: { db: Db; clock: Clock; accounts: Accounts }

  constructor(o: { db: Db; clock: Clock; accounts: Accounts }) {
    this.#o = o
  }

  async locate(tx: ReadTx, key: string): Promise<string | undefined> {
    if (readAccountId(key) !== undefined) return key
    const name = normaliseExact(key)
    const address = name === undefined ? undefined : readOwnAddress(name)
    if (address === undefined) return undefined
    const owner = await tx.get(addressTable, address.domain, address.local)
    const row = owner?.kind === 'list' ? await tx.get(listTable, owner.id) : undefined
    return row?.name === name ? String(owner!.id) : undefined
  }

  async read(tx: ReadTx, id: string): Promise<Values | undefined> {
    const row = await tx.get(listTable, Number(id) as ListId)
    return row && { ...row, createdAt: momentOf(row.createdAt) }
  }

  async query({ filter, position, limit }: QueryRequest): Promise<QueryResult> {
    const needle = typeof filter['text'] === 'string' ? filter['text'].toLowerCase() : ''
    const domain = filter['domain'] as string | undefined
    const given = filter['recipient'] as string | undefined
    const recipient = given === undefined || given === '' ? undefined : (foldAddress(given) ?? '')
    const rows = await this.#o.db.read((tx) => tx.list(listTable, []))
    const found = rows
      .filter(
        ([, { name, description, recipients }]) =>
          `${name}\n${description}`.toLowerCase().includes(needle) &&
          (domain === undefined || name.endsWith(`@${domain}`)) &&
          (recipient === undefined || recipients.includes(recipient)),
      )
      .toSorted(([, a], [, b]) => (a.name < b.name ? -1 : 1))
    return { ids: found.slice(position, position + limit).map(([[id]]) => String(id)), total: found.length }
  }

  async create(values: Values): Promise<Plan> {
    const { accounts, clock } = this.#o
    const row = patchedRow({ ...listDefaults, name: '', createdAt: clock.now() }, values)
    await this.#o.db.read((tx) => assertListFits(tx, undefined, row))
    const id = (await accounts.takeId()) as number as ListId
    return this.#plan(id, (tx) => createListRows(tx, id, row))
  }

  async update(id: string, patch: Values): Promise<Plan> {
    const list = Number(id) as ListId
    return this.#plan(list, (tx) => updateListRows(tx, list, (row) => patchedRow(row, patch)))
  }

  async destroy(id: string): Promise<Plan> {
    const list = Number(id) as ListId
    return this.#plan(list, (tx) => destroyListRows(tx, list))
  }

  #plan(id: ListId, change: (tx: WriteTx) => Promise<void>): Plan {
    return {
      accounts: [],
      apply: async (tx) => {
        await change(tx)
        return String(id)
      },
      committed: () => this.#o.accounts.forget(`list ${id}`),
    }
  }
}

function patchedRow({ owner: ownerBefore, ...row }: ListRow, patch: Values): ListRow {
  const given = givenIn(patch)
  const owner = given('owner', ownerBefore)
  return {
    ...row,
    ...(owner === undefined ? {} : { owner }),
    name: given('name', row.name),
    description: given('description', row.description),
    enabled: given('enabled', row.enabled),
    aliases: given<readonly Alias[]>('aliases', row.aliases),
    recipients: [...new Set(given<readonly string[]>('recipients', row.recipients))],
    posting: given('posting', row.posting),
    posters: given<readonly string[]>('posters', row.posters),
  }
}
