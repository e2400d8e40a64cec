import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { test } from 'node:test'
import { Listener } from '#net/listener.ts'
import { Conversation } from '../../test/harness/conversation.ts'
import { createRouter } from './router.ts'
import { httpProtocol } from './server.ts'
import { upgraded } from './upgrade.ts'

interface TestServer extends AsyncDisposable {
  readonly listener: Listener
  readonly port: number
  readonly crashes: unknown[]
  readonly taken: Socket[]
}

async function open(): Promise<TestServer> {
  const crashes: unknown[] = []
  const taken: Socket[] = []
  const router = createRouter({ maxBodyBytes: () => 1000, onCrash: (error) => crashes.push(error) })
  router.get('/echo', (c) => {
    if (c.env.upgrade === undefined) return c.text('plain')
    const { socket, head } = c.env.upgrade.take()
    taken.push(socket)
    c.env.draining.addEventListener('abort', () => socket.end('bye\r\n'))
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n')
    socket.write(head)
    socket.on('data', (bytes: Buffer) => socket.write(bytes))
    return upgraded()
  })
  router.post('/echo', async (c) => c.text(await c.req.text()))
  router.get('/crash', () => {
    throw new Error('a defect')
  })
  const listener = new Listener({
    name: 'web',
    bind: [{ host: '127.0.0.1', port: 0 }],
    protocol: httpProtocol(router, { onCrash: (error) => crashes.push(error) }),
    onTrouble: (trouble) => crashes.push(trouble),
  })
  const [endpoint] = await listener.listen()
  return {
    listener,
    port: endpoint!.port,
    crashes,
    taken,
    [Symbol.asyncDispose]: async () => void (await listener.drain(0)),
  }
}

const asking = (path: string, more = ''): string =>
  `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n${more}\r\n`

test('a handler takes the connection with what came behind the request; draining is told', async () => {
  await using s = await open()
  await using client = await Conversation.connect(s.port)
  client.sendRaw(`${asking('/echo')}first\r\n`)
  await client.expect('HTTP/1.1 101 Switching Protocols')
  assert.deepEqual(await client.until(/^$/), ['Connection: Upgrade', 'Upgrade: websocket', ''])
  await client.expect('first')
  await client.ask('second', 'second')
  assert.equal(s.listener.active, 1)
  const cut = s.listener.drain(5000)
  await client.expect('bye')
  await client.expectEnd()
  client.end()
  assert.equal(await cut, 0)
  assert.deepEqual(s.crashes, [])
})

for (const { path, status } of [
  { path: '/nowhere', status: '404 Not Found' },
  { path: '/crash', status: '500 Internal Server Error' },
]) {
  test(`a connection that nobody takes gets its answer and is closed: ${path}`, async () => {
    await using s = await open()
    await using client = await Conversation.connect(s.port)
    client.sendRaw(asking(path))
    await client.expect(`HTTP/1.1 ${status}`)
    const headers = await client.until(/^$/)
    assert.ok(headers.some((line) => /^connection: close$/i.test(line)))
    const length = headers.find((line) => /^content-length:/i.test(line))!
    const body = await client.bytes(Number(length.split(':')[1]))
    assert.match(body.toString(), /"requestId"/)
    await client.expectEnd()
    assert.equal(s.crashes.length, path === '/crash' ? 1 : 0)
  })
}

test('RFC 9110 §7.8: what asks for a protocol that is not spoken here is a plain request', async () => {
  await using s = await open()
  await using client = await Conversation.connect(s.port)
  const post = 'POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nConnection: Upgrade\r\n'
  for (const protocol of ['h2c', 'websocket']) {
    client.sendRaw(`${post}Upgrade: ${protocol}\r\n\r\nhi`)
    await client.expect('HTTP/1.1 200 OK')
    await client.until(/^$/)
    assert.equal((await client.bytes(2)).toString(), 'hi')
  }
})

test('clients that go away while they ask leave nothing behind', async () => {
  await using s = await open()
  for (let i = 0; i < 20; i++) {
    await using client = await Conversation.connect(s.port)
    client.sendRaw(asking('/echo'))
  }
  await using last = await Conversation.connect(s.port)
  last.sendRaw(asking('/echo'))
  await last.expect('HTTP/1.1 101 Switching Protocols')
  assert.deepEqual(s.crashes, [])
})
