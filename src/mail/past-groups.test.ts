import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fault } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import type { Db } from '#kv/db.ts'
import { noteGroups, pastGroups } from './past-groups.ts'
import { account, openTestAccount } from './test-account.ts'

const ids = (...numbers: readonly number[]): readonly AccountId[] => numbers as readonly AccountId[]

const known = (db: Db): Promise<readonly (readonly AccountId[])[]> => db.read((tx) => pastGroups(tx, account))

test('the groups that somebody was in are known, each once and in any order, and none always', async () => {
  const { db } = await openTestAccount()
  assert.deepEqual(await known(db), [[]])
  for (const groups of [ids(5, 3), ids(), ids(3, 5), ids(4), ids(5, 3)])
    await noteGroups(db, { account, groups })
  assert.deepEqual(await known(db), [[], [4], [3, 5]])
})

test('of somebody who is in other groups all the time, the last are known', async () => {
  const { db } = await openTestAccount()
  for (let i = 1; i <= 40; i++) await noteGroups(db, { account, groups: ids(i) })
  const last = (await known(db)).slice(1)
  assert.deepEqual([last.length, last[0], last.at(-1)], [32, [9], [40]])
  const many = Array.from({ length: 4000 }, (_, i) => (1000 + i) as AccountId)
  await noteGroups(db, { account, groups: many })
  await noteGroups(db, { account, groups: many.slice(1) })
  assert.deepEqual(await known(db), [[], many.slice(1)])
})

test('nobody is kept from looking where it cannot be noted', async () => {
  const { db } = await openTestAccount()
  const full = {
    read: db.read.bind(db),
    write: () => Promise.reject(new Fault('unavailable', 'no room', {})),
  }
  await noteGroups(full, { account, groups: ids(3) })
  assert.deepEqual(await known(db), [[]])
})
