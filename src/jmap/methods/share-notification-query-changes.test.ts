import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JmapTestServer } from '../fixture.test.ts'
import type { JsonObject } from '../value.ts'

const ann = 'ann@example.org'

test('RFC 9670 §3.5: what came into a result and where, and what left it', async () => {
  const server = await JmapTestServer.start()
  await server.add(8, ann)
  const share = async (mailbox: string): Promise<void> => {
    await server.call('Mailbox/set', { update: { [mailbox]: { shareWith: { P8: { mayReadItems: true } } } } })
    server.clock.advance(60_000)
  }
  const ask = (name: string, args: object): Promise<JsonObject> =>
    server.call(name, { accountId: 'A8', ...args }, { as: ann })
  await share('F6')
  await share('F5')
  const sort = [{ property: 'created', isAscending: false }]
  const before = await ask('ShareNotification/query', { sort })
  const [second, first] = before['ids'] as readonly string[]
  await share('F4')
  await ask('ShareNotification/set', { destroy: [first] })
  const { ids } = await ask('ShareNotification/query', { sort })
  const [third] = ids as readonly string[]
  const since = { sinceQueryState: before['queryState'], sort }
  const told = await ask('ShareNotification/queryChanges', { ...since, calculateTotal: true })
  assert.deepEqual([told['removed'], told['added'], told['total']], [[first], [{ id: third, index: 0 }], 2])
  assert.deepEqual(ids, [third, second])
  assert.equal(told['newQueryState'], (await ask('ShareNotification/query', {}))['queryState'])
  const filter = { before: '2026-01-01T00:02:30Z' }
  assert.deepEqual((await ask('ShareNotification/queryChanges', { ...since, filter }))['added'], [])
  const refused = (args: object): Promise<string> =>
    server.error('ShareNotification/queryChanges', { accountId: 'A8', ...args }, ann)
  assert.equal(await refused({ ...since, maxChanges: 1 }), 'tooManyChanges')
  assert.equal(await refused({ sinceQueryState: 'zzzz' }), 'cannotCalculateChanges')
})
