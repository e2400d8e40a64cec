/**
 * Whatever a client sends: what is created reads back as it was said, nothing else is in the message, and what is
 * refused is refused with a reason.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { MailboxId } from '#base/id.ts'
import { mailboxObjectId } from '#mail/object-id.ts'
import { readBlob, uploaded } from '../blob-fixture.test.ts'
import { JmapTestServer } from '../fixture.test.ts'
import type { Json, JsonObject } from '../value.ts'

const mailboxIds = { [mailboxObjectId(2 as MailboxId, '')]: true }

const text = fc.string({ unit: 'grapheme', maxLength: 60 }).map((one) =>
  one
    .toWellFormed()
    .replace(/\p{Cc}+/gu, ' ')
    .normalize('NFC'),
)
const phrase = text.map((one) => one.trim()).filter((one) => one !== '')
const id = fc.stringMatching(/^[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,80}@[a-z0-9.-]{1,80}$/)
const address = fc.record({ name: fc.option(phrase), email: fc.emailAddress() }, { noNullPrototype: true })
const addresses = fc.array(address, { minLength: 1, maxLength: 4 })
const zone = fc.constantFrom('Z', '+02:00', '-11:30')
const date = fc
  .tuple(fc.date({ min: new Date('1970-01-02'), max: new Date('2100-01-01'), noInvalidDate: true }), zone)
  .map(([at, offset]) => `${at.toISOString().slice(0, 19)}${offset}`)
const keyword = fc.stringMatching(/^[a-z$][a-z0-9$_-]{0,20}$/)

const header = fc.record(
  {
    from: addresses,
    to: addresses,
    bcc: addresses,
    replyTo: addresses,
    subject: text,
    sentAt: date,
    messageId: fc.tuple(id),
    inReplyTo: fc.array(id, { minLength: 1, maxLength: 3 }),
    references: fc.uniqueArray(id, { minLength: 1, maxLength: 8 }),
    'header:X-Text:asText': text,
    'header:X-All:asText:all': fc.array(text, { maxLength: 3 }),
    'header:X-Raw': text.map((one) => ` ${one}`),
    'header:List-Post:asURLs': fc.array(fc.webUrl(), { minLength: 1, maxLength: 2 }),
    'header:X-Groups:asGroupedAddresses': fc.array(
      fc.record({ name: phrase, addresses }, { noNullPrototype: true }),
      { minLength: 1, maxLength: 2 },
    ),
    'header:Resent-Date:asDate': date,
  },
  { requiredKeys: [], noNullPrototype: true },
)

const value = fc
  .string({ unit: 'grapheme', maxLength: 200 })
  .map((one) => one.toWellFormed().replaceAll('\r', '\n'))
const body = fc.record({
  plain: fc.option(value),
  html: fc.option(value),
  attached: fc.array(
    fc.record({ bytes: fc.uint8Array({ maxLength: 200 }), name: fc.option(phrase), cid: fc.option(id) }),
    {
      maxLength: 3,
    },
  ),
})

async function created(server: JmapTestServer, object: JsonObject): Promise<string> {
  const answer = await server.call('Email/set', { create: { k: { mailboxIds, ...object } } })
  assert.equal(answer['notCreated'], null, JSON.stringify(answer['notCreated']))
  return (answer['created'] as { k: { id: string } }).k.id
}

test('RFC 8621 §4.6: what is created is what the client said', async () => {
  const server = await JmapTestServer.start()
  await fc.assert(
    fc.asyncProperty(
      header,
      body,
      fc.uniqueArray(keyword, { maxLength: 5 }),
      async (fields, parts, keywords) => {
        const values: Record<string, Json> = {}
        const bodies: Record<string, Json> = {}
        if (parts.plain !== null) {
          values['t'] = { value: parts.plain }
          bodies['textBody'] = [{ partId: 't', type: 'text/plain' }]
        }
        if (parts.html !== null) {
          values['h'] = { value: parts.html }
          bodies['htmlBody'] = [{ partId: 'h', type: 'text/html' }]
        }
        const attachments: JsonObject[] = []
        for (const { bytes, name, cid } of parts.attached) {
          const blobId = await uploaded(server, bytes)
          attachments.push({ blobId, name, cid, type: 'application/x-thing', disposition: 'attachment' })
        }
        const said = {
          ...(fields as JsonObject),
          keywords: Object.fromEntries(keywords.map((one) => [one, true])),
        }
        const email = await created(server, { ...said, ...bodies, bodyValues: values, attachments })
        const { list } = await server.call('Email/get', {
          ids: [email],
          properties: [...Object.keys(said), 'textBody', 'htmlBody', 'attachments', 'bodyValues'],
          fetchAllBodyValues: true,
        })
        const read = (list as JsonObject[])[0]!
        for (const [name, wanted] of Object.entries(said)) assert.deepEqual(read[name], wanted, name)
        const texts = read['bodyValues'] as Record<string, JsonObject>
        const textIn = (which: string): unknown =>
          texts[(read[which] as JsonObject[])[0]?.['partId'] as string]?.['value']
        if (parts.plain !== null) assert.equal(textIn('textBody'), parts.plain)
        if (parts.html !== null) assert.equal(textIn('htmlBody'), parts.html)
        const shown = (read['attachments'] as JsonObject[]).map(({ name, cid, size }) => ({
          name,
          cid,
          size,
        }))
        assert.deepEqual(
          shown,
          parts.attached.map(({ name, cid, bytes }) => ({ name, cid, size: bytes.length })),
        )
        for (const [i, part] of (read['attachments'] as JsonObject[]).entries()) {
          const blob = await readBlob(server, part['blobId'] as string, { properties: ['data:asBase64'] })
          assert.equal(blob!['data:asBase64'], Buffer.from(parts.attached[i]!.bytes).toString('base64'))
        }
      },
    ),
    { numRuns: 150 },
  )
})

const hostileText = fc.constantFrom(
  'x\r\nBcc: evil@example.org',
  '\n\nbody',
  '=?utf-8?Q?=0D=0ABcc:_x?=',
  'a\0b',
  '"><',
  '<a@b>, <c@d>',
  '(((',
  '\u2028',
  '--=_',
  'x'.repeat(3000),
  '__proto__',
)
const anyJson = fc.oneof(
  { weight: 3, arbitrary: hostileText },
  fc.constantFrom(null, true, 0, -1, 1e300, {}, []),
  fc.array(fc.record({ name: hostileText, email: hostileText }, { noNullPrototype: true }), { maxLength: 3 }),
  fc.array(
    fc.record(
      { partId: hostileText, type: hostileText, name: hostileText },
      { noNullPrototype: true, requiredKeys: [] },
    ),
    { maxLength: 3 },
  ),
  fc.dictionary(hostileText, fc.constantFrom(true, null, 'x'), { noNullPrototype: true }),
)
const names = fc.constantFrom(
  'from',
  'to',
  'subject',
  'messageId',
  'sentAt',
  'keywords',
  'header:X-A',
  'header:X-A:asText',
  'header:X-B:asAddresses:all',
  'header:X-C:asURLs',
  'header:Subject\r\nBcc',
  'textBody',
  'htmlBody',
  'attachments',
  'bodyStructure',
  'bodyValues',
  'receivedAt',
  '__proto__',
  'constructor',
)

test('hostile objects are refused with a reason, or become messages with nothing that was not said', async () => {
  const server = await JmapTestServer.start()
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(names, anyJson), { maxLength: 5 }), async (members) => {
      const object: Record<string, unknown> = Object.create(null)
      for (const [name, one] of members) object[name] = one
      const { created: made, notCreated } = await server.call('Email/set', {
        create: { k: { ...object, mailboxIds } },
      })
      assert.deepEqual(server.crashes, [])
      if (made === null) {
        const error = (notCreated as { k: JsonObject }).k
        assert.ok(
          ['invalidProperties', 'blobNotFound', 'tooManyKeywords', 'tooLarge'].includes(
            error['type'] as string,
          ),
        )
        return
      }
      const { blobId } = (made as { k: JsonObject }).k
      const blob = await readBlob(server, blobId as string, { properties: ['data:asBase64'] })
      const bytes = Buffer.from(blob!['data:asBase64'] as string, 'base64').toString('latin1')
      assert.ok(!/^Bcc:/im.test(bytes.split('\r\n\r\n', 1)[0]!), bytes)
      for (const line of bytes.split('\r\n')) assert.ok(line.length <= 998 && !/[\r\n\0]/.test(line))
    }),
    { numRuns: 400 },
  )
})

test('what is too much is refused', async () => {
  const server = await JmapTestServer.start()
  const refused = async (object: object): Promise<string> => {
    const { notCreated } = await server.call('Email/set', { create: { k: { mailboxIds, ...object } } })
    return (notCreated as { k: { type: string } }).k.type
  }
  let deep: JsonObject = { partId: 'p' }
  for (let i = 0; i < 25; i++) deep = { type: 'multipart/mixed', subParts: [deep] }
  const bodyValues = { p: { value: 'x' } }
  assert.equal(await refused({ bodyStructure: deep, bodyValues }), 'invalidProperties')
  const many = Array.from({ length: 5000 }, () => ({ partId: 'p' }))
  assert.equal(await refused({ attachments: many, bodyValues }), 'invalidProperties')
  const long = Array.from({ length: 20_000 }, (_, i) => ({ email: `a${i}@example.org` }))
  assert.equal(await refused({ to: long }), 'tooLarge')
  const fields = Object.fromEntries(
    Array.from({ length: 20_000 }, (_, i) => [`header:X-${i}:asText`, 'value']),
  )
  assert.equal(await refused(fields), 'tooLarge')
  assert.equal(await refused({ to: [{ email: `${'a'.repeat(2000)}@example.org` }] }), 'invalidProperties')
})
