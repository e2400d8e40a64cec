import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId, MailboxId } from '#base/id.ts'
import { inboxId } from '#mail/mailbox.ts'
import { uploadTable } from '#mail/upload.ts'
import { account } from '../../test/harness/memory-accounts.ts'
import { accountId, JmapTestServer } from './fixture.test.ts'
import type { JsonObject } from './value.ts'

const upload = (
  server: JmapTestServer,
  body: RequestInit['body'],
  o: { headers?: Record<string, string>; as?: string; to?: string } = {},
): Promise<Response> => {
  const init = { method: 'POST', body, headers: o.headers ?? {}, duplex: 'half' }
  return server.fetch(`/jmap/upload/${o.to ?? accountId}/`, init as RequestInit, o.as)
}

const kept = async ({ db }: JmapTestServer): Promise<number> =>
  (await db.read((tx) => tx.list(uploadTable, [account]))).length

const download = async (server: JmapTestServer, blobId: string, as?: string): Promise<Response> =>
  server.fetch(`/jmap/download/${accountId}/${blobId}/x`, {}, as)

test('RFC 8620 §6.1: the response has account, id, the type of the request, and size', async () => {
  const server = await JmapTestServer.start()
  const response = await upload(server, 'hello', { headers: { 'Content-Type': 'image/x-made-up; a="b"' } })
  assert.equal(response.status, 201)
  assert.match(response.headers.get('content-type')!, /^application\/json/)
  const body = (await response.json()) as JsonObject
  assert.deepEqual(Object.keys(body).toSorted(), ['accountId', 'blobId', 'size', 'type'])
  assert.equal(body['accountId'], accountId)
  assert.equal(body['type'], 'image/x-made-up; a="b"')
  assert.equal(body['size'], 5)
  assert.equal(await (await download(server, body['blobId'] as string)).text(), 'hello')
})

test('RFC 8620 §6.1: bytes of no type, and none at all', async () => {
  const server = await JmapTestServer.start()
  for (const [bytes, size] of [
    [Buffer.from([0, 255, 13, 10]), 4],
    [null, 0],
  ] as const) {
    const body = (await (await upload(server, bytes)).json()) as JsonObject
    assert.equal(body['type'], 'application/octet-stream')
    assert.equal(body['size'], size)
    const got = await download(server, body['blobId'] as string)
    assert.deepEqual(Buffer.from(await got.arrayBuffer()), bytes ?? Buffer.alloc(0))
    assert.equal(got.headers.get('content-length'), String(size))
  }
})

test('RFC 8620 §6.1: the same bytes again have the same id', async () => {
  const server = await JmapTestServer.start()
  const ids = []
  for (const type of ['text/plain', 'image/png'])
    ids.push(
      ((await (await upload(server, 'x', { headers: { 'Content-Type': type } })).json()) as JsonObject)[
        'blobId'
      ],
    )
  assert.equal(ids[0], ids[1])
  assert.equal(await kept(server), 1)
})

const problem = async (response: Response, status: number): Promise<JsonObject> => {
  assert.equal(response.status, status)
  assert.equal(response.headers.get('content-type'), 'application/problem+json')
  return (await response.json()) as JsonObject
}

test('RFC 8620 §3.6.1: what is too large passes the limit maxSizeUpload, whether its size was told or not', async () => {
  const server = await JmapTestServer.start({ maxUploadSize: 2000 })
  const pieces = new ReadableStream<Uint8Array>({
    pull(controller) {
      controller.enqueue(Buffer.alloc(1500))
    },
  })
  for (const [body, headers] of [
    ['x'.repeat(2001), {}],
    ['x', { 'Content-Length': '2001' }],
    [pieces, { 'Transfer-Encoding': 'chunked' }],
  ] as const) {
    const told = await problem(await upload(server, body, { headers }), 413)
    assert.equal(told['type'], 'urn:ietf:params:jmap:error:limit')
    assert.equal(told['limit'], 'maxSizeUpload')
    assert.equal(told['status'], 413)
  }
  assert.equal(await kept(server), 0)
  assert.equal((await upload(server, 'x'.repeat(2000))).status, 201)
})

test('RFC 8620 §2: so many uploads of a user may go on at once, and the headers say how many', async () => {
  const server = await JmapTestServer.start({ maxConcurrentUploads: 2 })
  await server.add(8, 'anna@example.org')
  const open: ReadableStreamDefaultController<Uint8Array>[] = []
  const slow = (): ReadableStream<Uint8Array> =>
    new ReadableStream({ start: (controller) => void open.push(controller) })
  const first = upload(server, slow())
  const second = upload(server, slow())
  await new Promise((resolve) => setImmediate(resolve))
  const refused = await upload(server, 'x')
  assert.equal(refused.headers.get('ratelimit-policy'), '"uploads";q=2;qu="concurrent-requests"')
  assert.equal(refused.headers.get('ratelimit'), '"uploads";r=0')
  assert.equal(refused.headers.get('retry-after'), '1')
  const told = await problem(refused, 429)
  assert.equal(told['type'], 'urn:ietf:params:jmap:error:limit')
  assert.equal(told['limit'], 'maxConcurrentUpload')
  const other = await upload(server, 'x', { as: 'anna@example.org', to: 'A8' })
  assert.equal(other.status, 201)
  assert.equal(other.headers.get('ratelimit'), '"uploads";r=1')
  for (const controller of open) controller.close()
  assert.deepEqual([(await first).status, (await second).status], [201, 201])
  assert.equal((await upload(server, 'x')).status, 201)
})

test('an upload that breaks off leaves nothing, and its place is free', async () => {
  const server = await JmapTestServer.start({ maxConcurrentUploads: 1 })
  const broken = (): ReadableStream<Uint8Array> => {
    let pieces = 0
    return new ReadableStream<Uint8Array>({
      pull(controller) {
        if (pieces++ < 3) controller.enqueue(Buffer.alloc(100_000, 'x'))
        else controller.error(new Error('the client went away'))
      },
    })
  }
  let aborted = 0
  const stager = server.blobs.stager.bind(server.blobs)
  server.blobs.stager = (o) => ({ ...stager(o), abort: async () => void aborted++ })
  for (let i = 0; i < 3; i++) await assert.rejects(upload(server, broken()), /went away/)
  assert.equal(await kept(server), 0)
  // Else what was staged would stand on the disk until the next start.
  assert.equal(aborted, 3)
  assert.equal((await upload(server, 'x')).status, 201)
})

test('RFC 8620 §6: an upload to a shared account is there for whoever uploaded it', async () => {
  const server = await JmapTestServer.start()
  await server.add(8, 'anna@example.org')
  await server.add(9, 'otto@example.org')
  const anna = 'anna@example.org'
  await problem(await upload(server, 'x', { as: anna }), 404)
  await server.share(inboxId, 8 as AccountId, 'lr')
  await server.share(6 as MailboxId, 9 as AccountId, 'lrswi')
  const { blobId } = (await (await upload(server, 'of anna', { as: anna })).json()) as { blobId: string }
  assert.equal(await (await download(server, blobId, anna)).text(), 'of anna')
  for (const as of [undefined, 'otto@example.org'])
    assert.equal((await download(server, blobId, as)).status, 404)
})

test('RFC 9110 §8.4: bytes in an encoding are not taken for what they stand for', async () => {
  const server = await JmapTestServer.start()
  const told = await problem(await upload(server, 'x', { headers: { 'Content-Encoding': 'gzip' } }), 415)
  assert.equal(told['status'], 415)
  assert.equal((await upload(server, 'x', { headers: { 'Content-Encoding': 'identity' } })).status, 201)
  assert.equal(await kept(server), 1)
})

test('who may not upload does not, and accounts that are none are not found', async () => {
  const server = await JmapTestServer.start()
  await server.add(8, 'anna@example.org', { permissions: ['authenticate', 'jmapAuthenticate'] })
  await problem(await upload(server, 'x', { as: 'anna@example.org', to: 'A8' }), 403)
  for (const to of ['A9', 'A', 'x', '%00', '__proto__', encodeURIComponent('../../x'), 'a'.repeat(5000)])
    await problem(await upload(server, 'x', { to }), 404)
  const none = await server.fetch('/jmap/upload/', { method: 'POST', body: 'x' })
  assert.equal(none.status, 404)
  const get = await server.fetch(`/jmap/upload/${accountId}/`)
  assert.equal(get.status, 405)
})
