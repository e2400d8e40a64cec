import assert from 'node:assert/strict'
import { type ClientRequest, get, type IncomingMessage } from 'node:http'
import { describe, it } from 'node:test'
import { userAccess } from '#account/fixture.test.ts'
import { LocalBus } from '#bus/engines/local.ts'
import { KvDb } from '#kv/db.ts'
import { inboxId } from '#mail/mailbox.ts'
import { account } from '../../test/harness/memory-accounts.ts'
import { accountId, basic, JmapTestServer } from './fixture.test.ts'

const letter = 'From: a@example.org\nSubject: one\n\nText.\n'

interface Event {
  readonly event: string
  readonly data: Record<string, unknown>
  readonly id: string | undefined
}

/** A client of the specification of EventSource, as far as we need it. */
class Source implements Disposable {
  readonly request: ClientRequest
  readonly response: IncomingMessage
  readonly #lines: AsyncIterator<string>

  private constructor(request: ClientRequest, response: IncomingMessage) {
    this.request = request
    this.response = response
    this.#lines = linesOf(response)
  }

  static async open(
    port: number,
    query = 'types=*&closeafter=no&ping=0',
    o: { lastEventId?: string; as?: string } = {},
  ): Promise<Source> {
    const headers = {
      Authorization: basic(o.as ?? 'fred@example.org'),
      ...(o.lastEventId === undefined ? {} : { 'Last-Event-ID': o.lastEventId }),
    }
    const path = `/jmap/eventsource/?${query}`
    return new Promise((resolve, reject) => {
      const request = get({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
        resolve(new Source(request, response))
      })
      request.on('error', reject)
    })
  }

  /** The next event, comments passed over; undefined at the end. */
  async next(): Promise<Event | undefined> {
    let found: { event?: string; data?: string; id?: string } = {}
    for (;;) {
      const { value: line, done } = await this.#lines.next()
      if (done === true) return undefined
      if (line === '') {
        if (found.data !== undefined)
          return { event: found.event!, data: JSON.parse(found.data), id: found.id }
        found = {}
      } else if (!line.startsWith(':')) {
        const [name, text] = line.split(': ', 2) as [keyof typeof found, string]
        assert.ok(['event', 'data', 'id'].includes(name), line)
        found[name] = line.slice(name.length + 2)
        assert.ok(text !== undefined)
      }
    }
  }

  /** The types of the own account that the next event tells. */
  async types(of = accountId): Promise<readonly string[]> {
    const event = (await this.next())!
    assert.equal(event.event, 'state')
    return Object.keys((event.data['changed'] as Record<string, object>)[of]!).sort()
  }

  async body(): Promise<string> {
    let text = ''
    for await (const chunk of this.response) text += String(chunk)
    return text
  }

  [Symbol.dispose](): void {
    this.request.destroy()
  }
}

async function* linesOf(response: IncomingMessage): AsyncGenerator<string> {
  let text = ''
  try {
    for await (const chunk of response) {
      text += String(chunk)
      const lines = text.split('\n')
      text = lines.pop()!
      yield* lines
    }
  } catch {
    // The server cut it.
  }
}

const quick = { eventSourceThrottle: 0 }

describe('RFC 8620 §7.3: event source', () => {
  it('has an event "state" with the StateChange for each change, and an id that stands for all states', async () => {
    const server = await JmapTestServer.start(quick)
    await using web = await server.listen()
    using source = await Source.open(web.port)
    assert.equal(source.response.statusCode, 200)
    assert.equal(source.response.headers['content-type'], 'text/event-stream')
    assert.equal(source.response.headers['cache-control'], 'no-store')
    await server.deliver(letter)
    const event = (await source.next())!
    const { state } = await server.call('Mailbox/get')
    assert.equal(event.event, 'state')
    assert.deepEqual(event.data, {
      '@type': 'StateChange',
      changed: { [accountId]: { Mailbox: state, Email: state, Thread: state, EmailDelivery: state } },
    })
    await server.db.write([account], async (tx) => tx.changed(account, 'Identity', 1, 'created'))
    assert.deepEqual(await source.types(), ['Identity'])
    using later = await Source.open(web.port, undefined, { lastEventId: event.id! })
    assert.deepEqual(await later.types(), ['Identity'])
  })

  it('tells of changes of other workers, and in accounts that share something', async () => {
    const server = await JmapTestServer.start(quick)
    const ann = await server.add(8, 'ann@example.org')
    await server.shareFollowed(inboxId, ann.id, 'lr')
    await using web = await server.listen()
    using source = await Source.open(web.port, undefined, { as: ann.name })
    const worker = new KvDb(server.engine, new LocalBus({ onError: (error) => assert.fail(String(error)) }))
    await worker.write([account], async (tx) => tx.changed(account, 'Thread', 1, 'created'))
    server.accountWatch.beat()
    assert.deepEqual(await source.types(), ['Thread'])
  })

  it('pushes only the types in the list', async () => {
    const server = await JmapTestServer.start(quick)
    await using web = await server.listen()
    using source = await Source.open(web.port, 'types=EmailDelivery,CalendarEvent&closeafter=no&ping=0')
    await server.db.write([account], async (tx) => tx.changed(account, 'Email', 9, 'updated'))
    await server.deliver(letter)
    assert.deepEqual(await source.types(), ['EmailDelivery'])
  })

  it('closeafter=state: the response ends after a state event', async () => {
    const server = await JmapTestServer.start(quick)
    await using web = await server.listen()
    using source = await Source.open(web.port, 'types=*&closeafter=state&ping=300')
    await server.deliver(letter)
    assert.ok((await source.types()).includes('Email'))
    assert.equal(await source.next(), undefined)
    assert.ok(source.response.complete)
    assert.equal(server.accessChanges.size, 0)
  })

  it('ping: an event without an id, of the interval that is in force', async (t) => {
    const server = await JmapTestServer.start(quick)
    await using web = await server.listen()
    t.mock.timers.enable({ apis: ['setTimeout'] })
    const pings = await Promise.all(
      [1, 30, 300, 999_999_999].map(async (ping) => {
        using source = await Source.open(web.port, `types=*&closeafter=no&ping=${ping}`)
        let event: Event | undefined
        void source.next().then((found) => (event = found))
        while (event === undefined) {
          t.mock.timers.tick(1000)
          await new Promise((resolve) => setImmediate(resolve))
        }
        assert.equal(event.event, 'ping')
        assert.equal(event.id, undefined)
        return event.data['interval']
      }),
    )
    const [least, thirty, threeHundred, most] = pings as number[]
    assert.ok(least! >= 1 && least! <= 30)
    assert.deepEqual([thirty, threeHundred], [30, 300])
    assert.ok(most! >= 300)
  })

  for (const query of [
    'closeafter=no&ping=0',
    'types=&closeafter=no&ping=0',
    'types=*&ping=0',
    'types=*&closeafter=never&ping=0',
    'types=*&closeafter=no',
    'types=*&closeafter=no&ping=-1',
    'types=*&closeafter=no&ping=often',
    `types=${'x'.repeat(5000)}&closeafter=no&ping=0`,
  ])
    it(`refuses what the URL must not be: ${query.slice(0, 60)}`, async () => {
      const server = await JmapTestServer.start()
      await using web = await server.listen()
      using source = await Source.open(web.port, query)
      assert.equal(source.response.statusCode, 400)
      assert.equal(source.response.headers['content-type'], 'application/problem+json')
      assert.ok(Array.isArray((JSON.parse(await source.body()) as { errors: unknown }).errors))
    })

  it('needs a sign-in, and has so many of an account', async () => {
    const server = await JmapTestServer.start()
    await server.add(8, 'ann@example.org')
    await using web = await server.listen()
    using nobody = await Source.open(web.port, undefined, { as: 'nobody' })
    assert.equal(nobody.response.statusCode, 401)
    const open: Source[] = []
    for (let i = 0; i < 20; i++) open.push(await Source.open(web.port))
    assert.ok(open.every(({ response }) => response.statusCode === 200))
    using more = await Source.open(web.port)
    assert.equal(more.response.statusCode, 429)
    assert.equal((JSON.parse(await more.body()) as { status: number }).status, 429)
    using other = await Source.open(web.port, undefined, { as: 'ann@example.org' })
    assert.equal(other.response.statusCode, 200)
    open.pop()![Symbol.dispose]()
    for (let status = 429; status === 429;) {
      using again = await Source.open(web.port)
      status = again.response.statusCode!
    }
    for (const source of open) source[Symbol.dispose]()
  })

  it('ends when the user may nothing any more, and when the server drains', async () => {
    const server = await JmapTestServer.start(quick)
    await server.add(8, 'ann@example.org')
    await using web = await server.listen()
    using first = await Source.open(web.port)
    for (const changed of server.accessChanges) changed(undefined)
    assert.equal(await first.next(), undefined)
    using second = await Source.open(web.port)
    for (const changed of server.accessChanges) changed(userAccess(account, 'fred@example.org'))
    await server.deliver(letter)
    assert.ok((await second.types()).includes('Email'))
    const cut = web.listener.drain(5000)
    assert.equal(await second.next(), undefined)
    assert.equal(await cut, 0)
    assert.deepEqual(server.crashes, [])
  })

  it('keeps nothing for a client that does not read', async () => {
    const server = await JmapTestServer.start(quick)
    await using web = await server.listen()
    using source = await Source.open(web.port)
    source.response.pause()
    const types = ['Identity', 'Thread'] as const
    for (let i = 0; i < 300; i++)
      await server.db.write([account], async (tx) => tx.changed(account, types[i % 2]!, i, 'created'))
    const last = (await server.db.read((tx) => tx.sequence(account))).toString(36)
    let events = 0
    for (;;) {
      const event = (await source.next())!
      events++
      const changed = (event.data['changed'] as Record<string, Record<string, string>>)[accountId]!
      if (Object.values(changed).includes(last)) break
    }
    assert.ok(events <= 300)
  })
})
