/**
 * Brings mail to other servers: finds them, connects to one after the other until one takes a message, and
 * says what became of each recipient.
 *
 * What must always hold: once a server has been given a message, no other one is tried for the recipients it
 * was given for, whatever happens to its answer; trouble with one server leads to the next, and only the last
 * one's words are kept.
 */
import type { Resolver } from '#dns/resolution.ts'
import type { Attempt, Job, RecipientResult, Relay, Transport } from '#queue/transport.ts'
import type { Settings } from '#settings/object.ts'
import type { Clock } from '#base/clock.ts'
import { ConnectionTrouble } from './client-connection.ts'
import { addressesOf, hostsOf, type LookupVerdict } from './hosts.ts'
import { openSession, type Server } from './open-session.ts'
import { refusal, sendMessage, type Verdict } from './send.ts'
import { ClientSession, OurselvesFault, ServerRefusal, tlsText, TlsTrouble } from './session.ts'
import { SessionPool } from './session-pool.ts'
import { mtaConnection } from './settings.ts'

export interface SmtpTransportDeps {
  readonly resolver: Resolver
  readonly settings: Settings
  readonly clock: Clock
  readonly hostname: () => string
}

/** Nothing was sent: the next server may be tried. */
interface Unserved {
  readonly verdict: LookupVerdict
  /** No other one will do. */
  readonly isFinal?: true
  readonly server?: Server
  readonly tls?: string
}

/** A server that takes TLS down with it is tried in clear for this long. */
const plainMs = 3_600_000
const maxPlain = 10_000

export class SmtpTransport implements Transport, Disposable {
  readonly #o: SmtpTransportDeps
  readonly #pool = new SessionPool()
  /** Addresses whose TLS does not work, and until when they are not asked for it. */
  readonly #plain = new Map<string, number>()

  constructor(o: SmtpTransportDeps) {
    this.#o = o
  }

  [Symbol.dispose](): void {
    this.#pool[Symbol.dispose]()
  }

  async deliver(job: Job, signal: AbortSignal): Promise<readonly RecipientResult[]> {
    const startedAt = this.#o.clock.now()
    const finish = (verdicts: readonly Verdict[], o: Omit<Unserved, 'verdict'>, isUnreachable: boolean) =>
      verdicts.map((verdict) => this.#result(verdict, o, startedAt, isUnreachable))
    const pooled = this.#pool.take(job.destination.key)
    let last: Unserved | undefined
    if (pooled !== undefined) {
      const served = await this.#send(job, pooled)
      if ('verdicts' in served) return finish(served.verdicts, served, false)
      // Others wait as long as this one did: its end says nothing about the server.
    }
    for await (const server of this.#servers(job, signal)) {
      const session = 'verdict' in server ? server : await this.#connect(job, server, signal)
      if (session instanceof ClientSession) {
        const served = await this.#send(job, session)
        if ('verdicts' in served) return finish(served.verdicts, served, false)
        last = served
        continue
      }
      // RFC 5321 §5.1: those before this server are better, and may take it later.
      if (session.isFinal === true && last !== undefined) break
      // As long as one of them may take it later, it has not failed.
      if (last === undefined || session.verdict.kind === 'delayed') last = session
      if (session.isFinal === true) break
    }
    const { verdict, ...where } = last ?? { verdict: nowhere }
    return finish(
      job.recipients.map(() => verdict),
      where,
      verdict.kind === 'delayed',
    )
  }

  async *#servers(job: Job, signal: AbortSignal): AsyncGenerator<Server | Unserved> {
    const { route } = job.destination
    const settings = this.#o.settings.get(mtaConnection)
    const { maxMxHosts: most, maxMultihomed, ipLookupStrategy, port } = settings
    const { resolver, hostname } = this.#o
    const ownNames = [hostname(), settings.ehloHostname ?? hostname()]
    if (route.kind === 'local') throw new Error('a job for a mailbox here')
    const found =
      route.kind === 'relay'
        ? { hosts: [{ name: route.address, preference: 0 }] }
        : await hostsOf(resolver, route.domain, { most, ownNames, signal, random: Math.random })
    if ('verdict' in found) {
      yield found
      return
    }
    for (const { name: host } of found.hosts) {
      const addresses = await addressesOf(resolver, host, {
        order: ipLookupStrategy,
        most: maxMultihomed,
        signal,
      })
      if ('verdict' in addresses) yield addresses
      else
        for (const ip of addresses.ips) yield { host, ip, port: route.kind === 'relay' ? route.port : port }
    }
  }

  async #connect(job: Job, server: Server, signal: AbortSignal): Promise<ClientSession | Unserved> {
    const settings = this.#o.settings.get(mtaConnection)
    const relay = job.destination.route.kind === 'relay' ? job.destination.route : undefined
    const known = this.#plain.get(server.ip) ?? 0
    const mayBePlain = settings.startTls === 'optional' && relay?.username === undefined
    const inClear = mayBePlain && known > this.#o.clock.now()
    try {
      return await openSession(this.#o, server, {
        relay,
        startTls: inClear ? 'disable' : settings.startTls,
        signal,
      })
    } catch (error) {
      if (error instanceof TlsTrouble && mayBePlain && relay?.implicitTls !== true) {
        this.#rememberPlain(server.ip)
        return this.#openPlain(server, relay, signal)
      }
      return this.#unserved(error, server)
    }
  }

  async #openPlain(
    server: Server,
    relay: Relay | undefined,
    signal: AbortSignal,
  ): Promise<ClientSession | Unserved> {
    try {
      return await openSession(this.#o, server, { relay, startTls: 'disable', signal })
    } catch (error) {
      return this.#unserved(error, server)
    }
  }

  #rememberPlain(ip: string): void {
    if (this.#plain.size >= maxPlain) this.#plain.clear()
    this.#plain.set(ip, this.#o.clock.now() + plainMs)
  }

  /** What went wrong before anything was sent. Throws what is no trouble of the other side. */
  #unserved(error: unknown, server: Server): Unserved {
    if (error instanceof OurselvesFault) {
      const said = 'the way leads back to this server, which does not know the domain'
      return { server, isFinal: true, verdict: { kind: 'failed', step: 'EHLO', status: '5.4.6', said } }
    }
    if (error instanceof ServerRefusal) {
      const said = refusal(error.step, error.reply)
      // A server that greets with 5xx may do better later (RFC 5321 §4.2.4.2 leaves that open), and others may now.
      const { kind: _, status, ...rest } = said as LookupVerdict
      return { server, verdict: { ...rest, kind: 'delayed', status: `4${status.slice(1)}` } }
    }
    if (!(error instanceof ConnectionTrouble)) throw error
    return {
      server,
      verdict: { kind: 'delayed', step: error.step, status: '4.4.1', said: error.message },
    }
  }

  async #send(
    job: Job,
    session: ClientSession,
  ): Promise<{ verdicts: readonly Verdict[]; server: Server; tls?: string } | Unserved> {
    const settings = this.#o.settings.get(mtaConnection)
    const server = { host: session.host, ip: session.ip, port: 0 }
    const tls = session.tls === undefined ? {} : { tls: tlsText(session.tls) }
    try {
      const verdicts = await sendMessage(
        session,
        job,
        {
          mailMs: settings.mailFromTimeout,
          rcptMs: settings.rcptToTimeout,
          dataMs: settings.mailFromTimeout,
          blockMs: settings.mailFromTimeout,
          finalMs: settings.dataTimeout,
        },
        this.#o.clock.now(),
      )
      const isClosing = verdicts.some((verdict) => verdict.kind !== 'delivered' && verdict.closing === true)
      if (isClosing || session.messages >= settings.maxPerConnection) session.quit()
      else this.#pool.give(job.destination.key, session, settings.idleTimeout)
      return { verdicts, server, ...tls }
    } catch (error) {
      session.connection.destroy()
      if (!(error instanceof ConnectionTrouble)) throw error
      return {
        server,
        ...tls,
        verdict: { kind: 'delayed', step: error.step, status: '4.4.2', said: error.message },
      }
    }
  }

  #result(
    verdict: Verdict,
    { server, tls }: Omit<Unserved, 'verdict'>,
    startedAt: number,
    isUnreachable: boolean,
  ): RecipientResult {
    const attempt: Attempt = {
      at: startedAt,
      elapsedMs: this.#o.clock.now() - startedAt,
      step: verdict.step,
      said: verdict.said,
      ...(server === undefined ? {} : { host: server.host, ip: server.ip }),
      ...(tls === undefined ? {} : { tls }),
    }
    if (verdict.kind === 'delivered') {
      const { passedOn, byPassedOn, rcptSaid } = verdict
      return {
        kind: 'delivered',
        attempt,
        passedOn,
        byPassedOn,
        ...(rcptSaid === undefined ? {} : { rcptSaid }),
      }
    }
    const { kind, status, mayHaveIt } = verdict
    return {
      kind,
      attempt,
      status,
      ...(isUnreachable ? { unreachable: true } : {}),
      ...(mayHaveIt === true ? { mayHaveIt } : {}),
    }
  }
}

const nowhere: LookupVerdict = {
  kind: 'delayed',
  step: 'connect',
  status: '4.4.1',
  said: 'no server could be tried',
}
