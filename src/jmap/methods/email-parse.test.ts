import assert from 'node:assert/strict'
import { test } from 'node:test'
import { emailObjectId } from '#mail/object-id.ts'
import { readBlob, uploaded } from '../blob-fixture.test.ts'
import { JmapTestServer } from '../fixture.test.ts'
import type { JsonObject } from '../value.ts'

const letter = [
  'From: Jörg <joerg@example.org>',
  'Subject: =?utf-8?Q?Caf=C3=A9?=',
  'Message-ID: <a@b>',
  'Content-Type: multipart/mixed; boundary=x',
  '',
  '--x',
  'Content-Type: text/html; charset=utf-8',
  '',
  '<p>hello <b>you</b>',
  '--x',
  'Content-Type: application/pdf',
  'Content-Transfer-Encoding: base64',
  '',
  'AAEC',
  '--x--',
  '',
].join('\r\n')

const parse = (server: JmapTestServer, args: JsonObject): Promise<JsonObject> =>
  server.call('Email/parse', args)

test('RFC 8621 §4.9: what is given where nothing is asked for', async () => {
  const server = await JmapTestServer.start()
  const blobId = await uploaded(server, letter)
  const { parsed, notParsable, notFound } = await parse(server, { blobIds: [blobId, blobId] })
  assert.deepEqual([notParsable, notFound, Object.keys(parsed as object)], [null, null, [blobId]])
  const { textBody, attachments, htmlBody, ...rest } = (parsed as Record<string, JsonObject>)[blobId]!
  assert.deepEqual(rest, {
    messageId: ['a@b'],
    inReplyTo: null,
    references: null,
    sender: null,
    from: [{ name: 'Jörg', email: 'joerg@example.org' }],
    to: null,
    cc: null,
    bcc: null,
    replyTo: null,
    subject: 'Café',
    sentAt: null,
    hasAttachment: true,
    preview: 'hello you',
    bodyValues: {},
  })
  assert.deepEqual(textBody, htmlBody)
  const [pdf] = attachments as JsonObject[]
  assert.deepEqual([pdf!['type'], pdf!['size']], ['application/pdf', 3])
  const blob = await readBlob(server, pdf!['blobId'] as string, { properties: ['data:asBase64'] })
  assert.equal(blob!['data:asBase64'], 'AAEC')
})

test('RFC 8621 §4.9: metadata is null, all else as in Email/get', async () => {
  const server = await JmapTestServer.start()
  const blobId = await uploaded(server, letter)
  const properties = [
    'id',
    'mailboxIds',
    'keywords',
    'receivedAt',
    'threadId',
    'blobId',
    'size',
    'header:SUBJECT',
  ]
  const args = {
    blobIds: [blobId],
    properties: [...properties, 'bodyValues'],
    fetchHTMLBodyValues: true,
    maxBodyValueBytes: 10,
  }
  const { parsed } = await parse(server, args)
  assert.deepEqual((parsed as Record<string, JsonObject>)[blobId], {
    id: null,
    mailboxIds: null,
    keywords: null,
    receivedAt: null,
    threadId: null,
    blobId,
    size: Buffer.byteLength(letter),
    'header:SUBJECT': ' =?utf-8?Q?Caf=C3=A9?=',
    bodyValues: { '1': { value: '<p>hello ', isEncodingProblem: false, isTruncated: true } },
  })
})

test('RFC 8621 §4.9: messages in messages, also encoded ones', async () => {
  const server = await JmapTestServer.start()
  const inner = 'Subject: inner\r\nContent-Type: text/plain\r\n\r\nhello\r\n'
  const outer = (encoding: string, body: string): string =>
    `Subject: outer\nContent-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: message/rfc822\nContent-Transfer-Encoding: ${encoding}\n\n${body}\n--x--\n`
  for (const text of [outer('7bit', inner), outer('base64', Buffer.from(inner).toString('base64'))]) {
    const { id } = await server.deliver(text)
    const { list } = await server.call('Email/get', {
      ids: [emailObjectId(id, '')],
      properties: ['attachments'],
    })
    const [attached] = (list as JsonObject[])[0]!['attachments'] as JsonObject[]
    const blobId = attached!['blobId'] as string
    const args = {
      blobIds: [blobId],
      properties: ['subject', 'textBody', 'bodyValues'],
      fetchTextBodyValues: true,
    }
    const { parsed } = await parse(server, args)
    const email = (parsed as Record<string, JsonObject>)[blobId]!
    assert.equal(email['subject'], 'inner')
    assert.match((email['bodyValues'] as { 1: JsonObject })[1]['value'] as string, /^hello/)
    const part = (email['textBody'] as JsonObject[])[0]!['blobId'] as string
    const blob = await readBlob(server, part, { properties: ['data:asText'] })
    assert.match(blob!['data:asText'] as string, /^hello/)
  }
})

test('RFC 8621 §4.9: what is no message, what is not there, and too many', async () => {
  const server = await JmapTestServer.start({ parseLimitEmail: 3 })
  const image = await uploaded(server, Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1]))
  const missing = `U${'ab'.repeat(32)}`
  const { parsed, notParsable, notFound } = await parse(server, { blobIds: [image, missing, 'nonsense'] })
  assert.deepEqual([parsed, notParsable, notFound], [null, [image], [missing, 'nonsense']])
  assert.equal(await server.error('Email/parse', { blobIds: ['a', 'b', 'c', 'd'] }), 'requestTooLarge')
  for (const properties of [['header:From:asDate'], ['nothing'], 'subject'])
    assert.equal(await server.error('Email/parse', { blobIds: [], properties }), 'invalidArguments')
  assert.equal(await server.error('Email/parse', { blobIds: [], bodyProperties: ['x'] }), 'invalidArguments')
  assert.equal(await server.error('Email/parse', {}), 'invalidArguments')
})
