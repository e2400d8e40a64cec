/**
 * Mail for others: submitted over and over, each message different and to a recipient of its own, and counted
 * where it arrives. An answer of 250 means a place in the queue, so what counts is the rate until the last one
 * has come, and how long after its 250 each was first offered.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { accountName, outboundDomain } from '../target.ts'
import { type JobResult, type OutboundJob, type PreparedJob, repeat, Tally } from './job.ts'
import { firstNumber, pacer, Sender, type SentMessage } from './sender.ts'
import { Sink } from './sink.ts'
import { SmtpClient } from './smtp-client.ts'
import { Timings } from './timings.ts'
import { sharedReadBuffer } from './wire.ts'

const pollMs = 5
/** Nothing has arrived for so long: the rest will not come. */
const stalledMs = 20_000

/** What is under way: when each message was accepted, when it was offered, whichever came first. */
class Journeys {
  readonly waits = new Timings()
  readonly #accepted = new Map<number, number>()
  readonly #offered = new Set<number>()
  acceptedCount = 0
  takenCount = 0

  accepted(number: number): void {
    this.acceptedCount++
    // The server need not have written its answer first.
    if (this.#offered.delete(number)) this.waits.add(0)
    else this.#accepted.set(number, performance.now())
  }

  offered(number: number): void {
    const at = this.#accepted.get(number)
    if (at === undefined) this.#offered.add(number)
    else {
      this.#accepted.delete(number)
      this.waits.add(performance.now() - at)
    }
  }

  /** Returns what never came. */
  async allTaken(): Promise<number> {
    let [seen, grewAt] = [this.takenCount, performance.now()]
    while (this.takenCount < this.acceptedCount) {
      if (this.takenCount > seen) [seen, grewAt] = [this.takenCount, performance.now()]
      if (performance.now() - grewAt > stalledMs) break
      await wait(pollMs)
    }
    return Math.max(0, this.acceptedCount - this.takenCount)
  }
}

export async function prepareOutbound(job: OutboundJob): Promise<PreparedJob> {
  const { target } = job
  const { submission, sinkPort } = target
  if (submission === undefined || sinkPort === undefined) throw new Error('the target has no submission')
  const shared = sharedReadBuffer()
  const journeys = new Journeys()
  const sink = await Sink.open(sinkPort, {
    offered: (number) => journeys.offered(number),
    taken: () => void journeys.takenCount++,
  })
  const next = (number: number): SentMessage => ({
    to: `r${number}@${outboundDomain(1 + (number % job.destinations))}`,
    accepted: () => journeys.accepted(number),
  })
  const senders = Array.from({ length: job.connections }, (_, at) => {
    const from = accountName(target, 1 + (at % target.accounts))
    const open = () =>
      SmtpClient.open(
        submission,
        shared,
        submission.secure ? { name: from, password: target.password } : undefined,
      )
    const { sizeBytes } = job
    return new Sender({ reuse: true, pipelining: true, sizeBytes, from, first: firstNumber(at), open, next })
  })
  // One after the other: a server need not check 64 passwords at once.
  for (const sender of senders) await sender.connect()
  const run = async (): Promise<JobResult> => {
    const tally = new Tally(new Timings())
    const pause = job.perSecond === undefined ? undefined : pacer(job.perSecond)
    await repeat(
      tally,
      senders.map((sender) => () => sender.send()),
      job.seconds,
      pause,
    )
    const missing = await journeys.allTaken()
    const { waits } = journeys
    const firstTry = { p50Ms: waits.percentile(0.5), p99Ms: waits.percentile(0.99) }
    if (missing === 0) return tally.result({ visibleMs: performance.now() - tally.startedAt, firstTry })
    tally.failed(`${missing} accepted messages never came to the sink`)
    return tally.result({ firstTry })
  }
  const release = async () => {
    for (const sender of senders) sender.close()
    sink.close()
  }
  return { run, release }
}
