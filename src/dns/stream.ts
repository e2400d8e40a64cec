/**
 * Questions over TCP (RFC 7766) and over TLS (RFC 7858): one connection to a server, kept while it is used,
 * on which questions do not wait for each other and answers come in any order.
 *
 * What must always hold: what is kept of a peer is one incomplete message; a peer that sends what nobody
 * asked for is cut off; a connection on which a question got no answer in time takes no further ones.
 */
import { randomInt } from 'node:crypto'
import type { Socket } from 'node:net'
import { frame, FrameReader } from './frames.ts'
import { Slots } from './slots.ts'
import {
  decodeAnswer,
  isAnswerTo,
  isBroken,
  QueryFailure,
  type Question,
  questionOf,
  reasonOf,
  type Transport,
} from './transport.ts'
import { encodeQuery, type Message } from './wire.ts'

/** Below what servers allow a client to have open (RFC 7766 §6.2.1.1 names no number). */
const mostPipelined = 100
/** Answers to questions that were given up are among them. */
const mostUnasked = 256
/** RFC 7766 §6.2.3: in the order of seconds. */
const idleMs = 10_000

export interface StreamOptions {
  /** Begins a connection; what is written before it stands is sent then. */
  readonly connect: () => Socket
  readonly edns: 'plain' | 'padded'
}

export class StreamTransport implements Transport {
  readonly #o: StreamOptions
  readonly #slots = new Slots(mostPipelined)
  #channel: Channel | undefined

  constructor(o: StreamOptions) {
    this.#o = o
  }

  ask(question: Question, signal: AbortSignal): Promise<Message> {
    return this.#slots.use(signal, async () => {
      const kept = this.#channel?.isOpen === true ? this.#channel : undefined
      try {
        return await (kept ?? this.#connect()).ask(question, signal)
      } catch (error) {
        // RFC 7766 §6.2.4: a server may close a connection that we find idle at any time.
        if (kept === undefined || signal.aborted || !isBroken(error)) throw error
        return this.#connect().ask(question, signal)
      }
    })
  }

  [Symbol.dispose](): void {
    this.#channel?.end('closed')
  }

  #connect(): Channel {
    return (this.#channel = new Channel(this.#o))
  }
}

interface Waiting {
  readonly question: Buffer
  readonly resolve: (message: Message) => void
  readonly reject: (error: Error) => void
}

class Channel {
  readonly #socket: Socket
  readonly #edns: StreamOptions['edns']
  readonly #frames = new FrameReader()
  readonly #waiting = new Map<number, Waiting>()
  #idle: NodeJS.Timeout | undefined
  #unasked = 0
  #takesMore = true

  constructor({ connect, edns }: StreamOptions) {
    this.#edns = edns
    this.#socket = connect()
    this.#socket.setNoDelay(true)
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk))
    this.#socket.on('error', (error) => this.end(error.message))
    this.#socket.on('close', () => this.end('the server closed the connection'))
  }

  get isOpen(): boolean {
    return this.#takesMore
  }

  async ask(question: Question, signal: AbortSignal): Promise<Message> {
    const id = this.#freeId()
    const { name, typeCode, wantsAuthentic } = question
    const edns = question.edns ? this.#edns : 'none'
    const query = encodeQuery({ id, name, typeCode, wantsAuthentic, edns })
    clearTimeout(this.#idle)
    this.#socket.ref()
    const abort = (): void => {
      const reason = reasonOf(signal)
      // Perhaps nobody is there any more; whoever just does not want to know says another reason.
      if (reason instanceof QueryFailure) this.#takesMore = false
      this.#waiting.get(id)?.reject(reason)
    }
    signal.addEventListener('abort', abort, { once: true })
    try {
      return await new Promise<Message>((resolve, reject) => {
        this.#waiting.set(id, { question: questionOf(query, question), resolve, reject })
        this.#socket.write(frame(query))
      })
    } finally {
      signal.removeEventListener('abort', abort)
      this.#waiting.delete(id)
      if (this.#waiting.size === 0) this.#rest()
    }
  }

  /** Those who wait get QueryFailure `network`. */
  end(why: string): void {
    this.#fail(new QueryFailure('network', why))
  }

  #freeId(): number {
    for (;;) {
      const id = randomInt(0x1_0000)
      if (!this.#waiting.has(id)) return id
    }
  }

  #rest(): void {
    if (!this.#takesMore) return this.end('closed')
    this.#socket.unref()
    this.#idle = setTimeout(() => this.end('closed'), idleMs).unref()
  }

  #read(chunk: Buffer): void {
    try {
      this.#frames.push(chunk, (bytes) => this.#take(bytes))
    } catch (error) {
      this.#fail(error as Error)
    }
  }

  #take(bytes: Buffer): void {
    const message = decodeAnswer(bytes)
    const waiting = this.#waiting.get(message.id)
    if (waiting !== undefined && isAnswerTo(message, message.id, waiting.question)) {
      this.#unasked = 0
      waiting.resolve(message)
    } else if (++this.#unasked > mostUnasked)
      throw new QueryFailure('forged', `${mostUnasked} answers to something else`)
  }

  #fail(error: Error): void {
    this.#takesMore = false
    clearTimeout(this.#idle)
    this.#socket.destroy()
    for (const { reject } of this.#waiting.values()) reject(error)
  }
}
