/** One client that sends prepared messages, each different, over a connection of its own. */
import { setTimeout as wait } from 'node:timers/promises'
import type { SmtpJob } from './job.ts'
import { Template } from './messages.ts'
import type { SmtpClient } from './smtp-client.ts'

const templatesEach = 4
const sessionOver = 421

export interface SentMessage {
  readonly to: string
  /** Called when the server has said that it has the message. */
  accepted(): void
}

export interface SenderOptions extends Pick<SmtpJob, 'reuse' | 'pipelining' | 'sizeBytes'> {
  readonly from: string
  /** The number of its first message; no other sender's numbers come near. */
  readonly first: number
  open(): Promise<SmtpClient>
  /** Where message `number` goes. */
  next(number: number): SentMessage
}

export class Sender {
  readonly #o: SenderOptions
  readonly #templates: readonly Template[]
  #sent: number
  #client: SmtpClient | undefined

  constructor(o: SenderOptions) {
    this.#o = o
    this.#templates = Array.from(
      { length: templatesEach },
      (_, at) => new Template(o.first + at, o.sizeBytes),
    )
    this.#sent = o.first
  }

  async connect(): Promise<SmtpClient> {
    return (this.#client ??= await this.#o.open())
  }

  /** One message; returns its milliseconds, throws if it was refused. */
  async send(): Promise<number> {
    const isFresh = this.#client === undefined
    const client = await this.connect()
    try {
      const ms = await this.#transaction(client)
      if (!this.#o.reuse) await this.#quit()
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
    const message = this.#o.next(this.#sent)
    const startedAt = performance.now()
    const commands = [`MAIL FROM:<${this.#o.from}>\r\n`, `RCPT TO:<${message.to}>\r\n`, 'DATA\r\n']
    if (this.#o.pipelining) {
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
    message.accepted()
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

/** To be awaited before each message, of all senders together. */
export function pacer(perSecond: number): () => Promise<void> {
  let due = performance.now()
  return async () => {
    due += 1000 / perSecond
    const early = due - performance.now()
    if (early > 0) await wait(early)
  }
}

/** Message numbers of this run: `at` is the sender's. */
export const firstNumber = (at: number): number => (Date.now() % 86_400_000) * 100_000 + at * 1_000_000
