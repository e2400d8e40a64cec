import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Access } from './access.ts'
import { AccessWatch } from './access-watch.ts'
import { updateAccountRows } from './account-rows.ts'
import { type CredentialRow, credentialTable } from './credential-tables.ts'
import { updateDomainRows } from './domain-rows.ts'
import { makeStore } from './fixture.test.ts'
import { newCredentialId } from './shown-once.ts'
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
  const { db, bus, clock, alice } = await watched()
  const watch = new AccessWatch({ db, bus, clock, everyMs: 5 })
  const told = Promise.withResolvers<Access | undefined>()
  await db.write([], (tx) => updateAccountRows(tx, alice.id, (row) => ({ ...row, enabled: false })))
  watch.watch({ account: alice.id }, told.resolve)
  assert.equal(await told.promise, undefined)
  watch[Symbol.dispose]()
})

test('a session of an app password has its limits, and is over with it', async () => {
  const { db, clock, alice, accounts, watch } = await watched()
  const id = newCredentialId()
  const row: CredentialRow = {
    kind: 'appPassword',
    description: '',
    createdAt: 0,
    expiresAt: clock.now() + 1000,
    allowedIps: [],
    protocols: [],
    permissions: { mode: 'disable', permissions: ['emailSend'] },
    digest: '',
  }
  await db.write([], async (tx) => tx.put(credentialTable, [alice.id, id], row))
  const look = async (): Promise<Access | undefined> => {
    const told = Promise.withResolvers<Access | undefined>()
    using _ = watch.watch({ account: alice.id, credential: id }, told.resolve)
    accounts.forget(String(alice.id))
    // Awaited here, since the watch ends with this block.
    return await told.promise
  }
  const now = await look()
  assert.equal(now?.credential, id)
  assert.equal(now.permissions.has('emailSend'), false)
  assert.equal(now.permissions.has('imapFetch'), true)
  clock.advance(1000)
  assert.equal(await look(), undefined)
  const { expiresAt: _, ...lasting } = row
  await db.write([], async (tx) => tx.put(credentialTable, [alice.id, id], lasting))
  assert.equal((await look())?.credential, id)
  await db.write([], async (tx) => tx.delete(credentialTable, [alice.id, id]))
  assert.equal(await look(), undefined)
  watch[Symbol.dispose]()
})

const secret = 'correct horse battery'
const from = { ip: '192.0.2.7', protocol: 'imap' }

/** What is left of an access, as the next change of an account shows it. */
async function left(
  { watch, accounts }: Awaited<ReturnType<typeof watched>>,
  access: Access | 'wrong',
  changed: number,
): Promise<Access | undefined> {
  assert.ok(access !== 'wrong')
  const told = Promise.withResolvers<Access | undefined>()
  using _ = watch.watch(access, told.resolve)
  accounts.forget(String(changed))
  // Awaited here, since the watch ends with this block.
  return await told.promise
}

// Turns red where a sign-in does not say with which password it was.
test('who gave a password that is changed has no access any more; others with the account keep theirs', async () => {
  const store = await watched()
  const { accounts, alice, clock, signIn, watch } = store
  await accounts.setPassword(alice.id, secret)
  const access = await signIn.password('alice@example.org', secret, from)
  assert.equal((await left(store, access, alice.id))?.account, alice.id)
  clock.advance(1)
  await accounts.setPassword(alice.id, 'another one of them')
  assert.equal(await left(store, access, alice.id), undefined)
  const byCertificate = await signIn.certificate(['alice@example.org'], from)
  assert.equal((await left(store, byCertificate, alice.id))?.account, alice.id)
  const again = await signIn.password('alice@example.org', 'another one of them', from)
  assert.equal((await left(store, again, alice.id))?.account, alice.id)
  watch[Symbol.dispose]()
})

// Turns red where the domain, or the permission, is looked at when somebody signs in and never again.
test('a disabled domain ends it, and so does the loss of the permission to sign in', async () => {
  const store = await watched()
  const { db, alice, watch } = store
  const access = { account: alice.id } as Access
  const enabled = (isEnabled: boolean) =>
    db.write([], (tx) => updateDomainRows(tx, 'example.org', (row) => ({ ...row, enabled: isEnabled })))
  await enabled(false)
  assert.equal(await left(store, access, alice.id), undefined)
  await enabled(true)
  assert.equal((await left(store, access, alice.id))?.account, alice.id)
  await db.write([], (tx) =>
    updateAccountRows(tx, alice.id, (row) => ({
      ...row,
      permissions: { ...inheritedPermissions, disabled: ['authenticate'] },
    })),
  )
  assert.equal(await left(store, access, alice.id), undefined)
  watch[Symbol.dispose]()
})

// Turns red where only the account is looked at that somebody acts as.
test('who acts as another does so while they may, by the password that they gave', async () => {
  const store = await watched()
  const { accounts, db, alice, clock, signIn, watch } = store
  const desk = await accounts.createAccount({
    name: 'desk@example.org',
    password: secret,
    permissions: { mode: 'merge', enabled: ['impersonate'], disabled: [] },
  })
  const acting = () => signIn.password('alice@example.org%desk@example.org', secret, from)
  const access = await acting()
  assert.equal((await left(store, access, desk.id))?.account, alice.id)
  clock.advance(1)
  await accounts.setPassword(alice.id, 'a password of her own')
  assert.equal((await left(store, access, alice.id))?.account, alice.id)
  await accounts.setPassword(desk.id, secret)
  assert.equal(await left(store, access, desk.id), undefined)
  const again = await acting()
  await db.write([], (tx) =>
    updateAccountRows(tx, desk.id, (row) => ({ ...row, permissions: inheritedPermissions })),
  )
  assert.equal(await left(store, again, desk.id), undefined)
  watch[Symbol.dispose]()
})

// Turns red where it is forgotten, at a change, that somebody acts as another: then they could make credentials.
test('who acts as another by a certificate is known to do so after a change too', async () => {
  const store = await watched()
  const { accounts, alice, signIn, watch } = store
  const desk = await accounts.createAccount({
    name: 'desk@example.org',
    permissions: { mode: 'merge', enabled: ['impersonate'], disabled: [] },
  })
  const acting = { actAs: 'alice@example.org' }
  const access = await signIn.certificate(['desk@example.org'], from, acting)
  assert.equal((await left(store, access, alice.id))?.by, desk.id)
  watch[Symbol.dispose]()
})
