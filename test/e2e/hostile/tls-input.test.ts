/** TLS that is none, or that stops half-way: the connection ends, and nobody else notices. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { after, before, describe, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { startServer, type TestServer } from '../../harness/server.ts'
import { type ImpatientPorts, impatientListeners } from './impatient-listeners.ts'
import { assertNoDefect, assertStillServes, greeted, name, password } from './still-serves.ts'

/** A guard against a server that does not hang up; no test depends on how long it is. */
const hangMs = 120_000

const doors = ['imaps', 'https'] as const

describe('hostile TLS', () => {
  let server: TestServer
  let ports: ImpatientPorts
  let hello: Buffer

  before(async () => {
    const listeners = await impatientListeners()
    ports = listeners.ports
    server = await startServer({ config: listeners.config })
    await server.createAccount(name, password)
    hello = await clientHello()
  })
  after(() => server[Symbol.asyncDispose]())

  const connect = (door: keyof ImpatientPorts): Promise<Socket> => connectTo(ports[door])

  async function connectTo(port: number): Promise<Socket> {
    const socket = connectTcp(port, '127.0.0.1')
    socket.on('error', () => {})
    socket.resume()
    await once(socket, 'connect')
    return socket
  }

  /** The server must hang up, without being asked to. It may do so by a reset, which `once` would throw. */
  function assertHungUp(socket: Socket): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('the server kept the connection')), hangMs)
      socket.once('close', () => {
        clearTimeout(timer)
        resolve()
      })
    })
  }

  for (const door of doors) {
    test(`${door}: what is no TLS`, async () => {
      for (const bytes of [
        'EHLO x\r\n',
        'GET / HTTP/1.1\r\n\r\n',
        '\0'.repeat(10_000),
        '\x16\x03\x01\xff\xff',
      ]) {
        const socket = await connect(door)
        socket.write(bytes, 'latin1')
        await assertHungUp(socket)
      }
    })

    test(`${door}: a hello that stops after any byte, with the end of the connection`, async () => {
      const sockets = Array.from(hello, async (_, length) => {
        const socket = await connect(door)
        socket.end(hello.subarray(0, length))
        await assertHungUp(socket)
      })
      await Promise.all(sockets)
    })

    test(`${door}: a hello that stops and waits is not waited for`, async () => {
      const sockets = [0, 1, 5, 50, hello.length - 1, hello.length].map(async (length) => {
        const socket = await connect(door)
        socket.write(hello.subarray(0, length))
        await assertHungUp(socket)
      })
      await Promise.all(sockets)
    })

    test(`${door}: a handshake with any bit wrong`, async () => {
      const sockets = Array.from(hello, async (_, at) => {
        const broken = Buffer.from(hello)
        broken[at]! ^= 0x55
        const socket = await connect(door)
        socket.end(broken)
        await assertHungUp(socket)
      })
      await Promise.all(sockets)
    })
  }

  test('nonsense behind STARTTLS', async () => {
    for (const bytes of [
      Buffer.from('MAIL FROM:<a@example.net>\r\n'),
      hello.subarray(0, 40),
      Buffer.alloc(5000),
    ]) {
      await using smtp = await greeted(server)
      await smtp.ask('STARTTLS', '220 ')
      smtp.sendRaw(bytes)
      smtp.end()
      // An alert may come before the end.
      for await (const _ of smtp.stream.iterator({ destroyOnReturn: true })) continue
    }
  })

  test('silence behind STARTTLS is not waited for', async () => {
    await using smtp = await greeted(server, ports.smtp)
    await smtp.ask('STARTTLS', '220 ')
    await smtp.expectEnd()
  })

  test('records broken in the middle of a session', async () => {
    // Where a handshake may take as long as it takes.
    for (const port of [server.submissionsPort, server.imapsPort]) {
      const raw = await connectTo(port)
      raw.pause()
      const secured = connectTls({ socket: raw, rejectUnauthorized: false })
      secured.on('error', () => {})
      await once(secured, 'secureConnect')
      secured.write('NOOP\r\n')
      await once(secured, 'data')
      raw.write(Buffer.from('\x17\x03\x03\x00\x20'.padEnd(37, 'x'), 'latin1'))
      await assertHungUp(raw)
    }
  })

  test('afterwards the server serves, and nothing was a defect', async () => {
    await assertStillServes(server)
    assert.equal((await server.api('GET', '/healthz/ready')).status, 200)
    assertNoDefect(server)
  })
})

/** The first bytes that a client of TLS sends. */
async function clientHello(): Promise<Buffer> {
  let take: (bytes: Buffer) => void
  const first = new Promise<Buffer>((resolve) => (take = resolve))
  const wire = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      take(chunk)
      done()
    },
  })
  const client = connectTls({ socket: wire, servername: 'mail.example.org' })
  client.on('error', () => {})
  const bytes = await first
  client.destroy()
  return bytes
}
