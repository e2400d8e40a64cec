/**
 * Lists and searches accounts, in the order of their names.
 *
 * With a hundred thousand of them this must not hold up the server: rows are read some hundreds at a time with
 * room for others in between, and text is looked for in the stored bytes before a row is decoded.
 */
import { setImmediate as breathe } from 'node:timers/promises'
import { asBuffer } from '#base/bytes.ts'
import type { AccountId } from '#base/id.ts'
import { rawBytes } from '#kv/codec.ts'
import type { Db } from '#kv/db.ts'
import { text, u32 } from '#kv/key.ts'
import { globalTable } from '#kv/table.ts'
import type { QueryRequest, QueryResult } from '#registry/managed-object.ts'
import type { Values } from '#settings/values.ts'
import { ownedAddresses } from '../address-list.ts'
import { normaliseExact } from '../own-address.ts'
import { rolesOf } from '../role.ts'
import { accountNameTable, type AccountRow, accountRowTable } from '../tables.ts'

const perSlice = 500

/** The same rows as `accountRowTable`'s, not decoded. */
const storedRows = globalTable({ name: 'account', letter: 'a', key: [u32<AccountId>()], value: rawBytes })
/** The names alone, which are the keys. */
const storedNames = globalTable({ name: 'account-name', letter: 'n', key: [text()], value: rawBytes })

export async function queryAccounts(db: Db, { filter, position, limit }: QueryRequest): Promise<QueryResult> {
  const wanted = Object.values(filter).some((value) => value !== undefined && value !== '')
  const names = wanted ? await matchingNames(db, filter) : await allNames(db)
  const page = names.slice(position, position + limit)
  const ids = await db.read((tx) =>
    tx.getMany(
      accountNameTable,
      page.map((name) => [name] as const),
    ),
  )
  return { ids: ids.filter((id) => id !== undefined).map(String), total: names.length }
}

async function allNames(db: Db): Promise<readonly string[]> {
  const names: string[] = []
  for (let after: readonly [string] | undefined; ;) {
    const from = after === undefined ? {} : { after }
    const page = await db.read((tx) => tx.list(storedNames, [], { limit: perSlice * 4, ...from }))
    for (const [[name]] of page) names.push(name)
    if (page.length < perSlice * 4) return names
    after = page.at(-1)![0]
    await breathe()
  }
}

async function matchingNames(db: Db, filter: Values): Promise<readonly string[]> {
  const isWanted = await matcher(db, filter)
  // As it stands in JSON.
  const needle = JSON.stringify(textOf(filter['text'])).slice(1, -1)
  const names: string[] = []
  for (let after: readonly [AccountId] | undefined; ;) {
    const from = after === undefined ? {} : { after }
    const page = await db.read((tx) => tx.list(storedRows, [], { limit: perSlice, ...from }))
    for (const [, stored] of page) {
      if (needle !== '' && !asBuffer(stored).toString('utf8').toLowerCase().includes(needle)) continue
      const row = accountRowTable.value.decode(stored)
      if (isWanted(row)) names.push(row.name)
    }
    if (page.length < perSlice) return names.sort()
    after = page.at(-1)![0]
    await breathe()
  }
}

const textOf = (given: unknown): string => (typeof given === 'string' ? given.toLowerCase() : '')

async function matcher(db: Db, filter: Values): Promise<(row: AccountRow) => boolean> {
  const needle = textOf(filter['text'])
  const { type, domain, enabled } = filter
  const role = textOf(filter['role'])
  const groupName = filter['memberOf'] as string | undefined
  const group = await groupId(db, groupName)
  return (row) =>
    (type === undefined || row.type === type) &&
    (domain === undefined || row.name.endsWith(`@${domain as string}`)) &&
    (enabled === undefined || row.enabled === enabled) &&
    (role === '' || rolesOf(row).some((one) => one.toLowerCase() === role)) &&
    (groupName === undefined || groupName === '' || (group !== undefined && row.memberOf.includes(group))) &&
    (needle === '' ||
      [row.name, row.description, ...ownedAddresses(row)].some((one) => one.toLowerCase().includes(needle)))
}

async function groupId(db: Db, name: string | undefined): Promise<AccountId | undefined> {
  const key = name === undefined ? undefined : normaliseExact(name)
  return key === undefined ? undefined : db.read((tx) => tx.get(accountNameTable, key))
}
