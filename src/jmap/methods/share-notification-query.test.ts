import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JmapTestServer } from '../fixture.test.ts'
import type { JsonObject } from '../value.ts'

const ann = 'ann@example.org'

/** Three notifications, a minute apart; their ids. */
async function start(): Promise<{
  server: JmapTestServer
  ids: readonly string[]
  find: (args: object) => Promise<JsonObject>
}> {
  const server = await JmapTestServer.start()
  await server.add(8, ann)
  for (const mailbox of ['F6', 'F5', 'F4']) {
    await server.call('Mailbox/set', { update: { [mailbox]: { shareWith: { P8: { mayReadItems: true } } } } })
    server.clock.advance(60_000)
  }
  const find = (args: object): Promise<JsonObject> =>
    server.call('ShareNotification/query', { accountId: 'A8', ...args }, { as: ann })
  const { ids } = await find({})
  return { server, find, ids: ids as readonly string[] }
}

test('RFC 9670 §3.4.1: every condition', async () => {
  const { find, ids } = await start()
  const found = async (filter: object | null): Promise<unknown> => (await find({ filter }))['ids']
  const [a, b, c] = ids
  assert.equal(ids.length, 3)
  assert.deepEqual(await found(null), ids)
  assert.deepEqual(await found({ after: '2026-01-01T00:02:00Z' }), [b, c])
  assert.deepEqual(await found({ before: '2026-01-01T00:02:00Z' }), [a])
  assert.deepEqual(await found({ after: null, before: null }), ids)
  assert.deepEqual(await found({ objectType: 'Mailbox', objectAccountId: 'A7' }), ids)
  assert.deepEqual(await found({ objectType: 'Calendar' }), [])
  assert.deepEqual(await found({ objectAccountId: 'A8' }), [])
  assert.deepEqual(await found({ operator: 'NOT', conditions: [{ after: '2026-01-01T00:02:00Z' }] }), [a])
})

test('RFC 9670 §3.4.2: by the time of creation, both ways', async () => {
  const { server, find, ids } = await start()
  const by = async (isAscending: boolean): Promise<unknown> =>
    (await find({ sort: [{ property: 'created', isAscending }] }))['ids']
  assert.deepEqual(await by(true), ids)
  assert.deepEqual(await by(false), ids.toReversed())
  const told = await find({ position: -2, calculateTotal: true })
  assert.deepEqual([told['ids'], told['total'], told['canCalculateChanges']], [ids.slice(1), 3, true])
  const wrong = { accountId: 'A8', sort: [{ property: 'name' }] }
  assert.equal(await server.error('ShareNotification/query', wrong, ann), 'unsupportedSort')
  const none = { accountId: 'A8', filter: { after: 'yesterday' } }
  assert.equal(await server.error('ShareNotification/query', none, ann), 'invalidArguments')
})
