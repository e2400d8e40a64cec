import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fixedClock } from '#base/clock.ts'
import { isFault } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import { noRate, type Rate } from '#base/rate.ts'
import type { SettingsObject } from '#settings/object.ts'
import { limitAddress, RequestRates } from './request-rates.ts'
import { createRouter } from './router.ts'
import { httpSettings } from './settings.ts'

const alice = 7 as AccountId
const bob = 8 as AccountId

function setUp(rates: { authenticated?: Rate; anonymous?: Rate } = {}) {
  const clock = fixedClock(1_000_000)
  const values = {
    rateLimitAuthenticated: rates.authenticated ?? { count: 3, periodMs: 60_000 },
    rateLimitAnonymous: rates.anonymous ?? { count: 2, periodMs: 60_000 },
  }
  const settings = { get: <F>(_: SettingsObject<F>): F => values as F }
  return { clock, values, rates: new RequestRates({ settings, clock }) }
}

const refused = (error: unknown): boolean =>
  isFault(error, 'rateLimited') && error.detail.retryAfterMs === 30_000

test('without configuration an account has 1000 requests a minute, an address 100', () => {
  const { rateLimitAuthenticated, rateLimitAnonymous } = httpSettings.fields
  assert.deepEqual(rateLimitAuthenticated.fallback, { count: 1000, periodMs: 60_000 })
  assert.deepEqual(rateLimitAnonymous.fallback, { count: 100, periodMs: 60_000 })
  for (const field of [rateLimitAuthenticated, rateLimitAnonymous]) {
    assert.deepEqual(field.read('off'), noRate)
    assert.deepEqual(field.read(false), noRate)
    assert.deepEqual(field.read({ count: 5, period: 60_000 }), { count: 5, periodMs: 60_000 })
    assert.equal(field.show!(field.read('50/1h')), '50/1h')
  }
})

// Planted: all accounts share one count.
test('each account has its own count, and hears how much is left and when there is more', () => {
  const { clock, rates } = setUp()
  const left = (account: AccountId): string | undefined => rates.ofAccount(account)?.headers.RateLimit
  assert.deepEqual([alice, alice, alice].map(left), [
    '"account";r=2;t=20',
    '"account";r=1;t=20',
    '"account";r=0;t=20',
  ])
  assert.equal(rates.ofAccount(alice)?.waitMs, 20_000)
  assert.equal(rates.ofAccount(alice)?.headers['RateLimit-Policy'], '"account";q=3;w=60')
  assert.equal(rates.ofAccount(bob)?.waitMs, 0)
  clock.advance(20_000)
  assert.equal(rates.ofAccount(alice)?.waitMs, 0)
})

// Planted: the whole IPv6 address is the key.
test('an address is one client, and for IPv6 all of a /64 is', () => {
  const { rates } = setUp()
  const waits = (...ips: string[]): number[] => ips.map((ip) => rates.ofAddress(ip)!.waitMs)
  assert.deepEqual(waits('192.0.2.1', '192.0.2.1', '192.0.2.1', '192.0.2.2'), [0, 0, 30_000, 0])
  assert.deepEqual(
    waits('2001:db8:1:1::1', '2001:db8:1:1::2', '2001:db8:1:1:ffff::3', '2001:db8:1:2::1'),
    [0, 0, 30_000, 0],
  )
  // An IPv4 address in its IPv6 form is the same client.
  assert.deepEqual(waits('::ffff:192.0.2.1'), [30_000])
})

test('this machine has no limit, and nobody has one where it is off', () => {
  const { rates, values } = setUp()
  for (const ip of ['127.0.0.1', '127.8.9.1', '::1']) assert.equal(rates.ofAddress(ip), undefined)
  values.rateLimitAnonymous = noRate
  values.rateLimitAuthenticated = noRate
  assert.equal(rates.ofAddress('192.0.2.1'), undefined)
  assert.equal(rates.ofAccount(alice), undefined)
})

// Planted: `attempt` gives nothing back; and: it gives back what failed.
test('a sign-in counts for the address where it fails, and is refused before it costs anything', async () => {
  const { rates } = setUp()
  const ip = '192.0.2.1'
  let asked = 0
  const signIn = (outcome: string) => async (): Promise<string> => {
    asked++
    return outcome
  }
  for (let i = 0; i < 5; i++) assert.equal(await rates.attempt(ip, signIn('alice')), 'alice')
  assert.equal(await rates.attempt(ip, signIn('wrong')), 'wrong')
  assert.equal(await rates.attempt(ip, signIn('wrong')), 'wrong')
  await assert.rejects(rates.attempt(ip, signIn('alice')), refused)
  assert.equal(asked, 7)
})

// Planted: the address is looked at first and counted when the sign-in has failed.
test('sign-ins that are tried at once are counted before any of them has failed', async () => {
  const { rates } = setUp()
  let asked = 0
  const wrong = async (): Promise<'wrong'> => {
    asked++
    await new Promise((resolve) => setImmediate(resolve))
    return 'wrong'
  }
  const tried = await Promise.allSettled(Array.from({ length: 20 }, () => rates.attempt('192.0.2.1', wrong)))
  assert.equal(asked, 2)
  assert.equal(tried.filter(({ status }) => status === 'rejected').length, 18)
})

test('RFC 6585 §4: routes for everybody answer 429 with Retry-After, and say what is left', async () => {
  const { rates, clock } = setUp()
  const router = createRouter({ maxBodyBytes: () => 1000, onCrash: (error) => assert.fail(String(error)) })
  router.get('/before', (c) => c.text('x'))
  router.use(limitAddress(rates))
  router.get('/page', (c) => c.text('x'))
  const ask = async (path: string, ip = '192.0.2.1'): Promise<Response> =>
    router.request(path, {}, { client: { ip, secure: true, isLocal: false } })
  const first = await ask('/page')
  assert.equal(first.status, 200)
  assert.equal(first.headers.get('ratelimit'), '"address";r=1;t=30')
  assert.equal(first.headers.get('ratelimit-policy'), '"address";q=2;w=60')
  // What is not there counts as well.
  assert.equal((await ask('/nothing')).status, 404)
  const over = await ask('/page')
  assert.equal(over.status, 429)
  assert.equal(over.headers.get('retry-after'), '30')
  assert.equal(over.headers.get('ratelimit'), '"address";r=0;t=30')
  assert.equal(over.headers.get('content-type'), 'application/problem+json')
  assert.equal(((await over.json()) as { status: number }).status, 429)
  assert.equal((await ask('/nothing')).status, 429)
  assert.equal((await ask('/before')).status, 200)
  assert.equal((await ask('/page', '192.0.2.2')).status, 200)
  clock.advance(30_000)
  assert.equal((await ask('/page')).status, 200)
})
