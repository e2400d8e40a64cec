/** SMTP, submission and LMTP as the listeners see them: one Protocol for each role. */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Connection } from '#net/connection.ts'
import type { Protocol } from '#net/protocol.ts'
import type { RefusalReason } from '#net/trouble.ts'
import { smtpSessions } from '../events.ts'
import { reply } from '../reply.ts'
import { Session } from './session.ts'
import type { Role, SmtpDeps } from './smtp-command.ts'

const refused = reply(421, '4.7.0', 'Too many connections, try again later')

/** All that a server has to give; time and names are the system's where they are left out. */
export type SmtpOptions = Omit<SmtpDeps, 'pause' | 'newSessionId'> & Partial<SmtpDeps>

const systemPause = (ms: number, signal: AbortSignal): Promise<void> =>
  sleep(ms, undefined, { signal }).catch(() => undefined)
const randomSessionId = (): string => randomBytes(8).toString('hex')

export class SmtpProtocol implements Protocol, Disposable {
  readonly name: string
  readonly alpn: readonly string[] = []
  readonly #role: Role
  readonly #deps: SmtpDeps
  readonly #gauge: Disposable
  #sessions = 0

  constructor(role: Role, o: SmtpOptions) {
    this.name = role
    this.#role = role
    this.#deps = { pause: systemPause, newSessionId: randomSessionId, ...o }
    this.#gauge = o.telemetry.gauge(smtpSessions, () => this.#sessions)
  }

  async serve(connection: Connection): Promise<void> {
    this.#sessions++
    try {
      await new Session(this.#role, this.#deps, connection).run()
    } finally {
      this.#sessions--
    }
  }

  refusal(_why: RefusalReason): Uint8Array {
    return refused
  }

  [Symbol.dispose](): void {
    this.#gauge[Symbol.dispose]()
  }
}
