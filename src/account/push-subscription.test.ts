import assert from 'node:assert/strict'
import { test } from 'node:test'
import { destroyAccountRows } from './account-rows.ts'
import { credentialTable } from './credential-tables.ts'
import { makeStore } from './fixture.test.ts'
import {
  createPushSubscription,
  isPushSubscriptionLive,
  listPushSubscriptions,
  pushSubscriptionTable,
} from './push-subscription.ts'
import { newCredentialId } from './shown-once.ts'

const wanted = {
  deviceClientId: 'd',
  url: 'https://push.example.com/',
  keys: null,
  types: null,
  createdAt: 0,
}

async function start() {
  const store = makeStore()
  const { accounts, db, clock } = store
  await accounts.createDomain({ name: 'example.org' })
  const password = 'the first one of them'
  const alice = await accounts.createAccount({ name: 'alice@example.org', password })
  const expiresAt = clock.now() + 1000
  const credential = newCredentialId()
  await db.write([], async (tx) =>
    tx.put(credentialTable, [alice.id, credential], {
      kind: 'appPassword',
      description: '',
      createdAt: 0,
      allowedIps: [],
      protocols: [],
      permissions: { mode: 'inherit', permissions: [] },
      digest: '',
    }),
  )
  const own = { account: alice.id }
  const app = { account: alice.id, credential }
  const create = (access: typeof own | typeof app) =>
    db.write([alice.id], (tx) => createPushSubscription(tx, access, { ...wanted, expiresAt }, { most: 10 }))
  const list = async (access: typeof own | typeof app) =>
    (await db.read((tx) => listPushSubscriptions(tx, access, clock.now()))).map(([id]) => id)
  const isLive = (id: string) =>
    db.read(async (tx) => {
      const row = (await tx.get(pushSubscriptionTable, alice.id, id))!
      return isPushSubscriptionLive(tx, alice.id, row, clock.now())
    })
  return { ...store, alice, credential, own, app, create, list, isLive }
}

test('RFC 8620 §7.2: a push subscription is of the credential that made it, and ends with that', async () => {
  const s = await start()
  const [ofPassword, ofApp] = [await s.create(s.own), await s.create(s.app)]
  assert.deepEqual([await s.list(s.own), await s.list(s.app)], [[ofPassword], [ofApp]])
  assert.deepEqual([await s.isLive(ofPassword), await s.isLive(ofApp)], [true, true])
  s.clock.advance(1)
  await s.accounts.setPassword(s.alice.id, 'another one of them')
  assert.deepEqual([await s.isLive(ofPassword), await s.isLive(ofApp)], [false, true])
  assert.deepEqual([await s.list(s.own), await s.list(s.app)], [[], [ofApp]])
  await s.db.write([], async (tx) => tx.delete(credentialTable, [s.alice.id, s.credential]))
  assert.equal(await s.isLive(ofApp), false)
})

test('RFC 8620 §7.2: it ends when the credential that made it expires', async () => {
  const s = await start()
  const id = await s.create(s.app)
  await s.db.write([], async (tx) => {
    const row = (await tx.get(credentialTable, s.alice.id, s.credential))!
    tx.put(credentialTable, [s.alice.id, s.credential], { ...row, expiresAt: s.clock.now() + 10 })
  })
  assert.equal(await s.isLive(id), true)
  s.clock.advance(10)
  assert.equal(await s.isLive(id), false)
})

test('it ends with its expiry, and its row goes with the account', async () => {
  const s = await start()
  const id = await s.create(s.own)
  s.clock.advance(1000)
  assert.equal(await s.isLive(id), false)
  assert.deepEqual(await s.list(s.own), [])
  await s.db.write([s.alice.id], (tx) => destroyAccountRows(tx, s.alice.id))
  assert.deepEqual(await s.db.read((tx) => tx.list(pushSubscriptionTable, [])), [])
})
