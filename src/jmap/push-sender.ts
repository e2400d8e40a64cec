/**
 * Requests to push services: to public hosts only, whatever the name leads to; one attempt each, bounded in time and
 * in what is read of the answer. What is said to subscriptions, and when, is in `push-subscriber.ts`.
 */
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { Agent, request } from 'node:https'
import { pinnedTo, type Reach, reachableAddress } from '#http/stranger-host.ts'
import type { PushMessage } from './push-message.ts'

/**
 * `gone`: the subscription is no more (RFC 8030 §7.3). `slower`: it is too much (RFC 8620 §7.2). `refused`: as it is
 * it will not be taken another time either. `failed`: later perhaps.
 */
export type PushOutcome =
  | { readonly kind: 'sent' | 'gone' | 'refused' | 'failed'; readonly reason: string }
  | { readonly kind: 'slower'; readonly reason: string; readonly afterMs: number }

export interface PushSenderOptions {
  readonly addressesOf: Reach['addressesOf']
  readonly mayReach: () => Reach['mayReach']
  /** Certificates of authorities, in place of those that node has. */
  readonly ca?: string
}

/** Connections that wait for the next message. */
const mostIdle = 32
const idleMs = 30_000
/** Of an answer, which says nothing that we need; with more, the connection is given up. */
const mostRead = 16 * 1024
const longestWaitMs = 86_400_000

export class PushSender implements Disposable {
  readonly #o: PushSenderOptions
  readonly #agent: Agent

  constructor(o: PushSenderOptions) {
    this.#o = o
    this.#agent = new Agent({ keepAlive: true, maxFreeSockets: mostIdle, timeout: idleMs })
  }

  /** Rejects only when `signal` fires. */
  async send(
    url: URL,
    { headers, body }: PushMessage,
    o: { readonly authorization: string; readonly timeoutMs: number; readonly signal: AbortSignal },
  ): Promise<PushOutcome> {
    const signal = AbortSignal.any([o.signal, AbortSignal.timeout(o.timeoutMs)])
    try {
      const reach = { addressesOf: this.#o.addressesOf, ...maybe(this.#o.mayReach()) }
      const ip = await reachableAddress(url, reach, signal)
      if (ip === undefined)
        return { kind: 'failed', reason: 'the host has no address that may be connected to' }
      const all = { ...headers, Authorization: o.authorization, 'Content-Length': String(body.length) }
      return await this.#ask(url, ip, { headers: all, body }, signal)
    } catch (error) {
      o.signal.throwIfAborted()
      const isLate = signal.aborted
      return { kind: 'failed', reason: isLate ? 'no answer in time' : messageOf(error) }
    }
  }

  [Symbol.dispose](): void {
    this.#agent.destroy()
  }

  async #ask(
    url: URL,
    ip: string,
    { headers, body }: PushMessage,
    signal: AbortSignal,
  ): Promise<PushOutcome> {
    const asking = request(url, {
      method: 'POST',
      agent: this.#agent,
      signal,
      lookup: pinnedTo(ip),
      headers: { ...headers, 'User-Agent': 'Postern' },
      ...(this.#o.ca === undefined ? {} : { ca: this.#o.ca }),
    })
    asking.end(body)
    const [answer] = (await once(asking, 'response')) as [IncomingMessage]
    await passOver(answer)
    return outcomeOf(answer)
  }
}

const maybe = (mayReach: Reach['mayReach']) => (mayReach === undefined ? {} : { mayReach })

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

async function passOver(answer: IncomingMessage): Promise<void> {
  let length = 0
  try {
    for await (const piece of answer as AsyncIterable<Buffer>) {
      length += piece.length
      if (length > mostRead) break
    }
  } catch {
    // What it said with its status counts.
  }
}

function outcomeOf({ statusCode = 0, headers }: IncomingMessage): PushOutcome {
  const reason = `the answer was ${statusCode}`
  if (statusCode >= 200 && statusCode < 300) return { kind: 'sent', reason }
  // RFC 8030 §7.3 and RFC 8620 §7.2.
  if (statusCode === 404 || statusCode === 410) return { kind: 'gone', reason }
  if (statusCode === 429) return { kind: 'slower', reason, afterMs: afterMsOf(headers['retry-after']) }
  // A redirection is followed nowhere: it could lead anywhere.
  return { kind: statusCode >= 500 || statusCode === 408 ? 'failed' : 'refused', reason }
}

/** RFC 9110 §10.2.3: seconds or a date; 0 where it says nothing. */
function afterMsOf(header: string | undefined): number {
  if (header === undefined) return 0
  const ms = /^\d{1,9}$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now()
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, 0), longestWaitMs)
}
