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
import { isPublicIp, parseIp } from '#base/ip.ts'
import { Lru } from '#base/lru.ts'

export interface DocumentFetcherOptions {
  /** All addresses of a host, none where it has none or the DNS does not answer. */
  readonly addressesOf: (host: string, o: { readonly signal: AbortSignal }) => Promise<readonly string[]>
  readonly clock: Clock
  /** Where documents may be; where left out everywhere public, on the port of HTTPS. */
  readonly mayReach?: (ip: Uint8Array) => boolean
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
      const ip = await this.#reach(url.hostname, signal)
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

  /** An address of the host that may be connected to. */
  async #reach(hostname: string, signal: AbortSignal): Promise<string | undefined> {
    // An address in place of a name has no certificate that we would want to believe.
    if (hostname.startsWith('[') || parseIp(hostname) !== undefined) return undefined
    const found = await this.#o.addressesOf(hostname, { signal })
    const mayReach = this.#o.mayReach ?? isPublicIp
    // IPv4 first: a server that IPv6 does not get to is not told apart from one that is silent.
    const all = found.toSorted((a, b) => familyOf(a) - familyOf(b))
    return all.find((ip) => mayReach(parseIp(ip)!))
  }

  async #ask(url: URL, ip: string, signal: AbortSignal): Promise<IncomingMessage> {
    const asking = request(url, {
      agent: false,
      signal,
      // The address that was looked at, and no other.
      lookup: (_host, o, done) =>
        o.all === true ? done(null, [{ address: ip, family: familyOf(ip) }]) : done(null, ip, familyOf(ip)),
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

const familyOf = (ip: string): 4 | 6 => (ip.includes(':') ? 6 : 4)

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
