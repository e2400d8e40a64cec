/** Web clients of other sites, as their browsers ask for them (Fetch Standard, CORS protocol). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountId, JmapTestServer } from './fixture.test.ts'

const Origin = 'https://webmail.example.net'

async function start(permitsOtherSites: boolean): Promise<JmapTestServer> {
  const server = await JmapTestServer.start()
  server.permitsOtherSites = permitsOtherSites
  return server
}

/** As a browser does it: without credentials. */
const preflight = (server: JmapTestServer, path: string, method: string): Promise<Response> =>
  server.fetch(path, {
    method: 'OPTIONS',
    headers: {
      Origin,
      Authorization: '',
      'Access-Control-Request-Method': method,
      'Access-Control-Request-Headers': 'authorization,content-type',
    },
  })

const routes = [
  { path: '/.well-known/jmap', method: 'GET' },
  { path: '/jmap/session', method: 'GET' },
  { path: '/jmap/', method: 'POST' },
  { path: '/jmap', method: 'POST' },
  { path: `/jmap/upload/${accountId}/`, method: 'POST' },
  { path: `/jmap/download/${accountId}/B1-0/a?type=text/plain`, method: 'GET' },
  { path: '/jmap/eventsource/?types=*&closeafter=state&ping=0', method: 'GET' },
]

for (const { path, method } of routes) {
  test(`${method} ${path} may be asked for by other sites where that is set`, async () => {
    const server = await start(true)
    const answer = await preflight(server, path, method)
    assert.equal(answer.status, 204)
    assert.equal(answer.headers.get('access-control-allow-origin'), '*')
    assert.match(answer.headers.get('access-control-allow-methods')!, new RegExp(method))
    for (const header of ['authorization', 'content-type', 'last-event-id', 'range'])
      assert.match(answer.headers.get('access-control-allow-headers')!, new RegExp(header, 'i'))
    // What a browser remembers would come with requests that no page was trusted with.
    assert.equal(answer.headers.get('access-control-allow-credentials'), null)
  })

  test(`${method} ${path} may not where it is not set`, async () => {
    const server = await start(false)
    const answer = await preflight(server, path, method)
    assert.equal(answer.status, 403)
    assert.equal(answer.headers.get('access-control-allow-origin'), null)
    const asked = await server.fetch(path, { method, headers: { Origin } })
    assert.equal(asked.status, 403)
    assert.equal(asked.headers.get('access-control-allow-origin'), null)
  })
}

test('a page of another site can read the answers, refusals too, and how much it may ask', async () => {
  const server = await start(true)
  const session = await server.fetch('/jmap/session', { headers: { Origin } })
  assert.equal(session.status, 200)
  assert.equal(session.headers.get('access-control-allow-origin'), '*')
  const refused = await server.fetch('/jmap/session', { headers: { Origin, Authorization: '' } })
  assert.equal(refused.status, 401)
  assert.equal(refused.headers.get('access-control-allow-origin'), '*')
  const wrong = await server.fetch('/jmap/', { method: 'POST', headers: { Origin }, body: '{' })
  assert.equal(wrong.status, 400)
  assert.equal(wrong.headers.get('access-control-allow-origin'), '*')
  const asked = await server.fetch('/jmap/', {
    method: 'POST',
    headers: { Origin, 'Content-Type': 'application/json' },
    body: '{"using":[],"methodCalls":[]}',
  })
  assert.equal(asked.headers.get('ratelimit-policy'), '"requests";q=4;qu="concurrent-requests"')
  assert.equal(asked.headers.get('ratelimit'), '"requests";r=3')
  const readable = asked.headers.get('access-control-expose-headers')!.split(',')
  for (const header of ['RateLimit', 'Retry-After', 'Content-Range', 'ETag'])
    assert.ok(readable.includes(header))
})

test('what is not of JMAP says nothing to other sites', async () => {
  const server = await start(true)
  const answer = await server.fetch('/', { headers: { Origin } })
  assert.equal(answer.headers.get('access-control-allow-origin'), null)
})
