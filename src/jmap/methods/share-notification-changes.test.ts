import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JmapTestServer } from '../fixture.test.ts'
import type { JsonObject } from '../value.ts'

const ann = 'ann@example.org'

test('RFC 9670 §3.2: created, dismissed, and one in the place of another', async () => {
  const server = await JmapTestServer.start()
  await server.add(8, ann)
  const ask = (name: string, args: object): Promise<JsonObject> =>
    server.call(name, { accountId: 'A8', ...args }, { as: ann })
  const stateOf = async (): Promise<unknown> => (await ask('ShareNotification/get', { ids: [] }))['state']
  const changes = async (sinceState: unknown) => {
    const told = await ask('ShareNotification/changes', { sinceState })
    return [told['created'], told['updated'], told['destroyed']] as readonly (readonly string[])[]
  }
  const start = await stateOf()
  const give = (rights: object): Promise<JsonObject> =>
    server.call('Mailbox/set', { update: { F6: { shareWith: { P8: rights } } } })
  await give({ mayReadItems: true })
  const [[first]] = (await changes(start)) as [[string]]
  const later = await stateOf()
  await give({ mayReadItems: true, maySetSeen: true })
  const [[second], updated, destroyed] = (await changes(later)) as [[string], string[], string[]]
  assert.deepEqual([updated, destroyed], [[], [first]])
  await ask('ShareNotification/set', { destroy: [second] })
  assert.deepEqual(await changes(later), [[], [], [first]])
  assert.deepEqual(await changes(start), [[], [], []])
  assert.deepEqual(await changes(await stateOf()), [[], [], []])
})

test("RFC 9670 §3: those of others are nobody's business", async () => {
  const server = await JmapTestServer.start()
  const { id } = await server.add(8, ann)
  await server.share(6 as never, id, 'lr')
  const told = await server.error('ShareNotification/changes', { sinceState: '1' }, ann)
  assert.equal(told, 'accountNotSupportedByMethod')
})
