/** Fuzz targets of `src/net` and `src/http`: what proxies write in front of a connection or a request. */
import assert from 'node:assert/strict'
import { SyntaxFault } from '#base/fault.ts'
import { normaliseIp, parseNetwork } from '#base/ip.ts'
import { forwardedClient } from '#http/forwarded.ts'
import { alternativeNames } from '#net/alternative-names.ts'
import { readProxyHeader, type ProxyHeader } from '#net/proxy-protocol.ts'

const starts = [
  '',
  'PROXY TCP4 192.0.2.1 192.0.2.2 ',
  'PROXY TCP6 ',
  'PROXY UNKNOWN',
  '\r\n\r\n\0\r\nQUIT\n!\x11\0\x0c',
  '\r\n\r\n\0\r\nQUIT\n!!\0',
]

function read(bytes: Buffer): ProxyHeader | 'malformed' | undefined {
  try {
    return readProxyHeader(bytes)
  } catch (error) {
    if (error instanceof SyntaxFault) return 'malformed'
    throw error
  }
}

/** The first byte chooses a beginning. However the bytes arrive, the answer is the same. */
function proxyHeader(bytes: Uint8Array): void {
  const start = Buffer.from(starts[(bytes[0] ?? 0) % starts.length]!, 'latin1')
  const input = Buffer.concat([start, bytes.subarray(1)])
  const whole = read(input)
  let found: ReturnType<typeof read>
  for (let at = 1; at <= input.length && found === undefined; at++) found = read(input.subarray(0, at))
  assert.deepEqual(found, whole)
  if (typeof whole !== 'object') return
  assert.ok(whole.length <= 4096 + 16)
  if (whole.ends === undefined) return
  for (const { ip, port } of [whole.ends.source, whole.ends.destination]) {
    assert.equal(normaliseIp(ip), ip)
    assert.ok(port >= 0 && port <= 65_535)
  }
}

const trusted = [parseNetwork('10.0.0.0/8')!]

/** Two headers, split at the first NUL. Whatever they say, the client is an address. */
function forwardedHeaders(bytes: Uint8Array): void {
  const [forwarded, forwardedFor] = Buffer.from(bytes).toString('latin1').split('\0')
  const headers = { forwarded, 'x-forwarded-for': forwardedFor }
  const { ip } = forwardedClient(headers, Uint8Array.of(10, 0, 0, 1), trusted)
  assert.ok(ip.length === 4 || ip.length === 16)
}

function names(bytes: Uint8Array): void {
  const { dns } = alternativeNames(Buffer.from(bytes).toString('utf8'))
  for (const name of dns) assert.ok(!name.includes(', ') && !name.includes('"'))
}

const parser = 'net'

export const targets: readonly {
  readonly name: string
  readonly parser: string
  run(bytes: Uint8Array): void
}[] = [
  { name: 'net proxy header', parser, run: proxyHeader },
  { name: 'net alternative names', parser, run: names },
  { name: 'http forwarded headers', parser, run: forwardedHeaders },
]
