/** HTTP clients that say what no client may say. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { basicAuth, startServer, type TestServer } from '../../harness/server.ts'
import { growth, needsProc } from './resident-bytes.ts'
import { assertNoDefect, assertStillServes, name, password } from './still-serves.ts'

const mib = 1 << 20

describe('hostile HTTP input', () => {
  let server: TestServer

  before(async () => {
    server = await startServer()
    await server.createAccount(name, password)
  })
  after(() => server[Symbol.asyncDispose]())

  /** What is answered to these bytes. */
  async function answer(bytes: string): Promise<string> {
    await using http = await server.connect(server.httpPort)
    http.sendRaw(bytes)
    return await http.line()
  }

  for (const [what, bytes, status] of [
    ['no HTTP', 'EHLO x\r\n\r\n', 400],
    ['bytes of no meaning', '\0\xff\xfe\r\n\r\n', 400],
    ['a header that is too large', `GET / HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(100_000)}\r\n\r\n`, 431],
    ['fields without end', `GET / HTTP/1.1\r\nHost: x\r\n${'X: y\r\n'.repeat(20_000)}\r\n`, 431],
    ['a path of 10 kB', `GET /${'a'.repeat(10_000)} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`, 404],
    ['a path that goes up', 'GET /../../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 404],
    ['broken escapes', 'GET /api/principal/%ff%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n', 401],
    [
      'two lengths',
      'POST /api/principal HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx',
      400,
    ],
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['a chunk of no size', 'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n', 4],
    [
      'no password',
      'POST /api/principal HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}',
      401,
    ],
    [
      'half a password',
      'GET /api/principal HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Basic ====\r\n\r\n',
      401,
    ],
  ] as const) {
    test(`${what} gets ${status}`, async () => {
      assert.match(await answer(bytes), new RegExp(`^HTTP/1\\.1 ${status}`))
    })
  }

  test('a body beyond the limit is not kept', needsProc, async () => {
    const authorization = basicAuth('admin', server.adminPassword!)
    // The thread that checks passwords is not what is measured.
    assert.equal((await server.api('GET', '/api/status')).status, 200)
    const grown = await growth(server.process.pid, async () => {
      const posts = Array.from({ length: 10 }, async (_, i) => {
        await using http = await server.connect(server.httpPort)
        http.sendRaw(
          `POST /api/principal HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\nContent-Length: ${100 * mib}\r\n\r\n`,
        )
        // Whoever goes on sending may find the connection reset before it has read why (RFC 9112 §9.6).
        if (i % 2 === 0) await http.expect('HTTP/1.1 413 ')
        http.sendRaw(Buffer.alloc(60 * mib, ' '))
        // Whether the server reads it all and ends, or resets, is a matter of who is faster.
        if (http.stream.readableEnded) http.stream.destroy()
        else http.stream.once('end', () => http.stream.destroy()).resume()
        if (!http.stream.closed) await new Promise((resolve) => http.stream.once('close', resolve))
      })
      await Promise.all(posts)
    })
    assert.ok(grown < 80 * mib, `${Math.round(grown / mib)} MiB more`)
  })

  test('JSON of absurd depth or names', async () => {
    const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`
    const bodies = [
      deep,
      '{"__proto__":{"type":"domain"}}',
      '{"type":"domain","name":"\\u0000"}',
      '"\\ud800"',
      '',
    ]
    for (const body of bodies) {
      const response = await fetch(`http://127.0.0.1:${server.httpPort}/api/principal`, {
        method: 'POST',
        headers: { authorization: basicAuth('admin', server.adminPassword!) },
        body,
      })
      assert.ok(
        response.status >= 400 && response.status < 500,
        `${response.status} for ${body.slice(0, 40)}`,
      )
      await response.body?.cancel()
    }
  })

  test('afterwards the server serves, and nothing was a defect', async () => {
    await assertStillServes(server)
    assert.equal((await server.api('GET', '/healthz/ready')).status, 200)
    assertNoDefect(server)
  })
})
