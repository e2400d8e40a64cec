import assert from 'node:assert/strict'
import { test } from 'node:test'
import { envelope, later, never, SendingTest } from '../sending-fixture.test.ts'
import type { JsonObject } from '../value.ts'

const name = 'EmailSubmission/get'
const fred = 'fred@example.org'

const statusOf = async (t: SendingTest, id: unknown): Promise<JsonObject> =>
  (await t.get(id))['deliveryStatus'] as JsonObject

test('RFC 8621 §7.1: all properties of a submission', async () => {
  await using t = await SendingTest.start()
  const emailId = await t.draft()
  const { id } = await t.submit({ emailId })
  const answer = await t.server.call(name, { ids: [id] })
  assert.deepEqual(answer['list'], [
    {
      id,
      identityId: 'I1',
      emailId,
      threadId: 'T1',
      envelope: envelope(fred, 'jane@remote.example'),
      sendAt: '2026-01-01T00:01:00Z',
      undoStatus: 'pending',
      deliveryStatus: {
        'jane@remote.example': {
          smtpReply: '250 2.0.0 The message waits to be sent',
          delivered: 'queued',
          displayed: 'unknown',
        },
      },
      dsnBlobIds: [],
      mdnBlobIds: [],
    },
  ])
})

test('RFC 8620 §5.1: all of them, some of them, some properties, and those that are not there', async () => {
  await using t = await SendingTest.start()
  const ids = [(await t.submit())['id'], (await t.submit())['id']]
  const all = await t.server.call(name, { ids: null, properties: ['undoStatus'] })
  assert.deepEqual(
    all['list'],
    ids.map((id) => ({ id, undoStatus: 'pending' })),
  )
  const some = await t.server.call(name, { ids: [ids[1], ids[1], 'S77', 'nonsense'], properties: [] })
  assert.deepEqual([some['list'], some['notFound']], [[{ id: ids[1] }], ['S77', 'nonsense']])
  assert.equal(await t.server.error(name, { properties: ['nonsense'] }), 'invalidArguments')
})

test('RFC 8621 §7: the status of each recipient is what the queue knows, and each change of it is told', async () => {
  await using t = await SendingTest.start()
  const { id } = await t.submit({ envelope: envelope(fred, 'jane@Remote.Example', 'joe@other.example') })
  const state = async () => (await t.server.call(name, { ids: [] }))['state']
  const before = await state()
  t.answer = (address) => (address.startsWith('jane') ? later('451-4.3.0 wait') : never())
  await t.deliver()
  assert.deepEqual(await statusOf(t, id), {
    'jane@Remote.Example': { smtpReply: '451-4.3.0 wait', delivered: 'queued', displayed: 'unknown' },
    'joe@other.example': { smtpReply: '550 5.1.1 no such user', delivered: 'no', displayed: 'unknown' },
  })
  assert.notEqual(await state(), before)
  assert.equal((await t.get(id))['undoStatus'], 'pending', 'nobody has it')
  t.answer = () => later('connection refused')
  await t.deliver(3_600_000)
  assert.equal(
    ((await statusOf(t, id))['jane@Remote.Example'] as JsonObject)['smtpReply'],
    '451 4.2.0 connection refused',
  )
})

test('RFC 8621 §7: what is given up after days is not delivered', async () => {
  await using t = await SendingTest.start()
  const { id } = await t.submit()
  t.answer = () => later()
  for (let days = 0; days < 8; days++) await t.deliver(12 * 3_600_000)
  const { delivered } = (await statusOf(t, id))['jane@remote.example'] as JsonObject
  assert.deepEqual([delivered, (await t.get(id))['undoStatus']], ['no', 'final'])
})

test('RFC 8621 §7: the submission stays when its Email is destroyed', async () => {
  await using t = await SendingTest.start()
  const emailId = await t.draft()
  const { id } = await t.submit({ emailId })
  await t.destroyEmail(emailId)
  const { emailId: still, threadId } = await t.get(id)
  assert.deepEqual([still, threadId], [emailId, 'T1'])
  await t.deliver()
  assert.equal(t.sent.length, 1, 'and it is sent')
})

test('RFC 8621 §7: what is long over goes by itself', async () => {
  await using t = await SendingTest.start()
  const { id } = await t.submit()
  await t.deliver()
  await t.deliver(31 * 86_400_000)
  assert.ok((await t.get(id)) !== undefined)
  await t.submit()
  assert.equal(await t.get(id), undefined)
})
