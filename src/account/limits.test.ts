import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId } from '#base/id.ts'
import { updateDomainRows } from './domain-rows.ts'
import { makeStore } from './fixture.test.ts'
import { AccountLimits } from './limits.ts'
import { noQuotas } from './tables.ts'

async function limited() {
  const store = makeStore()
  const { accounts } = store
  await accounts.createDomain({ name: 'small.example', maxDiskQuota: 1000 })
  await accounts.createDomain({ name: 'free.example' })
  const used = new Map<AccountId, number>()
  let asked = 0
  const limits = new AccountLimits({
    ...store,
    usedBytes: async (_tx, account) => {
      asked++
      return used.get(account) ?? 0
    },
  })
  const a = await accounts.createAccount({ name: 'a@small.example' })
  const b = await accounts.createAccount({
    name: 'b@small.example',
    quotas: { ...noQuotas, diskBytes: 300 },
  })
  const c = await accounts.createAccount({ name: 'c@free.example', quotas: { ...noQuotas, emails: 5 } })
  return { ...store, used, limits, a, b, c, asked: () => asked }
}

test('a domain that is full leaves its accounts what they have', async () => {
  const { limits, used, a, b, clock } = await limited()
  assert.equal((await limits.of(a)).bytes, 1000)
  assert.equal((await limits.of(b)).bytes, 300)
  used.set(a.id, 600)
  used.set(b.id, 300)
  clock.advance(61_000)
  // A hundred are left; a may grow by these, b is full on its own.
  assert.equal((await limits.of(a)).bytes, 700)
  assert.equal((await limits.of(b)).bytes, 300)
  used.set(a.id, 900)
  clock.advance(61_000)
  assert.equal((await limits.of(a)).bytes, 900)
  used.set(a.id, 0)
  used.set(b.id, 5000)
  clock.advance(61_000)
  assert.equal((await limits.of(a)).bytes, 1, 'not 0, which is no limit')
})

test('where the domain has no quota nothing is added up, and the answer is there at once', async () => {
  const { limits, c, asked, accounts } = await limited()
  await limits.of(c)
  const again = limits.of(c)
  assert.ok(!(again instanceof Promise))
  assert.deepEqual(again, { bytes: 0, messages: 5, mailboxes: 0 })
  assert.equal(asked(), 0)
  accounts.forget('free.example')
  assert.ok(limits.of(c) instanceof Promise, 'a change is looked at')
})

// Turns red where the quota that was read is kept whatever has happened since.
test('a quota that was read before a change is not kept after it', async () => {
  const { limits, c, db, bus, engine } = await limited()
  let reads = 0
  const snapshot = engine.snapshot.bind(engine)
  engine.snapshot = () => {
    reads++
    const opened = snapshot()
    if (reads === 1) bus.publish({ kind: 'forget', cache: 'account', key: 'free.example' })
    return opened
  }
  await limits.of(c)
  await db.write([], (tx) => updateDomainRows(tx, 'free.example', (row) => ({ ...row, maxDiskQuota: 1000 })))
  assert.equal((await limits.of(c)).bytes, 1000)
})
