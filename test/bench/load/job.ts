/**
 * What the bench tells the process that makes the load, and what it hears back. The four steps of a job: it
 * is prepared, then (the costs so far having been read) it runs, then (costs read again) it is released.
 */
import type { Target } from '../target.ts'
import type { Timings } from './timings.ts'

interface JobBase {
  readonly target: Target
  readonly connections: number
  readonly seconds: number
}

/** Messages from outside. Latency is from MAIL to the reply after the dot. */
export interface SmtpJob extends JobBase {
  readonly kind: 'smtp'
  /** One connection for all messages, or one for each. */
  readonly reuse: boolean
  readonly pipelining: boolean
  readonly sizeBytes: number
  /** All accounts in turn, or the first only. */
  readonly recipients: 'all' | 'one'
  /** At most so many messages per second, of all connections together. */
  readonly perSecond?: number
}

/** Mail for others, submitted and then counted at a sink. Latency is as with `SmtpJob`. */
export interface OutboundJob extends JobBase {
  readonly kind: 'outbound'
  readonly sizeBytes: number
  /** Servers that it goes to in turn. */
  readonly destinations: number
  /** At most so many messages per second, of all connections together. */
  readonly perSecond?: number
}

export interface ImapJob extends JobBase {
  readonly kind: 'imap'
  readonly operation: string
  /** Size of the mailbox, which a `fill` job has made. */
  readonly messages: number
  /** Once, by a client that has signed in and no more: SELECT is part of it. */
  readonly cold?: true
}

/** Requests of JMAP, in a mailbox that a `fill` job has made. */
export interface JmapJob extends JobBase {
  readonly kind: 'jmap'
  readonly operation: string
  readonly messages: number
}

/** Makes a mailbox that IMAP jobs read, unless it is there already. */
export interface FillJob extends JobBase {
  readonly kind: 'fill'
  readonly messages: number
}

/** Opens connections that do nothing, over all accounts, with INBOX selected, and holds them until released. */
export interface IdleJob extends JobBase {
  readonly kind: 'idle'
  readonly secure: boolean
}

/** Deletes all messages of every account's INBOX. */
export interface ClearJob extends JobBase {
  readonly kind: 'clear'
}

export type Job = SmtpJob | OutboundJob | ImapJob | JmapJob | FillJob | IdleJob | ClearJob

export interface JobResult {
  readonly operations: number
  readonly failures: number
  readonly firstFailure?: string
  readonly elapsedMs: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** From the start until the last accepted message was seen over IMAP, or came to the sink. */
  readonly visibleMs?: number
  /** From the answer that a message is accepted until it is offered to the next server. */
  readonly firstTry?: { readonly p50Ms: number; readonly p99Ms: number }
  /** Messages found or listed by one operation: must be the same for every server. */
  readonly found?: number
  readonly clientCpuMs: number
}

export interface PreparedJob {
  run(): Promise<JobResult>
  release(): Promise<void>
}

export type ToLoad = { readonly step: 'prepare'; readonly job: Job } | { readonly step: 'run' | 'release' }
export type FromLoad =
  | { readonly state: 'started' | 'prepared' | 'released' }
  | { readonly state: 'done'; readonly result: JobResult }
  | { readonly state: 'failed'; readonly message: string }

/** Counts of one run. */
export class Tally {
  readonly timings: Timings
  failures = 0
  firstFailure: string | undefined
  readonly #startedAt = performance.now()
  readonly #cpu = process.cpuUsage()
  endedAt = this.#startedAt

  constructor(timings: Timings) {
    this.timings = timings
  }

  get startedAt(): number {
    return this.#startedAt
  }

  done(ms: number): void {
    this.timings.add(ms)
    this.endedAt = performance.now()
  }

  failed(message: string): void {
    this.failures++
    this.firstFailure ??= message
  }

  result(extra: Pick<JobResult, 'visibleMs' | 'firstTry' | 'found'> = {}): JobResult {
    const { user, system } = process.cpuUsage(this.#cpu)
    return {
      operations: this.timings.count,
      failures: this.failures,
      ...(this.firstFailure === undefined ? {} : { firstFailure: this.firstFailure }),
      elapsedMs: this.endedAt - this.#startedAt,
      p50Ms: this.timings.percentile(0.5),
      p99Ms: this.timings.percentile(0.99),
      clientCpuMs: (user + system) / 1000,
      ...extra,
    }
  }
}

/**
 * Calls `step` for each of the connections, and again until the time is up. It returns the milliseconds that count;
 * what it throws counts as a failure, and a connection that fails three times in a row gives up.
 */
export async function repeat(
  tally: Tally,
  steps: readonly (() => Promise<number>)[],
  seconds: number,
  pause?: () => Promise<void>,
): Promise<void> {
  const deadline = tally.startedAt + seconds * 1000
  await Promise.all(
    steps.map(async (step) => {
      let inRow = 0
      do {
        if (pause !== undefined) await pause()
        try {
          tally.done(await step())
          inRow = 0
        } catch (error) {
          inRow++
          tally.failed(String(error))
        }
      } while (inRow < 3 && performance.now() < deadline)
    }),
  )
}
