import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MailboxId } from '#base/id.ts'
import { JmapTestServer } from '../fixture.test.ts'

async function start(): Promise<JmapTestServer> {
  const server = await JmapTestServer.start()
  await server.add(8, 'ann@example.org', { description: 'Zoë Ann' })
  await server.add(20, 'team@example.org', { isGroup: true, description: 'Anybody' })
  return server
}

test('RFC 9670 §2.4.1: every condition, and those of one object together', async () => {
  const server = await start()
  const find = async (filter: object | null): Promise<unknown> =>
    (await server.call('Principal/query', { filter }))['ids']
  assert.deepEqual(await find(null), ['P7', 'Pk', 'P8'])
  assert.deepEqual(await find({}), ['P7', 'Pk', 'P8'])
  assert.deepEqual(await find({ name: 'zoë' }), ['P8'])
  assert.deepEqual(await find({ email: 'ann@' }), ['P8'])
  assert.deepEqual(await find({ text: 'any' }), ['Pk'])
  assert.deepEqual(await find({ text: 'ann', type: 'individual' }), ['P8'])
  assert.deepEqual(await find({ type: 'group' }), ['Pk'])
  assert.deepEqual(await find({ type: 'Group' }), [])
  assert.deepEqual(await find({ timeZone: 'Europe/Berlin' }), [])
  assert.deepEqual(await find({ accountIds: ['A7', 'A8'] }), ['P7'])
  await server.share(6 as MailboxId, 7 as never, 'lr', 8 as never)
  assert.deepEqual(await find({ accountIds: ['A7', 'A8'] }), ['P7', 'P8'])
  assert.deepEqual(await find({ operator: 'NOT', conditions: [{ type: 'group' }, { name: 'zoë' }] }), ['P7'])
})

test('RFC 8620 §5.5: a window, the total, what is not known', async () => {
  const server = await start()
  const told = await server.call('Principal/query', { position: 1, limit: 1, calculateTotal: true })
  assert.deepEqual([told['ids'], told['position'], told['total']], [['Pk'], 1, 3])
  assert.equal(told['canCalculateChanges'], false)
  assert.deepEqual((await server.call('Principal/query', { anchor: 'P8', anchorOffset: -1 }))['ids'], [
    'Pk',
    'P8',
  ])
  assert.equal(await server.error('Principal/query', { anchor: 'P99' }), 'anchorNotFound')
  assert.equal(await server.error('Principal/query', { filter: { phone: '1' } }), 'unsupportedFilter')
  assert.equal(await server.error('Principal/query', { filter: { name: 1 } }), 'invalidArguments')
  assert.equal(await server.error('Principal/query', { sort: [{ property: 'age' }] }), 'unsupportedSort')
})
