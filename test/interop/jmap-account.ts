/** What JMAP clients need before they begin: a key to sign in with, and changes as they are pushed. */
import assert from 'node:assert/strict'
import type { User } from './read-by-curl.ts'
import { basicAuth, type TestServer } from '../harness/server.ts'

export const sessionUrl = ({ httpPort }: Pick<TestServer, 'httpPort'>): string =>
  `http://127.0.0.1:${httpPort}/.well-known/jmap`

/** An API key that may do what its user may, made as users make them. */
export async function apiKey({ httpPort }: Pick<TestServer, 'httpPort'>, user: User): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${httpPort}/api/object/ApiKey`, {
    method: 'POST',
    headers: { authorization: basicAuth(user.name, user.password), 'content-type': 'application/json' },
    body: JSON.stringify({ description: 'a mail program' }),
  })
  const text = await answer.text()
  assert.equal(answer.status, 201, text)
  return (JSON.parse(text) as { data: { secret: string } }).data.secret
}

/** What the tests look at of the answers of methods: each has some of it. */
export interface JmapAnswer {
  readonly state: string
  readonly oldState: string
  readonly newState: string
  readonly queryState: string
  readonly canCalculateChanges: boolean
  readonly total: number
  readonly ids: readonly string[]
  readonly list: readonly JmapObject[]
  readonly created: Readonly<Record<string, JmapObject>> | null
  readonly updated: Readonly<Record<string, object | null>> | null
  readonly destroyed: readonly string[] | null
  readonly notCreated: Readonly<Record<string, SetError>> | null
  readonly notUpdated: Readonly<Record<string, SetError>> | null
  readonly notDestroyed: Readonly<Record<string, SetError>> | null
}

export interface JmapChanges {
  readonly newState: string
  readonly created: readonly string[]
  readonly updated: readonly string[]
  readonly destroyed: readonly string[]
  readonly removed: readonly string[]
}

interface SetError {
  readonly type: string
}

/** The same of objects. */
export interface JmapObject {
  readonly id: string
  readonly name: string
  readonly role: string | null
  readonly email: string
  readonly emailIds: readonly string[]
  readonly threadId: string
  readonly blobId: string
  readonly size: number
  readonly subject: string | null
  readonly preview: string
  readonly mailboxIds: Readonly<Record<string, true>>
  readonly keywords: Readonly<Record<string, true>>
  readonly hasAttachment: boolean
  readonly textBody: readonly { readonly partId: string }[]
  readonly bodyValues: Readonly<Record<string, { readonly value: string }>>
  readonly attachments: readonly { readonly blobId: string; readonly name: string; readonly type: string }[]
}

/** A StateChange (RFC 8620 §7.1). */
export interface StateChange {
  readonly '@type': 'StateChange'
  readonly changed: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/** A guard against an event that never comes; no test depends on how long it is. */
const hangMs = 120_000

/** Signs in by a header, which the EventSource of browsers cannot. */
export class EventStream implements AsyncDisposable {
  readonly #reader: ReadableStreamDefaultReader<string>
  #text = ''

  private constructor(reader: ReadableStreamDefaultReader<string>) {
    this.#reader = reader
  }

  static async open(url: string | URL, key: string): Promise<EventStream> {
    const answer = await fetch(url, {
      headers: { authorization: `Bearer ${key}`, accept: 'text/event-stream' },
      signal: AbortSignal.timeout(hangMs),
    })
    assert.equal(answer.status, 200)
    assert.match(answer.headers.get('content-type') ?? '', /^text\/event-stream\b/)
    return new EventStream(answer.body!.pipeThrough(new TextDecoderStream()).getReader())
  }

  /** The data of the next event that has this name. */
  async next(event: string): Promise<unknown> {
    for (;;) {
      const end = this.#text.indexOf('\n\n')
      if (end < 0) {
        const { value, done } = await this.#reader.read()
        assert.ok(!done, 'the event source ended')
        this.#text += value
        continue
      }
      const lines = this.#text.slice(0, end).split('\n')
      this.#text = this.#text.slice(end + 2)
      if (lines.includes(`event: ${event}`))
        return JSON.parse(lines.find((line) => line.startsWith('data: '))!.slice(6))
    }
  }

  /** Until a type of the account has changed. */
  async changed(account: string, type: string): Promise<string> {
    for (;;) {
      const change = (await this.next('state')) as StateChange
      assert.equal(change['@type'], 'StateChange')
      const state = change.changed[account]?.[type]
      if (state !== undefined) return state
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#reader.cancel()
  }
}

/** JMAP over WebSocket (RFC 8887) by the WebSocket of Node, which knows nothing of our library. */
export class JmapSocket implements Disposable {
  readonly #socket: WebSocket
  readonly #messages: Record<string, unknown>[] = []
  #wake: () => void = () => {}

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => {
      this.#messages.push(JSON.parse(data as string) as Record<string, unknown>)
      this.#wake()
    })
  }

  static async open(url: string, key: string): Promise<JmapSocket> {
    const socket = new WebSocket(url, { protocols: 'jmap', headers: { authorization: `Bearer ${key}` } })
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener('open', () => resolve(), { once: true })
      socket.addEventListener('error', () => reject(new Error('no WebSocket')), { once: true })
    })
    assert.equal(socket.protocol, 'jmap')
    return new JmapSocket(socket)
  }

  send(message: object): void {
    this.#socket.send(JSON.stringify(message))
  }

  /** The next message of that type; what comes before is passed over. */
  async next(type: string): Promise<Record<string, unknown>> {
    const end = setTimeout(() => {
      this.#socket.close()
      this.#messages.push({ '@type': type, timedOut: true })
      this.#wake()
    }, hangMs)
    try {
      for (;;) {
        const message = this.#messages.shift()
        if (message?.['@type'] === type) {
          assert.ok(message['timedOut'] !== true, `no ${type} came`)
          return message
        }
        if (message === undefined) await new Promise<void>((resolve) => (this.#wake = resolve))
      }
    } finally {
      clearTimeout(end)
    }
  }

  [Symbol.dispose](): void {
    this.#socket.close()
  }
}
