import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JmapTestServer } from '../fixture.test.ts'
import type { JsonObject } from '../value.ts'

const ann = 'ann@example.org'

test('RFC 9670 §3.3: notifications are dismissed, and neither made nor changed', async () => {
  const server = await JmapTestServer.start()
  await server.add(8, ann)
  await server.call('Mailbox/set', { update: { F6: { shareWith: { P8: { mayReadItems: true } } } } })
  const { ids } = await server.call('ShareNotification/query', { accountId: 'A8' }, { as: ann })
  const [id] = ids as readonly [string]
  const set = (args: object): Promise<JsonObject> =>
    server.call('ShareNotification/set', { accountId: 'A8', ...args }, { as: ann })
  const refused = await set({
    create: { k: { name: 'x' } },
    update: { [id]: { name: 'x' } },
    destroy: ['N1', 'x'],
  })
  const typeOf = (list: string, one: string): unknown =>
    (refused[list] as Record<string, JsonObject>)[one]!['type']
  assert.equal(typeOf('notCreated', 'k'), 'forbidden')
  assert.equal(typeOf('notUpdated', id), 'forbidden')
  assert.equal(typeOf('notDestroyed', 'N1'), 'notFound')
  assert.equal(typeOf('notDestroyed', 'x'), 'notFound')
  assert.deepEqual((await set({ destroy: [id] }))['destroyed'], [id])
  assert.deepEqual(
    (await server.call('ShareNotification/get', { accountId: 'A8', ids: [id] }, { as: ann }))['notFound'],
    [id],
  )
})
