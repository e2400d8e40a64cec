import assert from 'node:assert/strict'
import { test } from 'node:test'
import { emailObjectId } from '#mail/object-id.ts'
import { blobIdOf, uploaded } from '../blob-fixture.test.ts'
import { accountId, JmapTestServer } from '../fixture.test.ts'
import type { JsonObject } from '../value.ts'

const fields = [
  'Reporting-UA: joes-pc.cs.example.com; Foomail 97.1',
  'Original-Recipient: rfc822;Joe_Recipient@example.com',
  'Final-Recipient: rfc822;Joe_Recipient@example.com',
  'Original-Message-ID: <199509192301.23456@example.org>',
  'Disposition: Manual-Action/MDN-sent-manually; Displayed',
  'X-Extension: some value',
].join('\n')

const report = (o: { fields?: string; text?: string; original?: string; type?: string } = {}): string =>
  [
    'From: Joe Recipient <Joe_Recipient@example.com>',
    'To: Jane Sender <Jane_Sender@example.org>',
    'Subject: =?utf-8?q?Gelesen=3A_Gr=C3=BC=C3=9Fe?=',
    `Content-Type: ${o.type ?? 'multipart/report'}; report-type=disposition-notification; boundary="b"`,
    '',
    '--b',
    o.text ??
      'Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nRead.\nGr=C3=BC=C3=9Fe',
    '--b',
    'Content-Type: message/disposition-notification',
    '',
    o.fields ?? fields,
    ...(o.original === undefined ? [] : ['', '--b', o.original]),
    '--b--',
    '',
  ].join('\n')

async function parse(server: JmapTestServer, message: string): Promise<JsonObject> {
  const id = await uploaded(server, message.replaceAll('\n', '\r\n'))
  const { parsed, notParsable, notFound } = await server.call('MDN/parse', { blobIds: [id] })
  assert.deepEqual([notParsable, notFound], [null, null])
  return (parsed as Record<string, JsonObject>)[id]!
}

test('RFC 9007 §2: what a notification says, its words in lower case', async () => {
  const server = await JmapTestServer.start()
  assert.deepEqual(await parse(server, report()), {
    forEmailId: null,
    subject: 'Gelesen: Grüße',
    textBody: 'Read.\nGrüße',
    includeOriginalMessage: false,
    reportingUA: 'joes-pc.cs.example.com; Foomail 97.1',
    disposition: { actionMode: 'manual-action', sendingMode: 'mdn-sent-manually', type: 'displayed' },
    mdnGateway: null,
    originalRecipient: 'rfc822; Joe_Recipient@example.com',
    finalRecipient: 'rfc822; Joe_Recipient@example.com',
    originalMessageId: '<199509192301.23456@example.org>',
    error: null,
    extensionFields: { 'X-Extension': 'some value' },
  })
})

test('RFC 9007 §2.2: the message that it is about is found where its header came back', async () => {
  const server = await JmapTestServer.start()
  const original = 'Message-ID: <199509192301.23456@example.org>\nSubject: First draft of report\n'
  const { id } = await server.deliver(`${original}\nText.\n`)
  for (const [head, hasOriginal] of [
    ['Content-Type: text/rfc822-headers\n\n', false],
    ['Content-Type: message/rfc822\n\n', true],
  ] as const) {
    const mdn = await parse(server, report({ original: `${head}${original}\nText.` }))
    assert.equal(mdn['forEmailId'], emailObjectId(id, ''))
    assert.equal(mdn['includeOriginalMessage'], hasOriginal)
  }
  const other = await parse(
    server,
    report({ original: 'Content-Type: message/rfc822\n\nSubject: Of something else\n\nx' }),
  )
  assert.equal(other['forEmailId'], null)
})

test('RFC 8098 §3: little, much and odd things in a notification', async () => {
  const server = await JmapTestServer.start()
  const least = await parse(
    server,
    report({
      fields: 'Disposition: automatic-action/MDN-sent-automatically; processed/error\nError: one\nError: two',
    }),
  )
  assert.deepEqual(
    [
      least['finalRecipient'],
      least['originalMessageId'],
      least['reportingUA'],
      least['extensionFields'],
      least['error'],
    ],
    [null, null, null, null, ['one', 'two']],
  )
  const alternative =
    'Content-Type: multipart/alternative; boundary=c\n\n--c\nContent-Type: text/html\n\n<b>x</b>\n--c\n\nplain\n--c--'
  assert.equal((await parse(server, report({ text: alternative })))['textBody'], 'plain')
  assert.equal(
    (await parse(server, report({ text: 'Content-Type: text/html\n\n<b>x</b>' })))['textBody'],
    null,
  )
  const long = await parse(server, report({ text: `\n${'x'.repeat(5_000_000)}` }))
  assert.equal((long['textBody'] as string).length, 256 * 1024)
  const odd = await parse(server, report({ fields: `${fields}\n__proto__: x\nconstructor: y` }))
  assert.deepEqual(Object.keys(odd['extensionFields'] as object), ['X-Extension', '__proto__', 'constructor'])
})

test('RFC 9007 §2.2: what is no notification, and what is not there', async () => {
  const server = await JmapTestServer.start()
  const blobIds = []
  for (const message of [
    '',
    'Subject: x\n\nx\n',
    report({ type: 'multipart/mixed' }),
    report({ fields: 'Disposition: read' }),
    report({ fields: '' }),
    'Content-Type: message/disposition-notification\n\nDisposition: manual-action/MDN-sent-manually; displayed\n',
    'Content-Type: multipart/report; boundary=b\n\n--b\n\nx\n--b--\n',
    '\0'.repeat(100_000),
  ])
    blobIds.push(await uploaded(server, message.replaceAll('\n', '\r\n')))
  const { accountId: of, parsed, notParsable, notFound } = await server.call('MDN/parse', { blobIds })
  assert.equal(of, accountId)
  assert.deepEqual([parsed, notParsable, notFound], [null, blobIds, null])
  const missing = ['x', `U${'ab'.repeat(32)}`, '#none', '']
  const none = await server.call('MDN/parse', { blobIds: missing })
  assert.deepEqual([none['parsed'], none['notParsable'], none['notFound']], [null, null, missing])
  const empty = await server.call('MDN/parse', { blobIds: [] })
  assert.deepEqual([empty['parsed'], empty['notParsable'], empty['notFound']], [null, null, null])
})

test('RFC 9007 §2.2: stored messages too; too many, and an account that is none', async () => {
  const server = await JmapTestServer.start({ parseLimitEmail: 1 })
  const id = await blobIdOf(server, await server.deliver(report()))
  const { parsed } = await server.call('MDN/parse', { blobIds: [id, id] })
  assert.deepEqual(Object.keys(parsed as object), [id])
  assert.equal(await server.error('MDN/parse', { blobIds: ['a', 'b'] }), 'requestTooLarge')
  assert.equal(await server.error('MDN/parse', { accountId: 'A99', blobIds: [] }), 'invalidArguments')
})
