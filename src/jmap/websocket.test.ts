import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { describe, it } from 'node:test'
import { type ClientOptions, WebSocket } from 'ws'
import { userAccess } from '#account/fixture.test.ts'
import { LocalBus } from '#bus/engines/local.ts'
import { KvDb } from '#kv/db.ts'
import { inboxId } from '#mail/mailbox.ts'
import { account } from '../../test/harness/memory-accounts.ts'
import { accountId, basic, JmapTestServer } from './fixture.test.ts'

const letter = 'From: a@example.org\nSubject: one\n\nText.\n'
const core = 'urn:ietf:params:jmap:core'
const quick = { websocketThrottle: 0 }

type Message = Record<string, unknown>

/** A client that keeps what it was told until it is asked for. */
class Client implements Disposable {
  readonly ws: WebSocket
  readonly #messages: Message[] = []
  #wake: (() => void) | undefined
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>

  private constructor(ws: WebSocket) {
    this.ws = ws
    ws.on('message', (data: Buffer) => {
      this.#messages.push(JSON.parse(data.toString('utf8')) as Message)
      this.#wake?.()
    })
    this.closed = new Promise((resolve) =>
      ws.once('close', (code, reason) => resolve({ code, reason: reason.toString('utf8') })),
    )
  }

  static async open(
    port: number,
    o: ClientOptions & { readonly as?: string; readonly path?: string } = {},
  ): Promise<Client> {
    const { as = 'fred@example.org', path = '/jmap/ws', ...options } = o
    const headers = { Authorization: basic(as), ...options.headers }
    const ws = new WebSocket(`ws://127.0.0.1:${port}${path}`, 'jmap', { ...options, headers })
    const client = new Client(ws)
    await new Promise<void>((resolve, reject) => {
      ws.once('open', resolve)
      ws.once('error', reject)
    })
    ws.on('error', () => {})
    return client
  }

  async next(): Promise<Message> {
    while (this.#messages.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve))
    return this.#messages.shift()!
  }

  send(message: unknown): void {
    this.ws.send(typeof message === 'string' ? message : JSON.stringify(message))
  }

  async ask(message: unknown): Promise<Message> {
    this.send(message)
    return this.next()
  }

  /** The types that the next StateChange tells of the first account. */
  async types(): Promise<readonly string[]> {
    const message = await this.next()
    assert.equal(message['@type'], 'StateChange')
    return Object.keys((message['changed'] as Record<string, object>)[accountId]!).sort()
  }

  [Symbol.dispose](): void {
    this.ws.terminate()
  }
}

const echo = (id?: string): Message => ({
  '@type': 'Request',
  ...(id === undefined ? {} : { id }),
  using: [core],
  methodCalls: [['Core/echo', { hello: true, high: 5 }, 'b3ff']],
})

const touch = (server: JmapTestServer, type: 'Identity' | 'Thread' = 'Identity'): Promise<void> =>
  server.db.write([account], async (tx) => tx.changed(account, type, 1, 'updated'))

/** Pushes are on when this returns: what was told last is not known, so all is told first. */
async function enabled(client: Client, dataTypes: readonly string[] | null = null): Promise<void> {
  const first = await client.ask({ '@type': 'WebSocketPushEnable', dataTypes, pushState: 'unknown' })
  assert.equal(first['@type'], 'StateChange')
}

describe('RFC 8887 §3: discovery', () => {
  it('the session has the URL, and that there are pushes', async () => {
    const server = await JmapTestServer.start()
    const session = (await (await server.fetch('/jmap/session')).json()) as { capabilities: Message }
    assert.deepEqual(session.capabilities['urn:ietf:params:jmap:websocket'], {
      url: 'wss://mail.example.org/jmap/ws',
      supportsPush: true,
    })
  })
})

describe('RFC 8887 §4.2: handshake', () => {
  const upgrade = async (
    port: number,
    headers: Record<string, string>,
  ): Promise<{ readonly status: number; readonly headers: Record<string, unknown> }> =>
    new Promise((resolve, reject) => {
      const request = httpRequest({ host: '127.0.0.1', port, path: '/jmap/ws', headers, agent: false })
      request.on('response', (response) => {
        response.resume()
        resolve({ status: response.statusCode!, headers: response.headers })
      })
      request.on('upgrade', (response, socket) => {
        socket.destroy()
        resolve({ status: response.statusCode!, headers: response.headers })
      })
      request.on('error', reject)
      request.end()
    })
  const good = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Protocol': 'chat, jmap',
    Authorization: basic('fred@example.org'),
  }

  it('says "jmap" back, and takes no extension', async () => {
    const server = await JmapTestServer.start()
    await using web = await server.listen()
    const answer = await upgrade(web.port, { ...good, 'Sec-WebSocket-Extensions': 'permessage-deflate' })
    assert.equal(answer.status, 101)
    assert.equal(answer.headers['sec-websocket-protocol'], 'jmap')
    assert.equal(answer.headers['sec-websocket-accept'], 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=')
    assert.equal(answer.headers['sec-websocket-extensions'], undefined)
  })

  for (const { what, change, status } of [
    { what: 'without a sign-in', change: { Authorization: '' }, status: 401 },
    { what: 'with a wrong one', change: { Authorization: basic('nobody') }, status: 401 },
    { what: 'without the subprotocol', change: { 'Sec-WebSocket-Protocol': 'chat' }, status: 400 },
    { what: 'from another site', change: { Origin: 'https://evil.example' }, status: 403 },
    { what: 'of another version', change: { 'Sec-WebSocket-Version': '7' }, status: 400 },
    { what: 'without an upgrade', change: { Upgrade: 'h2c' }, status: 426 },
  ])
    it(`is refused ${what}`, async () => {
      const server = await JmapTestServer.start()
      // Browsers open one for any page, so that this makes no difference.
      server.permitsOtherSites = true
      await using web = await server.listen()
      const answer = await upgrade(web.port, { ...good, ...change })
      assert.equal(answer.status, status)
      if (status === 426) assert.equal(answer.headers['upgrade'], 'websocket')
      if (status === 401) assert.match(String(answer.headers['www-authenticate']), /^Basic /)
      while (server.accessChanges.size > 0) await new Promise((resolve) => setImmediate(resolve))
    })

  it('is refused where an account has many already', async () => {
    const server = await JmapTestServer.start()
    await using web = await server.listen()
    const clients: Client[] = []
    for (let i = 0; i < 20; i++) clients.push(await Client.open(web.port))
    assert.equal((await upgrade(web.port, good)).status, 429)
    for (const client of clients) client[Symbol.dispose]()
  })
})

describe('RFC 8887 §4.3.2, §4.3.3, §4.3.4: requests, responses and errors', () => {
  it('a response has the id of its request, where that has one', async () => {
    const server = await JmapTestServer.start()
    await using web = await server.listen()
    using client = await Client.open(web.port, { path: '/jmap/ws/' })
    const response = await client.ask(echo('R1'))
    assert.equal(response['@type'], 'Response')
    assert.equal(response['requestId'], 'R1')
    assert.deepEqual(response['methodResponses'], [['Core/echo', { hello: true, high: 5 }, 'b3ff']])
    assert.equal(typeof response['sessionState'], 'string')
    assert.ok(!('requestId' in (await client.ask(echo()))))
  })

  it('a message in several frames is one', async () => {
    const server = await JmapTestServer.start()
    await using web = await server.listen()
    using client = await Client.open(web.port)
    const text = JSON.stringify(echo('split'))
    client.ws.send(text.slice(0, 20), { fin: false })
    client.ws.send(text.slice(20, 40), { fin: false })
    client.ws.send(text.slice(40), { fin: true })
    assert.equal((await client.next())['requestId'], 'split')
  })

  for (const { message, requestId, type } of [
    { message: 'The quick brown fox jumps\n over the lazy dog.', requestId: null, type: 'notJSON' },
    { message: '[]', requestId: null, type: 'notRequest' },
    { message: { ...echo('R2'), '@type': 'Nothing' }, requestId: 'R2', type: 'notRequest' },
    { message: { ...echo('R3'), '@type': undefined }, requestId: 'R3', type: 'notRequest' },
    { message: { ...echo(), id: 5 }, requestId: null, type: 'notRequest' },
    { message: { ...echo('R4'), methodCalls: 5 }, requestId: 'R4', type: 'notRequest' },
    { message: { ...echo('R5'), using: ['urn:no'] }, requestId: 'R5', type: 'unknownCapability' },
    {
      message: { ...echo('R6'), methodCalls: Array.from({ length: 17 }, () => ['Core/echo', {}, 'c']) },
      requestId: 'R6',
      type: 'limit',
    },
    { message: { '@type': 'WebSocketPushEnable', dataTypes: 'Email' }, requestId: null, type: 'notRequest' },
    { message: { '@type': 'WebSocketPushEnable', dataTypes: [5] }, requestId: null, type: 'notRequest' },
    {
      message: { '@type': 'WebSocketPushEnable', dataTypes: null, pushState: 5 },
      requestId: null,
      type: 'notRequest',
    },
  ])
    it(`${type}: ${JSON.stringify(message).slice(0, 70)}`, async () => {
      const server = await JmapTestServer.start()
      await using web = await server.listen()
      using client = await Client.open(web.port)
      const error = await client.ask(message)
      assert.equal(error['@type'], 'RequestError')
      assert.equal(error['requestId'], requestId)
      assert.equal(error['type'], `urn:ietf:params:jmap:error:${type}`)
      assert.equal(error['status'], 400)
      assert.equal((await client.ask(echo('after')))['requestId'], 'after')
    })

  it('the limits of requests hold: size and how many at once', async () => {
    const server = await JmapTestServer.start({ maxRequestSize: 2000, maxConcurrentRequests: 2 })
    await using web = await server.listen()
    using client = await Client.open(web.port)
    const error = await client.ask(JSON.stringify({ ...echo('big'), more: 'x'.repeat(2000) }))
    assert.equal(error['limit'], 'maxSizeRequest')
    for (let i = 0; i < 200; i++) client.send(echo(`R${i}`))
    const answers = new Map<unknown, Message>()
    while (answers.size < 200) {
      const message = await client.next()
      answers.set(message['requestId'], message)
    }
    const refused = [...answers.values()].filter((one) => one['@type'] === 'RequestError')
    assert.ok(refused.length > 0 && refused.length < 200)
    assert.ok(refused.every((one) => one['limit'] === 'maxConcurrentRequests' && one['status'] === 429))
    assert.equal((await client.ask(echo('after')))['@type'], 'Response')
    client.send('x'.repeat(200_000))
    assert.equal((await client.closed).code, 1009)
  })

  it('§4.3.1: a binary message ends the connection, as does text that is no UTF-8', async () => {
    const server = await JmapTestServer.start()
    await using web = await server.listen()
    using client = await Client.open(web.port)
    client.ws.send(Buffer.from(JSON.stringify(echo('R1'))))
    assert.equal((await client.closed).code, 1003)
    using other = await Client.open(web.port)
    other.ws.send(Buffer.from([0xff, 0xfe]), { binary: false })
    assert.equal((await other.closed).code, 1007)
  })
})

describe('RFC 8887 §4.3.5: pushes', () => {
  it('come when they were enabled, with the types that were asked for and a pushState', async () => {
    const server = await JmapTestServer.start(quick)
    await using web = await server.listen()
    using client = await Client.open(web.port)
    await server.deliver(letter)
    assert.equal((await client.ask(echo('none before')))['requestId'], 'none before')
    await enabled(client)
    await server.deliver(letter)
    const message = await client.next()
    assert.equal(message['@type'], 'StateChange')
    assert.equal(typeof message['pushState'], 'string')
    const { state } = await server.call('Mailbox/get')
    assert.equal((message['changed'] as Record<string, Message>)[accountId]!['Mailbox'], state)
  })

  it('of types that are not in the list do not', async () => {
    const server = await JmapTestServer.start(quick)
    await using web = await server.listen()
    using client = await Client.open(web.port)
    await enabled(client, ['Identity', 'EmailDelivery'])
    await touch(server, 'Thread')
    await server.deliver(letter)
    assert.deepEqual(await client.types(), ['EmailDelivery'])
  })

  it('with the pushState of an earlier connection begin with all that changed since', async () => {
    const server = await JmapTestServer.start(quick)
    await using web = await server.listen()
    using client = await Client.open(web.port)
    await enabled(client)
    await touch(server, 'Thread')
    const { pushState } = await client.next()
    client[Symbol.dispose]()
    await touch(server, 'Identity')
    using later = await Client.open(web.port)
    later.send({ '@type': 'WebSocketPushEnable', dataTypes: ['Identity', 'Thread'], pushState })
    assert.deepEqual(await later.types(), ['Identity'])
  })

  // Turns red where a follower is kept that came when another was wanted already.
  it('what is enabled twice at once is followed once, and not any more when the client has gone', async (t) => {
    const server = await JmapTestServer.start(quick)
    let live = 0
    const watch = server.accountWatch.watch.bind(server.accountWatch)
    t.mock.method(server.accountWatch, 'watch', (...args: Parameters<typeof watch>) => {
      live++
      const watching = watch(...args)
      return {
        [Symbol.dispose]: () => {
          live--
          watching[Symbol.dispose]()
        },
      }
    })
    await using web = await server.listen()
    {
      using client = await Client.open(web.port)
      for (const type of ['Identity', 'Thread'])
        client.send({ '@type': 'WebSocketPushEnable', dataTypes: [type] })
      await enabled(client, ['Thread'])
      assert.equal(live, 1)
    }
    while (server.accessChanges.size > 0) await new Promise((resolve) => setImmediate(resolve))
    assert.equal(live, 0)
  })

  it('§4.3.5.3: come no more when they were disabled; enabled again, with other types', async () => {
    const server = await JmapTestServer.start(quick)
    await using web = await server.listen()
    using client = await Client.open(web.port)
    await enabled(client)
    client.send({ '@type': 'WebSocketPushDisable' })
    assert.equal((await client.ask(echo('1')))['requestId'], '1')
    await touch(server)
    assert.equal((await client.ask(echo('2')))['requestId'], '2')
    await enabled(client)
    await enabled(client, ['Identity'])
    await touch(server, 'Thread')
    await touch(server, 'Identity')
    assert.deepEqual(await client.types(), ['Identity'])
  })

  it('come of changes of other workers, and in accounts that share something', async () => {
    const server = await JmapTestServer.start(quick)
    const ann = await server.add(8, 'ann@example.org')
    await server.shareFollowed(inboxId, ann.id, 'lr')
    await using web = await server.listen()
    using client = await Client.open(web.port, { as: ann.name })
    await enabled(client)
    const worker = new KvDb(server.engine, new LocalBus({ onError: (error) => assert.fail(String(error)) }))
    await worker.write([account], async (tx) => tx.changed(account, 'Thread', 1, 'created'))
    server.accountWatch.beat()
    assert.deepEqual(await client.types(), ['Thread'])
  })
})

describe('the end of a WebSocket', () => {
  it('comes with 1008 when the user may nothing any more (RFC 8887 §4.2), and not when there is less', async () => {
    const server = await JmapTestServer.start()
    await using web = await server.listen()
    using client = await Client.open(web.port)
    for (const changed of server.accessChanges)
      changed({ ...userAccess(account, 'fred@example.org'), permissions: new Set(['jmapAuthenticate']) })
    const response = await client.ask({ ...echo('R'), methodCalls: [['Mailbox/get', { accountId }, 'c']] })
    assert.equal(response['@type'], 'Response')
    assert.match(JSON.stringify(response['methodResponses']), /^\[\["error"/)
    for (const changed of server.accessChanges) changed(undefined)
    assert.equal((await client.closed).code, 1008)
  })

  // Turns red where the client is heard until it has answered that the connection is closed.
  it('nothing is done any more for a client that goes on to send when its user may nothing', async () => {
    const server = await JmapTestServer.start()
    await using web = await server.listen()
    using client = await Client.open(web.port)
    const names = async () =>
      ((await server.call('Mailbox/get'))['list'] as readonly { name: string }[]).map(({ name }) => name)
    const before = await names()
    client.ws.pause()
    for (const changed of server.accessChanges) changed(undefined)
    const create = { box: { name: 'Late', parentId: null } }
    client.send({
      ...echo('R'),
      using: server.using,
      methodCalls: [['Mailbox/set', { accountId, create }, 'c']],
    })
    client.ws.resume()
    assert.equal((await client.closed).code, 1008)
    for (let i = 0; i < 20; i++) assert.deepEqual(await names(), before)
  })

  it('comes with 1001 when the server drains, after what was begun', async (t) => {
    const server = await JmapTestServer.start()
    await using web = await server.listen()
    using client = await Client.open(web.port)
    const [begun, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const read = server.db.read.bind(server.db)
    t.mock.method(server.db, 'read', async (body: Parameters<typeof read>[0]) => {
      begun.resolve()
      await released.promise
      return read(body)
    })
    const answered = client.ask({
      ...echo('R'),
      using: server.using,
      methodCalls: [['Mailbox/get', { accountId }, 'c']],
    })
    await begun.promise
    const cut = web.listener.drain(5000)
    released.resolve()
    assert.equal((await answered)['requestId'], 'R')
    assert.equal((await client.closed).code, 1001)
    assert.equal(await cut, 0)
    assert.deepEqual(server.crashes, [])
    assert.deepEqual(server.told, [])
  })

  it('comes when its client gives no sign of life; one that does is kept', async () => {
    const server = await JmapTestServer.start({ websocketHeartbeat: 5, websocketTimeout: 100 })
    await using web = await server.listen()
    using mute = await Client.open(web.port, { autoPong: false })
    let pings = 0
    using alive = await Client.open(web.port)
    const many = new Promise<void>((resolve) => alive.ws.on('ping', () => ++pings === 60 && resolve()))
    assert.equal((await mute.closed).code, 1006)
    await many
    assert.equal((await alive.ask(echo('R')))['requestId'], 'R')
  })

  it('a client that does not read what it asks for is not read from', async () => {
    const server = await JmapTestServer.start({ maxConcurrentRequests: 1000 })
    await using web = await server.listen()
    using client = await Client.open(web.port)
    client.ws.pause()
    const large = { ...echo(), methodCalls: [['Core/echo', { text: 'x'.repeat(500_000) }, 'c']] }
    const text = JSON.stringify(large)
    for (let i = 0; i < 200; i++) client.ws.send(text)
    const before = client.ws.bufferedAmount
    for (let i = 0; i < 200; i++) await server.call('Mailbox/get')
    // A good part never left the client.
    assert.ok(client.ws.bufferedAmount > before / 4, `${client.ws.bufferedAmount} of ${before}`)
    client.ws.resume()
    for (let i = 0; i < 200; i++) assert.equal((await client.next())['@type'], 'Response')
  })
})
