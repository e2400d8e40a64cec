import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Access } from './access.ts'
import { AccessWatch } from './access-watch.ts'
import { updateAccountRows } from './account-rows.ts'
import { makeStore } from './fixture.test.ts'
import { inheritedPermissions } from './tables.ts'

async function watched() {
  const store = makeStore()
  await store.accounts.createDomain({ name: 'example.org' })
  const alice = await store.accounts.createAccount({ name: 'alice@example.org' })
  const bob = await store.accounts.createAccount({ name: 'bob@example.org' })
  const watch = new AccessWatch(store)
  const heard = { alice: [] as (Access | undefined)[], bob: [] as (Access | undefined)[] }
  let told = Promise.withResolvers<void>()
  const hear = (who: keyof typeof heard) => (now: Access | undefined) => {
    heard[who].push(now)
    told.resolve()
  }
  const ofAlice = watch.watch({ account: alice.id }, hear('alice'))
  watch.watch({ account: bob.id }, hear('bob'))
  const next = async (): Promise<void> => {
    await told.promise
    told = Promise.withResolvers()
  }
  return { ...store, alice, bob, watch, ofAlice, heard, next }
}

test('a session hears what its account may do now, and that it may nothing any more', async () => {
  const { accounts, db, alice, watch, heard, next } = await watched()
  await db.write([], (tx) =>
    updateAccountRows(tx, alice.id, (row) => ({
      ...row,
      permissions: { ...inheritedPermissions, disabled: ['imapStore'] },
    })),
  )
  accounts.forget(String(alice.id))
  await next()
  assert.equal(heard.alice[0]?.permissions.has('imapStore'), false)
  assert.equal(heard.alice[0]?.permissions.has('imapFetch'), true)
  await db.write([], (tx) => updateAccountRows(tx, alice.id, (row) => ({ ...row, enabled: false })))
  accounts.forget(String(alice.id))
  await next()
  assert.equal(heard.alice[1], undefined)
  assert.deepEqual(heard.bob, [])
  watch[Symbol.dispose]()
})

test('a change of a role or a domain concerns everybody; who has gone hears nothing', async () => {
  const { accounts, watch, heard, next, ofAlice } = await watched()
  ofAlice[Symbol.dispose]()
  accounts.forget('role helpdesk')
  await next()
  assert.equal(heard.bob.length, 1)
  assert.deepEqual(heard.alice, [])
  watch[Symbol.dispose]()
})

test('without a hint the heartbeat finds it', async () => {
  const { db, bus, alice } = await watched()
  const watch = new AccessWatch({ db, bus, everyMs: 5 })
  const told = Promise.withResolvers<Access | undefined>()
  await db.write([], (tx) => updateAccountRows(tx, alice.id, (row) => ({ ...row, enabled: false })))
  watch.watch({ account: alice.id }, told.resolve)
  assert.equal(await told.promise, undefined)
  watch[Symbol.dispose]()
})
