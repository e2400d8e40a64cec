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

/** A report of another server, about one recipient. */
const reportOf = (
  type: 'delivery-status' | 'disposition-notification',
  fields: readonly string[],
  returned: readonly string[] = ['Content-Type: text/rfc822-headers', '', 'Message-ID: <other@x.example>'],
) =>
  [
    'From: postmaster@remote.example',
    `Content-Type: multipart/report; report-type=${type}; boundary=b`,
    '',
    '--b',
    '',
    'Words.',
    '--b',
    `Content-Type: message/${type}`,
    '',
    ...fields,
    '--b',
    ...returned,
    '--b--',
    '',
  ].join('\n')

/** What was sent to two, and another server has. */
async function relayed(t: SendingTest): Promise<string> {
  const { id } = await t.submit({ envelope: envelope(fred, 'jane@remote.example', 'joe@remote.example') })
  await t.deliver()
  return id as string
}

const deliveredOf = async (t: SendingTest, id: string) =>
  Object.values(await statusOf(t, id)).map((one) => (one as JsonObject)['delivered'])

test('RFC 8621 §7: a DSN that names the submission settles what became of a recipient', async () => {
  await using t = await SendingTest.start()
  const id = await relayed(t)
  const dsn = (address: string, action: string, ...more: string[]) =>
    reportOf('delivery-status', [
      `Original-Envelope-Id: ${id}`,
      'Reporting-MTA: dns; mx.remote.example',
      '',
      `Original-Recipient: rfc822;${address}`,
      'Final-Recipient: rfc822;elsewhere@x.example',
      `Action: ${action}`,
      ...more,
    ])
  const one = await t.receive(dsn('Jane@REMOTE.example', 'delayed', 'Status: 4.4.1'))
  assert.deepEqual(await deliveredOf(t, id), ['unknown', 'unknown'])
  const two = await t.receive(dsn('Jane@REMOTE.example', 'delivered', 'Status: 2.0.0'))
  assert.deepEqual(await deliveredOf(t, id), ['yes', 'unknown'])
  await t.receive(dsn('joe@remote.example', 'failed', 'Diagnostic-Code: smtp; 550 5.2.1\n gone'))
  await t.receive(dsn('jane@remote.example', 'failed', 'Status: 5.0.0'))
  assert.deepEqual(await deliveredOf(t, id), ['yes', 'no'])
  assert.equal(((await statusOf(t, id))['joe@remote.example'] as JsonObject)['smtpReply'], '550 5.2.1 gone')
  const blobs = (await t.get(id))['dsnBlobIds'] as string[]
  const { list } = await t.server.call('Email/get', { ids: [one, two], properties: ['blobId'] })
  assert.deepEqual(
    blobs.slice(0, 2),
    (list as JsonObject[]).map(({ blobId }) => blobId),
    'the oldest first',
  )
  assert.equal(blobs.length, 4)
})

test('RFC 8621 §7: a DSN without a name is about the message that comes back with it', async () => {
  await using t = await SendingTest.start()
  const id = await relayed(t)
  const fields = [
    'Reporting-MTA: dns; x',
    '',
    'Final-Recipient: rfc822; joe@remote.example',
    'Action: failed',
  ]
  await t.receive(reportOf('delivery-status', fields))
  assert.deepEqual(await deliveredOf(t, id), ['unknown', 'unknown'])
  const header = ['Content-Type: text/rfc822-headers', '', 'Message-ID: <draft@example.org>']
  await t.receive(reportOf('delivery-status', fields, header))
  assert.deepEqual(await deliveredOf(t, id), ['unknown', 'no'])
  const whole = ['Content-Type: message/rfc822', '', 'Message-ID: <draft@example.org>', '', 'hello']
  await t.receive(reportOf('delivery-status', fields, whole))
  assert.equal(((await t.get(id))['dsnBlobIds'] as string[]).length, 2)
})

test('RFC 8621 §7, RFC 8098 §3: an MDN says that a recipient was shown the message', async () => {
  await using t = await SendingTest.start()
  const id = await relayed(t)
  const mdn = (type: string) =>
    reportOf('disposition-notification', [
      'Final-Recipient: rfc822;joe@remote.example',
      'Original-Message-ID: <draft@example.org>',
      `Disposition: manual-action/MDN-sent-manually; ${type}`,
    ])
  const displayed = async () =>
    Object.values(await statusOf(t, id)).map((one) => (one as JsonObject)['displayed'])
  await t.receive(mdn('deleted'))
  assert.deepEqual(await displayed(), ['unknown', 'unknown'])
  await t.receive(mdn('displayed/error'))
  assert.deepEqual(await displayed(), ['unknown', 'yes'])
  assert.equal(((await t.get(id))['mdnBlobIds'] as string[]).length, 2)
})

test('RFC 8621 §7: what this server itself notifies the sender of is among the DSNs', async () => {
  await using t = await SendingTest.start()
  t.answer = () => never()
  const { id } = await t.submit()
  await t.deliver()
  await t.readReports()
  const { dsnBlobIds, deliveryStatus } = await t.get(id)
  assert.equal((dsnBlobIds as string[]).length, 1)
  assert.deepEqual(deliveryStatus, {
    'jane@remote.example': { smtpReply: '550 5.1.1 no such user', delivered: 'no', displayed: 'unknown' },
  })
})

test('RFC 8621 §7: a report that means nothing, or something of somebody else, changes nothing', async () => {
  await using t = await SendingTest.start()
  const id = await relayed(t)
  const before = await t.get(id)
  await t.receive(reportOf('delivery-status', ['Original-Envelope-Id: S1', '', 'Action: failed']))
  await t.receive(reportOf('delivery-status', ['no field at all']))
  await t.receive(reportOf('disposition-notification', ['Original-Message-ID: <draft@example.org>']))
  assert.deepEqual(await t.get(id), before)
})
