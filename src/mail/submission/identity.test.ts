import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountDefaults, type AccountRow, accountRowTable } from '#account/tables.ts'
import { isFault } from '#base/fault.ts'
import type { IdentityId } from '#queue/submission-rows.ts'
import { changesSince } from '#kv/change-log.ts'
import {
  createIdentity,
  destroyIdentity,
  followAddresses,
  identityCovers,
  listIdentities,
  maxIdentities,
  updateIdentity,
} from './identity.ts'
import { account, openTestAccount, type TestAccount } from '../test-account.ts'

const anything = async (): Promise<boolean> => true
const alias = (address: string, enabled = true) => ({ address, enabled, description: '' })
const plain = { name: '', replyTo: null, bcc: null, textSignature: '', htmlSignature: '' }

async function withAddresses({ db }: TestAccount, row: Partial<AccountRow> = {}): Promise<void> {
  const all = { ...accountDefaults, name: 'fred', emailAddress: 'fred@example.org', ...row } as AccountRow
  await db.write([], async (tx) => tx.put(accountRowTable, [account], all))
  await followAddresses(db, account, anything)
}

const emails = async ({ db }: TestAccount) =>
  (await db.read((tx) => listIdentities(tx, account))).map(({ email }) => email)
const sequence = ({ db }: TestAccount) => db.read((tx) => tx.sequence(account))

test('RFC 8621 §6: each address has an identity with the name of the account, a catch-all one with a star', async () => {
  const t = await openTestAccount()
  await withAddresses(t, {
    description: 'Fred F.',
    aliases: [alias('info@example.org'), alias('@example.net'), alias('off@example.org', false)],
  })
  const found = await t.db.read((tx) => listIdentities(tx, account))
  assert.deepEqual(found, [
    { id: 1, ...plain, email: 'fred@example.org', name: 'Fred F.', isGiven: true },
    { id: 2, ...plain, email: 'info@example.org', name: 'Fred F.', isGiven: true },
    { id: 3, ...plain, email: '*@example.net', name: 'Fred F.', isGiven: true },
  ])
})

test('RFC 8621 §6.2: what becomes of addresses becomes of identities, and nothing is written for nothing', async () => {
  const t = await openTestAccount()
  await withAddresses(t, { aliases: [alias('info@example.org')] })
  const before = await sequence(t)
  await withAddresses(t, { aliases: [alias('info@example.org')] })
  assert.equal(await sequence(t), before)
  await withAddresses(t, { aliases: [alias('sales@example.org')] })
  assert.deepEqual(await emails(t), ['fred@example.org', 'sales@example.org'])
  const changes = await t.db.read((tx) => changesSince(tx, account, 'Identity', before, 100))
  assert.ok(changes !== 'tooOld')
  assert.deepEqual([changes.created, changes.updated, changes.destroyed], [[3], [], [2]])
})

test('what a user made goes when its address may not be used any more', async () => {
  const t = await openTestAccount()
  await withAddresses(t)
  const id = await t.db.write([account], (tx) =>
    createIdentity(tx, account, { ...plain, email: 'group@example.org' }),
  )
  assert.deepEqual(await emails(t), ['fred@example.org', 'group@example.org'])
  await followAddresses(t.db, account, async (email) => email !== 'group@example.org')
  assert.deepEqual(await emails(t), ['fred@example.org'])
  const next = await t.db.write([account], (tx) =>
    createIdentity(tx, account, { ...plain, email: 'group@example.org' }),
  )
  assert.ok(next > id, 'ids are never given out again')
})

test('RFC 8621 §6: one that the server made is changed and not destroyed', async () => {
  const t = await openTestAccount()
  await withAddresses(t)
  const one = 1 as IdentityId
  await t.db.write([account], async (tx) => {
    await updateIdentity(tx, account, one, (row) => ({ ...row, name: 'F.', textSignature: '-- \nF.' }))
  })
  await withAddresses(t)
  const [found] = await t.db.read((tx) => listIdentities(tx, account))
  assert.deepEqual([found?.name, found?.textSignature], ['F.', '-- \nF.'])
  const refused = t.db.write([account], (tx) => destroyIdentity(tx, account, one))
  await assert.rejects(refused, (error) => isFault(error, 'forbidden'))
  const unknown = t.db.write([account], (tx) => destroyIdentity(tx, account, 9 as IdentityId))
  await assert.rejects(unknown, (error) => isFault(error, 'notFound'))
})

test('there is an end to how many a user makes', async () => {
  const t = await openTestAccount()
  await withAddresses(t)
  const more = t.db.write([account], async (tx) => {
    for (let i = 0; i <= maxIdentities; i++)
      await createIdentity(tx, account, { ...plain, email: 'fred@example.org' })
  })
  await assert.rejects(more, (error) => isFault(error, 'overQuota'))
})

test('RFC 8621 §6: an identity stands for its address, one with a star for all of its domain', () => {
  assert.ok(identityCovers({ email: 'fred@example.org' }, 'Fred@EXAMPLE.org'))
  assert.ok(!identityCovers({ email: 'fred@example.org' }, 'bob@example.org'))
  assert.ok(identityCovers({ email: '*@example.org' }, 'any.body@example.org'))
  assert.ok(!identityCovers({ email: '*@example.org' }, 'any@sub.example.org'))
  assert.ok(!identityCovers({ email: '*@example.org' }, ''))
})
