/** permessage-deflate (RFC 7692) under JMAP over WebSocket. */
import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import type { Socket } from 'node:net'
import { describe, it } from 'node:test'
import { constants, deflateRawSync } from 'node:zlib'
import { WebSocket } from 'ws'
import { accountId, basic, JmapTestServer } from './fixture.test.ts'

const authorization = basic('fred@example.org')
const core = 'urn:ietf:params:jmap:core'

const echo = (text: string): string =>
  JSON.stringify({ '@type': 'Request', using: [core], methodCalls: [['Core/echo', { text }, 'c']] })

const start = (settings: object = {}) => JmapTestServer.start({ websocketCompression: true, ...settings })

interface Upgraded {
  readonly extensions: string | undefined
  readonly socket: Socket
}

/** A handshake with these offers. */
function upgrade(port: number, offers: string): Promise<Upgraded> {
  const headers = {
    authorization,
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'sec-websocket-protocol': 'jmap',
    'sec-websocket-extensions': offers,
  }
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, path: '/jmap/ws', headers, agent: false })
    request.on('upgrade', (response, socket: Socket) =>
      resolve({ extensions: response.headers['sec-websocket-extensions'], socket }),
    )
    request.on('response', (response) => reject(new Error(`it was answered ${response.statusCode}`)))
    request.on('error', reject)
    request.end()
  })
}

/** RFC 7692 §7.2.1, RFC 6455 §5.2: a message in one frame, with a mask of zeros. */
function compressedFrame(data: Uint8Array | string): Buffer {
  const deflated = deflateRawSync(data, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4)
  const head = Buffer.alloc(14)
  head[0] = 0b1100_0001
  head[1] = 0x80 | 127
  head.writeBigUInt64BE(BigInt(deflated.length), 2)
  return Buffer.concat([head, deflated])
}

/** With which code the server closes; undefined where it only goes away. Nothing that is answered is compressed. */
async function closeCode(socket: Socket): Promise<number | undefined> {
  let bytes = Buffer.alloc(0)
  for await (const piece of socket as AsyncIterable<Buffer>) {
    bytes = Buffer.concat([bytes, piece])
    while (bytes.length >= 4) {
      const length = bytes[1]! < 126 ? bytes[1]! : bytes.readUInt16BE(2)
      const at = bytes[1]! < 126 ? 2 : 4
      if (bytes.length < at + length) break
      if ((bytes[0]! & 0x0f) === 8) return bytes.readUInt16BE(at)
      bytes = bytes.subarray(at + length)
    }
  }
  return undefined
}

describe('RFC 7692 §5: negotiation', () => {
  it('compression is taken without context takeover and with a small window, where it is allowed', async () => {
    const server = await start()
    await using web = await server.listen()
    const { extensions, socket } = await upgrade(web.port, 'permessage-deflate; client_max_window_bits')
    socket.destroy()
    assert.deepEqual(extensions?.split('; ').sort(), [
      'client_no_context_takeover',
      'permessage-deflate',
      'server_max_window_bits=12',
      'server_no_context_takeover',
    ])
  })

  it('is declined where it is not allowed, and of a client that has no room for the window (§7.1.2.1)', async () => {
    for (const [settings, offer] of [
      [{ websocketCompression: false }, 'permessage-deflate'],
      [{}, 'permessage-deflate; server_max_window_bits=10'],
      [{}, 'permessage-deflate; server_max_window_bits = "8"'],
    ] as const) {
      const server = await start(settings)
      await using web = await server.listen()
      const { extensions, socket } = await upgrade(web.port, offer)
      socket.destroy()
      assert.equal(extensions, undefined, offer)
    }
  })

  it('long messages are compressed both ways', async () => {
    const server = await start()
    await using web = await server.listen()
    const ws = new WebSocket(`ws://127.0.0.1:${web.port}/jmap/ws`, 'jmap', { headers: { authorization } })
    const [socket] = await Promise.all([
      new Promise<Socket>((resolve) => ws.once('upgrade', (response) => resolve(response.socket))),
      new Promise((resolve) => ws.once('open', resolve)),
    ])
    const before = [socket.bytesRead, socket.bytesWritten] as const
    const text = 'one and the same '.repeat(3000)
    for (let i = 0; i < 3; i++) {
      ws.send(echo(text))
      const data = await new Promise<Buffer>((resolve) => ws.once('message', resolve))
      const { methodResponses } = JSON.parse(data.toString()) as { methodResponses: unknown }
      assert.deepEqual(methodResponses, [['Core/echo', { text }, 'c']])
    }
    assert.ok(socket.bytesRead - before[0] < text.length / 10)
    assert.ok(socket.bytesWritten - before[1] < text.length / 10)
    ws.terminate()
  })
})

describe('RFC 7692 §8: what is small and inflates to much', () => {
  it('ends its connection with 1009 at the limit of a request, and no other', async () => {
    const server = await start({ maxRequestSize: 200_000 })
    await using web = await server.listen()
    const other = await upgrade(web.port, 'permessage-deflate')
    const { socket } = await upgrade(web.port, 'permessage-deflate')
    const bomb = compressedFrame(Buffer.alloc(64 * 1024 * 1024, 0x20))
    assert.ok(bomb.length < 200_000)
    socket.write(bomb)
    assert.equal(await closeCode(socket), 1009)
    assert.deepEqual(server.told, [])
    other.socket.write(compressedFrame(echo('still here')))
    const [piece] = await other.socket.take(1).toArray()
    assert.match(String(piece), /still here/)
    other.socket.destroy()
  })

  // Fault that turns it red: bytes that are not answered are not counted.
  it('ends it with 1009 where many messages do so at once, each within the limit', async (t) => {
    const server = await start({ maxRequestSize: 200_000, maxConcurrentRequests: 1000 })
    await using web = await server.listen()
    const { socket } = await upgrade(web.port, 'permessage-deflate')
    const released = Promise.withResolvers<void>()
    const read = server.db.read.bind(server.db)
    t.mock.method(server.db, 'read', async (body: Parameters<typeof read>[0]) => {
      await released.promise
      return read(body)
    })
    const get = JSON.stringify({
      '@type': 'Request',
      using: server.using,
      methodCalls: [['Mailbox/get', { accountId }, 'c']],
    })
    socket.write(Buffer.concat(Array.from({ length: 20 }, () => compressedFrame(get.padEnd(190_000)))))
    const code = await closeCode(socket)
    released.resolve()
    assert.equal(code, 1009)
  })

  it('what does not inflate ends it with 1007', async () => {
    const server = await start()
    await using web = await server.listen()
    const { socket } = await upgrade(web.port, 'permessage-deflate')
    socket.write(Buffer.concat([Buffer.from([0b1100_0001, 0x80 | 4, 0, 0, 0, 0]), Buffer.alloc(4, 0xff)]))
    assert.equal(await closeCode(socket), 1007)
  })
})
