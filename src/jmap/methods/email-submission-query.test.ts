import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SendingTest } from '../sending-fixture.test.ts'

const name = 'EmailSubmission/query'

/** Three submissions, an hour apart: the first canceled, the second of another identity. */
async function three(t: SendingTest) {
  await t.server.call('Identity/set', { create: { a: { email: 'fred@example.org' } } })
  const emails = [
    await t.draft(),
    await t.draft('From: fred@example.org\nTo: x@x.example\nSubject: y\n\nz\n'),
  ]
  const ids: string[] = []
  for (const [i, emailId] of [emails[1], emails[0], emails[0]].entries()) {
    const { id } = await t.submit({ emailId, identityId: i === 1 ? 'I2' : 'I1' })
    ids.push(id as string)
    t.server.clock.advance(3_600_000)
  }
  await t.set({ update: { [ids[0]!]: { undoStatus: 'canceled' } } })
  return { ids, emails }
}

test('RFC 8621 §7.3: every condition of a filter', async () => {
  await using t = await SendingTest.start()
  const { ids, emails } = await three(t)
  const found = async (filter: unknown) => {
    const answer = await t.server.call(name, { filter })
    return (answer['ids'] as string[]).map((id) => ids.indexOf(id))
  }
  assert.deepEqual(await found(null), [0, 1, 2])
  assert.deepEqual(await found({}), [0, 1, 2])
  assert.deepEqual(await found({ identityIds: ['I2', 'I77'] }), [1])
  assert.deepEqual(await found({ identityIds: [] }), [])
  assert.deepEqual(await found({ emailIds: [emails[0]] }), [1, 2])
  assert.deepEqual(await found({ threadIds: ['T2'] }), [0])
  assert.deepEqual(await found({ undoStatus: 'canceled' }), [0])
  assert.deepEqual(await found({ undoStatus: 'pending', emailIds: [emails[0]] }), [1, 2])
  assert.deepEqual(await found({ before: '2026-01-01T01:01:00Z' }), [0])
  assert.deepEqual(await found({ after: '2026-01-01T01:01:00Z' }), [1, 2])
  const not = { operator: 'NOT', conditions: [{ undoStatus: 'canceled' }, { identityIds: ['I2'] }] }
  assert.deepEqual(await found(not), [2])
  const or = { operator: 'OR', conditions: [{ undoStatus: 'canceled' }, { identityIds: ['I2'] }] }
  assert.deepEqual(await found(or), [0, 1])
  assert.deepEqual(await found({ operator: 'AND', conditions: [or, not] }), [])
})

test('RFC 8621 §7.3: sorted by emailId, threadId and sentAt', async () => {
  await using t = await SendingTest.start()
  const { ids } = await three(t)
  const sorted = async (...sort: object[]) => {
    const answer = await t.server.call(name, { sort })
    return (answer['ids'] as string[]).map((id) => ids.indexOf(id))
  }
  assert.deepEqual(await sorted({ property: 'sentAt', isAscending: false }), [2, 1, 0])
  assert.deepEqual(await sorted({ property: 'emailId' }), [1, 2, 0])
  const both = [
    { property: 'threadId', isAscending: false },
    { property: 'sentAt', isAscending: false },
  ]
  assert.deepEqual(await sorted(...both), [0, 2, 1])
  assert.equal(await t.server.error(name, { sort: [{ property: 'undoStatus' }] }), 'unsupportedSort')
  assert.equal(await t.server.error(name, { filter: { subject: 'x' } }), 'unsupportedFilter')
})

test('RFC 8620 §5.5: a part of the result, from a place, the end or an anchor', async () => {
  await using t = await SendingTest.start()
  const { ids } = await three(t)
  const part = async (args: object) => {
    const { ids: found, position, total } = await t.server.call(name, { ...args, calculateTotal: true })
    return [(found as string[]).map((id) => ids.indexOf(id)), position, total]
  }
  assert.deepEqual(await part({ position: 1, limit: 1 }), [[1], 1, 3])
  assert.deepEqual(await part({ position: -1 }), [[2], 2, 3])
  assert.deepEqual(await part({ anchor: ids[1], anchorOffset: -1, limit: 2 }), [[0, 1], 0, 3])
  assert.equal(await t.server.error(name, { anchor: 'S77' }), 'anchorNotFound')
})
