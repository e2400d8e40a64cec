import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId } from '#base/id.ts'
import { ensureAccessKey, readAccessKey, removeAccessKeys, resetAccessKey } from './access-key.ts'
import type { Place } from './mailbox-row.ts'
import { provisionAccount } from './mailbox.ts'
import { purgeAccount } from './purge.ts'
import { account, archive, createdAt, inbox, openTestAccount } from './test-account.ts'

const guest = 8 as AccountId
const ofInbox: Place = { account, mailbox: inbox }
const ofArchive: Place = { account, mailbox: archive }

test('everybody has a key for each mailbox, which stays until it is made anew', async () => {
  const { db } = await openTestAccount()
  await db.write([guest], (tx) => provisionAccount(tx, guest, createdAt))
  const ensure = (owner: AccountId, place: Place) =>
    db
      .write([owner], (tx) => ensureAccessKey(tx, owner, place))
      .then((key) => Buffer.from(key).toString('hex'))
  const read = (owner: AccountId, place: Place) => db.read((tx) => readAccessKey(tx, owner, place))
  assert.equal(await read(account, ofInbox), undefined)
  const keys = [
    await ensure(account, ofInbox),
    await ensure(account, ofArchive),
    await ensure(guest, ofInbox),
  ]
  assert.equal(new Set(keys).size, 3)
  assert.ok(keys.every((key) => key.length === 64))
  assert.equal(await ensure(account, ofInbox), keys[0])
  await db.write([account], async (tx) => void resetAccessKey(tx, account, ofInbox))
  assert.notEqual(await ensure(account, ofInbox), keys[0])
  assert.equal(await ensure(guest, ofInbox), keys[2])
  await db.write([account], (tx) => removeAccessKeys(tx, account))
  assert.equal(await read(account, ofArchive), undefined)
  assert.equal(await ensure(guest, ofInbox), keys[2])
  await purgeAccount(db, guest, new AbortController().signal)
  assert.equal(await read(guest, ofInbox), undefined)
})
