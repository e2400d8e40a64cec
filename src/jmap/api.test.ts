/** The session and requests as clients see them over HTTP. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountId, JmapTestServer } from './fixture.test.ts'
import type { JsonObject } from './value.ts'

const core = 'urn:ietf:params:jmap:core'

const post = (server: JmapTestServer, body: string | Uint8Array<ArrayBuffer>, type = 'application/json') =>
  server.fetch('/jmap/', {
    method: 'POST',
    body,
    headers: { 'Content-Type': type },
  })

async function problem(response: Response): Promise<JsonObject> {
  assert.equal(response.headers.get('content-type'), 'application/problem+json')
  const body = (await response.json()) as JsonObject
  assert.equal(body['status'], response.status)
  return body
}

test('RFC 8620 §2: the session is the same at both addresses, complete, and its URLs are absolute', async () => {
  const server = await JmapTestServer.start()
  const response = await server.fetch('/.well-known/jmap')
  assert.equal(response.headers.get('cache-control'), 'no-cache, no-store, must-revalidate')
  const session = (await response.json()) as Record<string, JsonObject>
  assert.deepEqual(await (await server.fetch('/jmap/session')).json(), session)
  assert.equal(session['username'], 'fred@example.org')
  assert.equal(session['apiUrl'], 'https://mail.example.org/jmap/')
  for (const name of ['downloadUrl', 'uploadUrl', 'eventSourceUrl'])
    assert.match(session[name] as unknown as string, /^https:\/\/mail\.example\.org\/jmap\//)
  const limits = session['capabilities']![core] as JsonObject
  assert.equal(limits['maxCallsInRequest'], 16)
  assert.equal(session['primaryAccounts']!['urn:ietf:params:jmap:mail'], accountId)
  const own = session['accounts']![accountId] as JsonObject
  assert.deepEqual([own['isPersonal'], own['isReadOnly']], [true, false])
})

test('RFC 8620 §2: the state changes when an account is shared, and a request tells it', async () => {
  const server = await JmapTestServer.start()
  const bill = await server.add(8, 'bill@example.org')
  const stateOf = async (): Promise<unknown> =>
    ((await (await server.fetch('/jmap/session')).json()) as JsonObject)['state']
  const before = await stateOf()
  const { body } = await server.request([])
  assert.equal(body['sessionState'], before)
  await server.shareFollowed(1 as never, server.people[0]!.id, 'lr', bill.id)
  const after = await stateOf()
  assert.notEqual(after, before)
  assert.equal((await server.request([])).body['sessionState'], after)
})

test('RFC 8620 §3.6.1: what is not JSON, not I-JSON or of another content type is notJSON', async () => {
  const server = await JmapTestServer.start()
  const good = JSON.stringify({ using: [core], methodCalls: [] })
  assert.equal((await post(server, good)).status, 200)
  assert.equal((await post(server, good, 'application/json; charset=utf-8')).status, 200)
  const bad: [string | Uint8Array<ArrayBuffer>, string?][] = [
    [good, 'text/plain'],
    [good, 'application/jsonx'],
    ['{"using":'],
    ['{"using":[],"using":[],"methodCalls":[]}'],
    ['{"using":[],"methodCalls":[["Core/echo",{"a":"\\ud800"},"c"]]}'],
    ['{"using":[],"methodCalls":[["Core/echo",{"a":"\\ufffe"},"c"]]}'],
    ['{"using":[],"methodCalls":[["Core/echo",{"a":"\uffff"},"c"]]}'],
    [Buffer.from([0x7b, 0xff, 0x7d])],
    [`{"using":[],"methodCalls":${'['.repeat(10_000)}${']'.repeat(10_000)}}`],
  ]
  for (const [body, type] of bad) {
    const told = await problem(await post(server, body, type))
    assert.equal(told['type'], 'urn:ietf:params:jmap:error:notJSON', String(body).slice(0, 80))
  }
  assert.equal(
    (await post(server, '{"using":[],"methodCalls":[["Core/echo",{"a":"\\ud83d\\ude00"},"c"]]}')).status,
    200,
  )
})

test('RFC 8620 §3.6.1: what is no Request object is notRequest', async () => {
  const server = await JmapTestServer.start()
  const bad = [
    '[]',
    '{}',
    '{"using":"x","methodCalls":[]}',
    '{"using":[1],"methodCalls":[]}',
    '{"using":[]}',
    '{"using":[],"methodCalls":{}}',
    '{"using":[],"methodCalls":[["Core/echo",{}]]}',
    '{"using":[],"methodCalls":[["Core/echo",[],"c"]]}',
    '{"using":[],"methodCalls":[["Core/echo",{},1]]}',
    '{"using":[],"methodCalls":[],"createdIds":{"a":1}}',
    '{"using":[],"methodCalls":[],"createdIds":{"a b":"c"}}',
  ]
  for (const body of bad) {
    const told = await problem(await post(server, body))
    assert.equal(told['type'], 'urn:ietf:params:jmap:error:notRequest', body)
  }
})

test('RFC 8620 §3.6.1: limits are named, and a capability that is not known is refused', async () => {
  const server = await JmapTestServer.start({ maxMethodCalls: 2, maxRequestSize: 1024 })
  const echo = ['Core/echo', {}, 'c'] as const
  const { body } = await server.request([echo, echo, echo])
  assert.deepEqual([body['type'], body['limit']], ['urn:ietf:params:jmap:error:limit', 'maxCallsInRequest'])
  const large = await problem(await post(server, ' '.repeat(1025)))
  assert.deepEqual([large['status'], large['limit']], [413, 'maxSizeRequest'])
  const unknown = await server.request([], { using: [core, 'urn:x'] })
  assert.deepEqual(
    [unknown.status, unknown.body['type']],
    [400, 'urn:ietf:params:jmap:error:unknownCapability'],
  )
})

test('RFC 8620 §3.6.1: more requests at once than allowed are refused, and leave room when they end', async () => {
  const server = await JmapTestServer.start({ maxConcurrentRequests: 1 })
  const echo = (): Promise<{ status: number; body: JsonObject }> => server.request([['Core/echo', {}, 'c']])
  const both = await Promise.all([echo(), echo()])
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 429])
  assert.equal(both.find(({ status }) => status === 429)!.body['limit'], 'maxConcurrentRequests')
  assert.equal((await echo()).status, 200)
})

test('RFC 9110 §10.2.3: whoever is refused for asking too much at once reads when to ask again', async () => {
  const server = await JmapTestServer.start({ maxConcurrentRequests: 1 })
  const body = JSON.stringify({ using: [core], methodCalls: [] })
  const both = await Promise.all([post(server, body), post(server, body)])
  const times = both.map(({ status, headers }) => `${status} ${headers.get('retry-after')}`)
  assert.deepEqual(times.sort(), ['200 null', '429 1'])
})

test('RFC 9110 §15.5.6: other methods than those of a resource are refused with what there is', async () => {
  const server = await JmapTestServer.start()
  const read = 'GET, HEAD'
  const allowed = {
    '/.well-known/jmap': read,
    '/jmap/session': read,
    '/jmap/': 'POST',
    '/jmap/upload/A1/': 'POST',
    '/jmap/download/A1/B1/x': read,
    '/jmap/eventsource/': read,
    '/jmap/ws': read,
  }
  for (const [path, allow] of Object.entries(allowed))
    for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
      if (allow.includes(method)) continue
      const answer = await server.fetch(path, { method })
      assert.deepEqual([answer.status, answer.headers.get('allow')], [405, allow], `${method} ${path}`)
      assert.equal(answer.headers.get('content-type'), 'application/problem+json')
    }
})

test('nobody gets in without a password, in clear, or from the page of another site', async () => {
  const server = await JmapTestServer.start()
  const wrong = await server.fetch('/jmap/session', {
    headers: { Authorization: 'Basic bm9ib2R5OnNlY3JldA==' },
  })
  assert.equal(wrong.status, 401)
  assert.match(wrong.headers.get('www-authenticate')!, /^Basic [^,]+, charset="UTF-8", Bearer realm="[^"]+"$/)
  // RFC 6750 §3.1: who showed a token is told that it is the token.
  const key = await server.fetch('/jmap/session', { headers: { Authorization: 'Bearer nonsense' } })
  assert.equal(key.status, 401)
  assert.match(key.headers.get('www-authenticate')!, /, Bearer realm="[^"]+", error="invalid_token"$/)
  assert.equal(
    (await server.fetch('/jmap/session', { headers: { Origin: 'https://evil.example' } })).status,
    403,
  )
  const request = new Request('http://mail.example.org/jmap/session')
  const client = { ip: '192.0.2.7', secure: false, isLocal: false }
  const clear = await server.router.fetch(request, {
    client,
    listener: 'http',
    incoming: {},
    outgoing: {},
  })
  assert.equal(clear.status, 403)
})
