import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId } from '#base/id.ts'
import { noLimits } from '#mail/limits.ts'
import { inboxId } from '#mail/mailbox.ts'
import { accountId, JmapTestServer } from '../fixture.test.ts'
import type { JsonObject } from '../value.ts'

const text = 'Subject: x\n\nx\n'
const size = text.replaceAll('\n', '\r\n').length

test('RFC 9425 §4.1: what the account holds and may hold', async () => {
  const server = await JmapTestServer.start()
  server.limits = { bytes: 10_000, messages: 100, mailboxes: 7 }
  await server.deliver(text)
  await server.deliver(text)
  const { accountId: of, state, list, notFound } = await server.call('Quota/get', { ids: null })
  assert.equal(of, accountId)
  assert.equal(typeof state, 'string')
  assert.deepEqual(notFound, [])
  const plain = (list as JsonObject[]).map(({ description, ...rest }) => {
    assert.equal(typeof description, 'string')
    return rest
  })
  const same = { scope: 'account', warnLimit: null, softLimit: null }
  assert.deepEqual(plain, [
    {
      id: 'octets',
      resourceType: 'octets',
      used: 2 * size,
      hardLimit: 10_000,
      name: 'Storage',
      types: ['Email'],
      ...same,
    },
    {
      id: 'messages',
      resourceType: 'count',
      used: 2,
      hardLimit: 100,
      name: 'Messages',
      types: ['Email'],
      ...same,
    },
    {
      id: 'mailboxes',
      resourceType: 'count',
      used: 6,
      hardLimit: 7,
      name: 'Mailboxes',
      types: ['Mailbox'],
      ...same,
    },
  ])
})

test('RFC 9425 §4.2: what has no limit is no quota', async () => {
  const server = await JmapTestServer.start()
  assert.deepEqual((await server.call('Quota/get', { ids: null }))['list'], [])
  server.limits = { ...noLimits, messages: 5 }
  const { list, notFound } = await server.call('Quota/get', {
    ids: ['messages', 'octets', 'x', '#y'],
    properties: ['used'],
  })
  assert.deepEqual(list, [{ id: 'messages', used: 0 }])
  assert.deepEqual(notFound, ['octets', 'x', '#y'])
  assert.equal(await server.error('Quota/get', { ids: [], properties: ['usage'] }), 'invalidArguments')
})

test('RFC 9425 §4.1: of types that the request does not use nothing is told', async () => {
  const server = await JmapTestServer.start()
  server.limits = { bytes: 10_000, messages: 100, mailboxes: 7 }
  const calls = [
    ['Quota/get', { accountId, ids: null }, 'a'],
    ['Quota/query', { accountId }, 'b'],
  ] as const
  const { answers } = await server.request(calls, {
    using: ['urn:ietf:params:jmap:core', 'urn:ietf:params:jmap:quota'],
  })
  assert.deepEqual(answers[0]![1]['list'], [])
  assert.deepEqual(answers[1]![1]['ids'], [])
})

test('RFC 9208 §8: of a shared account only for those who may read something in it', async () => {
  const server = await JmapTestServer.start()
  await server.add(8, 'anna@example.org')
  server.limits = { ...noLimits, messages: 5 }
  const ask = async (): Promise<number> =>
    ((await server.call('Quota/get', { ids: null }, { as: 'anna@example.org' }))['list'] as []).length
  assert.equal(await server.error('Quota/get', { ids: null }, 'anna@example.org'), 'accountNotFound')
  await server.share(inboxId, 8 as AccountId, 'l')
  assert.equal(await ask(), 0)
  await server.share(inboxId, 8 as AccountId, 'lr')
  assert.equal(await ask(), 1)
})
