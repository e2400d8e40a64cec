/**
 * Mail from outside: MAIL, RCPT, DATA and the message, over and over, each message different. Afterwards it
 * watches every mailbox over IMAP until it holds what was accepted for it, since an answer of 250 may mean
 * nothing but a place in a queue.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { accountName, type Target } from '../target.ts'
import { ImapClient } from './imap-client.ts'
import { type JobResult, type PreparedJob, repeat, type SmtpJob, Tally } from './job.ts'
import { firstNumber, pacer, Sender, type SentMessage } from './sender.ts'
import { SmtpClient } from './smtp-client.ts'
import { Timings } from './timings.ts'
import { sharedReadBuffer } from './wire.ts'

const pollMs = 5
/** No mailbox has grown for so long: the rest will not come. */
const stalledMs = 20_000

/** The number after `MESSAGES` in the answer to STATUS, RFC 9051 §6.3.11. */
async function countMessages(client: ImapClient): Promise<number> {
  const answer = await client.ask('STATUS INBOX (MESSAGES)')
  return Number(/MESSAGES (\d+)/i.exec(answer)?.[1] ?? Number.NaN)
}

interface Watched {
  readonly client: ImapClient
  before: number
  accepted: number
}

class Recipients {
  readonly #watched: readonly (Watched | undefined)[]
  readonly #names: readonly string[]
  #next = 0

  private constructor(names: readonly string[], watched: readonly (Watched | undefined)[]) {
    this.#names = names
    this.#watched = watched
  }

  static async open(target: Target, kind: SmtpJob['recipients'], shared: Buffer): Promise<Recipients> {
    const count = kind === 'one' ? 1 : target.accounts
    const names = Array.from({ length: count }, (_, at) => accountName(target, at + 1))
    const watched: (Watched | undefined)[] = []
    for (const name of names) {
      if (target.imap === undefined) break
      const client = await ImapClient.open(target.imap, false, shared)
      await client.login(name, target.password)
      watched.push({ client, before: await countMessages(client), accepted: 0 })
    }
    return new Recipients(names, watched)
  }

  get canWatch(): boolean {
    return this.#watched.length > 0
  }

  next(): SentMessage {
    const at = this.#next++ % this.#names.length
    const watched = this.#watched[at]
    return {
      to: this.#names[at]!,
      accepted: () => {
        if (watched !== undefined) watched.accepted++
      },
    }
  }

  /** Returns what never came. */
  async allVisible(): Promise<number> {
    let missing = 0
    for (const watched of this.#watched) {
      if (watched !== undefined) missing += await this.#visible(watched)
    }
    return missing
  }

  async #visible({ client, before, accepted }: Watched): Promise<number> {
    let [missing, grewAt] = [Infinity, performance.now()]
    for (;;) {
      const left = before + accepted - (await countMessages(client))
      if (left <= 0) return 0
      if (left < missing) grewAt = performance.now()
      missing = left
      if (performance.now() - grewAt > stalledMs) return missing
      await wait(pollMs)
    }
  }

  close(): void {
    for (const watched of this.#watched) watched?.client.close()
  }
}

export async function prepareSmtp(job: SmtpJob): Promise<PreparedJob> {
  if (job.target.smtp === undefined) throw new Error('the target has no smtp=')
  const shared = sharedReadBuffer()
  const recipients = await Recipients.open(job.target, job.recipients, shared)
  const endpoint = job.target.smtp
  const senders = Array.from({ length: job.connections }, (_, at) => {
    const open = () => SmtpClient.open(endpoint, shared)
    const next = () => recipients.next()
    return new Sender({ ...job, from: 'sender@elsewhere.example', first: firstNumber(at), open, next })
  })
  if (job.reuse) for (const sender of senders) await sender.connect()
  const run = async (): Promise<JobResult> => {
    const tally = new Tally(new Timings())
    const pause = job.perSecond === undefined ? undefined : pacer(job.perSecond)
    await repeat(
      tally,
      senders.map((sender) => () => sender.send()),
      job.seconds,
      pause,
    )
    if (!recipients.canWatch) return tally.result()
    const missing = await recipients.allVisible()
    if (missing === 0) return tally.result({ visibleMs: performance.now() - tally.startedAt })
    tally.failed(`${missing} accepted messages never came into a mailbox`)
    return tally.result()
  }
  const release = async () => {
    for (const sender of senders) sender.close()
    recipients.close()
  }
  return { run, release }
}
