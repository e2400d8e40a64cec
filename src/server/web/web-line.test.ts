import assert from 'node:assert/strict'
import { test } from 'node:test'
import { userAccess } from '#account/fixture.test.ts'
import { createRouter, type Router } from '#http/router.ts'
import { RequestProblem } from '#jmap/errors.ts'
import type { Asker, JmapRequest } from '#jmap/request.ts'
import type { JsonObject } from '#jmap/value.ts'
import { serveWebLine, WebLine, type WebLineServices } from './web-line.ts'

const access = userAccess(7, 'fred@example.org')
const request: JmapRequest = {
  using: new Set(['urn:postern:jmap']),
  methodCalls: [{ name: 'x:Domain/get', arguments: { ids: null }, callId: 'c' }],
  createdIds: new Map([['k', 'M1']]),
}
const asker: Asker = {
  access,
  ip: '192.0.2.7',
  base: 'https://mail.example.org',
  signal: new AbortController().signal,
}

const newRouter = (): Router =>
  createRouter({ maxBodyBytes: () => 1000, onCrash: (error) => assert.fail(String(error)) })

/** The routes and the requests of the main worker, as another one reaches them. */
function lineTo(main: Router, run: WebLineServices['processor']['runCounted'] = async () => ({})) {
  const failures: unknown[] = []
  const processor = { runCounted: run } as WebLineServices['processor']
  const management = {} as WebLineServices['management']
  const line = new WebLine(
    serveWebLine({ router: main, processor, management, onFailure: (error) => failures.push(error) }),
  )
  const router = newRouter()
  router.all('*', (c) => line.fetch(c))
  const client = { ip: '192.0.2.7', secure: true, isLocal: false }
  const fetch = async (path: string, init: RequestInit = {}): Promise<Response> =>
    router.fetch(new Request(`https://mail.example.org${path}`, init), {
      client,
      listener: 'https',
      incoming: {},
      outgoing: {},
    })
  return { line, failures, fetch, [Symbol.dispose]: () => line[Symbol.dispose]() }
}

test('a request and its answer pass as they are, with who asks', async () => {
  const main = newRouter()
  main.post('/api/echo/:word', async (c) => {
    c.header('Set-Cookie', 'a=1', { append: true })
    c.header('Set-Cookie', 'b=2', { append: true })
    const { word } = c.req.param()
    const { client, listener } = c.env
    return c.json(
      { word, q: c.req.query('q'), key: c.req.header('x-key'), body: await c.req.text(), client, listener },
      201,
    )
  })
  using worker = lineTo(main)
  const response = await worker.fetch('/api/echo/h%C3%A9?q=1%202', {
    method: 'POST',
    headers: { 'X-Key': 'v' },
    body: 'übung',
  })
  assert.equal(response.status, 201)
  assert.deepEqual(response.headers.getSetCookie(), ['a=1', 'b=2'])
  assert.deepEqual(await response.json(), {
    word: 'hé',
    q: '1 2',
    key: 'v',
    body: 'übung',
    client: { ip: '192.0.2.7', secure: true, isLocal: false },
    listener: 'https',
  })
})

test('answers without a body, to HEAD, and for what is not there', async () => {
  const main = newRouter()
  main.get('/page', (c) => c.text('hello'))
  main.delete('/page', () => new Response(null, { status: 204 }))
  using worker = lineTo(main)
  const head = await worker.fetch('/page', { method: 'HEAD' })
  assert.deepEqual([head.status, await head.text()], [200, ''])
  assert.equal((await worker.fetch('/page', { method: 'DELETE' })).status, 204)
  const missing = await worker.fetch('/nothing')
  assert.equal(missing.status, 404)
  assert.match(missing.headers.get('content-type')!, /problem\+json/)
})

// Planted: bodies read as a whole before they pass.
test('an answer comes piece by piece, and is given up where nobody reads on', async () => {
  const main = newRouter()
  const given = Promise.withResolvers<void>()
  let pieces = 0
  main.get(
    '/stream',
    () =>
      new Response(
        new ReadableStream({
          pull: (stream) => stream.enqueue(Buffer.from(`${++pieces}\n`)),
          cancel: () => given.resolve(),
        }),
      ),
  )
  using worker = lineTo(main)
  const { body } = await worker.fetch('/stream')
  const reader = body!.getReader()
  assert.deepEqual((await reader.read()).value, new Uint8Array(Buffer.from('1\n')))
  await reader.cancel()
  await given.promise
})

test('a body that is too large does not pass', async () => {
  using worker = lineTo(newRouter())
  const response = await worker.fetch('/any', {
    method: 'POST',
    headers: { 'Content-Length': '1001' },
    body: 'x'.repeat(1001),
  })
  assert.equal(response.status, 413)
})

test('a request of JMAP is worked on by the main worker, and its refusal is the same', async () => {
  const seen: unknown[] = []
  const run = async ({ access: who, ip, base }: Asker, asked: JmapRequest): Promise<JsonObject> => {
    seen.push(who, ip, base, asked)
    if (seen.length > 4)
      throw new RequestProblem('limit', 'Too many.', { limit: 'maxConcurrentRequests', status: 429 })
    return { sessionState: 's' }
  }
  using worker = lineTo(newRouter(), run)
  assert.deepEqual(await worker.line.run(asker, request), { sessionState: 's' })
  assert.deepEqual(seen, [access, '192.0.2.7', 'https://mail.example.org', request])
  await assert.rejects(worker.line.run(asker, request), (error: RequestProblem) => {
    assert.ok(error instanceof RequestProblem)
    const { type, status, limit, message } = error
    assert.deepEqual([type, status, limit, message], ['limit', 429, 'maxConcurrentRequests', 'Too many.'])
    return true
  })
})

test('what fails there is told there, and here reveals nothing', async () => {
  using worker = lineTo(newRouter(), async () => {
    throw new Error('secret')
  })
  await assert.rejects(worker.line.run(asker, request), { code: 'unavailable' })
  assert.match(String(worker.failures[0]), /secret/)
})

test('who waits when the line is closed is told so', async () => {
  const worker = lineTo(newRouter(), () => new Promise(() => {}))
  const waiting = worker.line.run(asker, request)
  worker[Symbol.dispose]()
  await assert.rejects(waiting, { code: 'unavailable' })
})
