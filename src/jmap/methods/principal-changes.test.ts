import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JmapTestServer } from '../fixture.test.ts'

test('RFC 9670 §2.2: nothing changed, or nobody knows what', async () => {
  const server = await JmapTestServer.start()
  const { state } = await server.call('Principal/get', { ids: [] })
  assert.deepEqual(await server.call('Principal/changes', { sinceState: state }), {
    accountId: 'A7',
    oldState: state,
    newState: state,
    hasMoreChanges: false,
    created: [],
    updated: [],
    destroyed: [],
  })
  await server.add(8, 'ann@example.org')
  assert.notEqual((await server.call('Principal/get', { ids: [] }))['state'], state)
  assert.equal(await server.error('Principal/changes', { sinceState: state }), 'cannotCalculateChanges')
})
