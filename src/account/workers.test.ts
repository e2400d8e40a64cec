/**
 * Two workers that manage accounts at once: what holds of domains, accounts and what opens them holds also where
 * something is added at the moment in which another looks. Each test has another worker come between.
 *
 * Faults that turn one of them red each, planted by hand and seen: no `lookByMark` or no `putMark` in
 * `address-rows.ts`, `account-rows.ts`, `credential-rows.ts` and `push-subscription.ts`; only uses that are there are
 * removed in `credential-rows.ts`; the generation is not read in
 * `deleteDkimKeys`; no look at the version in
 * `objects/account-password-handler.ts`.
 */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { isFault } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import type { WriteTx } from '#kv/tx.ts'
import type { Plan } from '#registry/managed-object.ts'
import { Secret } from '#settings/secret.ts'
import { OtherWorker } from '../../test/harness/other-worker.ts'
import { destroyAccountRows, updateAccountRows } from './account-rows.ts'
import {
  credentialTable,
  credentialUseTable,
  passwordCredential,
  passwordTable,
} from './credential-tables.ts'
import { dkimKeyTable, takeGeneration } from './dkim-tables.ts'
import { createDomainRows, destroyDomainRows, updateDomainRows } from './domain-rows.ts'
import { makeStore } from './fixture.test.ts'
import { createListRows } from './list-rows.ts'
import { AccountPasswordHandler } from './objects/account-password-handler.ts'
import { CredentialHandler } from './objects/credential-handler.ts'
import { allPermissions } from './permission.ts'
import { currentPushKey } from './push-keys.ts'
import {
  createPushSubscription,
  destroyPushSubscriptions,
  pushSubscriptionTable,
} from './push-subscription.ts'
import {
  accountDefaults,
  accountNameTable,
  addressTable,
  domainDefaults,
  domainTable,
  listDefaults,
  type ListId,
} from './tables.ts'

const domain = 'example.org'
const secret = 'correct horse battery staple'
const isRefused = (code: Parameters<typeof isFault>[1]) => (error: unknown) => isFault(error, code)

async function setUp(t: TestContext, settings: Readonly<Record<string, unknown>> = {}) {
  const store = makeStore({ settings })
  const { db, accounts } = store
  await db.write([], (tx) => createDomainRows(tx, domain, domainDefaults))
  // Else whoever makes the first one is a conflict.
  await db.write([], currentPushKey)
  const { id } = await accounts.createAccount({ name: `alice@${domain}`, password: secret })
  const other = new OtherWorker(t, store)
  const actor = {
    account: id,
    name: 'alice',
    ip: '127.0.0.1',
    protocol: 'http',
    permissions: new Set(allPermissions),
  }
  const apply = (plan: Plan): Promise<string> => db.write([], (tx) => plan.apply(tx))
  return { ...store, alice: id, other, scope: { actor, account: id } as never, apply }
}

describe('domains on several workers', () => {
  it('one that gets an address while it is deleted stays', async (t) => {
    const { db, other, alice } = await setUp(t)
    await db.write([], (tx) => createDomainRows(tx, 'empty.example', domainDefaults))
    const additions = [
      (tx: WriteTx) =>
        updateAccountRows(tx, alice, (row) => ({ ...row, emailAddress: 'alice@empty.example' })),
      (tx: WriteTx) =>
        createListRows(tx, 1 as ListId, { ...listDefaults, name: 'list@empty.example', createdAt: 0 }),
    ]
    for (const add of additions) {
      other.comesBetween((there) => there.write([], async (tx) => void (await add(tx))))
      await assert.rejects(
        db.write([], (tx) => destroyDomainRows(tx, 'empty.example')),
        isRefused('conflict'),
      )
      assert.ok((await db.read((tx) => tx.get(domainTable, 'empty.example'))) !== undefined)
      await db.write([], async (tx) => {
        for (const [key] of await tx.list(addressTable, ['empty.example'])) tx.delete(addressTable, key)
      })
    }
    await db.write([], (tx) => destroyDomainRows(tx, 'empty.example'))
    assert.equal(await db.read((tx) => tx.get(domainTable, 'empty.example')), undefined)
  })

  it('gives no address to who asks while it is deleted', async (t) => {
    const { db, other, alice } = await setUp(t)
    await db.write([], (tx) => createDomainRows(tx, 'empty.example', domainDefaults))
    other.comesBetween((there) => there.write([], (tx) => destroyDomainRows(tx, 'empty.example')))
    const move = (tx: WriteTx) =>
      updateAccountRows(tx, alice, (row) => ({ ...row, emailAddress: 'alice@empty.example' }))
    await assert.rejects(db.write([], move), isRefused('invalid'))
    assert.deepEqual(await db.read((tx) => tx.list(addressTable, ['empty.example'])), [])
  })

  it('keeps no DKIM key that is added while it is deleted', async (t) => {
    const { db, other } = await setUp(t)
    await db.write([], (tx) => createDomainRows(tx, 'empty.example', domainDefaults))
    other.comesBetween((there) =>
      there.write([], async (tx) => {
        await takeGeneration(tx, 'empty.example')
        tx.put(dkimKeyTable, ['empty.example', 'new'], {} as never)
      }),
    )
    await db.write([], (tx) => destroyDomainRows(tx, 'empty.example'))
    assert.deepEqual(await db.read((tx) => tx.list(dkimKeyTable, ['empty.example'])), [])
  })

  it('has no more accounts than it may', async (t) => {
    const { db, other, accounts } = await setUp(t)
    await db.write([], (tx) => updateDomainRows(tx, domain, (row) => ({ ...row, maxAccounts: 2 })))
    const row = (name: string) => ({ ...accountDefaults, name, emailAddress: name })
    other.comesBetween((there) =>
      there.write([98 as AccountId], (tx) => accounts.putNew(tx, 98 as AccountId, row(`bob@${domain}`))),
    )
    const carol = db.write([99 as AccountId], (tx) =>
      accounts.putNew(tx, 99 as AccountId, row(`carol@${domain}`)),
    )
    await assert.rejects(carol, isRefused('overQuota'))
    const names = await db.read((tx) => tx.list(accountNameTable, []))
    assert.deepEqual(
      names.map(([[name]]) => name),
      [`alice@${domain}`, `bob@${domain}`],
    )
  })

  it('one address goes to one of two who ask for it at once', async (t) => {
    const { db, other, accounts, alice } = await setUp(t)
    const bob = await accounts.createAccount({ name: `bob@${domain}` })
    const take = (id: AccountId) => (tx: WriteTx) =>
      updateAccountRows(tx, id, (row) => ({
        ...row,
        aliases: [{ address: `info@${domain}`, enabled: true, description: '' }],
      }))
    other.comesBetween((there) => there.write([], take(bob.id)))
    await assert.rejects(db.write([], take(alice)), isRefused('exists'))
  })
})

describe('credentials on several workers', () => {
  const credentials = (s: Awaited<ReturnType<typeof setUp>>) =>
    s.db.read((tx) => tx.list(credentialTable, [s.alice]))

  it('are no more than an account may have', async (t) => {
    const s = await setUp(t, { maxAppPasswords: 1 })
    const handler = new CredentialHandler('appPassword', s)
    const [here, there] = [await handler.create({}, s.scope), await handler.create({}, s.scope)]
    s.other.comesBetween((db) => db.write([], (tx) => there.apply(tx)))
    await assert.rejects(s.apply(here), isRefused('overQuota'))
    assert.equal((await credentials(s)).length, 1)
  })

  it('end with their account, also one that is made while it is deleted', async (t) => {
    const s = await setUp(t)
    const plan = await new CredentialHandler('appPassword', s).create({}, s.scope)
    s.other.comesBetween((db) => db.write([], (tx) => plan.apply(tx)))
    await s.db.write([], (tx) => destroyAccountRows(tx, s.alice))
    assert.ok(s.other.hasCome)
    assert.deepEqual(await credentials(s), [])
  })

  it('leave nothing behind where it is noted that they were used while their account is deleted', async (t) => {
    const s = await setUp(t)
    s.other.comesBetween((db) =>
      db.write([], async (tx) => tx.put(credentialUseTable, [s.alice, passwordCredential], 1)),
    )
    await s.db.write([], (tx) => destroyAccountRows(tx, s.alice))
    assert.deepEqual(await s.db.read((tx) => tx.list(credentialUseTable, [])), [])
  })

  it('a password that an administrator has set stays, where its owner proves the one before', async (t) => {
    const s = await setUp(t)
    const handler = new AccountPasswordHandler(s)
    const patch = { currentSecret: new Secret(secret), secret: new Secret('another good passphrase') }
    const plan = await handler.update('singleton', patch, s.scope)
    s.clock.advance(1)
    const set = await s.passwords.accept('set by the administrator', [], s.clock.now())
    s.other.comesBetween((db) => db.write([], async (tx) => tx.put(passwordTable, [s.alice], set)))
    await assert.rejects(s.apply(plan), isRefused('invalid'))
    assert.deepEqual(await s.db.read((tx) => tx.get(passwordTable, s.alice)), set)
  })
})

describe('push subscriptions on several workers', () => {
  const wanted = {
    deviceClientId: 'd',
    url: 'https://push.example/',
    keys: null,
    types: null,
    createdAt: 1,
    expiresAt: 9,
  }
  const rows = (s: Awaited<ReturnType<typeof setUp>>) =>
    s.db.read((tx) => tx.list(pushSubscriptionTable, [s.alice]))
  const create = (account: AccountId, most: number) => (tx: WriteTx) =>
    createPushSubscription(tx, { account }, wanted, { most })

  it('are no more than an account may have', async (t) => {
    const s = await setUp(t)
    s.other.comesBetween((db) => db.write([], create(s.alice, 1)))
    await assert.rejects(s.db.write([], create(s.alice, 1)), isRefused('overQuota'))
    assert.equal((await rows(s)).length, 1)
  })

  it('end with their account, also one that is made while it is deleted', async (t) => {
    const s = await setUp(t)
    s.other.comesBetween((db) => db.write([], create(s.alice, 1)))
    await s.db.write([], (tx) => destroyPushSubscriptions(tx, s.alice))
    assert.deepEqual(await rows(s), [])
  })
})
