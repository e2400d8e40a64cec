import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatIp, parseIp, parseNetwork } from '#base/ip.ts'
import { forwardedClient } from './forwarded.ts'

const trusted = ['10.0.0.0/8', '2001:db8::/32'].map((text) => parseNetwork(text)!)
const peer = parseIp('10.1.1.1')!

function client(headers: Parameters<typeof forwardedClient>[0]): string {
  const { ip, protocol } = forwardedClient(headers, peer, trusted)
  return protocol === undefined ? formatIp(ip) : `${formatIp(ip)} ${protocol}`
}

test('Forwarded, as RFC 7239 §4 writes it', () => {
  for (const [forwarded, expected] of [
    ['for=192.0.2.60;proto=http;by=203.0.113.43', '192.0.2.60 http'],
    ['For="[2001:DB9:cafe::17]:4711"', '2001:db9:cafe::17'],
    ['for="192.0.2.43:47011"', '192.0.2.43'],
    ['for=192.0.2.43, for=198.51.100.17', '198.51.100.17'],
    ['for=192.0.2.43, for=10.2.2.2;proto=HTTPS', '192.0.2.43 https'],
    ['for=192.0.2.43;ext="a, for=203.0.113.1", for=10.2.2.2', '192.0.2.43'],
    ['for=192.0.2.43,,for=10.2.2.2', '10.2.2.2'],
    ['for=_hidden', '10.1.1.1'],
    ['for=192.0.2.43, for=unknown', '10.1.1.1'],
    ['proto=https', '10.1.1.1 https'],
    ['', '10.1.1.1'],
  ] as const)
    assert.equal(client({ forwarded }), expected, forwarded)
})

test('a malformed element hides what stands left of it', () => {
  for (const forwarded of ['for=192.0.2.43, for=10.2.2.2 for=10.3.3.3', 'for=192.0.2.43, for="10.2.2.2'])
    assert.equal(client({ forwarded }), '10.1.1.1', forwarded)
  assert.equal(client({ forwarded: 'for=192.0.2.43, =x, for=10.2.2.2' }), '10.2.2.2')
})

test('X-Forwarded-For with ports, and before Forwarded', () => {
  assert.equal(client({ 'x-forwarded-for': '192.0.2.43:5000' }), '192.0.2.43')
  assert.equal(client({ 'x-forwarded-for': '[2001:db9::1]:5000' }), '2001:db9::1')
  assert.equal(client({ 'x-forwarded-for': '192.0.2.43', forwarded: 'for=203.0.113.1' }), '192.0.2.43')
})

// Turns red where white space can belong to two places of an element: then it takes for ever.
test('hostile fields are read in linear time', () => {
  for (const unit of [' ', '\t', 'a', 'a=', 'a="', '\\"', ';', ', ', ' ;', 'for=1 '])
    assert.equal(client({ forwarded: `${unit.repeat(1_000_000 / unit.length)}\u0001` }), '10.1.1.1')
})

test('whatever is written, what stands right of it decides', () => {
  const anything = fc.oneof(
    fc.string({ unit: 'binary-ascii', maxLength: 60 }),
    fc.stringMatching(/^[a"\\,;=. ]{0,30}$/),
  )
  fc.assert(
    fc.property(anything, (written) => {
      assert.equal(client({ 'x-forwarded-for': `${written}, 192.0.2.43` }), '192.0.2.43')
      assert.equal(client({ forwarded: `${written}, for=192.0.2.43` }), '192.0.2.43')
      assert.equal(client({ forwarded: `${written}, for="[2001:db9::1]:1"` }), '2001:db9::1')
    }),
  )
})
