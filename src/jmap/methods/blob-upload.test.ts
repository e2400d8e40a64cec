import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId } from '#base/id.ts'
import { inboxId } from '#mail/mailbox.ts'
import { uploadTable } from '#mail/upload.ts'
import { blobIdOf, readBlob, uploaded } from '../blob-fixture.test.ts'
import { account } from '../../../test/harness/memory-accounts.ts'
import { accountId, JmapTestServer } from '../fixture.test.ts'
import type { Json, JsonObject } from '../value.ts'

const make = (server: JmapTestServer, create: object, more: object = {}) =>
  server.call('Blob/upload', { create, ...more })

/** The SetError of the only creation. */
async function refused(server: JmapTestServer, upload: Json): Promise<JsonObject> {
  const { created, notCreated } = await make(server, { a: upload })
  assert.equal(created, null, JSON.stringify(upload).slice(0, 200))
  return (notCreated as { a: JsonObject }).a
}

test('RFC 9404 §4.1: data in base64, with the type that was said', async () => {
  const server = await JmapTestServer.start()
  const png =
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABAQMAAAAl21bKAAAAA1BMVEX/AAAZ4gk3AAAAAXRSTlN/gFy0ywAAAApJREFUeJxjYgAAAAYAAzY3fKgAAAAASUVORK5CYII='
  const {
    accountId: of,
    created,
    notCreated,
  } = await make(server, {
    1: { data: [{ 'data:asBase64': png }], type: 'image/png' },
  })
  assert.equal(of, accountId)
  assert.equal(notCreated, null)
  const { id, ...more } = (created as { 1: JsonObject })[1]
  assert.deepEqual(more, { accountId, blobId: id, type: 'image/png', size: 95 }, 'as the upload endpoint')
  const response = await server.fetch(`/jmap/download/${accountId}/${id as string}/x`)
  assert.equal(Buffer.from(await response.arrayBuffer()).toString('base64'), png)
})

test('RFC 9404 §4.1: texts, base64 and ranges of blobs one after the other', async () => {
  const server = await JmapTestServer.start()
  const { answers } = await server.request([
    [
      'Blob/upload',
      {
        accountId,
        create: { b4: { data: [{ 'data:asText': 'The quick brown fox jumped over the lazy dog.' }] } },
      },
      'S4',
    ],
    [
      'Blob/upload',
      {
        accountId,
        create: {
          cat: {
            data: [
              { 'data:asText': 'How' },
              { blobId: '#b4', length: 7, offset: 3 },
              { 'data:asText': 'was t' },
              { blobId: '#b4', length: 1, offset: 1 },
              { 'data:asBase64': 'YXQ/' },
            ],
          },
        },
      },
      'CAT',
    ],
    ['Blob/get', { accountId, properties: ['data:asText', 'size'], ids: ['#cat'] }, 'G4'],
  ])
  assert.deepEqual(
    answers.map(([name]) => name),
    ['Blob/upload', 'Blob/upload', 'Blob/get'],
  )
  const { cat } = answers[1]![1]['created'] as { cat: JsonObject }
  assert.equal(cat['size'], 19)
  const { list, notFound } = answers[2]![1]
  assert.deepEqual(notFound, [])
  assert.deepEqual(list, [{ id: cat['id'], 'data:asText': 'How quick was that?', size: 19 }])
})

test('RFC 9404 §4.1: creations of one call may name those before them', async () => {
  const server = await JmapTestServer.start()
  const { created, notCreated } = await make(server, {
    a: { data: [{ 'data:asText': 'abc' }] },
    b: { data: [{ blobId: '#a' }, { blobId: '#a', offset: 1 }] },
    c: { data: [{ blobId: '#never' }] },
  })
  const { b } = created as { b: JsonObject }
  assert.equal((await readBlob(server, b['id'] as string))!['data:asText'], 'abcbc')
  assert.deepEqual(notCreated, { c: { type: 'blobNotFound', notFound: ['#never'] } })
})

test('RFC 9404 §4.1: no data at all is an empty blob; null is as what is not said', async () => {
  const server = await JmapTestServer.start()
  const { created } = await make(server, {
    a: { data: [], type: null },
    b: { data: [{ 'data:asText': '', 'data:asBase64': null, blobId: null, offset: null, length: null }] },
  })
  const { a, b } = created as { a: JsonObject; b: JsonObject }
  assert.deepEqual(
    { ...a, blobId: a['id'] },
    { id: a['id'], accountId, blobId: a['id'], type: 'application/octet-stream', size: 0 },
  )
  assert.equal(a['id'], b['id'])
  assert.deepEqual(await readBlob(server, a['id'] as string), { id: a['id'], 'data:asText': '', size: 0 })
})

test('RFC 9404 §4.1: ranges of messages and of decoded parts', async () => {
  const server = await JmapTestServer.start()
  const message = await server.deliver('Content-Transfer-Encoding: base64\n\naGVsbG8gd29ybGQ=\n')
  const { created } = await make(server, {
    a: {
      data: [
        { blobId: await blobIdOf(server, message, { part: 0 }), offset: 6 },
        { 'data:asText': ' ' },
        { blobId: await blobIdOf(server, message), offset: 0, length: 7 },
        { blobId: await blobIdOf(server, message, { part: 0 }), offset: 11, length: 0 },
      ],
    },
  })
  const { a } = created as { a: JsonObject }
  assert.equal((await readBlob(server, a['id'] as string))!['data:asText'], 'world Content')
})

test('RFC 9404 §4.1: what is wrong in a source is refused and not guessed at', async () => {
  const server = await JmapTestServer.start()
  const known = await uploaded(server, 'hello')
  for (const data of [
    [{}],
    [{ 'data:asText': 'a', 'data:asBase64': 'YQ==' }],
    [{ 'data:asText': 'a', blobId: known }],
    [{ 'data:asText': 'a', offset: 0 }],
    [{ 'data:asBase64': 'YQ==', length: 1 }],
    [{ 'data:asHex': '61' }],
    [{ 'data:asText': 5 }],
    [{ 'data:asBase64': ['YQ=='] }],
    [{ 'data:asBase64': 'YQ' }],
    [{ 'data:asBase64': 'YQ=' }],
    [{ 'data:asBase64': 'Y===' }],
    [{ 'data:asBase64': 'YQ==YQ==' }],
    [{ 'data:asBase64': 'YQ==\r\n' }],
    [{ 'data:asBase64': 'YQ-_' }],
    [{ 'data:asBase64': 'é===' }],
    [{ blobId: 5 }],
    [{ blobId: '' }],
    [{ blobId: known, offset: -1 }],
    [{ blobId: known, offset: 1.5 }],
    [{ blobId: known, offset: '0' }],
    [{ blobId: known, offset: 2 ** 53 }],
    [{ blobId: known, offset: 6 }],
    [{ blobId: known, length: 6 }],
    [{ blobId: known, offset: 5, length: 1 }],
    [{ blobId: known, offset: Number.MAX_SAFE_INTEGER, length: Number.MAX_SAFE_INTEGER }],
    ['x'],
    [null],
    [[]],
    [{ __proto__: null, constructor: 1 }],
    {},
    'x',
    null,
    5,
  ] as const) {
    const error = await refused(server, { data })
    assert.equal(error['type'], 'invalidProperties', JSON.stringify(data))
    assert.match((error['properties'] as string[])[0]!, /^data/)
  }
  for (const upload of [{}, null, 'x', 5, [], { type: 'a/b' }, { data: [], type: 5 }, { data: [], size: 0 }])
    assert.equal((await refused(server, upload as Json))['type'], 'invalidProperties', JSON.stringify(upload))
  for (const blobId of [`U${'ab'.repeat(32)}`, 'x', '__proto__', '#none'])
    assert.deepEqual(await refused(server, { data: [{ blobId }] }), {
      type: 'blobNotFound',
      notFound: [blobId],
    })
})

test('RFC 9404 §3.1: no more sources and no larger blobs than the capability says', async () => {
  const server = await JmapTestServer.start({ maxUploadSize: 2000 })
  const { answers } = await server.request([['Core/echo', {}, 'x']])
  assert.equal(answers.length, 1)
  const session = (await (await server.fetch('/jmap/session')).json()) as JsonObject
  const accounts = session['accounts'] as Record<string, { accountCapabilities: Record<string, JsonObject> }>
  const blob = accounts[accountId]!.accountCapabilities['urn:ietf:params:jmap:blob']!
  assert.deepEqual((session['capabilities'] as JsonObject)['urn:ietf:params:jmap:blob'], {})
  assert.deepEqual(Object.keys(blob).toSorted(), [
    'maxDataSources',
    'maxSizeBlobSet',
    'supportedDigestAlgorithms',
    'supportedTypeNames',
  ])
  assert.equal(blob['maxSizeBlobSet'], 2000)
  const most = blob['maxDataSources'] as number
  assert.ok(most >= 64)
  const sources = (count: number): JsonObject[] =>
    Array.from({ length: count }, () => ({ 'data:asText': 'x' }))
  const { created } = await make(server, { a: { data: sources(most) } })
  assert.equal((created as { a: JsonObject }).a['size'], most)
  assert.equal((await refused(server, { data: sources(most + 1) }))['type'], 'tooLarge')
  assert.equal((await refused(server, { data: [{ 'data:asText': 'x'.repeat(2001) }] }))['type'], 'tooLarge')
  const large = await uploaded(server, 'y'.repeat(1500))
  assert.equal((await refused(server, { data: [{ blobId: large }, { blobId: large }] }))['type'], 'tooLarge')
  assert.equal((await server.db.read((tx) => tx.list(uploadTable, [account]))).length, 2)
})

test('RFC 9404 §4.1: what fails does not stop the others; too many are refused as a whole', async () => {
  const server = await JmapTestServer.start({ setMaxObjects: 2 })
  const { created, notCreated } = await make(server, { a: { data: 5 }, b: { data: [] } })
  assert.deepEqual(Object.keys(created as object), ['b'])
  assert.deepEqual(Object.keys(notCreated as object), ['a'])
  const three = { a: { data: [] }, b: { data: [] }, c: { data: [] } }
  assert.equal(await server.error('Blob/upload', { create: three }), 'requestTooLarge')
  assert.equal(await server.error('Blob/upload', { create: { 'a b': { data: [] } } }), 'invalidArguments')
})

test('RFC 9404 §4.1: in a shared account, of blobs that one may read', async () => {
  const server = await JmapTestServer.start()
  await server.add(8, 'anna@example.org')
  const secret = await uploaded(server, 'secret')
  const message = await blobIdOf(server, await server.deliver('Subject: x\n\nx\n'))
  await server.share(inboxId, 8 as AccountId, 'l')
  const o = { as: 'anna@example.org' }
  const ask = async (blobId: string): Promise<JsonObject> =>
    server.call('Blob/upload', { create: { a: { data: [{ blobId }] } } }, o)
  for (const blobId of [secret, message])
    assert.deepEqual((await ask(blobId))['notCreated'], { a: { type: 'blobNotFound', notFound: [blobId] } })
  await server.share(inboxId, 8 as AccountId, 'lr')
  assert.equal((await ask(message))['notCreated'], null)
  assert.equal((await ask(secret))['created'], null)
})
