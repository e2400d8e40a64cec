/**
 * Gets small documents from the web whose addresses strangers chose. What must hold: only over HTTPS with a
 * certificate that is good for the name, only from public addresses, whatever the name or a redirection says, so
 * that nobody can make this server knock inside its own network; no more than was allowed is read; and the same
 * document is not asked for again for a while, whether it was there or not.
 */
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import type { Clock } from '#base/clock.ts'
import { Lru } from '#base/lru.ts'
import { pinnedTo, type Reach, reachableAddress } from './stranger-host.ts'

/** Without `mayReach` on the port of HTTPS only. */
export interface DocumentFetcherOptions extends Reach {
  readonly clock: Clock
  /** Certificates of authorities, in place of those that node has. */
  readonly ca?: string
}

export interface FetchOptions {
  readonly maxBytes: number
  readonly signal: AbortSignal
}

interface Kept {
  /** Undefined: it was not there. */
  readonly document: Uint8Array | undefined
  readonly until: number
}

const keptBytes = 16 * 1024 * 1024
const entryBytes = 500
const keptMs = 3_600_000
const absentMs = 300_000
/** One document, with its redirections, whoever waits for it. */
const longestMs = 15_000
const mostRedirections = 3
const mostAtOnce = 16

export class DocumentFetcher {
  readonly #o: DocumentFetcherOptions
  readonly #kept = new Lru<string, Kept>(keptBytes)
  readonly #running = new Map<string, Promise<Uint8Array | undefined>>()

  constructor(o: DocumentFetcherOptions) {
    this.#o = o
  }

  /** Undefined where it cannot be had, or is larger. Rejects with the signal's reason only. */
  async fetch(address: string, { maxBytes, signal }: FetchOptions): Promise<Uint8Array | undefined> {
    signal.throwIfAborted()
    const kept = this.#kept.get(`${maxBytes} ${address}`)
    if (kept !== undefined && kept.until > this.#o.clock.now()) return kept.document
    const running = this.#running.get(`${maxBytes} ${address}`) ?? this.#start(address, maxBytes)
    return unlessAborted(running, signal)
  }

  #start(address: string, maxBytes: number): Promise<Uint8Array | undefined> {
    const key = `${maxBytes} ${address}`
    if (this.#running.size >= mostAtOnce) return Promise.resolve(undefined)
    const running = this.#follow(address, maxBytes, AbortSignal.timeout(longestMs))
      .catch(() => undefined)
      .then((document) => {
        this.#running.delete(key)
        const until = this.#o.clock.now() + (document === undefined ? absentMs : keptMs)
        this.#kept.set(key, { document, until }, entryBytes + 2 * key.length + (document?.length ?? 0))
        return document
      })
    this.#running.set(key, running)
    return running
  }

  async #follow(address: string, maxBytes: number, signal: AbortSignal): Promise<Uint8Array | undefined> {
    let url = new URL(address)
    for (let redirections = 0; redirections <= mostRedirections; redirections++) {
      if (url.protocol !== 'https:' || url.username !== '' || url.password !== '') return undefined
      if (url.port !== '' && this.#o.mayReach === undefined) return undefined
      const ip = await reachableAddress(url, this.#o, signal)
      if (ip === undefined) return undefined
      const answer = await this.#ask(url, ip, signal)
      const { statusCode = 0, headers } = answer
      if (statusCode === 200) return await readAll(answer, maxBytes)
      answer.destroy()
      if (![301, 302, 303, 307, 308].includes(statusCode) || headers.location === undefined) return undefined
      url = new URL(headers.location, url)
    }
    return undefined
  }

  async #ask(url: URL, ip: string, signal: AbortSignal): Promise<IncomingMessage> {
    const asking = request(url, {
      agent: false,
      signal,
      lookup: pinnedTo(ip),
      headers: { accept: '*/*', 'user-agent': 'Postern' },
      ...(this.#o.ca === undefined ? {} : { ca: this.#o.ca }),
    })
    asking.end()
    const [answer] = (await once(asking, 'response')) as [IncomingMessage]
    return answer
  }
}

/** The others who wait go on. */
function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error)
    signal.addEventListener('abort', abort, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort))
  })
}

async function readAll(answer: IncomingMessage, maxBytes: number): Promise<Uint8Array | undefined> {
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of answer as AsyncIterable<Buffer>) {
    length += piece.length
    if (length > maxBytes) return undefined
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}
