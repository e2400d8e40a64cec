import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { WebSocket } from 'ws'
import { allPermissions } from '#account/permission.ts'
import { accountId, basic, JmapTestServer } from './fixture.test.ts'
import type { JsonObject } from './value.ts'

const post = (server: JmapTestServer, as?: string): Promise<Response> =>
  server.fetch(
    '/jmap/',
    {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ using: server.using, methodCalls: [['Core/echo', {}, 'c']] }),
    },
    as,
  )

async function limited(count: number): Promise<JmapTestServer> {
  const server = await JmapTestServer.start()
  server.rateLimits = { rateLimitAuthenticated: { count, periodMs: 60_000 } }
  return server
}

// Planted: the gate does not look at what it counted.
test('RFC 8620 §3.6.1: more requests than an account may make are refused with the limit, until there is room', async () => {
  const server = await limited(2)
  await server.add(8, 'anna@example.org')
  assert.deepEqual([(await post(server)).status, (await post(server)).status], [200, 200])
  const refused = await post(server)
  assert.equal(refused.status, 429)
  assert.equal(refused.headers.get('content-type'), 'application/problem+json')
  assert.equal(refused.headers.get('retry-after'), '30')
  assert.equal(refused.headers.get('ratelimit'), '"account";r=0;t=30')
  const problem = (await refused.json()) as JsonObject
  assert.equal(problem['type'], 'urn:ietf:params:jmap:error:limit')
  assert.equal(problem['limit'], 'rateLimitAuthenticated')
  assert.equal(problem['status'], 429)
  assert.equal((await post(server, 'anna@example.org')).status, 200)
  server.clock.advance(30_000)
  assert.equal((await post(server)).status, 200)
})

test('the headers say what is left of both limits, of requests at once and in a minute', async () => {
  const server = await limited(100)
  const { headers } = await post(server)
  assert.equal(
    headers.get('ratelimit-policy'),
    '"requests";q=4;qu="concurrent-requests", "account";q=100;w=60',
  )
  assert.equal(headers.get('ratelimit'), '"requests";r=3, "account";r=99;t=1')
})

test('the session, uploads, downloads and event sources count as any request', async () => {
  const server = await limited(5)
  const ask = async (path: string, init: RequestInit = {}): Promise<string | null> => {
    const response = await server.fetch(path, init)
    await response.body?.cancel()
    return /"account";r=(\d+)/.exec(response.headers.get('ratelimit') ?? '')?.[1] ?? null
  }
  assert.equal(await ask('/.well-known/jmap'), '4')
  assert.equal(await ask(`/jmap/upload/${accountId}/`, { method: 'POST', body: 'x' }), '3')
  assert.equal(await ask(`/jmap/download/${accountId}/none/x`), '2')
  assert.equal(await ask('/jmap/eventsource/?types=*&closeafter=no&ping=0'), '1')
  assert.equal(await ask('/jmap/nothing'), '0')
  assert.equal((await server.fetch('/jmap/session')).status, 429)
})

// Planted: the permission is not looked at.
test('who has the permission unlimitedRequests has no limit', async () => {
  const server = await limited(1)
  await server.add(8, 'anna@example.org', { permissions: allPermissions })
  for (let i = 0; i < 5; i++) {
    const response = await post(server, 'anna@example.org')
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('ratelimit'), '"requests";r=3')
  }
})

// Planted: requests without a sign-in are refused with 401 for ever.
test('requests without a sign-in and wrong ones count for the address, whose right ones are looked at no more', async () => {
  const server = await JmapTestServer.start()
  server.rateLimits = { rateLimitAnonymous: { count: 2, periodMs: 60_000 } }
  for (let i = 0; i < 5; i++) assert.equal((await post(server)).status, 200)
  const none = { headers: { Authorization: '' } }
  assert.equal((await server.fetch('/jmap/session', none)).status, 401)
  assert.equal((await post(server, 'nobody@example.org')).status, 401)
  for (const response of [await server.fetch('/jmap/session', none), await post(server)]) {
    assert.equal(response.status, 429)
    assert.equal(response.headers.get('retry-after'), '30')
    const problem = (await response.json()) as JsonObject
    assert.equal(problem['type'], 'urn:ietf:params:jmap:error:limit')
    assert.equal(problem['limit'], 'rateLimitAnonymous')
  }
})

// Planted: messages of a WebSocket are not counted.
test('RFC 8887 §4.3: a WebSocket is one request when it opens, and each message is one; what is over is refused by its id', async () => {
  const server = await limited(3)
  await using web = await server.listen()
  const ws = new WebSocket(`ws://127.0.0.1:${web.port}/jmap/ws`, 'jmap', {
    headers: { Authorization: basic('fred@example.org') },
  })
  await once(ws, 'open')
  const ask = async (message: object): Promise<JsonObject> => {
    ws.send(JSON.stringify(message))
    const [data] = (await once(ws, 'message')) as [Buffer]
    return JSON.parse(data.toString()) as JsonObject
  }
  const echo = (id: string): object => ({
    '@type': 'Request',
    id,
    using: server.using,
    methodCalls: [['Core/echo', {}, 'c']],
  })
  assert.equal((await ask(echo('a')))['@type'], 'Response')
  assert.equal((await ask(echo('b')))['@type'], 'Response')
  const refused = await ask(echo('c'))
  assert.equal(refused['@type'], 'RequestError')
  assert.equal(refused['requestId'], 'c')
  assert.equal(refused['type'], 'urn:ietf:params:jmap:error:limit')
  assert.equal(refused['limit'], 'rateLimitAuthenticated')
  assert.equal(refused['status'], 429)
  assert.equal((await ask({ '@type': 'WebSocketPushEnable', dataTypes: null }))['status'], 429)
  server.clock.advance(20_000)
  assert.equal((await ask(echo('d')))['@type'], 'Response')
  ws.terminate()
})
