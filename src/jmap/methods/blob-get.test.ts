import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { blobIdOf, readBlob, uploaded } from '../blob-fixture.test.ts'
import { accountId, JmapTestServer } from '../fixture.test.ts'
import type { JsonObject } from '../value.ts'

const fox = 'The quick brown fox jumped over the lazy dog.'

test('RFC 9404 §4.2: a range as text and in base64, its digests, and the size of the whole', async () => {
  const server = await JmapTestServer.start()
  const id = await uploaded(server, fox)
  const {
    list,
    notFound,
    accountId: of,
  } = await server.call('Blob/get', {
    ids: [id, 'not-a-blob'],
    properties: ['data:asText', 'data:asBase64', 'digest:sha', 'digest:sha-256', 'digest:sha-512', 'size'],
    offset: 4,
    length: 9,
  })
  assert.equal(of, accountId)
  assert.deepEqual(notFound, ['not-a-blob'])
  assert.deepEqual(list, [
    {
      id,
      'data:asText': 'quick bro',
      'data:asBase64': 'cXVpY2sgYnJv',
      'digest:sha': 'QiRAPtfyX8K6tm1iOAtZ87Xj3Ww=',
      'digest:sha-256': 'gdg9INW7lwHK6OQ9u0dwDz2ZY/gubi0En0xlFpKt0OA=',
      'digest:sha-512': createHash('sha512').update('quick bro').digest('base64'),
      size: 45,
    },
  ])
})

test('RFC 9404 §4.2: without properties, data and size are told', async () => {
  const server = await JmapTestServer.start()
  const id = await uploaded(server, fox)
  assert.deepEqual(await readBlob(server, id), { id, 'data:asText': fox, size: 45 })
  assert.deepEqual(await readBlob(server, id, { properties: null }), { id, 'data:asText': fox, size: 45 })
  assert.deepEqual(await readBlob(server, id, { properties: [] }), { id })
  assert.deepEqual(await readBlob(server, id, { properties: ['id', 'size'] }), { id, size: 45 })
})

test('RFC 9404 §4.2: what is no UTF-8 is told in base64, with isEncodingProblem', async () => {
  const server = await JmapTestServer.start()
  const id = await uploaded(
    server,
    Buffer.from('The quick brown fox jumped over the \x81\x81 dog.', 'latin1'),
  )
  const base64 = 'VGhlIHF1aWNrIGJyb3duIGZveCBqdW1wZWQgb3ZlciB0aGUggYEgZG9nLg=='
  assert.deepEqual(await readBlob(server, id), {
    id,
    'data:asBase64': base64,
    isEncodingProblem: true,
    size: 43,
  })
  assert.deepEqual(await readBlob(server, id, { properties: ['data:asText'] }), {
    id,
    'data:asText': null,
    isEncodingProblem: true,
  })
  assert.deepEqual(await readBlob(server, id, { properties: ['data:asBase64'] }), {
    id,
    'data:asBase64': base64,
  })
  assert.deepEqual(
    await readBlob(server, id, { properties: ['data:asText', 'data:asBase64'], offset: 0, length: 5 }),
    {
      id,
      'data:asText': 'The q',
      'data:asBase64': 'VGhlIHE=',
    },
  )
  const euro = await uploaded(server, '€')
  assert.deepEqual(await readBlob(server, euro, { length: 2 }), {
    id: euro,
    'data:asBase64': '4oI=',
    isEncodingProblem: true,
    size: 3,
  })
})

test('RFC 9404 §4.2: a range beyond the end is cut, with isTruncated', async () => {
  const server = await JmapTestServer.start()
  const id = await uploaded(server, 'hello world')
  for (const [range, text, isTruncated] of [
    [{ offset: 6 }, 'world', false],
    [{ offset: 6, length: 5 }, 'world', false],
    [{ offset: 6, length: 6 }, 'world', true],
    [{ offset: 11 }, '', false],
    [{ offset: 11, length: 0 }, '', false],
    [{ offset: 12 }, '', true],
    [{ offset: 0, length: 0 }, '', false],
    [{ length: 100 }, 'hello world', true],
    [{ offset: Number.MAX_SAFE_INTEGER, length: Number.MAX_SAFE_INTEGER }, '', true],
    [{ offset: null, length: null }, 'hello world', false],
  ] as const) {
    const expected = { id, 'data:asText': text, size: 11, ...(isTruncated ? { isTruncated } : {}) }
    assert.deepEqual(await readBlob(server, id, range), expected, JSON.stringify(range))
  }
  assert.deepEqual(await readBlob(server, id, { properties: ['isTruncated', 'isEncodingProblem'] }), {
    id,
    isTruncated: false,
    isEncodingProblem: false,
  })
})

test('RFC 9404 §4.2: messages and decoded parts, by ranges too', async () => {
  const server = await JmapTestServer.start()
  const message = await server.deliver('Content-Transfer-Encoding: base64\n\naGVsbG8gd29ybGQ=\n')
  const body = await blobIdOf(server, message, { part: 0 })
  assert.deepEqual(await readBlob(server, body), { id: body, 'data:asText': 'hello world', size: 11 })
  assert.deepEqual(await readBlob(server, body, { offset: 6, length: 3 }), {
    id: body,
    'data:asText': 'wor',
    size: 11,
  })
  assert.deepEqual(await readBlob(server, body, { properties: ['size'] }), { id: body, size: 11 })
  const sha = createHash('sha256').update('world').digest('base64')
  assert.equal(
    (await readBlob(server, body, { properties: ['digest:sha-256'], offset: 6 }))!['digest:sha-256'],
    sha,
  )
  const whole = await blobIdOf(server, message)
  const text = 'Content-Transfer-Encoding: base64\r\n\r\naGVsbG8gd29ybGQ=\r\n'
  assert.deepEqual(await readBlob(server, whole), { id: whole, 'data:asText': text, size: text.length })
})

test('RFC 8620 §5.1: properties that are none are refused, as is a list of all', async () => {
  const server = await JmapTestServer.start()
  const id = await uploaded(server, 'x')
  for (const properties of [
    ['digest:md5'],
    ['digest:'],
    ['digest:SHA'],
    ['data:asHex'],
    ['Size'],
    ['__proto__'],
    ['size', 'x'],
  ])
    assert.equal(await server.error('Blob/get', { ids: [id], properties }), 'invalidArguments', properties[0])
  assert.equal(await server.error('Blob/get', { ids: null }), 'invalidArguments')
  assert.equal(await server.error('Blob/get', {}), 'invalidArguments')
})

test('RFC 8620 §5.1: each blob once, references too, and what is not there is told as it was asked for', async () => {
  const server = await JmapTestServer.start({ getMaxResults: 3 })
  const id = await uploaded(server, 'x')
  const { list, notFound, state } = await server.call('Blob/get', {
    ids: [id, '#none', id, `U${'ab'.repeat(32)}`],
  })
  assert.equal(typeof state, 'string')
  assert.deepEqual((list as JsonObject[]).length, 1)
  assert.deepEqual(notFound, ['#none', `U${'ab'.repeat(32)}`])
  assert.equal(await server.error('Blob/get', { ids: ['a', 'b', 'c', 'd'] }), 'requestTooLarge')
})

test('data of one response has a limit, digests and sizes have none', async () => {
  const server = await JmapTestServer.start({ maxRequestSize: 4096 })
  const id = await uploaded(server, 'x'.repeat(2500))
  const copy = await uploaded(server, 'y'.repeat(2500))
  assert.equal(await server.error('Blob/get', { ids: [id, copy] }), 'requestTooLarge')
  const { list } = await server.call('Blob/get', { ids: [id, copy], properties: ['digest:sha', 'size'] })
  assert.equal((list as JsonObject[]).length, 2)
  assert.equal((await readBlob(server, id, { offset: 2000, length: 500 }))!['size'], 2500)
})

test('what one call reads has a limit, however deep it lies and however little of it is wanted', async () => {
  const server = await JmapTestServer.start({ maxUploadSize: 20_000, uploadQuota: 1_000_000 })
  const part = 'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n'
  const ids: string[] = []
  for (let i = 0; i < 5; i++) ids.push(await uploaded(server, `${part}${String(i).repeat(19_000)}`))
  const ask = async (blobs: readonly string[], properties: readonly string[]): Promise<unknown> => {
    const { answers } = await server.request([['Blob/get', { accountId, ids: blobs, properties }, 'c']])
    return answers[0]![1]['type']
  }
  assert.equal(await ask(ids, ['size']), undefined)
  assert.equal(await ask(ids.slice(0, 4), ['digest:sha']), undefined)
  assert.equal(await ask(ids, ['digest:sha']), 'requestTooLarge')
  const inner = ids.map((id) => `${id}-1`)
  assert.equal(await ask(inner.slice(0, 4), ['size']), undefined)
  assert.equal(await ask(inner, ['size']), 'requestTooLarge')
  const lookup = { typeNames: ['Email'], ids: inner }
  assert.equal((await server.call('Blob/lookup', lookup))['notFound'] !== undefined, true)
  const create = { a: { data: ids.map((blobId) => ({ blobId: `${blobId}-1`, length: 1 })) } }
  const { notCreated } = await server.call('Blob/upload', { create })
  assert.equal((notCreated as { a: JsonObject }).a['type'], 'tooLarge')
})
