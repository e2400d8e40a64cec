/**
 * The servers that are asked, and in which order: those that answer before those that did not of late. Where
 * one is slow the next is asked as well; the first answer that can be used counts.
 *
 * What must always hold: a question is over at the deadline at the latest. Once a trusted server could not
 * resolve a name, no other than trusted ones are asked for it: signatures may be wrong, and who does not look
 * at them would hide that (RFC 7672 §2.1).
 */
import { saysBogus } from './edns.ts'
import type { NameServer } from './name-server.ts'
import { QueryFailure, type Question, reasonOf, withTimeout } from './transport.ts'
import { type Message, rcodeName, rcodes } from './wire.ts'

export interface UpstreamOptions {
  readonly servers: readonly NameServer[]
  /** How often each is asked, if it does not answer. */
  readonly attempts: number
  /** For each try. */
  readonly timeoutMs: number
  readonly deadlineMs: number
  /** How many are asked at once. */
  readonly concurrency: number
  /** The last attempt is made over TCP. */
  readonly tcpOnError: boolean
}

export interface Asked {
  readonly message: Message
  readonly server: NameServer
}

/** How long one has to itself before the next is asked as well, and never more than half its time. */
const headStartMs = 800

interface Try {
  readonly server: NameServer
  readonly isSure: boolean
}

export class Upstream implements Disposable {
  readonly #o: UpstreamOptions

  constructor(o: UpstreamOptions) {
    this.#o = o
  }

  /** The first answer that can be used. Throws QueryFailure, and the signal's reason. */
  ask(question: Omit<Question, 'edns' | 'wantsAuthentic'>, signal: AbortSignal): Promise<Asked> {
    return withTimeout(signal, this.#o.deadlineMs, async (whole) => {
      const race = new Race(this.#o, this.#plan(), question, whole)
      try {
        return await race.result
      } finally {
        race.end()
      }
    })
  }

  [Symbol.dispose](): void {
    for (const server of this.#o.servers) server[Symbol.dispose]()
  }

  #plan(): readonly Try[] {
    const { servers, attempts, tcpOnError } = this.#o
    const inOrder = servers.toSorted((a, b) => a.pausedUntil - b.pausedUntil)
    return Array.from({ length: attempts }, (_, i) => i).flatMap((attempt) =>
      inOrder.map((server) => ({ server, isSure: tcpOnError && attempt > 0 && attempt === attempts - 1 })),
    )
  }
}

/** One question to several servers. */
class Race {
  readonly result: Promise<Asked>
  readonly #o: UpstreamOptions
  readonly #question: Omit<Question, 'edns' | 'wantsAuthentic'>
  readonly #signal: AbortSignal
  readonly #losers = new AbortController()
  #left: readonly Try[]
  /** In the order in which they were asked. */
  readonly #running = new Set<NameServer>()
  #timer: NodeJS.Timeout | undefined
  #failure: QueryFailure | undefined
  #resolve!: (asked: Asked) => void
  #reject!: (error: unknown) => void

  constructor(
    o: UpstreamOptions,
    plan: readonly Try[],
    question: Omit<Question, 'edns' | 'wantsAuthentic'>,
    signal: AbortSignal,
  ) {
    this.#o = o
    this.#left = plan
    this.#question = question
    this.#signal = signal
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    signal.addEventListener('abort', this.#abort, { once: true })
    this.#next()
  }

  /** Nobody waits for it any more. */
  end(): void {
    clearTimeout(this.#timer)
    this.#signal.removeEventListener('abort', this.#abort)
    this.#losers.abort(new Error('another server was faster'))
  }

  readonly #abort = (): void => {
    const reason = reasonOf(this.#signal)
    // What a server said tells more than that the time is over.
    this.#reject(reason instanceof QueryFailure ? (this.#failure ?? reason) : reason)
  }

  #next(): void {
    clearTimeout(this.#timer)
    const [one, ...rest] = this.#left
    if (one === undefined) {
      if (this.#running.size === 0)
        this.#reject(this.#failure ?? new QueryFailure('network', 'there is no server'))
      return
    }
    this.#left = rest
    this.#running.add(one.server)
    void this.#try(one)
    if (
      this.#running.size < this.#o.concurrency &&
      rest[0] !== undefined &&
      !this.#running.has(rest[0].server)
    )
      this.#timer = setTimeout(() => this.#next(), Math.min(headStartMs, this.#o.timeoutMs / 2))
  }

  async #try({ server, isSure }: Try): Promise<void> {
    const question = { ...this.#question, wantsAuthentic: server.isTrusted }
    const { signal } = this.#losers
    const { timeoutMs } = this.#o
    try {
      const message = await server.ask(question, { signal, timeoutMs, isSure })
      this.#judge(message, server)
    } catch (error) {
      if (signal.aborted) return
      if (!(error instanceof QueryFailure)) return this.#reject(error)
      this.#running.delete(server)
      this.#failed(new QueryFailure(error.why, `${server.label}: ${error.message}`))
    }
  }

  #judge(message: Message, server: NameServer): void {
    const failure = failureOf(message, server.label)
    if (failure === undefined) return this.#won(message, server)
    this.#running.delete(server)
    // It has said what it knows.
    this.#left = this.#left.filter((one) => one.server !== server)
    if (server.isTrusted && failure.why === 'bogus') return this.#reject(failure)
    if (server.isTrusted && failure.why === 'servFail')
      this.#left = this.#left.filter((one) => one.server.isTrusted)
    this.#failed(failure)
  }

  #won(message: Message, server: NameServer): void {
    for (const slower of this.#running) {
      if (slower === server) break
      slower.pause()
    }
    this.#resolve({ message, server })
  }

  #failed(failure: QueryFailure): void {
    if (this.#failure === undefined || weight(failure) > weight(this.#failure)) this.#failure = failure
    this.#next()
  }
}

/** What is told where servers failed in different ways: the one that got furthest. */
const weights = {
  timeout: 0,
  network: 0,
  malformed: 1,
  forged: 1,
  refused: 2,
  servFail: 3,
  bogus: 4,
} as const
const weight = ({ why }: QueryFailure): number => weights[why]

/** Undefined for an answer that says what there is, or that there is nothing. */
function failureOf(message: Message, server: string): QueryFailure | undefined {
  const { rcode, errors } = message
  const words = errors.map(({ code, text }) => ` (extended error ${code}${text === '' ? '' : `: ${text}`})`)
  const text = `${server}: ${rcodeName(rcode)}${words.slice(0, 3).join('')}`
  if (rcode === rcodes.servFail) return new QueryFailure(saysBogus(errors) ? 'bogus' : 'servFail', text)
  if (rcode !== rcodes.noError && rcode !== rcodes.nxDomain) return new QueryFailure('refused', text)
  if (rcode === rcodes.noError && !message.isRecursive && isReferral(message))
    return new QueryFailure('refused', `${server}: does not ask other servers`)
  return undefined
}

/** RFC 2308 §2.2: no answer, no SOA, and names of servers that may know more. */
const isReferral = ({ answers, authority }: Message): boolean =>
  answers.length === 0 &&
  authority.some(({ type }) => type === 'NS') &&
  !authority.some(({ type }) => type === 'SOA')
