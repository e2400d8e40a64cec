/**
 * Questions over HTTPS (RFC 8484): POST over one HTTP/2 session that is kept while it is used. An answer is
 * read up to 64 KiB. Caches on the way do not keep answers to POST (RFC 8484 §5.1), so TTLs are what they say.
 */
import {
  connect,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  constants,
  type OutgoingHttpHeaders,
} from 'node:http2'
import type { TLSSocket } from 'node:tls'
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

const mostStreams = 100
const mostBytes = 65_535
const idleMs = 10_000
const mediaType = 'application/dns-message'

export interface HttpsOptions {
  /** Begins a connection with ALPN for HTTP/2. */
  readonly connect: () => TLSSocket
  /** Of the URL: `dns.example` or `dns.example:8443`. */
  readonly authority: string
  readonly path: string
}

export class HttpsTransport implements Transport {
  readonly #o: HttpsOptions
  readonly #slots = new Slots(mostStreams)
  #session: ClientHttp2Session | undefined
  #idle: NodeJS.Timeout | undefined
  #running = 0

  constructor(o: HttpsOptions) {
    this.#o = o
  }

  ask(question: Question, signal: AbortSignal): Promise<Message> {
    return this.#slots.use(signal, async () => {
      const kept = this.#kept()
      try {
        return await this.#askOn(kept ?? this.#open(), question, signal)
      } catch (error) {
        // As with any connection, a server may close one that we find idle.
        if (kept === undefined || signal.aborted || !isBroken(error)) throw error
        return this.#askOn(this.#open(), question, signal)
      }
    })
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#idle)
    this.#session?.destroy()
  }

  #kept(): ClientHttp2Session | undefined {
    const session = this.#session
    return session === undefined || session.closed || session.destroyed ? undefined : session
  }

  #open(): ClientHttp2Session {
    const session = connect(`https://${this.#o.authority}`, { createConnection: this.#o.connect })
    // Each stream has the error as well.
    session.on('error', () => undefined)
    return (this.#session = session)
  }

  async #askOn(session: ClientHttp2Session, question: Question, signal: AbortSignal): Promise<Message> {
    this.#running++
    session.ref()
    clearTimeout(this.#idle)
    try {
      return await this.#ask(session, question, signal)
    } catch (error) {
      // Whatever went wrong, the next question finds a new session; those on this one may finish.
      if (this.#session === session) this.#session = undefined
      session.close()
      throw error
    } finally {
      if (--this.#running === 0) this.#rest()
    }
  }

  #rest(): void {
    const session = this.#session
    if (session === undefined) return
    session.unref()
    this.#idle = setTimeout(() => session.close(), idleMs).unref()
  }

  async #ask(session: ClientHttp2Session, question: Question, signal: AbortSignal): Promise<Message> {
    const { name, typeCode, wantsAuthentic } = question
    // RFC 8484 §4.1: always the same id, since the stream tells answers apart.
    const query = encodeQuery({
      id: 0,
      name,
      typeCode,
      wantsAuthentic,
      edns: question.edns ? 'padded' : 'none',
    })
    const stream = request(session, {
      ':method': 'POST',
      ':path': this.#o.path,
      'content-type': mediaType,
      accept: mediaType,
      'content-length': query.length,
    })
    const abort = (): void => void stream.destroy(reasonOf(signal))
    signal.addEventListener('abort', abort, { once: true })
    try {
      stream.end(query)
      const message = decodeAnswer(await readBody(stream))
      if (!isAnswerTo(message, 0, questionOf(query, question)))
        throw new QueryFailure('malformed', 'an answer to something else')
      return message
    } catch (error) {
      if (signal.aborted) throw reasonOf(signal)
      throw error instanceof QueryFailure ? error : new QueryFailure('network', (error as Error).message)
    } finally {
      signal.removeEventListener('abort', abort)
      stream.close(constants.NGHTTP2_CANCEL)
    }
  }
}

/** A session may end at any moment, also while it is looked at. */
function request(session: ClientHttp2Session, headers: OutgoingHttpHeaders): ClientHttp2Stream {
  try {
    return session.request(headers)
  } catch (error) {
    throw new QueryFailure('network', (error as Error).message)
  }
}

async function readBody(stream: ClientHttp2Stream): Promise<Buffer> {
  let isAnswered = false
  stream.on('response', (headers) => {
    isAnswered = true
    const { ':status': status, 'content-type': type } = headers
    if (status !== 200) stream.destroy(new QueryFailure('refused', `HTTP status ${status}`))
    else if (type?.toLowerCase() !== mediaType)
      stream.destroy(new QueryFailure('malformed', 'the answer is no DNS message'))
  })
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > mostBytes) throw new QueryFailure('malformed', 'the answer is longer than any DNS message')
    chunks.push(chunk)
  }
  if (!isAnswered) throw new QueryFailure('network', 'the server closed the connection')
  return Buffer.concat(chunks)
}
