import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MailboxId } from '#base/id.ts'
import { maxKeywords } from '#mail/keywords.ts'
import { inboxId } from '#mail/mailbox.ts'
import { emailObjectId, mailboxObjectId } from '#mail/object-id.ts'
import { countStaged, readBlob, uploaded } from '../blob-fixture.test.ts'
import { account } from '../../../test/harness/memory-accounts.ts'
import { accountId, JmapTestServer } from '../fixture.test.ts'
import type { JsonObject } from '../value.ts'

const archive = 6 as MailboxId
const drafts = 2 as MailboxId
const inbox = mailboxObjectId(inboxId, '')
const draftsId = mailboxObjectId(drafts, '')
const archiveId = mailboxObjectId(archive, '')
const inDrafts = { mailboxIds: { [draftsId]: true } }

type Results = Readonly<
  Record<'created' | 'updated' | 'notCreated' | 'notUpdated' | 'notDestroyed', JsonObject | null>
> & {
  readonly destroyed: readonly string[] | null
  readonly oldState: string
  readonly newState: string
}

const set = async (server: JmapTestServer, args: object, as?: string): Promise<Results> =>
  (await server.call('Email/set', args as JsonObject, as === undefined ? {} : { as })) as unknown as Results

async function create(server: JmapTestServer, object: JsonObject): Promise<JsonObject> {
  const { created, notCreated } = await set(server, { create: { k: { ...inDrafts, ...object } } })
  assert.equal(notCreated, null, JSON.stringify(notCreated))
  return created!['k'] as JsonObject
}

async function refused(server: JmapTestServer, object: JsonObject): Promise<JsonObject> {
  const { created, notCreated } = await set(server, { create: { k: { ...inDrafts, ...object } } })
  assert.equal(created, null, `created: ${JSON.stringify(object)}`)
  return notCreated!['k'] as JsonObject
}

async function get(server: JmapTestServer, id: unknown, args: JsonObject = {}): Promise<JsonObject> {
  const { list } = await server.call('Email/get', { ids: [id as string], ...args })
  return (list as JsonObject[])[0]!
}

/** The bytes of a message. */
async function source(server: JmapTestServer, { blobId }: JsonObject): Promise<string> {
  const blob = await readBlob(server, blobId as string, { properties: ['data:asBase64'] })
  return Buffer.from(blob!['data:asBase64'] as string, 'base64').toString()
}

test('RFC 8621 §4.6: a draft with text, HTML, what it shows and what is attached', async () => {
  const server = await JmapTestServer.start()
  const image = await uploaded(server, Buffer.from([1, 2, 3, 255]))
  const pdf = await uploaded(server, 'a pdf\n')
  const created = await create(server, {
    keywords: { $Draft: true, $seen: true },
    receivedAt: '2026-01-02T03:04:05Z',
    from: [{ name: 'Jörg "J" Müller', email: 'joerg@example.org' }],
    to: [{ name: null, email: 'jane@example.org' }],
    bcc: [{ email: 'secret@example.org' }],
    subject: 'Grüße',
    sentAt: '2026-01-02T03:04:05+02:00',
    inReplyTo: ['a@b'],
    'header:X-Tag:asText:all': ['one', 'two'],
    'header:List-Post:asURLs': ['mailto:a@b'],
    textBody: [{ partId: 't', type: 'text/plain' }],
    htmlBody: [{ partId: 'h', type: 'text/html' }],
    attachments: [
      { blobId: image, type: 'image/png', cid: 'i@x', disposition: 'inline' },
      { blobId: pdf, type: 'application/pdf', name: 'Grüße.pdf', language: ['de'], size: 6 },
    ],
    bodyValues: {
      t: { value: 'Grüße\n', isTruncated: false },
      h: { value: '<p>Grüße<img src="cid:i@x">', isEncodingProblem: false },
    },
  })
  assert.deepEqual(Object.keys(created).sort(), ['blobId', 'id', 'size', 'threadId'])
  const email = await get(server, created['id'], {
    properties: [
      'mailboxIds',
      'keywords',
      'receivedAt',
      'from',
      'to',
      'bcc',
      'subject',
      'sentAt',
      'inReplyTo',
      'header:X-Tag:asText:all',
      'header:List-Post:asURLs',
      'bodyStructure',
      'bodyValues',
      'attachments',
      'hasAttachment',
      'size',
      'messageId',
    ],
    bodyProperties: ['type', 'subParts', 'name', 'disposition', 'cid', 'size', 'language'],
    fetchAllBodyValues: true,
  })
  const { messageId, bodyStructure, attachments, ...rest } = email
  assert.deepEqual(rest, {
    id: created['id'],
    ...inDrafts,
    keywords: { $draft: true, $seen: true },
    receivedAt: '2026-01-02T03:04:05Z',
    from: [{ name: 'Jörg "J" Müller', email: 'joerg@example.org' }],
    to: [{ name: null, email: 'jane@example.org' }],
    bcc: [{ name: null, email: 'secret@example.org' }],
    subject: 'Grüße',
    sentAt: '2026-01-02T03:04:05+02:00',
    inReplyTo: ['a@b'],
    'header:X-Tag:asText:all': ['one', 'two'],
    'header:List-Post:asURLs': ['mailto:a@b'],
    bodyValues: {
      '1.1': { value: 'Grüße\n', isTruncated: false, isEncodingProblem: false },
      '1.2.1': { value: '<p>Grüße<img src="cid:i@x">', isTruncated: false, isEncodingProblem: false },
    },
    hasAttachment: true,
    size: created['size'],
  })
  assert.match((messageId as string[])[0]!, /^[0-9a-f]{36}@example\.org$/)
  const types = ({ type, subParts }: JsonObject): unknown =>
    subParts === null ? type : [type, ...(subParts as JsonObject[]).map(types)]
  assert.deepEqual(types(bodyStructure as JsonObject), [
    'multipart/mixed',
    ['multipart/alternative', 'text/plain', ['multipart/related', 'text/html', 'image/png']],
    'application/pdf',
  ])
  assert.deepEqual(attachments, [
    {
      type: 'image/png',
      subParts: null,
      name: null,
      disposition: 'inline',
      cid: 'i@x',
      size: 4,
      language: null,
    },
    {
      type: 'application/pdf',
      subParts: null,
      name: 'Grüße.pdf',
      disposition: 'attachment',
      cid: null,
      size: 6,
      language: ['de'],
    },
  ])
})

test('RFC 8621 §4.6: Message-ID and Date are added where they are missing, and only there', async () => {
  const server = await JmapTestServer.start()
  const bare = await source(server, await create(server, {}))
  assert.match(bare, /^Message-ID: <[0-9a-f]{36}@example\.org>\r$/m)
  assert.match(bare, /^Date: Thu, 1 Jan 2026 00:01:00 \+0000\r$/m)
  assert.match(bare, /^MIME-Version: 1\.0\r$/m)
  const given = { messageId: ['mine@x'], 'header:Date': ' Thu, 1 Jan 2026 10:00:00 -0500' }
  const text = await source(server, await create(server, given))
  assert.equal(text.match(/^(?:Message-ID|Date):/gim)!.length, 2)
  assert.ok(text.includes('<mine@x>') && text.includes('-0500'))
})

test('RFC 8621 §4.6: a whole tree, with header fields of parts', async () => {
  const server = await JmapTestServer.start()
  const original = await server.deliver('Subject: inner\nContent-Type: text/plain\n\nhello\n')
  const { blobId: message } = await get(server, emailObjectId(original.id, ''))
  const created = await create(server, {
    subject: 'tree',
    bodyStructure: {
      type: 'multipart/mixed',
      'header:X-Root': ' of the root',
      subParts: [
        { partId: '1', 'header:Content-Type': ' text/plain; format=flowed; delsp=yes; charset=latin1' },
        {
          partId: '2',
          type: 'text/html',
          disposition: 'inline',
          location: 'https://x/y',
          'header:X-Part:asText': 'ü',
        },
        { blobId: message as string, type: 'message/rfc822' },
        { type: 'multipart/alternative', subParts: [{ partId: '1', name: 'a.txt' }] },
      ],
    },
    bodyValues: { '1': { value: 'flows \non' }, '2': { value: '<b>' }, unused: { value: '' } },
  })
  const email = await get(server, created['id'], {
    properties: ['bodyStructure', 'bodyValues', 'header:X-Root'],
    bodyProperties: [
      'type',
      'charset',
      'subParts',
      'location',
      'header:X-Part:asText',
      'header:Content-Type',
      'name',
    ],
    fetchAllBodyValues: true,
  })
  assert.equal(email['header:X-Root'], ' of the root')
  const [first, second, third, fourth] = (email['bodyStructure'] as JsonObject)['subParts'] as JsonObject[]
  assert.match(first!['header:Content-Type'] as string, /format=flowed; delsp=yes/)
  assert.equal(first!['charset'], 'utf-8')
  assert.deepEqual([second!['location'], second!['header:X-Part:asText']], ['https://x/y', 'ü'])
  assert.equal(third!['type'], 'message/rfc822')
  assert.equal((fourth!['subParts'] as JsonObject[])[0]!['name'], 'a.txt')
  assert.equal((email['bodyValues'] as { 1: JsonObject })['1']['value'], 'flows \non')
  const { attachments } = await get(server, created['id'], { properties: ['attachments'] })
  const inner = (attachments as JsonObject[]).find(({ type }) => type === 'message/rfc822')!
  const { parsed } = await server.call('Email/parse', {
    blobIds: [inner['blobId'] as string],
    properties: ['subject'],
  })
  assert.deepEqual(Object.values(parsed as JsonObject), [{ subject: 'inner' }])
})

const part = { partId: 'p' }
const values = { bodyValues: { p: { value: 'x' } } }

test('RFC 8621 §4.6: everything that makes a message ambiguous is refused, and named', async () => {
  const server = await JmapTestServer.start()
  const tree = (root: JsonObject): JsonObject => ({ ...values, bodyStructure: root })
  const table: readonly (readonly [string, JsonObject, string])[] = [
    ['headers of the Email', { headers: [] }, 'headers'],
    ['headers of a part', tree({ ...part, headers: [] }), 'bodyStructure/headers'],
    ['a field twice', { from: [{ email: 'a@b' }], 'header:From': ' a@b' }, 'header:From'],
    ['a field twice in any case', { 'header:X': ' a', 'header:x:asText': 'a' }, 'header:x:asText'],
    ['a form that is forbidden', { 'header:From:asText': 'a' }, 'header:From:asText'],
    ['a form that there is not', { 'header:X:asFoo': 'a' }, 'header:X:asFoo'],
    ['Content- fields of the Email', { 'header:Content-Type': ' text/plain' }, 'header:Content-Type'],
    ['MIME-Version', { 'header:MIME-Version': ' 1.0' }, 'header:MIME-Version'],
    ['bodyStructure and textBody', { ...tree(part), textBody: [part] }, 'textBody'],
    ['bodyStructure and htmlBody', { ...tree(part), htmlBody: [part] }, 'htmlBody'],
    ['bodyStructure and attachments', { ...tree(part), attachments: [] }, 'attachments'],
    [
      'a field of the Email in bodyStructure too',
      { subject: 'a', ...tree({ ...part, 'header:Subject': ' b' }) },
      'bodyStructure/header:Subject',
    ],
    ['two text bodies', { ...values, textBody: [part, part] }, 'textBody'],
    ['no text body', { textBody: [] }, 'textBody'],
    [
      'a text body of another type',
      { ...values, textBody: [{ ...part, type: 'text/html' }] },
      'textBody/0/type',
    ],
    [
      'an HTML body of another type',
      { ...values, htmlBody: [{ ...part, type: 'text/plain' }] },
      'htmlBody/0/type',
    ],
    ['partId and blobId', tree({ ...part, blobId: 'Uab' }), 'bodyStructure/blobId'],
    ['neither', tree({ type: 'text/plain' }), 'bodyStructure/partId'],
    ['a partId without value', { textBody: [part] }, 'textBody/0/partId'],
    ['charset with a partId', tree({ ...part, charset: 'utf-8' }), 'bodyStructure/charset'],
    ['size with a partId', tree({ ...part, size: 1 }), 'bodyStructure/size'],
    [
      'Content-Transfer-Encoding',
      tree({ ...part, 'header:Content-Transfer-Encoding': ' 8bit' }),
      'bodyStructure/header:Content-Transfer-Encoding',
    ],
    [
      'type twice',
      tree({ ...part, type: 'text/plain', 'header:Content-Type': ' a/b' }),
      'bodyStructure/header:Content-Type',
    ],
    [
      'name twice',
      tree({ ...part, name: 'a', 'header:content-disposition': ' x' }),
      'bodyStructure/header:content-disposition',
    ],
    [
      'an encoding problem',
      { bodyValues: { p: { value: '', isEncodingProblem: true } } },
      'bodyValues/p/isEncodingProblem',
    ],
    [
      'a value that is cut',
      { bodyValues: { p: { value: '', isTruncated: true } } },
      'bodyValues/p/isTruncated',
    ],
    ['a value that is none', { bodyValues: { p: {} } }, 'bodyValues/p/value'],
    ['what the server sets', { hasAttachment: true }, 'hasAttachment'],
    ['an id', { id: 'M1' }, 'id'],
    ['what is not known', { foo: 1 }, 'foo'],
    ['what is not known of a part', tree({ ...part, foo: 1 }), 'bodyStructure/foo'],
    ['a multipart without parts', tree({ type: 'multipart/mixed', subParts: [] }), 'bodyStructure/subParts'],
    ['parts of what is no multipart', tree({ ...part, subParts: [part] }), 'bodyStructure/subParts'],
    [
      'a multipart with a partId',
      tree({ ...part, type: 'multipart/mixed', subParts: [part] }),
      'bodyStructure/partId',
    ],
    ['a subject that is no text', { subject: 5 }, 'subject'],
    ['an address that is none', { to: [{ name: 'x' }] }, 'to/0/email'],
    ['an address that is a text', { to: ['a@b'] }, 'to/0'],
    ['a name that is a number', { to: [{ name: 5, email: 'a@b' }] }, 'to/0/name'],
    ['a date that is none', { sentAt: 'today' }, 'sentAt'],
    ['an identifier with a space', { messageId: ['a b'] }, 'messageId/0'],
    ['no mailboxes', { mailboxIds: {} }, 'mailboxIds'],
    ['a mailbox that is false', { mailboxIds: { [inbox]: false } }, 'mailboxIds'],
    ['a mailbox that is not there', { mailboxIds: { Fzz: true } }, 'mailboxIds'],
    ['mailboxes as a list', { mailboxIds: [inbox] }, 'mailboxIds'],
    ['a keyword that is false', { keywords: { a: false } }, 'keywords'],
    ['a keyword that cannot be', { keywords: { 'a b': true } }, 'keywords'],
    ['a time without Z', { receivedAt: '2026-01-01T00:00:00+01:00' }, 'receivedAt'],
    [
      'From twice',
      { 'header:From:asAddresses:all': [[{ email: 'a@b' }], [{ email: 'c@d' }]] },
      'header:From:asAddresses:all',
    ],
  ]
  for (const [what, object, property] of table) {
    const error = await refused(server, object)
    assert.equal(error['type'], 'invalidProperties', `${what}: ${JSON.stringify(error)}`)
    assert.deepEqual(error['properties'], [property], `${what}: ${JSON.stringify(error)}`)
  }
  const { list } = await server.call('Email/get', { ids: null })
  assert.deepEqual(list, [], 'nothing was created')
})

test('RFC 5322 §2.2: nothing that a client sends ends a header field', async () => {
  const server = await JmapTestServer.start()
  const evil = 'x\r\nBcc: evil@example.org\r\n\r\nbody'
  const created = await create(server, {
    subject: evil,
    'header:X-A:asText': evil,
    from: [{ name: evil, email: 'a@b\r\nBcc: evil' }],
    'header:To:asGroupedAddresses': [{ name: evil, addresses: [{ name: evil, email: evil }] }],
    textBody: [{ partId: 'p', name: evil }],
    ...values,
  })
  const text = await source(server, created)
  assert.ok(!/^Bcc:/im.test(text), text)
  const wrong: readonly JsonObject[] = [
    { 'header:X': evil },
    { 'header:X': 'a\nb' },
    { 'header:X:asMessageIds': ['a\r\nBcc:x'] },
    { 'header:X:asURLs': ['a>\r\nBcc:x'] },
    { [`header:X\r\nBcc`]: 'x' },
    { ...values, textBody: [{ ...part, cid: 'a>\r\nBcc: x' }] },
    { ...values, textBody: [{ ...part, location: 'a\r\nBcc: x' }] },
    { ...values, textBody: [{ ...part, language: ['a\r\nBcc: x'] }] },
    { ...values, textBody: [{ ...part, disposition: 'a\r\nBcc: x' }] },
    { ...values, bodyStructure: { ...part, type: 'text/plain\r\nBcc: x' } },
    { ...values, bodyStructure: { ...part, 'header:Content-Type': ' text/plain\r\nBcc: x' } },
  ]
  for (const object of wrong)
    assert.equal((await refused(server, object))['type'], 'invalidProperties', JSON.stringify(object))
})

test('RFC 8621 §4.6: every blob that is not there is told', async () => {
  const server = await JmapTestServer.start()
  const good = await uploaded(server, 'good')
  const missing = `U${'ab'.repeat(32)}`
  const error = await refused(server, {
    attachments: [{ blobId: good }, { blobId: missing }, { blobId: 'nonsense' }, { blobId: missing }],
  })
  assert.equal(error['type'], 'blobNotFound')
  assert.deepEqual(error['notFound'], [missing, 'nonsense'])
})

test('RFC 9404 §4.1: a part may name a blob of the same request by its creation id', async () => {
  const server = await JmapTestServer.start()
  const { answers } = await server.request([
    ['Blob/upload', { accountId, create: { b: { data: [{ 'data:asText': 'a note' }] } } }, '0'],
    [
      'Email/set',
      {
        accountId,
        create: {
          k: { ...inDrafts, attachments: [{ blobId: '#b', type: 'text/plain' }] },
          no: { ...inDrafts, attachments: [{ blobId: '#b' }, { blobId: '#none' }] },
        },
      },
      '1',
    ],
  ])
  const { created, notCreated } = answers[1]![1]
  assert.match(await source(server, (created as JsonObject)['k'] as JsonObject), /\r\n\r\na note/)
  const { type, notFound } = (notCreated as JsonObject)['no'] as JsonObject
  assert.deepEqual({ type, notFound }, { type: 'blobNotFound', notFound: ['#none'] })
})

test('RFC 8621 §4.6: parts by blobId may say their charset and size', async () => {
  const server = await JmapTestServer.start()
  const blobId = await uploaded(server, Buffer.from('caf\xe9', 'latin1'))
  const created = await create(server, {
    textBody: [{ blobId, type: 'text/plain', charset: 'iso-8859-1', size: 99 }],
  })
  const { bodyValues, textBody } = await get(server, created['id'], { fetchTextBodyValues: true })
  assert.equal((bodyValues as { 1: JsonObject })[1]['value'], 'café')
  assert.equal((textBody as JsonObject[])[0]!['size'], 4)
})

test('RFC 8621 §4.6: too many keywords, over quota, too large', async () => {
  const server = await JmapTestServer.start()
  const keywords = Object.fromEntries(Array.from({ length: maxKeywords + 1 }, (_, i) => [`k${i}`, true]))
  assert.equal((await refused(server, { keywords }))['type'], 'tooManyKeywords')
  const { id } = await create(server, {})
  const { notUpdated } = await set(server, { update: { [id as string]: { keywords } } })
  assert.equal((notUpdated![id as string] as JsonObject)['type'], 'tooManyKeywords')
  server.limits = { bytes: 10, messages: 0, mailboxes: 0 }
  assert.equal((await refused(server, {}))['type'], 'overQuota')
})

test('RFC 8621 §4.6: keywords and mailboxes are replaced and patched', async () => {
  const server = await JmapTestServer.start()
  const { id: number } = await server.deliver('Subject: x\n\nx\n', { keywords: ['$seen', 'old'] })
  const id = emailObjectId(number, '')
  const update = async (patch: JsonObject): Promise<readonly [unknown, unknown]> => {
    const { updated, notUpdated } = await set(server, { update: { [id]: patch } })
    assert.deepEqual([updated, notUpdated], [{ [id]: null }, null], JSON.stringify(notUpdated))
    const { keywords, mailboxIds } = await get(server, id, { properties: ['keywords', 'mailboxIds'] })
    return [Object.keys(keywords as object), Object.keys(mailboxIds as object)]
  }
  assert.deepEqual(await update({ 'keywords/$Flagged': true, 'keywords/OLD': null }), [
    ['$flagged', '$seen'],
    [inbox],
  ])
  assert.deepEqual(await update({ keywords: { New: true } }), [['new'], [inbox]])
  assert.deepEqual(await update({ keywords: null }), [[], [inbox]])
  assert.deepEqual(await update({ [`mailboxIds/${archiveId}`]: true }), [[], [inbox, archiveId]])
  assert.deepEqual(await update({ [`mailboxIds/${inbox}`]: null }), [[], [archiveId]])
  assert.deepEqual(await update({ mailboxIds: { [draftsId]: true }, 'keywords/$draft': true }), [
    ['$draft'],
    [draftsId],
  ])
  assert.deepEqual(await update({ id, mailboxIds: { [draftsId]: true } }), [['$draft'], [draftsId]])
  assert.deepEqual(await update({}), [['$draft'], [draftsId]])
  const same = await get(server, id, {
    properties: [
      'id',
      'blobId',
      'threadId',
      'size',
      'receivedAt',
      'subject',
      'from',
      'preview',
      'hasAttachment',
    ],
  })
  const whole = { ...same, mailboxIds: { [inbox]: true }, keywords: { a: true } }
  assert.deepEqual(await update(whole), [['a'], [inbox]], 'RFC 8620 §5.3: a whole object is a patch')
})

test('RFC 8621 §4.6: updates that cannot be', async () => {
  const server = await JmapTestServer.start()
  const { id: number } = await server.deliver('Subject: x\n\nx\n')
  const id = emailObjectId(number, '')
  const table: readonly (readonly [JsonObject, string, (readonly string[])?])[] = [
    [{ mailboxIds: {} }, 'invalidProperties', ['mailboxIds']],
    [{ mailboxIds: null }, 'invalidProperties', ['mailboxIds']],
    [{ [`mailboxIds/${inbox}`]: null }, 'invalidProperties', ['mailboxIds']],
    [{ 'mailboxIds/Fzz': true }, 'invalidProperties', ['mailboxIds']],
    [{ [`mailboxIds/${inbox}`]: false }, 'invalidProperties', ['mailboxIds']],
    [{ 'keywords/a b': true }, 'invalidProperties', ['keywords']],
    [{ 'keywords/a': false }, 'invalidProperties', ['keywords']],
    [{ keywords: { a: 1 } }, 'invalidProperties', ['keywords']],
    [{ subject: 'y' }, 'invalidProperties', ['subject']],
    [{ receivedAt: '2026-01-01T00:00:00Z' }, 'invalidProperties', ['receivedAt']],
    [{ foo: 1 }, 'invalidProperties', ['foo']],
    [{ keywords: {}, 'keywords/a': true }, 'invalidPatch'],
    [{ 'from/0/email': 'x' }, 'invalidPatch'],
  ]
  for (const [patch, type, properties] of table) {
    const { updated, notUpdated } = await set(server, { update: { [id]: patch } })
    const error = notUpdated![id] as JsonObject
    assert.equal(updated, null)
    assert.equal(error['type'], type, JSON.stringify(patch))
    if (properties !== undefined) assert.deepEqual(error['properties'], properties)
  }
  const { notUpdated } = await set(server, { update: { Mzz: { keywords: {} } } })
  assert.deepEqual(notUpdated, { Mzz: { type: 'notFound' } })
})

test('RFC 8621 §4.6: destroying takes an Email out of all mailboxes', async () => {
  const server = await JmapTestServer.start()
  const { id } = await create(server, { mailboxIds: { [inbox]: true, [archiveId]: true } })
  const { destroyed, notDestroyed } = await set(server, { destroy: [id, 'Mzz'] })
  assert.deepEqual([destroyed, notDestroyed], [[id], { Mzz: { type: 'notFound' } }])
  assert.deepEqual((await server.call('Email/get', { ids: null }))['list'], [])
  const { list } = await server.call('Mailbox/get', { ids: [inbox, archiveId], properties: ['totalEmails'] })
  assert.deepEqual(
    (list as JsonObject[]).map(({ totalEmails }) => totalEmails),
    [0, 0],
  )
})

test('RFC 8620 §5.3: creation ids, one state for all, and ifInState', async () => {
  const server = await JmapTestServer.start()
  const { answers } = await server.request([
    ['Mailbox/set', { accountId, create: { m: { name: 'New' } } }, '0'],
    ['Email/set', { accountId, create: { e: { mailboxIds: { '#m': true } } } }, '1'],
    ['Email/set', { accountId, update: { '#e': { 'mailboxIds/#m': true, 'keywords/a': true } } }, '2'],
    ['Email/get', { accountId, ids: ['#e'], properties: ['keywords', 'mailboxIds'] }, '3'],
  ])
  const mailbox = (answers[0]![1]['created'] as { m: JsonObject }).m['id'] as string
  const [email] = answers[3]![1]['list'] as JsonObject[]
  assert.deepEqual(email, { id: email!['id'], keywords: { a: true }, mailboxIds: { [mailbox]: true } })
  const state = (await server.call('Email/get', { ids: [] }))['state']
  assert.equal(await server.error('Email/set', { ifInState: 'zz', create: { k: inDrafts } }), 'stateMismatch')
  const { oldState, newState } = await set(server, { ifInState: state, create: { a: inDrafts, b: { x: 1 } } })
  assert.equal(oldState, state)
  assert.equal((await server.call('Email/get', { ids: [] }))['state'], newState)
  // RFC 8620 §1.2: a state is of one account, and here of whom it was given to.
  await server.add(8, 'ann@example.org')
  await server.shareFollowed(drafts, 8 as never, 'lrtswi')
  const now = (await server.call('Email/get', { ids: [] }))['state']
  assert.equal(
    await server.error('Email/set', { ifInState: now, create: { k: inDrafts } }, 'ann@example.org'),
    'stateMismatch',
  )
})

test('RFC 8621 §2: rights are those of each mailbox', async () => {
  const server = await JmapTestServer.start()
  const guest = await server.add(9, 'guest@example.org')
  const prefix = `${account.toString(36)}_`
  const { id: number } = await server.deliver('Subject: x\n\nx\n', { mailbox: archive })
  const id = emailObjectId(number, prefix)
  const there = mailboxObjectId(archive, prefix)
  const draft = mailboxObjectId(drafts, prefix)
  const typeOf = async (args: JsonObject): Promise<string> => {
    const results = await set(server, args, guest.name)
    const { notCreated, notUpdated, notDestroyed } = results
    const [error] = Object.values({ ...notCreated, ...notUpdated, ...notDestroyed }) as JsonObject[]
    return (error?.['type'] as string | undefined) ?? 'ok'
  }
  await server.share(archive, guest.id, 'lrw')
  assert.equal(await typeOf({ update: { [id]: { 'keywords/$seen': true } } }), 'forbidden')
  assert.equal(await typeOf({ create: { k: { mailboxIds: { [there]: true } } } }), 'forbidden')
  assert.equal(await typeOf({ create: { k: { mailboxIds: { [draft]: true } } } }), 'invalidProperties')
  assert.equal(await typeOf({ destroy: [id] }), 'forbidden')
  await server.share(archive, guest.id, 'lrs')
  assert.equal(await typeOf({ update: { [id]: { 'keywords/$seen': true } } }), 'ok')
  assert.equal(await typeOf({ update: { [id]: { 'keywords/other': true } } }), 'forbidden')
  await server.share(archive, guest.id, 'lrwi')
  assert.equal(await typeOf({ update: { [id]: { 'keywords/other': true } } }), 'ok')
  assert.equal(await typeOf({ update: { [id]: { 'keywords/$seen': null } } }), 'forbidden')
  assert.equal(await typeOf({ create: { k: { mailboxIds: { [there]: true } } } }), 'ok')
  await server.share(drafts, guest.id, 'l')
  assert.equal(await typeOf({ update: { [id]: { [`mailboxIds/${draft}`]: true } } }), 'forbidden')
  await server.share(drafts, guest.id, 'li')
  assert.equal(await typeOf({ update: { [id]: { mailboxIds: { [draft]: true } } } }), 'forbidden')
  await server.share(archive, guest.id, 'lrte')
  assert.equal(await typeOf({ update: { [id]: { mailboxIds: { [draft]: true } } } }), 'ok')
  assert.equal(await typeOf({ destroy: [id] }), 'notFound')
})

test('RFC 8620 §3.6.2: an account that is read-only, as its session says, is accountReadOnly', async () => {
  const server = await JmapTestServer.start()
  const guest = await server.add(9, 'guest@example.org')
  const { id } = await server.deliver('Subject: x\n\nx\n', { mailbox: archive })
  const destroy = { destroy: [emailObjectId(id, `${account.toString(36)}_`)] }
  await server.shareFollowed(archive, guest.id, 'lr')
  const session = (await (await server.fetch('/jmap/session', {}, guest.name)).json()) as JsonObject
  assert.equal(((session['accounts'] as JsonObject)[accountId] as JsonObject)['isReadOnly'], true)
  assert.equal(await server.error('Email/set', destroy, guest.name), 'accountReadOnly')
  assert.equal(await server.error('Email/set', {}, guest.name), 'accountReadOnly')
  await server.share(archive, guest.id, 'lrte')
  assert.deepEqual((await set(server, destroy, guest.name)).destroyed, destroy.destroy)
})

test('a mailbox that a guest cannot see keeps its messages', async () => {
  const server = await JmapTestServer.start()
  const guest = await server.add(9, 'guest@example.org')
  const prefix = `${account.toString(36)}_`
  const { id } = await create(server, { mailboxIds: { [inbox]: true, [archiveId]: true } })
  await server.share(archive, guest.id, 'lrwsite')
  await server.share(drafts, guest.id, 'lrwsite')
  const text = `M${prefix}${(id as string).slice(1)}`
  const moved = { mailboxIds: { [mailboxObjectId(drafts, prefix)]: true } }
  const { notUpdated } = await set(server, { update: { [text]: moved } }, guest.name)
  assert.equal(notUpdated, null)
  assert.deepEqual((await get(server, id))['mailboxIds'], { [inbox]: true, [draftsId]: true })
  const { notDestroyed } = await set(server, { destroy: [text] }, guest.name)
  assert.equal((notDestroyed![text] as JsonObject)['type'], 'forbidden')
})

test('what was staged and refused leaves nothing', async () => {
  const server = await JmapTestServer.start()
  const before = await server.db.read((tx) => tx.sequence(account))
  await set(server, { create: { a: { mailboxIds: { Fzz: true } }, b: { subject: 5 } } })
  assert.equal(await server.db.read((tx) => tx.sequence(account)), before)
})

/** Turns red where a message is staged to its end before the quota is asked. */
test('RFC 8620 §5.3: what the quota has no room for does not fill the disk before it is refused', async () => {
  const server = await JmapTestServer.start()
  const staged = countStaged(server)
  server.limits = { bytes: 5000, messages: 0, mailboxes: 0 }
  const bodyValues = { t: { value: 'long '.repeat(20_000) } }
  assert.equal((await refused(server, { bodyValues, textBody: [{ partId: 't' }] }))['type'], 'overQuota')
  assert.ok(staged() <= 5000, `${staged()} bytes were staged`)
})

test('RFC 8620 §5.3: requestTooLarge counts what is to be created, updated and destroyed together', async () => {
  const server = await JmapTestServer.start({ setMaxObjects: 2 })
  const create = { k: inDrafts }
  const update = { M1: { 'keywords/$seen': true } }
  const destroy = ['M2']
  for (const [args, isTooMuch] of [
    [{ create: { ...create, l: inDrafts } }, false],
    [{ update, destroy }, false],
    [{ create, update, destroy }, true],
    [{ create, destroy: ['M1', 'M2'] }, true],
    [{ create: { ...create, l: inDrafts, m: inDrafts } }, true],
    [{ update: { ...update, M2: {}, M3: {} } }, true],
  ] as const) {
    const { answers } = await server.request([['Email/set', { accountId, ...args }, 'c']])
    const [name, answer] = answers[0]!
    const expected = isTooMuch ? 'requestTooLarge' : undefined
    assert.equal(name === 'error' ? answer['type'] : undefined, expected, JSON.stringify(args))
  }
})
