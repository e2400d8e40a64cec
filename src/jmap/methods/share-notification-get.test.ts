import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MailboxId } from '#base/id.ts'
import { JmapTestServer } from '../fixture.test.ts'
import type { JsonObject } from '../value.ts'

const ann = 'ann@example.org'
const mine = { accountId: 'A8' }

const share = (server: JmapTestServer, shareWith: object | null, mailbox = 'F6'): Promise<JsonObject> =>
  server.call('Mailbox/set', { update: { [mailbox]: { shareWith } } })
const all = async (server: JmapTestServer): Promise<readonly JsonObject[]> =>
  (await server.call('ShareNotification/get', { ...mine, ids: null }, { as: ann }))[
    'list'
  ] as readonly JsonObject[]

test('RFC 9670 §3: rights that change make a notification with every property', async () => {
  const server = await JmapTestServer.start()
  await server.add(8, ann)
  await share(server, { P8: { mayReadItems: true, maySetSeen: true } })
  const [one, ...more] = await all(server)
  assert.equal(more.length, 0)
  const { id, oldRights, newRights, ...rest } = one!
  assert.match(id as string, /^N[0-9a-z]+$/)
  assert.deepEqual(rest, {
    created: '2026-01-01T00:01:00Z',
    changedBy: { name: 'fred@example.org', email: 'fred@example.org', principalId: 'P7' },
    objectType: 'Mailbox',
    objectAccountId: 'A7',
    objectId: 'F7_6',
    name: 'Archive',
  })
  assert.ok(Object.values(oldRights as object).every((may) => may === false))
  const { myRights } = (
    (await server.call('Mailbox/get', { ids: ['F7_6'] }, { as: ann }))['list'] as JsonObject[]
  )[0]!
  assert.deepEqual(newRights, myRights)
})

test('RFC 9670 §6.3: changes of one mailbox are one notification, and none where all is as before', async () => {
  const server = await JmapTestServer.start()
  await server.add(8, ann)
  await share(server, { P8: { mayReadItems: true } })
  const [first] = await all(server)
  server.clock.advance(5000)
  await share(server, { P8: { mayReadItems: true, mayAddItems: true } })
  const [second, ...more] = await all(server)
  assert.deepEqual([more.length, second!['oldRights']], [0, first!['oldRights']])
  assert.notEqual(second!['id'], first!['id'])
  assert.equal(second!['created'], '2026-01-01T00:01:05Z')
  await share(server, null)
  assert.deepEqual(await all(server), [])
})

test('RFC 9670 §3: what is made below a shared mailbox gives rights, and what is destroyed takes them', async () => {
  const server = await JmapTestServer.start()
  await server.add(8, ann)
  await share(server, { P8: { mayReadItems: true } })
  const dismiss = async (): Promise<void> => {
    const destroy = (await all(server)).map(({ id }) => id)
    await server.call('ShareNotification/set', { ...mine, destroy }, { as: ann })
  }
  await dismiss()
  await server.call('Mailbox/set', {
    create: { inner: { name: 'Inner', parentId: '#outer' }, outer: { name: 'Outer', parentId: 'F6' } },
  })
  const mayRead = async (): Promise<unknown> =>
    (await all(server))
      .map(({ name, oldRights, newRights }) => [
        name,
        (oldRights as JsonObject)['mayReadItems'],
        (newRights as JsonObject)['mayReadItems'],
      ])
      .toSorted()
  const given = [
    ['Inner', false, true],
    ['Outer', false, true],
  ]
  assert.deepEqual(await mayRead(), given)
  const { list } = await server.call('Mailbox/get', { ids: null, properties: ['name'] })
  const idOf = (wanted: string): unknown => (list as JsonObject[]).find(({ name }) => name === wanted)!['id']
  await server.call('Mailbox/set', { destroy: [idOf('Inner')] })
  // What was never dismissed is as it was before.
  assert.deepEqual(await mayRead(), given.slice(1))
  await dismiss()
  await server.call('Mailbox/set', { destroy: [idOf('Outer')] })
  assert.deepEqual(await mayRead(), [['Outer', true, false]])
})

test('RFC 9670 §3: groups and whoever changes something are told nothing', async () => {
  const server = await JmapTestServer.start()
  await server.add(20, 'team@example.org', { isGroup: true })
  await server.add(8, ann, { groups: [20 as never] })
  await share(server, { Pk: { mayReadItems: true } })
  assert.deepEqual(await all(server), [])
  await server.share(6 as MailboxId, 8 as never, 'lra')
  await server.call('Mailbox/set', { update: { F7_6: { 'shareWith/P8/mayAddItems': true } } }, { as: ann })
  assert.deepEqual(await all(server), [])
})

test('RFC 9670 §3.1: some, what is not found, some properties; accounts of others have none', async () => {
  const server = await JmapTestServer.start()
  await server.add(8, ann)
  await share(server, { P8: { mayReadItems: true } })
  const [{ id }] = (await all(server)) as [JsonObject]
  const told = await server.call(
    'ShareNotification/get',
    { ...mine, ids: [id, 'N0', 'Nzzz', 'F1'], properties: ['name'] },
    { as: ann },
  )
  assert.deepEqual(told['list'], [{ id, name: 'Archive' }])
  assert.deepEqual(told['notFound'], ['N0', 'Nzzz', 'F1'])
  assert.equal(await server.error('ShareNotification/get', { ids: null }, ann), 'accountNotSupportedByMethod')
})
