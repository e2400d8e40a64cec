import assert from 'node:assert/strict'
import { test } from 'node:test'
import { JmapTestServer } from './fixture.test.ts'
import { claimsOf } from './push-receiver.test.ts'
import { Vapid } from './vapid.ts'

const urn = 'urn:ietf:params:jmap:webpush-vapid'

test('RFC 9749 §3: the session has the public key, which is that of all workers and of every start', async () => {
  const server = await JmapTestServer.start()
  const session = (await (await server.fetch('/jmap/session')).json()) as {
    capabilities: Record<string, { applicationServerKey: string }>
  }
  const { applicationServerKey } = session.capabilities[urn]!
  const point = Buffer.from(applicationServerKey, 'base64url')
  assert.equal(point.length, 65)
  assert.equal(point[0], 4)
  assert.match(applicationServerKey, /^[\w-]{87}$/)
  const others = [0, 1].map(
    () => new Vapid({ db: server.db, clock: server.clock, contact: () => 'mailto:a@example.org' }),
  )
  for (const key of await Promise.all(others.map((one) => one.publicKey())))
    assert.equal(key, applicationServerKey)
})

test('two workers that start at once have one key', async () => {
  const server = await JmapTestServer.start()
  const workers = [0, 1, 2].map(
    () => new Vapid({ db: server.db, clock: server.clock, contact: () => 'mailto:a@example.org' }),
  )
  const keys = await Promise.all(workers.map((one) => one.publicKey()))
  assert.equal(new Set(keys).size, 1)
})

test('RFC 8292 §2: the token is for the origin of the push service, ends within a day, and has a contact', async () => {
  const server = await JmapTestServer.start()
  const { clock, db } = server
  const vapid = new Vapid({ db, clock, contact: () => 'https://example.org/contact' })
  const key = await vapid.publicKey()
  const url = new URL('https://push.example.com:8443/some/where?secret=1')
  const first = await vapid.authorization(url, key)
  const claims = claimsOf(first, key)
  const now = clock.now() / 1000
  assert.equal(claims['aud'], 'https://push.example.com:8443')
  assert.equal(claims['sub'], 'https://example.org/contact')
  assert.ok((claims['exp'] as number) > now && (claims['exp'] as number) <= now + 86_400)
  assert.equal(await vapid.authorization(url, key), first)
  clock.advance(86_400_000)
  const later = claimsOf(await vapid.authorization(url, key), key)
  assert.ok((later['exp'] as number) > clock.now() / 1000)
  assert.equal(
    claimsOf(await vapid.authorization(new URL('https://b.example/'), key), key)['aud'],
    'https://b.example',
  )
})
