/**
 * Looks up names: the one way in which the server asks the DNS. What it promises to whoever asks:
 *
 * names are taken as full names, search domains are never tried; what there is not and what could not be found
 * out are told apart; `authentic` is true only where every step was validated by a server that settings trust.
 * Nothing is thrown but the signal's reason.
 */
import { performance } from 'node:perf_hooks'
import type { Clock } from '#base/clock.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import { mostAliases, type Reading, readAnswer } from './answer.ts'
import { AnswerCache, type CacheLimits } from './cache.ts'
import { cacheBytes, cacheHit, lookupFailed, queryAnswered } from './events.ts'
import { encodeName } from './name.ts'
import { codeOf, type RecordOf, type RecordType } from './record.ts'
import { QueryFailure, reasonOf } from './transport.ts'
import type { Upstream } from './upstream.ts'
import { canonicalName } from './wire-reader.ts'
import type { Failed, Known, Resolution, Resolver } from './resolution.ts'

/** A question that is being asked, for all who want to know. */
interface Running {
  readonly resolution: Promise<Resolution>
  readonly controller: AbortController
  waiting: number
}

const neverAborted = new AbortController().signal

/** What is so because of how the name is written. */
const impossibleName: Resolution = { kind: 'noName', authentic: false, ttl: 0, server: '', cached: false }

export class CachingResolver implements Resolver, Disposable {
  readonly #o: {
    readonly upstream: () => Promise<Upstream>
    readonly telemetry: Telemetry
    readonly clock: Clock
  }
  readonly #running = new Map<string, Running>()
  readonly #gauge: Disposable
  #cache: AnswerCache

  constructor(o: {
    /** Whom to ask now. */
    readonly upstream: () => Promise<Upstream>
    readonly limits: CacheLimits
    readonly telemetry: Telemetry
    readonly clock: Clock
  }) {
    this.#o = o
    this.#cache = new AnswerCache(o.limits, o.clock)
    this.#gauge = o.telemetry.gauge(cacheBytes, () => this.#cache.weight)
  }

  async resolve<T extends RecordType>(
    name: string,
    type: T,
    {
      signal = neverAborted,
      fresh = false,
    }: { readonly signal?: AbortSignal; readonly fresh?: boolean } = {},
  ): Promise<Resolution<RecordOf<T>>> {
    signal.throwIfAborted()
    const canonical = canonicalName(name)
    if (canonical === undefined) return impossibleName as Resolution<RecordOf<T>>
    const key = `${type} ${canonical}`
    const cached = fresh ? undefined : this.#cache.get(key)
    if (cached !== undefined) {
      this.#o.telemetry.emit(cacheHit, { name: canonical, type })
      return cached as Resolution<RecordOf<T>>
    }
    const running = this.#running.get(key) ?? this.#start(key, canonical, type)
    return (await this.#waitFor(key, running, signal)) as Resolution<RecordOf<T>>
  }

  /** Other servers are asked from now on: what was learnt from those before is forgotten. */
  forget(limits: CacheLimits): void {
    this.#cache = new AnswerCache(limits, this.#o.clock)
    this.#running.clear()
  }

  [Symbol.dispose](): void {
    this.#gauge[Symbol.dispose]()
    for (const { controller } of this.#running.values()) controller.abort(new Error('the resolver is closed'))
  }

  #start(key: string, name: string, type: RecordType): Running {
    const controller = new AbortController()
    const cache = this.#cache
    const resolution = this.#look(name, type, controller.signal).then((found) => {
      cache.put(key, found)
      return found
    })
    const running: Running = { resolution, controller, waiting: 0 }
    this.#running.set(key, running)
    const over = (): void => {
      if (this.#running.get(key) === running) this.#running.delete(key)
    }
    resolution.then(over, over)
    return running
  }

  /** One who leaves does not disturb the others; when the last has left, the question is given up. */
  #waitFor(key: string, running: Running, signal: AbortSignal): Promise<Resolution> {
    running.waiting++
    return new Promise<Resolution>((resolve, reject) => {
      const leave = (): void => {
        reject(reasonOf(signal))
        if (--running.waiting > 0) return
        if (this.#running.get(key) === running) this.#running.delete(key)
        running.controller.abort(reasonOf(signal))
      }
      signal.addEventListener('abort', leave, { once: true })
      const stay = (): void => signal.removeEventListener('abort', leave)
      running.resolution.then(resolve, reject).finally(stay)
    })
  }

  async #look(name: string, type: RecordType, signal: AbortSignal): Promise<Resolution> {
    const upstream = await this.#o.upstream()
    const chain: Chain = { name, aliases: 0, ttl: Infinity, authentic: true }
    try {
      for (;;) {
        const { reading, server } = await this.#step(upstream, chain, type, signal)
        if (reading.kind === 'tooManyAliases')
          return this.#fail(name, type, 'tooManyAliases', `more than ${mostAliases} aliases`)
        if (reading.kind !== 'alias') return conclude(reading, chain, server)
      }
    } catch (error) {
      if (!(error instanceof QueryFailure) || signal.aborted) throw error
      return this.#fail(name, type, error.why, error.message)
    }
  }

  /** Asks once, and takes the chain as far as the answer leads. */
  async #step(upstream: Upstream, chain: Chain, type: RecordType, signal: AbortSignal) {
    const began = performance.now()
    const name = encodeName(chain.name)
    if (name === undefined) throw new QueryFailure('malformed', 'an alias to what is no name')
    const { message, server } = await upstream.ask({ name, typeCode: codeOf(type) }, signal)
    const took = performance.now() - began
    this.#o.telemetry.emit(queryAnswered, { name: chain.name, type, server: server.label, took })
    const { reading, aliases, end } = readAnswer(message, chain.name, type, chain.aliases)
    chain.aliases = aliases
    chain.name = end
    chain.authentic &&= server.isTrusted && message.isAuthentic
    if (reading.kind !== 'tooManyAliases') chain.ttl = Math.min(chain.ttl, reading.ttl)
    return { reading, server: server.label }
  }

  #fail(name: string, type: RecordType, why: Failed['why'], reason: string): Failed {
    this.#o.telemetry.emit(lookupFailed, { name, type, why, reason })
    return { kind: 'failed', why, reason, temporary: true, cached: false }
  }
}

/** What was found on the way, over all answers. */
interface Chain {
  name: string
  aliases: number
  ttl: number
  authentic: boolean
}

function conclude(
  reading: Exclude<Reading, { kind: 'alias' | 'tooManyAliases' }>,
  { name, ttl, authentic }: Chain,
  server: string,
): Resolution {
  const known: Known = { authentic, ttl, server, cached: false }
  if (reading.kind !== 'answer') return { kind: reading.kind, ...known }
  return { kind: 'answer', name, records: reading.records, ...known }
}
