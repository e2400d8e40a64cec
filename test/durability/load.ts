/**
 * Load on a running server, as its users make it: SMTP connections that deliver to one or several accounts, for
 * each account an IMAP session that works on its mail, and one that waits in IDLE. Everything that is asked for
 * goes to the ledger before it is sent, and is marked when it is answered. It ends when it is told to or when
 * the server is gone; an answer that nobody would expect fails it.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { ConnectionEnded, ImapClient, SmtpClient } from './client.ts'
import { inbox, type Step } from './ledger.ts'
import { type LoadAccount, LoadUser } from './load-user.ts'
import { messageOf } from './messages.ts'
import type { Random } from '../harness/random.ts'

export const password = 'a-password-for-the-load'

export interface LoadOptions {
  readonly ports: { readonly smtpPort: number; readonly imapPort: number }
  readonly accounts: readonly LoadAccount[]
  readonly random: Random
  /** Makes keys and tags unique among all runs on one data directory. */
  readonly run: string
  readonly senders: number
}

export class Load {
  readonly #o: LoadOptions
  #stopping = false
  #done: Promise<readonly PromiseSettledResult<void>[]> = Promise.resolve([])

  constructor(o: LoadOptions) {
    this.#o = o
  }

  /** Resolves when every user has signed in and the first commands are under way. */
  async start(): Promise<void> {
    const { accounts, ports, random, run, senders } = this.#o
    const sessions = await Promise.all(
      accounts.flatMap(({ name }, i) => [
        ImapClient.open(ports.imapPort, { user: name, password, tagPrefix: `${run}u${i}n` }),
        ImapClient.open(ports.imapPort, { user: name, password, tagPrefix: `${run}i${i}n` }),
      ]),
    )
    const work: Promise<void>[] = []
    for (const [i, account] of accounts.entries()) {
      const user = new LoadUser(sessions[2 * i]!, account, random, `${run}u${i}`)
      work.push(user.run(() => this.#stopping))
      void waitIdle(sessions[2 * i + 1]!)
    }
    for (let i = 0; i < senders; i++) work.push(this.#send(`${run}s${i}`))
    this.#done = Promise.allSettled(work).then((outcomes) => {
      for (const session of sessions) session.close()
      return outcomes
    })
  }

  /** Until the accounts' sessions were answered so often, or nobody is left that works. */
  async untilAnswered(steps: number): Promise<void> {
    const answered = (): number =>
      this.#o.accounts
        .flatMap((account) => account.steps)
        .filter(({ action, answered }) => answered && action.kind !== 'deliver').length
    const over = this.#done.then(() => true)
    while (answered() < steps && !(await Promise.race([over, wait(50, false)])));
  }

  /** Finishes what is under way. Throws what went wrong. */
  async stop(): Promise<void> {
    this.#stopping = true
    for (const outcome of await this.#done) if (outcome.status === 'rejected') ignoreEnd(outcome.reason)
  }

  async #send(name: string): Promise<void> {
    const { ports, random, accounts } = this.#o
    const client = await SmtpClient.open(ports.smtpPort)
    for (let i = 0; !this.#stopping; i++) {
      const key = `${name}m${i}`
      const to = random.some(accounts, random.chance(0.2) ? 3 : 1)
      const steps = to.map(({ name: account, steps: all }) => {
        const step: Step = { account, action: { kind: 'deliver', key }, token: undefined, answered: false }
        all.push(step)
        return step
      })
      const { code, text } = await client.deliver(
        to.map(({ name: account }) => account),
        messageOf(key),
      )
      if (code !== 250) throw new Error(`a delivery was answered ${code} ${text}`)
      for (const step of steps) {
        step.token = /id (\S+)$/.exec(text)![1]!
        step.answered = true
        step.answeredAt = performance.now()
      }
    }
    client.close()
  }
}

async function waitIdle(session: ImapClient): Promise<void> {
  try {
    await session.command(`SELECT ${inbox}`)
    await session.idle()
  } catch (error) {
    ignoreEnd(error)
  }
}

export function ignoreEnd(error: unknown): void {
  if (!(error instanceof ConnectionEnded)) throw error
}
