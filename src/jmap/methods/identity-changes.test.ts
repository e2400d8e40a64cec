import assert from 'node:assert/strict'
import { test } from 'node:test'
import { account } from '../../../test/harness/memory-accounts.ts'
import { SendingTest } from '../sending-fixture.test.ts'

const name = 'Identity/changes'

test('RFC 8621 §6.2: what was created, updated and destroyed since a state', async () => {
  await using t = await SendingTest.start()
  await t.setAddresses(account, ['fred@example.org', 'info@example.org'])
  const { state: sinceState } = await t.server.call('Identity/get', { ids: null })
  await t.server.call('Identity/set', {
    create: { a: { email: 'fred@example.org', name: 'Second' } },
    update: { I1: { name: 'First' } },
  })
  await t.setAddresses(account, ['fred@example.org'])
  const changes = await t.server.call(name, { sinceState })
  const { created, updated, destroyed, hasMoreChanges, oldState, newState } = changes
  assert.deepEqual([created, updated, destroyed], [['I3'], ['I1'], ['I2']])
  assert.deepEqual([oldState, hasMoreChanges], [sinceState, false])
  const again = await t.server.call(name, { sinceState: newState })
  assert.deepEqual([again['created'], again['updated'], again['destroyed']], [[], [], []])
})

test('RFC 8620 §5.2: a state that was never given out is refused', async () => {
  await using t = await SendingTest.start()
  assert.equal(await t.server.error(name, { sinceState: 'no such state' }), 'cannotCalculateChanges')
})
