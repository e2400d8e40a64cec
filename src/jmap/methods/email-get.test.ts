import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MailboxId } from '#base/id.ts'
import { storeFlags } from '#mail/flags.ts'
import { copyMessages } from '#mail/copy.ts'
import { inboxId } from '#mail/mailbox.ts'
import { emailObjectId, mailboxObjectId, threadObjectId } from '#mail/object-id.ts'
import { readBlob } from '../blob-fixture.test.ts'
import { account, createdAt } from '../../../test/harness/memory-accounts.ts'
import { JmapTestServer } from '../fixture.test.ts'
import type { JsonObject } from '../value.ts'

const archive = 6 as MailboxId

const letter = [
  'Received: by a; Thu, 1 Jan 2026 00:00:00 +0000',
  'From: "Jane Doe" <jane@example.org>, friends: bob@example.org;',
  'To: =?utf-8?Q?J=C3=B6rg?= <joerg@example.org>',
  'Subject: =?utf-8?Q?Caf=C3=A9?= at noon',
  'Date: Thu, 1 Jan 2026 10:00:00 +0100',
  'Message-ID: <m1@example.org>',
  'References: <a@x> <b@x>',
  'X-Tag: one',
  'X-Tag: two',
  'List-Post: <mailto:list@example.org> (the list)',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=x',
  '',
  '--x',
  'Content-Type: multipart/alternative; boundary=y',
  '',
  '--y',
  'Content-Type: text/plain; charset=utf-8',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  'Caf=C3=A9!',
  '--y',
  'Content-Type: text/html; charset=utf-8',
  '',
  '<p>Café!</p>',
  '--y--',
  '--x',
  'Content-Type: application/pdf; name=a.pdf',
  'Content-Disposition: attachment; filename=b.pdf',
  'Content-ID: <cid@x>',
  'Content-Language: en, de',
  'Content-Transfer-Encoding: base64',
  '',
  'AAECAw==',
  '--x--',
  '',
].join('\n')

async function get(
  server: JmapTestServer,
  ids: readonly string[] | null,
  args: JsonObject = {},
  o: { readonly as?: string } = {},
): Promise<readonly JsonObject[]> {
  return (await server.call('Email/get', { ids, ...args }, o))['list'] as readonly JsonObject[]
}

async function one(text: string, args: JsonObject = {}): Promise<JsonObject> {
  const server = await JmapTestServer.start()
  const { id } = await server.deliver(text)
  return (await get(server, [emailObjectId(id, '')], args))[0]!
}

test('RFC 8621 §4.2: the properties that are given where none are asked for', async () => {
  const server = await JmapTestServer.start()
  const { id, thread } = await server.deliver(letter, { keywords: ['$Seen', 'Work'] })
  const [email] = await get(server, [emailObjectId(id, '')])
  const { blobId, size, textBody, htmlBody, attachments, ...rest } = email!
  assert.deepEqual(rest, {
    id: emailObjectId(id, ''),
    threadId: threadObjectId(thread, ''),
    mailboxIds: { [mailboxObjectId(inboxId, '')]: true },
    keywords: { $seen: true, work: true },
    receivedAt: '2026-01-01T00:00:01Z',
    messageId: ['m1@example.org'],
    inReplyTo: null,
    references: ['a@x', 'b@x'],
    sender: null,
    from: [
      { name: 'Jane Doe', email: 'jane@example.org' },
      { name: null, email: 'bob@example.org' },
    ],
    to: [{ name: 'Jörg', email: 'joerg@example.org' }],
    cc: null,
    bcc: null,
    replyTo: null,
    subject: 'Café at noon',
    sentAt: '2026-01-01T10:00:00+01:00',
    hasAttachment: true,
    preview: 'Café!',
    bodyValues: {},
  })
  assert.equal(size, Buffer.byteLength(letter.replaceAll('\n', '\r\n')))
  const [text] = textBody as JsonObject[]
  const [pdf] = attachments as JsonObject[]
  const plain = { name: null, charset: 'utf-8', disposition: null, cid: null, language: null, location: null }
  assert.deepEqual(
    { ...text, blobId: 0 },
    { partId: '1.1', blobId: 0, size: 6, type: 'text/plain', ...plain },
  )
  assert.deepEqual((htmlBody as JsonObject[])[0]!['type'], 'text/html')
  assert.deepEqual(
    { ...pdf, blobId: 0 },
    {
      partId: '2',
      blobId: 0,
      size: 4,
      name: 'b.pdf',
      type: 'application/pdf',
      charset: null,
      disposition: 'attachment',
      cid: 'cid@x',
      language: ['en', 'de'],
      location: null,
    },
  )
  assert.deepEqual(
    (await readBlob(server, pdf!['blobId'] as string, { properties: ['data:asBase64'] }))!['data:asBase64'],
    'AAECAw==',
  )
  assert.equal((await readBlob(server, blobId as string))!['size'], size)
})

test('RFC 8621 §4.1.3: header fields in their forms, with the name that was asked for', async () => {
  const asked = {
    'header:subject': ' =?utf-8?Q?Caf=C3=A9?= at noon',
    'header:SUBJECT:asText': 'Café at noon',
    'header:x-tag': ' two',
    'header:X-Tag:all': [' one', ' two'],
    'header:x-tag:asText:all': ['one', 'two'],
    'header:x-none': null,
    'header:x-none:all': [],
    'header:From:asGroupedAddresses': [
      { name: null, addresses: [{ name: 'Jane Doe', email: 'jane@example.org' }] },
      { name: 'friends', addresses: [{ name: null, email: 'bob@example.org' }] },
    ],
    'header:From:asAddresses:all': [
      [
        { name: 'Jane Doe', email: 'jane@example.org' },
        { name: null, email: 'bob@example.org' },
      ],
    ],
    'header:references:asMessageIds': ['a@x', 'b@x'],
    'header:Date:asDate': '2026-01-01T10:00:00+01:00',
    'header:List-Post:asURLs': ['mailto:list@example.org'],
  }
  const { id: _, ...email } = await one(letter, { properties: Object.keys(asked) })
  assert.deepEqual(email, asked)
  const { headers } = await one(letter, { properties: ['headers'] })
  assert.deepEqual((headers as JsonObject[])[7], { name: 'X-Tag', value: ' one' })
  assert.equal((headers as JsonObject[]).length, 12)
})

test('RFC 8621 §4.1.2: forms that a field may not have, and what is no property', async () => {
  const server = await JmapTestServer.start()
  for (const name of [
    'header:From:asDate',
    'header:Subject:asAddresses',
    'header:Date:asText',
    'header:Received:asText',
    'header:X:asNothing',
    'header:X:all:asText',
    'header:',
    'header:a b',
    'header:X:asText:all:all',
    'nothing',
  ]) {
    const error = await server.error('Email/get', { ids: [], properties: [name] })
    assert.equal(error, 'invalidArguments', name)
    assert.equal(await server.error('Email/get', { ids: [], bodyProperties: [name] }), 'invalidArguments')
  }
  await get(server, [], { properties: ['header:Resent-From:asAddresses:all', 'header:X-Y:asDate'] })
  await get(server, [], { bodyProperties: ['header:Content-Type', 'subParts'] })
})

test('RFC 8621 §4.1.3: the last of several fields is the one, and what the envelope cannot say is read', async () => {
  const properties = ['from', 'sender', 'replyTo', 'to', 'cc', 'subject', 'references', 'messageId', 'sentAt']
  const email = await one(
    [
      'From: first@x',
      'From: last@x',
      'Sender: last@x',
      'To:',
      'To: "=?utf-8?Q?a?=" <a@x>',
      'Subject: one',
      'Subject: two  ',
      'References: <a@x> <a@x> words',
      'Message-ID: none',
      'Date: some day',
      '',
      'x',
      '',
    ].join('\n'),
    { properties },
  )
  delete (email as { id?: unknown }).id
  assert.deepEqual(email, {
    from: [{ name: null, email: 'last@x' }],
    sender: [{ name: null, email: 'last@x' }],
    replyTo: null,
    to: [{ name: '=?utf-8?Q?a?=', email: 'a@x' }],
    cc: null,
    subject: 'two  ',
    references: null,
    messageId: null,
    sentAt: null,
  })
  assert.deepEqual((await one('To: ,\n\nx\n', { properties: ['to', 'cc'] }))['to'], [])
})

test('RFC 8621 §4.2: bodyValues of the parts that are asked for, cut where that is asked for', async () => {
  const text = { value: 'Café!', isEncodingProblem: false, isTruncated: false }
  const html = { value: '<p>Café!</p>', isEncodingProblem: false, isTruncated: false }
  const values = async (args: JsonObject): Promise<unknown> =>
    (await one(letter, { properties: ['bodyValues'], ...args }))['bodyValues']
  assert.deepEqual(await values({}), {})
  assert.deepEqual(await values({ fetchTextBodyValues: true }), { '1.1': text })
  assert.deepEqual(await values({ fetchHTMLBodyValues: true }), { '1.2': html })
  assert.deepEqual(await values({ fetchAllBodyValues: true }), { '1.1': text, '1.2': html })
  assert.deepEqual(await values({ fetchAllBodyValues: true, maxBodyValueBytes: 4 }), {
    '1.1': { ...text, value: 'Caf', isTruncated: true },
    '1.2': { ...html, value: '<p>C', isTruncated: true },
  })
})

test('RFC 8621 §4.1.4: bodyStructure, and header fields of parts', async () => {
  const email = await one(letter, {
    properties: ['bodyStructure'],
    bodyProperties: ['partId', 'type', 'subParts', 'header:Content-Type', 'header:x'],
  })
  const part = (partId: string, type: string, header: string): JsonObject => ({
    partId,
    type,
    subParts: null,
    'header:Content-Type': header,
    'header:x': null,
  })
  assert.deepEqual(email['bodyStructure'], {
    partId: null,
    type: 'multipart/mixed',
    subParts: [
      {
        partId: null,
        type: 'multipart/alternative',
        subParts: [
          part('1.1', 'text/plain', ' text/plain; charset=utf-8'),
          part('1.2', 'text/html', ' text/html; charset=utf-8'),
        ],
        'header:Content-Type': ' multipart/alternative; boundary=y',
        'header:x': null,
      },
      part('2', 'application/pdf', ' application/pdf; name=a.pdf'),
    ],
    'header:Content-Type': ' multipart/mixed; boundary=x',
    'header:x': null,
  })
})

test('RFC 8621 §4.1.1: a message with \\Deleted is not there, nor in the mailbox where it has it', async () => {
  const server = await JmapTestServer.start()
  const { id, uid } = await server.deliver('Subject: x\n\nx\n')
  const text = emailObjectId(id, '')
  const mark = (): Promise<unknown> =>
    server.db.write([account], (tx) =>
      storeFlags(tx, account, inboxId, [uid], { how: 'add', keywords: [], deleted: true }),
    )
  await server.db.write([account], (tx) =>
    copyMessages(
      tx,
      { from: { account, mailbox: inboxId }, uids: [uid], to: { account, mailbox: archive } },
      { savedAt: createdAt },
    ),
  )
  const both = { [mailboxObjectId(inboxId, '')]: true, [mailboxObjectId(archive, '')]: true }
  assert.deepEqual((await get(server, [text]))[0]!['mailboxIds'], both)
  await mark()
  assert.deepEqual((await get(server, null))[0]!['mailboxIds'], { [mailboxObjectId(archive, '')]: true })
  const other = await server.deliver('Subject: y\n\nx\n', { deleted: true })
  assert.deepEqual(await get(server, [emailObjectId(other.id, '')]), [])
})

// Planted: the options of bodies make no difference to what is kept; a content is kept under another message's number.
test('what was told before is told again, each time with what changes and to whom it may be told', async (t) => {
  const server = await JmapTestServer.start()
  const guest = await server.add(9, 'guest@example.org')
  const { id, uid } = await server.deliver(letter, { mailbox: archive })
  await server.share(archive, guest.id, 'lr')
  const reads = t.mock.method(server.services.blobs, 'readRange').mock
  const args = { fetchTextBodyValues: true }
  const prefix = `${account.toString(36)}_`
  const tell = async (more: JsonObject = {}): Promise<JsonObject> =>
    (await get(server, [emailObjectId(id, '')], { ...args, ...more }))[0]!
  const first = await tell()
  await tell()
  const readBefore = reads.callCount()
  assert.ok(readBefore > 0)
  assert.deepEqual(await tell(), first)
  assert.equal(reads.callCount(), readBefore)
  await server.db.write([account], (tx) =>
    storeFlags(tx, account, archive, [uid], { how: 'add', keywords: ['$seen'], deleted: false }),
  )
  assert.deepEqual(await tell(), { ...first, keywords: { $seen: true } })
  const [toGuest] = await get(server, [emailObjectId(id, prefix)], args, { as: guest.name })
  assert.equal(toGuest!['id'], emailObjectId(id, prefix))
  assert.deepEqual(toGuest!['mailboxIds'], { [mailboxObjectId(archive, prefix)]: true })
  assert.deepEqual(toGuest!['bodyValues'], first['bodyValues'])
  const cut = (await tell({ maxBodyValueBytes: 4 }))['bodyValues'] as Record<string, JsonObject>
  assert.equal(cut['1.1']!['isTruncated'], true)
  assert.deepEqual((await tell({ fetchTextBodyValues: false }))['bodyValues'], {})
  assert.deepEqual((await tell({ bodyProperties: ['partId'] }))['textBody'], [{ partId: '1.1' }])
  await server.db.write([account], async (tx) => {
    const [from, to] = [archive, inboxId].map((mailbox) => ({ account, mailbox }))
    await copyMessages(tx, { from: from!, uids: [uid], to: to! }, { savedAt: createdAt })
    await storeFlags(tx, account, archive, [uid], { how: 'add', keywords: [], deleted: true })
  })
  assert.deepEqual((await tell())['mailboxIds'], { [mailboxObjectId(inboxId, '')]: true })
  assert.deepEqual(await get(server, [emailObjectId(id, prefix)], args, { as: guest.name }), [])
})

test('RFC 8620 §5.1: unknown ids, ids of others, and the state', async () => {
  const server = await JmapTestServer.start()
  const { id } = await server.deliver('Subject: x\n\nx\n')
  const text = emailObjectId(id, '')
  const { list, notFound, state } = await server.call('Email/get', {
    ids: [text, text, 'Mzz', 'F1', '', 'M01'],
    properties: ['subject'],
  })
  assert.deepEqual(list, [{ id: text, subject: 'x' }])
  assert.deepEqual(notFound, ['Mzz', 'F1', '', 'M01'])
  await server.deliver('Subject: y\n\nx\n')
  assert.notEqual((await server.call('Email/get', { ids: [] }))['state'], state)
})

test('RFC 8621 §2: of a shared account only what is in mailboxes that one may read', async () => {
  const server = await JmapTestServer.start()
  const guest = await server.add(9, 'guest@example.org')
  const seen = await server.deliver('Subject: seen\n\nx\n', { mailbox: archive })
  const hidden = await server.deliver('Subject: hidden\n\nx\n')
  await server.share(archive, guest.id, 'lr')
  const prefix = `${account.toString(36)}_`
  const ids = [emailObjectId(seen.id, prefix), emailObjectId(hidden.id, prefix), emailObjectId(seen.id, '')]
  const { list, notFound } = await server.call(
    'Email/get',
    { ids, properties: ['subject', 'mailboxIds', 'threadId'] },
    { as: guest.name },
  )
  assert.deepEqual(list, [
    {
      id: ids[0],
      subject: 'seen',
      mailboxIds: { [mailboxObjectId(archive, prefix)]: true },
      threadId: threadObjectId(seen.thread, prefix),
    },
  ])
  assert.deepEqual(notFound, ids.slice(1))
})
