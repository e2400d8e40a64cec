import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SendingTest } from '../sending-fixture.test.ts'

const name = 'EmailSubmission/queryChanges'

test('RFC 8621 §7.4: what left a query, what came and where it stands', async () => {
  await using t = await SendingTest.start()
  const submit = async () => (await t.submit())['id'] as string
  const [one, two, three] = [await submit(), await submit(), await submit()]
  const query = { filter: { undoStatus: 'pending' }, sort: [{ property: 'sentAt', isAscending: false }] }
  const { queryState } = await t.server.call('EmailSubmission/query', query)
  t.server.clock.advance(1000)
  const four = await submit()
  await t.set({ update: { [two]: { undoStatus: 'canceled' } }, destroy: [three] })
  const since = { ...query, sinceQueryState: queryState }
  const answer = await t.server.call(name, { ...since, calculateTotal: true })
  const { oldQueryState, newQueryState, total, removed, added } = answer
  assert.deepEqual([oldQueryState, total], [queryState, 2])
  assert.deepEqual((removed as string[]).toSorted(), [two, three].toSorted())
  assert.deepEqual(added, [{ id: four, index: 0 }])
  const after = await t.server.call('EmailSubmission/query', query)
  assert.deepEqual([after['ids'], after['queryState']], [[four, one], newQueryState])
  const nothing = await t.server.call(name, { ...query, sinceQueryState: newQueryState })
  assert.deepEqual([nothing['removed'], nothing['added'], nothing['total']], [[], [], undefined])
})

test('RFC 8620 §5.6: tooManyChanges, and a state that was never given out', async () => {
  await using t = await SendingTest.start()
  const { queryState: sinceQueryState } = await t.server.call('EmailSubmission/query', {})
  await t.submit()
  await t.submit()
  assert.equal(await t.server.error(name, { sinceQueryState, maxChanges: 1 }), 'tooManyChanges')
  assert.equal(await t.server.error(name, { sinceQueryState: 'x y' }), 'cannotCalculateChanges')
  assert.equal(await t.server.error(name, { sinceQueryState: 'zzzzzzz' }), 'cannotCalculateChanges')
})
