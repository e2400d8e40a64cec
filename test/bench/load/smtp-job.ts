/**
 * Mail from outside: MAIL, RCPT, DATA and the message, over and over, each message different. Afterwards it
 * watches every mailbox over IMAP until it holds what was accepted for it, since an answer of 250 may mean
 * nothing but a place in a queue.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { accountName, type Target } from '../target.ts'
import { ImapClient } from './imap-client.ts'
import { type JobResult, type PreparedJob, repeat, type SmtpJob, Tally } from './job.ts'
import { Template } from './messages.ts'
import { SmtpClient } from './smtp-client.ts'
import { Timings } from './timings.ts'
import { sharedReadBuffer } from './wire.ts'

const templatesEach = 4
const pollMs = 5
const sessionOver = 421
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

  next(): { readonly name: string; readonly accepted: () => void } {
    const at = this.#next++ % this.#names.length
    const watched = this.#watched[at]
    return {
      name: this.#names[at]!,
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

class Sender {
  readonly #job: SmtpJob
  readonly #recipients: Recipients
  readonly #shared: Buffer
  readonly #templates: readonly Template[]
  #sent: number
  #client: SmtpClient | undefined

  /** `first`: the number of its first message; no other sender's numbers come near. */
  constructor(job: SmtpJob, recipients: Recipients, shared: Buffer, first: number) {
    this.#job = job
    this.#recipients = recipients
    this.#shared = shared
    this.#templates = Array.from(
      { length: templatesEach },
      (_, at) => new Template(first + at, job.sizeBytes),
    )
    this.#sent = first
  }

  async connect(): Promise<SmtpClient> {
    return (this.#client ??= await SmtpClient.open(this.#job.target.smtp!, this.#shared))
  }

  /** One message; returns its milliseconds, throws if it was refused. */
  async send(): Promise<number> {
    const isFresh = this.#client === undefined
    const client = await this.connect()
    try {
      const ms = await this.#transaction(client)
      if (!this.#job.reuse) await this.#quit()
      return ms
    } catch (error) {
      this.close()
      // RFC 5321 §3.8: a server may end a session it finds long enough; senders then open another.
      if (client.last === sessionOver && !isFresh) return this.send()
      throw error
    }
  }

  async #transaction(client: SmtpClient): Promise<number> {
    const template = this.#templates[this.#sent % templatesEach]!
    template.stamp(++this.#sent)
    const recipient = this.#recipients.next()
    const startedAt = performance.now()
    const commands = [
      'MAIL FROM:<sender@elsewhere.example>\r\n',
      `RCPT TO:<${recipient.name}>\r\n`,
      'DATA\r\n',
    ]
    if (this.#job.pipelining) {
      // RFC 2920 §3.1: DATA is the last of a group.
      const worst = await client.exchange([commands.join('')], 3)
      if (worst !== 354) throw new Error(`MAIL, RCPT, DATA answered ${worst}`)
    } else {
      for (const command of commands) {
        const code = await client.exchange([command], 1)
        if (code >= 400) throw new Error(`${command.trim()} answered ${code}`)
      }
    }
    const code = await client.exchange([template.withDot], 1)
    if (code !== 250) throw new Error(`the message was answered ${code}`)
    recipient.accepted()
    return performance.now() - startedAt
  }

  async #quit(): Promise<void> {
    await this.#client?.exchange(['QUIT\r\n'], 1)
    this.close()
  }

  close(): void {
    this.#client?.close()
    this.#client = undefined
  }
}

function pacer(perSecond: number): () => Promise<void> {
  let due = performance.now()
  return async () => {
    due += 1000 / perSecond
    const early = due - performance.now()
    if (early > 0) await wait(early)
  }
}

export async function prepareSmtp(job: SmtpJob): Promise<PreparedJob> {
  if (job.target.smtp === undefined) throw new Error('the target has no smtp=')
  const shared = sharedReadBuffer()
  const recipients = await Recipients.open(job.target, job.recipients, shared)
  const today = (Date.now() % 86_400_000) * 100_000
  const senders = Array.from(
    { length: job.connections },
    (_, at) => new Sender(job, recipients, shared, today + at * 1_000_000),
  )
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
