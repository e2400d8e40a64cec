import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SendingTest } from '../sending-fixture.test.ts'

const name = 'EmailSubmission/changes'

test('RFC 8621 §7.2: what was created, updated and destroyed since a state', async () => {
  await using t = await SendingTest.start()
  const one = (await t.submit())['id']
  const two = (await t.submit())['id']
  const { state: sinceState } = await t.server.call('EmailSubmission/get', { ids: [] })
  const three = (await t.submit())['id']
  await t.set({ destroy: [one], update: { [two as string]: { undoStatus: 'canceled' } } })
  const { created, updated, destroyed, newState } = await t.server.call(name, { sinceState })
  assert.deepEqual([created, updated, destroyed], [[three], [two], [one]])
  await t.deliver()
  const later = await t.server.call(name, { sinceState: newState })
  assert.deepEqual([later['created'], later['updated'], later['destroyed']], [[], [three], []])
})

test('RFC 8620 §5.2: a state that was never given out is refused', async () => {
  await using t = await SendingTest.start()
  assert.equal(await t.server.error(name, { sinceState: 'no such state' }), 'cannotCalculateChanges')
})
