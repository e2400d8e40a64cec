import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SyntaxFault } from '#base/fault.ts'
import { type ProxyHeader, readProxyHeader } from './proxy-protocol.ts'

const signature = '0d0a0d0a000d0a515549540a'
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
const v2 = (versionAndFamily: string, body: string): Buffer => {
  const bytes = hex(body)
  return Buffer.concat([
    hex(signature + versionAndFamily),
    hex(bytes.length.toString(16).padStart(4, '0')),
    bytes,
  ])
}

const clients: readonly (readonly [string, Buffer, ProxyHeader['ends']])[] = [
  [
    'version 1, IPv4',
    Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.2 40000 25\r\n'),
    { source: { ip: '192.0.2.1', port: 40_000 }, destination: { ip: '198.51.100.2', port: 25 } },
  ],
  [
    'version 1, IPv6',
    Buffer.from('PROXY TCP6 2001:DB8::1 ::1 1 65535\r\n'),
    { source: { ip: '2001:db8::1', port: 1 }, destination: { ip: '::1', port: 65_535 } },
  ],
  ['version 1, unknown', Buffer.from('PROXY UNKNOWN what ever\r\n'), undefined],
  ['version 1, unknown alone', Buffer.from('PROXY UNKNOWN\r\n'), undefined],
  [
    'version 2, IPv4',
    v2('2111', 'c0000201 c6336402 9c40 0019'),
    { source: { ip: '192.0.2.1', port: 40_000 }, destination: { ip: '198.51.100.2', port: 25 } },
  ],
  [
    'version 2, IPv6 with additions',
    v2('2121', `20010db8${'00'.repeat(11)}01 ${'00'.repeat(15)}01 0001 0002 040000 0200036d7831`),
    { source: { ip: '2001:db8::1', port: 1 }, destination: { ip: '::1', port: 2 } },
  ],
  [
    'version 2, an IPv4 address in the form of IPv6 is the IPv4 address',
    v2('2121', `${'00'.repeat(10)}ffffc0000201 ${'00'.repeat(10)}ffffc6336402 0001 0002`),
    { source: { ip: '192.0.2.1', port: 1 }, destination: { ip: '198.51.100.2', port: 2 } },
  ],
  ['version 2, LOCAL', v2('2011', 'c0000201 c6336402 9c40 0019'), undefined],
  ['version 2, LOCAL with nothing', v2('2000', ''), undefined],
  ['version 2, unspecified', v2('2100', '0102'), undefined],
  ['version 2, UDP', v2('2112', 'c0000201 c6336402 9c40 0019'), undefined],
  ['version 2, a Unix socket', v2('2131', '00'.repeat(216)), undefined],
]

test('whose connection it is', () => {
  for (const [what, bytes, ends] of clients)
    assert.deepEqual(readProxyHeader(bytes), { length: bytes.length, ends }, what)
})

test('any split gives the same: until the end the beginning is awaited, and the rest stays', () => {
  for (const [what, bytes] of clients) {
    for (let at = 0; at < bytes.length; at++)
      assert.equal(readProxyHeader(bytes.subarray(0, at)), undefined, `${what} at ${at}`)
    const followed = Buffer.concat([bytes, Buffer.from('EHLO me\r\n')])
    assert.deepEqual(readProxyHeader(followed), readProxyHeader(bytes), what)
  }
})

test('what is no header is refused', () => {
  for (const bytes of [
    Buffer.from('EHLO me\r\n'),
    Buffer.from('PROXIES'),
    Buffer.from([0x16, 3, 1]),
    Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.2 40000\r\n'),
    Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.2 40000 25 1\r\n'),
    Buffer.from('PROXY TCP4 192.0.2.1  40000 25\r\n'),
    Buffer.from('PROXY TCP4 192.0.2.256 198.51.100.2 40000 25\r\n'),
    Buffer.from('PROXY TCP4 ::1 ::1 40000 25\r\n'),
    Buffer.from('PROXY TCP6 192.0.2.1 ::1 40000 25\r\n'),
    Buffer.from('PROXY TCP6 fe80::1%eth0 ::1 40000 25\r\n'),
    Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.2 70000 25\r\n'),
    Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.2 040 25\r\n'),
    Buffer.from('PROXY tcp4 192.0.2.1 198.51.100.2 40000 25\r\n'),
    Buffer.from(`PROXY UNKNOWN ${'x'.repeat(120)}`),
    hex(`${signature}11`),
    hex(`${signature}22`),
    v2('2111', 'c0000201 c6336402 9c40'),
    v2('2111', 'c0000201 c6336402 9c40 0019 04'),
    v2('2111', 'c0000201 c6336402 9c40 0019 040005 00'),
    hex(`${signature}2111ffff`),
  ])
    assert.throws(() => readProxyHeader(bytes), SyntaxFault, bytes.toString('latin1'))
})

test('nothing but SyntaxFault is ever thrown, whatever comes', () => {
  const start = fc.constantFrom('', 'PROXY ', 'PROXY TCP4 ', 'PROXY TCP6 ').map((text) => Buffer.from(text))
  const binary = fc.constantFrom('', '21', '2111', '2121', '20').map((text) => hex(signature + text))
  fc.assert(
    fc.property(fc.oneof(start, binary), fc.uint8Array({ maxLength: 300 }), (head, tail) => {
      try {
        const header = readProxyHeader(Buffer.concat([head, tail]))
        assert.ok(header === undefined || header.length <= head.length + tail.length)
      } catch (error) {
        if (!(error instanceof SyntaxFault)) throw error
      }
    }),
  )
})
