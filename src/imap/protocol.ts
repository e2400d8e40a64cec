/** IMAP as a listener serves it (RFC 9051, RFC 3501): one session for each connection. */
import { latin1 } from '#base/bytes.ts'
import type { Connection } from '#net/connection.ts'
import type { Protocol } from '#net/protocol.ts'
import type { RefusalReason } from '#net/trouble.ts'
import { activeConnections, commandError, connectionEnd, connectionStart } from './events.ts'
import { BrokenOutput } from './fetch/fetch-response.ts'
import { serveSession } from './loop.ts'
import { ImapSession } from './session/session.ts'
import type { ImapServices } from './services.ts'

export class ImapProtocol implements Protocol, Disposable {
  readonly name = 'imap'
  readonly alpn = ['imap']
  readonly #services: ImapServices
  readonly #gauge: Disposable
  #active = 0
  #nextId = 1

  constructor(services: ImapServices) {
    this.#services = services
    this.#gauge = services.telemetry.gauge(activeConnections, () => this.#active)
  }

  refusal(why: RefusalReason): Uint8Array {
    const text =
      why === 'tooManyConnections' ? 'Too many connections' : 'Too many connections from your address'
    return latin1(`* BYE [UNAVAILABLE] ${text}\r\n`)
  }

  async serve(connection: Connection): Promise<void> {
    const { telemetry, clock } = this.#services
    const { ip } = connection.peer
    const startedAt = clock.now()
    const session = new ImapSession(`imap-${this.#nextId++}`, connection, this.#services)
    this.#active++
    telemetry.emit(connectionStart, { ip, listener: connection.listener, tls: connection.tls !== undefined })
    try {
      await serveSession(session)
    } catch (error) {
      if (!(error instanceof BrokenOutput)) throw error
      this.#cutOff(session, error)
    } finally {
      session.release()
      this.#active--
      telemetry.emit(connectionEnd, {
        ip,
        account: session.access?.account,
        reason: session.isOver ? 'logout' : (connection.ended ?? 'closed'),
        commands: session.commands,
        elapsed: clock.now() - startedAt,
      })
    }
  }

  [Symbol.dispose](): void {
    this.#gauge[Symbol.dispose]()
  }

  /** In the middle of a literal nothing can be said any more. */
  #cutOff({ connection, reader, access }: ImapSession, error: BrokenOutput): void {
    if (connection.ended === undefined) {
      this.#services.telemetry.emit(commandError, {
        ip: connection.peer.ip,
        account: access?.account,
        command: reader.name,
        error,
      })
    }
    connection.destroy()
  }
}
