import assert from 'node:assert/strict'
import { request as httpRequest, type IncomingHttpHeaders, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { test } from 'node:test'
import { Fault, SyntaxFault } from '#base/fault.ts'
import { parseNetwork } from '#base/ip.ts'
import { createSelfSigned } from '#cert/self-signed.ts'
import { Listener } from '#net/listener.ts'
import type { ListenerTerms } from '#net/listener-options.ts'
import { TlsContexts } from '#net/tls-contexts.ts'
import { Conversation } from '../../test/harness/conversation.ts'
import { createRouter } from './router.ts'
import { httpProtocol, type HttpOptions } from './server.ts'

interface TestHttp extends AsyncDisposable {
  readonly listener: Listener
  readonly port: number
  readonly crashes: unknown[]
  /** The handler of `/slow` is at work. */
  readonly slowBegun: Promise<void>
  /** Lets it answer. */
  release(): void
}

async function open(
  o: Partial<HttpOptions> = {},
  tls?: TlsContexts,
  terms: ListenerTerms = {},
): Promise<TestHttp> {
  const crashes: unknown[] = []
  const begun = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  const router = createRouter({
    maxBodyBytes: (path) => (path === '/upload' ? 1000 : 10),
    hstsSeconds: () => 60,
    onCrash: (error, request) => crashes.push({ error, request }),
  })
  router.get('/', (c) => c.html('<p>hello</p>'))
  router.get('/client', (c) => c.json({ ...c.env.client, listener: c.env.listener }))
  router.get('/slow', async (c) => {
    begun.resolve()
    await released.promise
    return c.text('at last')
  })
  router.get('/raw', () => new Response('raw', { headers: { 'X-Content-Type-Options': 'mine' } }))
  router.post('/echo', async (c) => c.text(await c.req.text()))
  router.post('/upload', async (c) => c.text(String((await c.req.arrayBuffer()).byteLength)))
  router.get('/crash', () => {
    throw new Error('secret detail')
  })
  router.get('/syntax', () => {
    throw new SyntaxFault('secret detail', 7)
  })
  router.get('/limited', () => {
    throw new Fault('rateLimited', 'Too often', { retryAfterMs: 1500 }, { reason: 'secret detail' })
  })
  router.get('/invalid', () => {
    throw new Fault('invalid', 'Wrong', { properties: ['name'] })
  })
  router.get('/private', () => {
    throw new Fault('authenticationFailed', 'Sign in', {})
  })
  const listener = new Listener({
    ...terms,
    name: 'web',
    bind: [{ host: '127.0.0.1', port: 0 }],
    protocol: httpProtocol(router, { onCrash: (error) => crashes.push(error), ...o }),
    ...(tls === undefined ? {} : { tls, tlsImplicit: true }),
    onTrouble: (trouble) => crashes.push(trouble),
  })
  const [endpoint] = await listener.listen()
  return {
    listener,
    port: endpoint!.port,
    crashes,
    slowBegun: begun.promise,
    release: () => released.resolve(),
    [Symbol.asyncDispose]: async () => {
      await listener.drain(0)
    },
  }
}

interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

async function ask(
  port: number,
  path: string,
  o: RequestOptions & { body?: Buffer | Buffer[]; secure?: boolean } = {},
): Promise<Answer> {
  const request = (o.secure === true ? httpsRequest : httpRequest)({
    host: '127.0.0.1',
    port,
    path,
    agent: false,
    rejectUnauthorized: false,
    ...o,
  })
  return new Promise((resolve, reject) => {
    request.on('error', reject)
    request.on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        })
      })
    })
    for (const chunk of Array.isArray(o.body) ? o.body : []) request.write(chunk)
    request.end(Buffer.isBuffer(o.body) ? o.body : undefined)
  })
}

test('pages are protected, and every response has an id', async () => {
  await using s = await open()
  const page = await ask(s.port, '/')
  assert.equal(page.status, 200)
  assert.equal(page.body, '<p>hello</p>')
  assert.match(String(page.headers['content-security-policy']), /default-src 'none'/)
  assert.equal(page.headers['x-frame-options'], 'DENY')
  assert.equal(page.headers['x-content-type-options'], 'nosniff')
  assert.match(String(page.headers['x-request-id']), /^[0-9a-f-]{36}$/)
  assert.equal(page.headers['strict-transport-security'], undefined)
  const raw = await ask(s.port, '/raw')
  assert.equal(raw.headers['x-content-type-options'], 'mine')
  assert.notEqual(raw.headers['x-request-id'], page.headers['x-request-id'])
})

test('HTTPS through the same listener: the certificate by name, HSTS, and handlers know', async () => {
  const tls = new TlsContexts([createSelfSigned(['mail.example.org'], Date.UTC(2026, 10, 21))])
  await using s = await open({}, tls)
  const answer = await ask(s.port, '/client', { secure: true })
  assert.deepEqual(JSON.parse(answer.body), { ip: '127.0.0.1', secure: true, isLocal: true, listener: 'web' })
  assert.equal(answer.headers['strict-transport-security'], 'max-age=60')
  // Plain HTTP at the TLS port is a failed handshake and nothing else.
  await assert.rejects(ask(s.port, '/'))
})

test('a trusted proxy is believed', async () => {
  const headers = { 'X-Forwarded-For': '198.51.100.7', 'X-Forwarded-Proto': 'https' }
  await using trusting = await open({ trustedNetworks: () => [parseNetwork('127.0.0.0/8')!] })
  const seen = JSON.parse((await ask(trusting.port, '/client', { headers })).body) as object
  assert.deepEqual(seen, { ip: '198.51.100.7', secure: true, isLocal: false, listener: 'web' })
  await using strict = await open()
  const doubted = JSON.parse((await ask(strict.port, '/client', { headers })).body) as object
  assert.deepEqual(doubted, { ip: '127.0.0.1', secure: false, isLocal: false, listener: 'web' })
})

test('a PROXY header in front of a request, also one with a body, and of the next request', async () => {
  await using s = await open({}, undefined, { proxies: [parseNetwork('127.0.0.0/8')!] })
  const posted = 'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello'
  const asked = 'GET /client HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n'
  const header = 'PROXY TCP4 192.0.2.1 198.51.100.2 40000 80\r\n'
  for (const split of [0, 10, header.length, header.length + 20, header.length + posted.length]) {
    await using c = await Conversation.connect(s.port)
    // The third one's answer ends the line of the second one's.
    const input = header + posted + asked + asked
    c.sendRaw(input.slice(0, split))
    await new Promise(setImmediate)
    c.sendRaw(input.slice(split))
    await c.expect('HTTP/1.1 200 OK')
    await c.until(/^\{"ip":"192\.0\.2\.1"/)
  }
})

test('HTTP/1.0 without Host, as health checks of proxies ask', async () => {
  await using s = await open()
  await using c = await Conversation.connect(s.port)
  c.send('GET / HTTP/1.0', '')
  await c.expect('HTTP/1.1 200 OK')
})

test('failures are problem documents that reveal nothing', async () => {
  await using s = await open()
  const problem = async (path: string): Promise<Answer & { json: Record<string, unknown> }> => {
    const answer = await ask(s.port, path)
    assert.equal(answer.headers['content-type'], 'application/problem+json')
    assert.ok(!answer.body.includes('secret detail'))
    const json = JSON.parse(answer.body) as Record<string, unknown>
    assert.equal(json['status'], answer.status)
    assert.equal(json['requestId'], answer.headers['x-request-id'])
    return { ...answer, json }
  }
  assert.equal((await problem('/nowhere')).status, 404)
  assert.equal((await problem('/syntax')).json['detail'], 'Malformed at byte 7')
  assert.deepEqual((await problem('/invalid')).json['properties'], ['name'])
  const limited = await problem('/limited')
  assert.equal(limited.status, 429)
  assert.equal(limited.headers['retry-after'], '2')
  const closed = await problem('/private')
  assert.equal(closed.status, 401)
  assert.match(closed.headers['www-authenticate'] ?? '', /^Basic realm=/)
  assert.deepEqual(s.crashes, [])
  const crash = await problem('/crash')
  assert.equal(crash.status, 500)
  assert.deepEqual(
    s.crashes.map((each) => (each as { request: object }).request),
    [{ id: crash.json['requestId'], method: 'GET', path: '/crash' }],
  )
})

test('bodies have a limit by path, whether their length is declared or not', async () => {
  await using s = await open()
  const post = (path: string, body: Buffer | Buffer[]): Promise<Answer> =>
    ask(s.port, path, { method: 'POST', body })
  const halves = (bytes: number): Buffer[] => [Buffer.alloc(bytes / 2, 0x61), Buffer.alloc(bytes / 2, 0x61)]
  assert.equal((await post('/echo', Buffer.from('0123456789'))).body, '0123456789')
  assert.equal((await post('/echo', halves(10))).body, 'aaaaaaaaaa')
  assert.equal((await post('/upload', Buffer.alloc(1000))).body, '1000')
  assert.equal((await post('/upload', halves(1000))).body, '1000')
  for (const body of [Buffer.alloc(11), halves(12)]) assert.equal((await post('/echo', body)).status, 413)
  for (const body of [Buffer.alloc(1001), halves(1002)])
    assert.equal((await post('/upload', body)).status, 413)
  assert.deepEqual(s.crashes, [])
})

test('a connection is kept for the next request', async () => {
  await using s = await open()
  await using c = await Conversation.connect(s.port)
  for (let i = 0; i < 2; i++) {
    c.send('POST /echo HTTP/1.1', 'Host: x', 'Content-Length: 2', '')
    c.sendRaw('hi')
    await c.expect('HTTP/1.1 200')
    await c.until(/^$/)
    assert.equal(String(await c.bytes(2)), 'hi')
  }
})

test('a client that is slow with its headers is told and cut off', async () => {
  await using s = await open({ headersTimeoutMs: 5 })
  await using c = await Conversation.connect(s.port)
  c.sendRaw('GET / HTTP/1.1\r\nHost: x\r\nX-Slow')
  await c.expect('HTTP/1.1 408')
  await c.until(/^$/)
  await c.expectEnd()
})

test('a client that is slow with its body is told and cut off', async () => {
  await using s = await open({ headersTimeoutMs: 5, requestTimeoutMs: 10 })
  await using c = await Conversation.connect(s.port)
  c.sendRaw('POST /upload HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nbeginning')
  await c.expect('HTTP/1.1 408')
})

test('a client that does nothing is cut off', async () => {
  await using s = await open({ idleTimeoutMs: 5 })
  await using c = await Conversation.connect(s.port)
  await c.expectEnd()
})

test('what is no HTTP, or too much of it, gets a precise answer and nothing else', async () => {
  await using s = await open()
  const cases = [
    ['EHLO mail.example.org\r\n', '400'],
    ['GET / HTTP/1.1\r\n\r\n', '400'],
    [`GET / HTTP/1.1\r\nHost: x\r\nX-Long: ${'a'.repeat(20_000)}\r\n\r\n`, '431'],
    ['GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n', '400'],
    // Headers that are too many are not left out: a proxy's stand behind all others.
    [`GET / HTTP/1.1\r\nHost: x\r\n${'A: b\r\n'.repeat(99)}X-Forwarded-For: 192.0.2.1\r\n\r\n`, '431'],
    ['GET / HTTP/1.1\r\nHost: a\r\nhOST: b\r\nConnection: close\r\n\r\n', '400'],
    ['GET http://[bad/ HTTP/1.1\r\nHost: [bad\r\nConnection: close\r\n\r\n', '400'],
  ] as const
  for (const [input, status] of cases) {
    await using c = await Conversation.connect(s.port)
    c.sendRaw(input)
    await c.expect(`HTTP/1.1 ${status}`)
  }
  assert.deepEqual(s.crashes, [])
})

test('draining finishes what is in flight and closes what is idle', async () => {
  await using s = await open()
  await using idle = await Conversation.connect(s.port)
  idle.send('GET / HTTP/1.1', 'Host: x', '')
  await idle.until(/^$/)
  assert.equal(String(await idle.bytes(12)), '<p>hello</p>')
  await using busy = await Conversation.connect(s.port)
  busy.send('GET /slow HTTP/1.1', 'Host: x', '')
  await s.slowBegun
  const drained = s.listener.drain(10_000)
  await idle.expectEnd()
  s.release()
  await busy.expect('HTTP/1.1 200')
  await busy.until(/^$/)
  assert.equal(String(await busy.bytes(7)), 'at last')
  await busy.expectEnd()
  busy.end()
  idle.end()
  assert.equal(await drained, 0)
})
