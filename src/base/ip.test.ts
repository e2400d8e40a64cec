import assert from 'node:assert/strict'
import { isIP } from 'node:net'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  formatIp,
  formatNetwork,
  isLoopbackIp,
  networkContains,
  normaliseIp,
  parseIp,
  parseNetwork,
  reverseName,
} from './ip.ts'

const ipBytes = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength: length, maxLength: length })

test('the one spelling of an address (RFC 5952 §4)', () => {
  const cases: Record<string, string> = {
    '192.0.2.1': '192.0.2.1',
    '2001:0DB8:0:0:8:800:200C:417A': '2001:db8::8:800:200c:417a',
    '2001:db8:0:1:1:1:1:1': '2001:db8:0:1:1:1:1:1',
    '2001:0:0:1:0:0:0:1': '2001:0:0:1::1',
    '2001:db8:0:0:1:0:0:1': '2001:db8::1:0:0:1',
    '::': '::',
    '0:0:0:0:0:0:0:1': '::1',
    '::ffff:192.0.2.1': '192.0.2.1',
    '::FFFF:c000:201': '192.0.2.1',
    '64:ff9b::192.0.2.33': '64:ff9b::c000:221',
    'fe80::1%eth0': 'fe80::1',
  }
  for (const [text, spelled] of Object.entries(cases)) assert.equal(normaliseIp(text), spelled, text)
})

test('what is no address', () => {
  for (const text of [
    '',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '01.2.3.4',
    '1.2.3.4 ',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '1:2:3:4:5:6:7::8:9',
    '12345::',
    'g::',
    '::1.2.3',
    '1.2.3.4::',
    '::1.2.3.4:5',
    '1:2:3:4:5:6:7:1.2.3.4',
    ':1::2',
    '%eth0',
    '1.2.3.4%eth0',
  ])
    assert.equal(parseIp(text), undefined, text)
})

test('every address reads back from its text', () => {
  fc.assert(fc.property(ipBytes(4), (ip) => assert.deepEqual(parseIp(formatIp(ip)), ip)))
  fc.assert(fc.property(ipBytes(16), (ip) => assert.deepEqual(parseIp(formatIp(ip)), ip)))
  const sparse = fc
    .array(fc.constantFrom(0, 0, 0, 1), { minLength: 16, maxLength: 16 })
    .map((a) => Uint8Array.from(a))
  fc.assert(
    fc.property(sparse, (ip) => {
      assert.deepEqual(parseIp(formatIp(ip)), ip)
      assert.equal(`[${formatIp(ip)}]`, new URL(`http://[${formatIp(ip)}]`).hostname)
    }),
  )
})

test('what is taken for an address is what the operating system takes for one', () => {
  const text = fc.string({
    unit: fc.constantFrom(...'0129afg:.'.split(''), '::', '192.0.2.1', '1:', 'ffff'),
    maxLength: 12,
  })
  fc.assert(
    fc.property(text, (t) => (parseIp(t) !== undefined) === (isIP(t) !== 0)),
    { numRuns: 2000 },
  )
  fc.assert(fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (t) => parseIp(t) !== undefined))
})

test('networks', () => {
  const inside = (network: string, ip: string): boolean =>
    networkContains(parseNetwork(network)!, parseIp(ip)!)
  assert(inside('10.0.0.0/8', '10.255.0.1'))
  assert(!inside('10.0.0.0/8', '11.0.0.1'))
  assert(inside('10.0.0.0/8', '::ffff:10.0.0.1'))
  assert(inside('192.0.2.129/25', '192.0.2.200'))
  assert(!inside('192.0.2.129/25', '192.0.2.1'))
  assert(inside('::ffff:10.0.0.0/104', '10.1.2.3'))
  assert(inside('2001:db8::/33', '2001:db8:7fff::1'))
  assert(!inside('2001:db8::/33', '2001:db8:8000::1'))
  assert(inside('0.0.0.0/0', '1.2.3.4'))
  assert(!inside('::/0', '1.2.3.4'))
  assert(!inside('::1', '::2'))
  assert.equal(formatNetwork(parseNetwork('192.0.2.129/24')!), '192.0.2.0/24')
  for (const text of [
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '::/129',
    '/8',
    '10.0.0.0/8/8',
    '::ffff:10.0.0.0/90',
    '10/8',
  ])
    assert.equal(parseNetwork(text), undefined, text)
})

test('a network holds exactly the addresses with its prefix', () => {
  const bits = (ip: Uint8Array): string => [...ip].map((b) => b.toString(2).padStart(8, '0')).join('')
  fc.assert(
    fc.property(ipBytes(4), ipBytes(4), fc.nat({ max: 32 }), (a, b, prefix) => {
      const network = parseNetwork(`${formatIp(a)}/${prefix}`)!
      assert(networkContains(network, a))
      assert.equal(networkContains(network, b), bits(a).slice(0, prefix) === bits(b).slice(0, prefix))
      assert.deepEqual(parseNetwork(formatNetwork(network)), network)
    }),
  )
})

test('names for reverse look-ups', () => {
  assert.equal(reverseName(parseIp('192.0.2.1')!), '1.2.0.192.in-addr.arpa')
  // RFC 3596 §2.5
  assert.equal(
    reverseName(parseIp('4321:0:1:2:3:4:567:89ab')!),
    'b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.0.0.0.0.1.2.3.4.ip6.arpa',
  )
})

test('loopback', () => {
  for (const text of ['127.0.0.1', '127.9.9.9', '::1', '::ffff:127.0.0.1'])
    assert(isLoopbackIp(parseIp(text)!), text)
  for (const text of ['128.0.0.1', '::', '::2', '1::1']) assert(!isLoopbackIp(parseIp(text)!), text)
})
