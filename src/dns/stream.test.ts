import assert from 'node:assert/strict'
import { createSecureServer } from 'node:http2'
import { once } from 'node:events'
import { test } from 'node:test'
import fc from 'fast-check'
import { testCertificate, testKey } from '../../test/harness/certificates.ts'
import { startDns, type TestDns } from '../../test/harness/dns.ts'
import { at, makeResolver } from './fixture.test.ts'
import { frame, FrameReader } from './frames.ts'

const zones = { 'example.org': { A: ['192.0.2.1'] }, 'slow.example.org': { A: ['192.0.2.2'] } } as const
const tls = { protocol: 'tls', tlsName: 'mail.example.com', authorities: testCertificate('root') } as const

async function look(resolver: ReturnType<typeof makeResolver>, name = 'example.org'): Promise<string> {
  const found = await resolver.resolve(name, 'A')
  if (found.kind === 'answer') return found.records[0]!.ip
  return found.kind === 'failed' ? `${found.why}: ${found.reason.replace(/^\S+ /, '')}` : found.kind
}

test('messages on a stream, however it is split', () => {
  const message = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes))
  fc.assert(
    fc.property(fc.array(message, { maxLength: 5 }), fc.integer({ min: 1, max: 50 }), (messages, step) => {
      const stream = Buffer.concat(messages.map(frame))
      const reader = new FrameReader()
      const read: Buffer[] = []
      for (let i = 0; i < stream.length; i += step)
        reader.push(stream.subarray(i, i + step), (one) => read.push(one))
      assert.deepEqual(read, messages)
    }),
  )
})

test('many questions share a connection and do not wait for each other', async () => {
  await using dns = await startDns(zones)
  using resolver = makeResolver([at(dns, { protocol: 'tcp' })])
  dns.behave('slow.example.org', 'drop')
  const controller = new AbortController()
  const slow = resolver.resolve('slow.example.org', 'A', { signal: controller.signal })
  const names = Array.from({ length: 250 }, (_, i) => `n${i}.example.org`)
  const found = await Promise.all(names.map((name) => look(resolver, name)))
  assert.ok(found.every((one) => one === 'noName'))
  assert.equal(dns.connections, 1)
  controller.abort(new Error('not needed'))
  await assert.rejects(slow, /not needed/)
  assert.equal(await look(resolver), '192.0.2.1')
  assert.equal(dns.connections, 1)
})

test('a connection that the server has closed is opened again', async () => {
  await using dns = await startDns(zones)
  using resolver = makeResolver([at(dns, { protocol: 'tcp' })])
  assert.equal(await look(resolver, 'a.example.org'), 'noName')
  dns.behave('example.org', 'close')
  assert.match(await look(resolver), /^network: the server closed the connection/)
  assert.equal(dns.connections, 2, 'once more, on a fresh one')
  resolver.clock.advance(1000)
  dns.behave('example.org', undefined)
  assert.equal(await look(resolver), '192.0.2.1')
})

test('RFC 7766 §6.2.3: a connection that nobody uses is closed after 10 s', async (t) => {
  await using dns = await startDns(zones)
  using resolver = makeResolver([at(dns, { protocol: 'tcp' })])
  t.mock.timers.enable({ apis: ['setTimeout'] })
  await look(resolver, 'a.example.org')
  t.mock.timers.tick(9999)
  await look(resolver, 'b.example.org')
  assert.equal(dns.connections, 1)
  t.mock.timers.tick(9999)
  await look(resolver, 'c.example.org')
  assert.equal(dns.connections, 1, 'each question begins the time anew')
  t.mock.timers.tick(10_000)
  await look(resolver, 'd.example.org')
  assert.equal(dns.connections, 2)
})

test('a question without an answer ends the use of its connection', async (t) => {
  await using dns = await startDns(zones)
  using resolver = makeResolver([at(dns, { protocol: 'tcp' })], { timeoutMs: 500 })
  dns.behave('slow.example.org', 'drop')
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const slow = look(resolver, 'slow.example.org')
  while (dns.queries.length === 0) await new Promise(setImmediate)
  t.mock.timers.tick(500)
  assert.match(await slow, /^timeout/)
  assert.equal(await look(resolver), '192.0.2.1')
  assert.equal(dns.connections, 2)
})

test('a megabyte that nobody asked for, garbage, and answers to something else', async () => {
  await using dns = await startDns(zones)
  using resolver = makeResolver([at(dns, { protocol: 'tcp' })])
  using hasty = makeResolver([at(dns, { protocol: 'tcp' })], { timeoutMs: 100 })
  dns.behave('a.example.org', 'megabyte')
  dns.behave('b.example.org', 'garbage')
  dns.behave('c.example.org', 'wrongQuestion')
  assert.match(await look(resolver, 'a.example.org'), /^malformed/)
  assert.match(await look(resolver, 'b.example.org'), /^malformed/)
  assert.match(await look(hasty, 'c.example.org'), /^timeout/)
  assert.equal(await look(resolver), '192.0.2.1')
})

test('over TLS, to whoever has the name in its certificate', async () => {
  await using dns = await startDns(zones, { tls: true, authentic: true })
  using resolver = makeResolver([at(dns, { ...tls, trusted: true })])
  const found = await resolver.resolve('example.org', 'A')
  assert.ok(found.kind === 'answer' && found.authentic)
  assert.equal(found.server, `tls://127.0.0.1:${dns.tlsPort}`)
  assert.equal(await look(resolver, 'a.example.org'), 'noName')
  assert.equal(dns.connections, 1)
})

test('over TLS nothing is asked of somebody else (RFC 8310 §5)', async () => {
  await using dns = await startDns(zones, { tls: true })
  using otherName = makeResolver([at(dns, { ...tls, tlsName: 'dns.example.net' })])
  assert.match(await look(otherName), /^network: Hostname\/IP does not match/)
  using address = makeResolver([at(dns, { protocol: 'tls', authorities: testCertificate('root') })])
  assert.match(await look(address), /^network: Hostname\/IP does not match/)
  using publicOnly = makeResolver([at(dns, { protocol: 'tls', tlsName: 'mail.example.com' })])
  assert.match(await look(publicOnly), /^network: .*certificate/)
  assert.equal(dns.queries.length, 0)
})

interface Doh extends AsyncDisposable {
  readonly port: number
  readonly sessions: number
  readonly bodies: readonly Buffer[]
  /** Ends all connections. */
  hangUp(): void
}

/** What the harness answers, by HTTP/2; names that begin with `status` and `type` are answered otherwise. */
async function serveHttps(dns: TestDns): Promise<Doh> {
  const state = { sessions: 0, bodies: [] as Buffer[] }
  const server = createSecureServer({ cert: testCertificate('server-chain'), key: testKey('server') })
  const open = new Set<{ destroy(): void }>()
  server.on('session', (session) => {
    state.sessions++
    open.add(session)
  })
  server.on('stream', (stream, headers) => {
    const chunks: Buffer[] = []
    stream.on('error', () => undefined)
    stream.on('data', (chunk: Buffer) => chunks.push(chunk))
    stream.on('end', () => {
      const query = Buffer.concat(chunks)
      state.bodies.push(query)
      const text = query.toString('latin1').toLowerCase()
      if (headers[':path'] !== '/dns-query' || text.includes('status')) {
        stream.respond({ ':status': 503 })
        stream.end('no')
      } else {
        stream.respond({
          ':status': 200,
          'content-type': text.includes('type') ? 'text/html' : 'application/dns-message',
        })
        stream.end(text.includes('long') ? Buffer.alloc(100_000) : dns.reply(query, true).messages[0])
      }
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const hangUp = (): void => {
    for (const session of open) session.destroy()
  }
  return Object.assign(state, {
    hangUp,
    port: (server.address() as { port: number }).port,
    [Symbol.asyncDispose]: async () => {
      hangUp()
      await new Promise((resolve) => server.close(resolve))
    },
  })
}

test('over HTTPS', async () => {
  await using dns = await startDns(zones)
  await using https = await serveHttps(dns)
  using resolver = makeResolver([at(dns, { ...tls, protocol: 'https', port: https.port })])
  assert.equal(await look(resolver), '192.0.2.1')
  assert.equal(await look(resolver, 'a.example.org'), 'noName')
  assert.equal(https.sessions, 1)
  https.hangUp()
  assert.equal(await look(resolver, 'c.example.org'), 'noName')
  assert.equal(https.sessions, 2)
  for (const body of https.bodies) {
    assert.equal(body.readUInt16BE(0), 0)
    assert.equal(body.length % 128, 0)
  }
  assert.equal(await look(resolver, 'status.example.org'), 'refused: HTTP status 503')
  assert.match(await look(resolver, 'type.example.org'), /^malformed: the answer is no DNS message/)
  assert.match(await look(resolver, 'long.example.org'), /^malformed: the answer is longer/)
  assert.equal(await look(resolver, 'b.example.org'), 'noName')
  using otherName = makeResolver([
    at(dns, { ...tls, protocol: 'https', tlsName: 'dns.example.net', port: https.port }),
  ])
  assert.match(await look(otherName), /^network/)
})

test('a server that does not answer over HTTPS', async () => {
  await using dns = await startDns(zones)
  await using https = await serveHttps(dns)
  using resolver = makeResolver([at(dns, { ...tls, protocol: 'https', port: https.port })], {
    timeoutMs: 200,
  })
  dns.behave('example.org', 'drop')
  assert.match(await look(resolver), /^timeout|^malformed/)
})
