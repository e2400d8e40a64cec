import assert from 'node:assert/strict'
import { test } from 'node:test'
import { updateAccountRows } from './account-rows.ts'
import { AccessWatch } from './access-watch.ts'
import type { Access } from './access.ts'
import { makeStore } from './fixture.test.ts'
import { RememberedSignIns } from './remembered-sign-ins.ts'

const from = { ip: '192.0.2.7', protocol: 'jmap' }
const secret = 'correct horse battery'
async function remembering() {
  const store = makeStore()
  await store.accounts.createDomain({ name: 'example.org' })
  const alice = await store.accounts.createAccount({ name: 'alice@example.org', password: secret })
  const accessWatch = new AccessWatch(store)
  const signIns = new RememberedSignIns({ ...store, accessWatch })
  const told = (): number => store.told.filter(({ event }) => event === 'auth.success').length
  /** Resolves when the watch has told of what happens next, to us after all others. */
  const heard = (): Promise<unknown> =>
    new Promise((resolve) => void accessWatch.watch({ account: alice.id }, resolve))
  return { ...store, alice, accessWatch, signIns, told, heard }
}

test('the first sign-in counts for the next, but not from elsewhere and not with another password', async () => {
  const { signIns, told, accessWatch, clock } = await remembering()
  const first = (await signIns.password('alice@example.org', secret, from)) as Access
  clock.advance(1000)
  assert.equal(await signIns.password('alice@example.org', secret, from), first)
  assert.equal(told(), 1)
  assert.equal(await signIns.password('alice@example.org', `${secret}x`, from), 'wrong')
  assert.equal(await signIns.password('alice@example.org', secret.slice(0, -1), from), 'wrong')
  await signIns.password('alice@example.org', secret, { ...from, ip: '192.0.2.8' })
  await signIns.password('alice@example.org', secret, { ...from, protocol: 'dav' })
  assert.equal(told(), 3)
  accessWatch[Symbol.dispose]()
})

test('a new password and a disabled account end it at once; other rights hold at once', async () => {
  const { signIns, accounts, alice, accessWatch, clock, db, heard } = await remembering()
  assert.notEqual(await signIns.password('alice@example.org', secret, from), 'wrong')
  clock.advance(1000)
  const changed = heard()
  await accounts.setPassword(alice.id, 'another horse battery')
  await changed
  assert.equal(await signIns.password('alice@example.org', secret, from), 'wrong')
  assert.notEqual(await signIns.password('alice@example.org', 'another horse battery', from), 'wrong')
  const disabled = heard()
  await db.write([], (tx) => updateAccountRows(tx, alice.id, (row) => ({ ...row, enabled: false })))
  accounts.forget(String(alice.id))
  await disabled
  assert.equal(await signIns.password('alice@example.org', 'another horse battery', from), 'wrong')
  accessWatch[Symbol.dispose]()
})

test('it ends by itself after some minutes', async () => {
  const { signIns, told, accessWatch, clock } = await remembering()
  await signIns.password('alice@example.org', secret, from)
  clock.advance(6 * 60_000)
  await signIns.password('alice@example.org', secret, from)
  assert.equal(told(), 2)
  accessWatch[Symbol.dispose]()
})
