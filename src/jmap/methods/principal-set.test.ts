import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JmapTestServer } from '../fixture.test.ts'

test('RFC 9670 §2.3: every change is forbidden', async () => {
  const server = await JmapTestServer.start()
  const { state } = await server.call('Principal/get', { ids: [] })
  const told = await server.call('Principal/set', {
    ifInState: state,
    create: { k: { name: 'New' } },
    update: { P7: { name: 'Fred' }, P99: { name: 'x' } },
    destroy: ['P7', 'P99'],
  })
  assert.deepEqual(told, {
    accountId: 'A7',
    oldState: state,
    newState: state,
    created: null,
    updated: null,
    destroyed: null,
    notCreated: { k: { type: 'forbidden' } },
    notUpdated: { P7: { type: 'forbidden' }, P99: { type: 'notFound' } },
    notDestroyed: { P7: { type: 'forbidden' }, P99: { type: 'notFound' } },
  })
  assert.equal(await server.error('Principal/set', { ifInState: 'another' }), 'stateMismatch')
})
