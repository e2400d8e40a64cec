import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JmapTestServer } from '../fixture.test.ts'

test('RFC 9670 §2.5: nothing changed, or nobody knows what', async () => {
  const server = await JmapTestServer.start()
  const { queryState } = await server.call('Principal/query', {})
  const args = { sinceQueryState: queryState, calculateTotal: true }
  assert.deepEqual(await server.call('Principal/queryChanges', args), {
    accountId: 'A7',
    oldQueryState: queryState,
    newQueryState: queryState,
    total: 1,
    removed: [],
    added: [],
  })
  await server.add(8, 'ann@example.org')
  assert.equal(await server.error('Principal/queryChanges', args), 'cannotCalculateChanges')
  assert.equal(
    await server.error('Principal/queryChanges', { ...args, filter: { x: 1 } }),
    'unsupportedFilter',
  )
})
