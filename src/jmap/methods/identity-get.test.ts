import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId } from '#base/id.ts'
import { inboxId } from '#mail/mailbox.ts'
import { accountObjectId } from '../accounts.ts'
import { account } from '../../../test/harness/memory-accounts.ts'
import { bob, SendingTest } from '../sending-fixture.test.ts'
import type { JsonObject } from '../value.ts'

const name = 'Identity/get'

test('RFC 8621 §6.1: `ids: null` gives all identities, with all of their properties', async () => {
  await using t = await SendingTest.start()
  const answer = await t.server.call(name, { ids: null })
  assert.deepEqual(answer['list'], [
    {
      id: 'I1',
      name: 'Fred F.',
      email: 'fred@example.org',
      replyTo: null,
      bcc: null,
      textSignature: '',
      htmlSignature: '',
      mayDelete: false,
    },
  ])
  assert.deepEqual(answer['notFound'], [])
})

test('RFC 8621 §6.1: ids that are nobody are told, and only the properties that are asked for are given', async () => {
  await using t = await SendingTest.start()
  const answer = await t.server.call(name, { ids: ['I1', 'I9', 'nonsense'], properties: ['email'] })
  assert.deepEqual(answer['list'], [{ id: 'I1', email: 'fred@example.org' }])
  assert.deepEqual(answer['notFound'], ['I9', 'nonsense'])
  assert.equal(await t.server.error(name, { ids: null, properties: ['nothing'] }), 'invalidArguments')
})

test('RFC 8621 §6: a catch-all is an identity with a star', async () => {
  await using t = await SendingTest.start()
  await t.setAddresses(account, ['fred@example.org', '@example.org'])
  const { list } = await t.server.call(name, { ids: null, properties: ['email'] })
  assert.deepEqual(list, [
    { id: 'I1', email: 'fred@example.org' },
    { id: 'I2', email: '*@example.org' },
  ])
})

test('RFC 8621 §6.1: an identity comes and goes with its address, and so does the state', async () => {
  await using t = await SendingTest.start()
  const get = () => t.server.call(name, { ids: null, properties: ['email'] })
  const before = await get()
  assert.equal((await get())['state'], before['state'])
  await t.setAddresses(account, ['fred@example.org', 'info@example.org'])
  const more = await get()
  assert.notEqual(more['state'], before['state'])
  assert.deepEqual(
    (more['list'] as JsonObject[]).map((one) => one['email']),
    ['fred@example.org', 'info@example.org'],
  )
  await t.setAddresses(account, ['fred@example.org'])
  assert.equal(((await get())['list'] as JsonObject[]).length, 1)
})

test('RFC 8620 §3.6.2: an account that is shared to be read has no identities, that of a group has', async () => {
  await using t = await SendingTest.start()
  const group = await t.server.add(20, 'team@example.org', { isGroup: true })
  await t.setAddresses(group.id, ['team@example.org'])
  t.server.people[0]!.groups = [group.id]
  await t.server.shareFollowed(inboxId, account, 'lr', bob)
  await t.server.shareFollowed(inboxId, account, 'lr', group.id)
  const of = (id: AccountId) => ({ accountId: accountObjectId(id), ids: null })
  assert.equal(await t.server.error(name, of(bob)), 'accountNotSupportedByMethod')
  const { list } = await t.server.call(name, of(group.id))
  assert.deepEqual(
    (list as JsonObject[]).map((one) => one['email']),
    ['team@example.org'],
  )
})

test('RFC 8621 §1.3.2: the session tells what an account may ask for when it sends', async () => {
  await using t = await SendingTest.start()
  await t.server.shareFollowed(inboxId, account, 'lr', bob)
  const session = (await (await t.server.fetch('/jmap/session')).json()) as Record<string, JsonObject>
  const urn = 'urn:ietf:params:jmap:submission'
  assert.deepEqual(session['capabilities']![urn], {})
  const accounts = session['accounts'] as unknown as Record<string, { accountCapabilities: JsonObject }>
  assert.deepEqual(accounts[accountObjectId(account)]!.accountCapabilities[urn], {
    maxDelayedSend: 30 * 86_400,
    submissionExtensions: { FUTURERELEASE: [], SIZE: ['1000000'], DSN: [], DELIVERBY: [] },
  })
  assert.equal(accounts[accountObjectId(bob)]!.accountCapabilities[urn], undefined)
})
