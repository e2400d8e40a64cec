import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId } from '#base/id.ts'
import { messageBlob, partBlob } from '#mail/client-blob.ts'
import { inboxId } from '#mail/mailbox.ts'
import { messageTable } from '#mail/tables.ts'
import { blobIdText } from './blob-id.ts'
import { account } from '../../test/harness/memory-accounts.ts'
import { accountId, JmapTestServer } from './fixture.test.ts'

const text = 'Subject: x\nContent-Transfer-Encoding: base64\n\naGVsbG8gd29ybGQ=\n'
const whole = text.replaceAll('\n', '\r\n')

/** Ids of a message and of its body. */
async function deliver(server: JmapTestServer, content = text): Promise<{ message: string; body: string }> {
  const { id } = await server.deliver(content)
  const row = (await server.db.read((tx) => tx.get(messageTable, account, id)))!
  const blob = messageBlob(account, id, row)
  return { message: blobIdText(blob), body: blobIdText(partBlob(blob, 0)) }
}

const get = (
  server: JmapTestServer,
  blobId: string,
  o: { name?: string; accept?: string; as?: string; method?: string; headers?: Record<string, string> } = {},
): Promise<Response> => {
  const accept = o.accept === undefined ? '' : `?accept=${encodeURIComponent(o.accept)}`
  const path = `/jmap/download/${accountId}/${blobId}/${encodeURIComponent(o.name ?? 'x')}${accept}`
  return server.fetch(path, { method: o.method ?? 'GET', headers: o.headers ?? {} }, o.as)
}

test('RFC 8620 §6.2: the bytes, with the type and the name that were asked for', async () => {
  const server = await JmapTestServer.start()
  const { message, body } = await deliver(server)
  const response = await get(server, message, { name: 'a message.eml', accept: 'message/rfc822' })
  assert.equal(response.status, 200)
  assert.equal(await response.text(), whole)
  const { headers } = response
  assert.equal(headers.get('content-type'), 'message/rfc822')
  assert.equal(headers.get('content-disposition'), 'attachment; filename="a message.eml"')
  assert.equal(headers.get('content-length'), String(whole.length))
  assert.equal(headers.get('accept-ranges'), 'bytes')
  const part = await get(server, body, { accept: 'text/plain; charset="utf-8"' })
  assert.equal(await part.text(), 'hello world')
  assert.equal(part.headers.get('content-type'), 'text/plain; charset="utf-8"')
  assert.equal(part.headers.get('accept-ranges'), 'bytes')
  assert.equal(part.headers.get('content-length'), '11')
})

test('RFC 8620 §6.2: it may be kept for ever by who asked, and is not sent twice', async () => {
  const server = await JmapTestServer.start()
  const { message } = await deliver(server)
  const response = await get(server, message)
  assert.equal(response.headers.get('cache-control'), 'private, immutable, max-age=31536000')
  const tag = response.headers.get('etag')!
  for (const known of [tag, `W/${tag}`, `"other", ${tag}`, '*']) {
    const again = await get(server, message, { headers: { 'If-None-Match': known } })
    assert.equal(again.status, 304, known)
    assert.equal(again.headers.get('etag'), tag)
    assert.equal(await again.text(), '')
  }
  assert.equal((await get(server, message, { headers: { 'If-None-Match': '"other"' } })).status, 200)
})

test('nothing is shown in place or run, whatever type it is said to have', async () => {
  const server = await JmapTestServer.start()
  const { message } = await deliver(server)
  for (const accept of [
    'text/html',
    'image/svg+xml',
    'application/xhtml+xml',
    'text/javascript',
    'application/pdf',
  ]) {
    const { headers } = await get(server, message, { accept, name: 'x.html' })
    assert.equal(headers.get('content-type'), accept)
    assert.equal(headers.get('content-security-policy'), "default-src 'none'; sandbox")
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.match(headers.get('content-disposition')!, /^attachment;/)
  }
})

test('what is no media type is bytes of no type', async () => {
  const server = await JmapTestServer.start()
  const { message } = await deliver(server)
  for (const accept of [
    undefined,
    '',
    'text',
    'text/',
    '/html',
    'text/html\r\nSet-Cookie: a=b',
    'text/html, text/plain',
    'text/html; charset',
    'text/html; a="b',
    'téxt/html',
    'a/b;'.repeat(1_000_000),
    `${'a'.repeat(10_000_000)}/b`,
  ]) {
    const response = await get(server, message, accept === undefined ? {} : { accept })
    assert.equal(response.headers.get('content-type'), 'application/octet-stream', accept?.slice(0, 50))
    assert.equal(response.headers.get('set-cookie'), null)
  }
})

test('RFC 6266 §4.3: names stay inside their quotes; none at all, and too long a one', async () => {
  const server = await JmapTestServer.start()
  const { message } = await deliver(server)
  const named = async (name: string) =>
    (await get(server, message, { name })).headers.get('content-disposition')
  assert.equal(
    await named('a"\r\nX: y; filename=b€'),
    `attachment; filename="a___X_ y; filename=b_"; filename*=UTF-8''a%22%0D%0AX%3A%20y%3B%20filename%3Db%E2%82%AC`,
  )
  assert.equal(
    await named('../../etc/passwd'),
    `attachment; filename=".._.._etc_passwd"; filename*=UTF-8''..%2F..%2Fetc%2Fpasswd`,
  )
  for (const path of [`${message}/`, message]) {
    const response = await server.fetch(`/jmap/download/${accountId}/${path}`)
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('content-disposition'), 'attachment')
  }
  const odd = await server.fetch(`/jmap/download/${accountId}/${message}/%ff%zz%`)
  assert.equal(odd.status, 200)
  assert.match(odd.headers.get('content-disposition')!, /^attachment; filename="[^"]+"/)
  for (const length of [1025, 10_000_000])
    assert.equal((await get(server, message, { name: 'n'.repeat(length) })).status, 400)
})

test('RFC 9110 §14.2: one range of what has a known size', async () => {
  const server = await JmapTestServer.start()
  const { message, body } = await deliver(server)
  const range = (bytes: string, more: Record<string, string> = {}) =>
    get(server, message, { headers: { Range: `bytes=${bytes}`, ...more } })
  for (const [bytes, start, end] of [
    ['0-9', 0, 10],
    ['5-', 5, whole.length],
    ['-4', whole.length - 4, whole.length],
    ['0-999999', 0, whole.length],
  ] as const) {
    const response = await range(bytes)
    assert.equal(response.status, 206)
    assert.equal(response.headers.get('content-range'), `bytes ${start}-${end - 1}/${whole.length}`)
    assert.equal(response.headers.get('content-length'), String(end - start))
    assert.equal(await response.text(), whole.slice(start, end))
  }
  const behind = await range('9999-')
  assert.equal(behind.status, 416)
  assert.equal(behind.headers.get('content-range'), `bytes */${whole.length}`)
  for (const bytes of ['0-1,4-5', '5-4', 'x']) assert.equal((await range(bytes)).status, 200)
  const tag = (await get(server, message)).headers.get('etag')!
  assert.equal((await range('0-1', { 'If-Range': tag })).status, 206)
  assert.equal((await range('0-1', { 'If-Range': '"other"' })).status, 200)
  const decoded = await get(server, body, { headers: { Range: 'bytes=6-' } })
  assert.equal(decoded.status, 206)
  assert.equal(decoded.headers.get('content-range'), 'bytes 6-10/11')
  assert.equal(await decoded.text(), 'world')
  // A part of what was uploaded has a size that only decoding tells.
  const sent = await server.fetch(`/jmap/upload/${accountId}/`, { method: 'POST', body: whole })
  const { blobId } = (await sent.json()) as { blobId: string }
  const inner = await get(server, `${blobId}-0`, { headers: { Range: 'bytes=6-' } })
  assert.equal(inner.status, 200)
  assert.equal(inner.headers.get('accept-ranges'), 'none')
  assert.equal(await inner.text(), 'hello world')
})

test('RFC 9110 §9.3.2: HEAD is as GET, without the bytes', async () => {
  const server = await JmapTestServer.start()
  const { message } = await deliver(server)
  const response = await get(server, message, { method: 'HEAD', headers: { Range: 'bytes=0-1' } })
  assert.equal(response.status, 200)
  assert.equal(response.headers.get('content-length'), String(whole.length))
  assert.equal(await response.text(), '')
})

test('RFC 8620 §6.2: what is not there, or not for the user, is told as a problem', async () => {
  const server = await JmapTestServer.start()
  const { message, body } = await deliver(server)
  await server.add(8, 'anna@example.org')
  await server.add(9, 'otto@example.org', { permissions: ['authenticate', 'jmapAuthenticate'] })
  const as = 'anna@example.org'
  const status = async (response: Promise<Response>): Promise<number> => {
    const { headers, status: number } = await response
    assert.equal(headers.get('content-type'), 'application/problem+json')
    assert.equal(headers.get('cache-control'), 'no-store')
    return number
  }
  assert.equal(await status(get(server, message, { as })), 404)
  await server.share(inboxId, 8 as AccountId, 'l')
  assert.equal(await status(get(server, message, { as })), 404)
  await server.share(inboxId, 8 as AccountId, 'lr')
  assert.equal(await (await get(server, message, { as })).text(), whole)
  const others = await server.fetch(`/jmap/download/A8/${message}/x`, {}, as)
  assert.equal(others.status, 404)
  assert.equal(await status(server.fetch(`/jmap/download/A9/${message}/x`, {}, 'otto@example.org')), 403)
  for (const blobId of [
    'x',
    '__proto__',
    'toString',
    '%00',
    '..',
    `${message}0`,
    `${body}9`,
    message.replace(/.$/, (digit) => (digit === '0' ? '1' : '0')),
    `U${'ab'.repeat(32)}`,
    'U'.repeat(10_000_000),
  ])
    assert.equal(await status(get(server, blobId)), 404, blobId.slice(0, 100))
})

const nested = [
  'Subject: outer',
  'Content-Type: multipart/mixed; boundary=b',
  '',
  '--b',
  '',
  'first',
  '--b',
  'Content-Type: message/rfc822',
  '',
  'Subject: inner',
  'Content-Type: multipart/mixed; boundary=c',
  '',
  '--c',
  '',
  'of the inner one',
  '--c',
  'Content-Type: image/png',
  'Content-Disposition: attachment; filename=a.png',
  'Content-Transfer-Encoding: base64',
  '',
  'aW5uZXIgcGljdHVyZQ==',
  '--c--',
  '--b',
  'Content-Type: image/png',
  'Content-Disposition: attachment; filename=b.png',
  'Content-Transfer-Encoding: base64',
  '',
  'b3V0ZXIgcGljdHVyZQ==',
  '--b--',
  '',
].join('\n')

interface PartOf {
  readonly blobId: string
  readonly type: string
}

test('RFC 8621 §4.1.4, §4.9: what Email/get and Email/parse name can be downloaded, and imported again', async () => {
  const server = await JmapTestServer.start()
  const { body, message } = await deliver(server, nested)
  assert.ok(body !== message)
  const { list } = await server.call('Email/get', { ids: null, properties: ['blobId', 'attachments'] })
  const [email] = list as unknown as { blobId: string; attachments: PartOf[] }[]
  assert.equal(email!.blobId, message)
  const read = async (id: string): Promise<string> => (await get(server, id)).text()
  const [inner, picture] = email!.attachments
  assert.match(await read(inner!.blobId), /^Subject: inner\r\n/)
  assert.equal(await read(picture!.blobId), 'outer picture')
  const { parsed } = await server.call('Email/parse', {
    blobIds: [inner!.blobId],
    properties: ['subject', 'attachments'],
  })
  const found = (parsed as unknown as Record<string, { subject: string; attachments: PartOf[] }>)[
    inner!.blobId
  ]!
  assert.equal(found.subject, 'inner')
  assert.equal(await read(found.attachments[0]!.blobId), 'inner picture')
  const emails = { a: { blobId: inner!.blobId, mailboxIds: { F1: true } } }
  const { created } = await server.call('Email/import', { emails })
  const { blobId } = (created as unknown as { a: { blobId: string } }).a
  assert.equal(await read(blobId), await read(inner!.blobId))
})
