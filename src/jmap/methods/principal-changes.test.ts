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
  const sinceState = 'never given'
  assert.equal(await server.error('Principal/changes', { sinceState }), 'cannotCalculateChanges')
})

// Planted faults that turn it red: what is told of each left out of what is remembered; new ones among the updated.
test('RFC 9670 §2.2: who came, who is another one now, who is gone', async () => {
  const server = await JmapTestServer.start()
  const ann = await server.add(8, 'ann@example.org')
  await server.add(9, 'bob@example.org')
  const { state: sinceState } = await server.call('Principal/get', { ids: [] })
  ann.description = 'Ann Example'
  await server.add(10, 'eve@example.org')
  await server.add(11, 'somebody@example.net')
  server.people.splice(
    server.people.findIndex(({ id }) => id === 9),
    1,
  )
  const { created, updated, destroyed, newState } = await server.call('Principal/changes', { sinceState })
  assert.deepEqual([created, updated, destroyed], [['Pa'], ['P8'], ['P9']])
  assert.equal(newState, (await server.call('Principal/get', { ids: [] }))['state'])
  const few = { sinceState, maxChanges: 2 }
  assert.equal(await server.error('Principal/changes', few), 'cannotCalculateChanges')
})
