/**
 * Goes the way that mail for an address would: its servers, their addresses, connection, greeting, TLS, sender
 * and recipient; and ends the session before a message. Each step is told as it happens, in plain words.
 *
 * What must always hold: no message is sent; a name and password are sent only where mail would send them.
 */
import type { Resolver } from '#dns/resolution.ts'
import type { Destination, Prober, ProbeStep, Relay } from '#queue/transport.ts'
import type { Settings } from '#settings/object.ts'
import { type ClientTls, ConnectionTrouble, isYes } from './client-connection.ts'
import { isAscii } from './envelope-commands.ts'
import { addressesOf, hostsOf, type LookupVerdict } from './hosts.ts'
import { openSession, type Server } from './open-session.ts'
import { adviceFor, adviceForTls } from './probe-advice.ts'
import { replyText, type ServerReply } from './reply-reader.ts'
import { type ClientSession, OurselvesFault, ServerRefusal, tlsText, TlsTrouble } from './session.ts'
import { mtaConnection } from './settings.ts'

export interface SmtpProberDeps {
  readonly resolver: Resolver
  readonly settings: Settings
  readonly hostname: () => string
}

interface Probing {
  readonly from: string
  readonly to: string
  readonly relay: Relay | undefined
  readonly signal: AbortSignal
  readonly tell: (step: ProbeStep) => void
}

/** Nobody watches for as long as mail may wait. */
const longestMs = 20_000

export class SmtpProber implements Prober {
  readonly #o: SmtpProberDeps

  constructor(o: SmtpProberDeps) {
    this.#o = o
  }

  async probe(
    { route }: Destination,
    envelope: { readonly from: string; readonly to: string },
    o: { readonly signal: AbortSignal; readonly tell: (step: ProbeStep) => void },
  ): Promise<boolean> {
    if (route.kind === 'local') throw new Error('a probe of a mailbox here')
    const probing = { ...envelope, ...o, relay: route.kind === 'relay' ? route : undefined }
    const hosts = route.kind === 'relay' ? [route.address] : await this.#hosts(route.domain, probing)
    const port = route.kind === 'relay' ? route.port : this.#o.settings.get(mtaConnection).port
    for (const host of hosts) {
      for (const ip of await this.#addresses(host, probing)) {
        const found = await this.#server({ host, ip, port }, probing)
        if (found !== undefined) return found
      }
    }
    return false
  }

  async #hosts(domain: string, { signal, tell }: Probing): Promise<readonly string[]> {
    const { resolver, hostname, settings } = this.#o
    const { maxMxHosts: most, ehloHostname = hostname() } = settings.get(mtaConnection)
    const ownNames = [hostname(), ehloHostname]
    const found = await hostsOf(resolver, domain, { most, ownNames, signal, random: Math.random })
    if ('verdict' in found) {
      tell(troubleOf('MX', found.verdict))
      return []
    }
    const { hosts } = found
    const names = hosts.map(({ name, preference }) => `${name} (${preference})`).join(', ')
    const isItself = hosts.length === 1 && hosts[0]!.name === domain && hosts[0]!.preference === 0
    tell(
      isItself
        ? { step: 'MX', result: 'ok', said: `${domain} takes its mail itself: it has no other MX record` }
        : { step: 'MX', result: 'ok', said: `${domain} takes mail at ${names}` },
    )
    return hosts.map(({ name }) => name)
  }

  async #addresses(host: string, { signal, tell }: Probing): Promise<readonly string[]> {
    const { maxMultihomed: most, ipLookupStrategy: order } = this.#o.settings.get(mtaConnection)
    const found = await addressesOf(this.#o.resolver, host, { order, most, signal })
    if ('verdict' in found) {
      tell(troubleOf('address', found.verdict))
      return []
    }
    tell({ step: 'address', result: 'ok', said: `${host} is ${found.ips.join(', ')}` })
    return found.ips
  }

  /** Undefined: another server may be tried. */
  async #server(server: Server, probing: Probing): Promise<boolean | undefined> {
    const { startTls } = this.#o.settings.get(mtaConnection)
    const { relay, tell } = probing
    const mayBePlain = startTls === 'optional' && relay?.username === undefined && relay?.implicitTls !== true
    try {
      return await this.#talk(server, startTls, probing)
    } catch (error) {
      if (!(error instanceof TlsTrouble) || !mayBePlain) return endedBy(error, server, tell)
      tell({
        step: 'TLS',
        result: 'note',
        said: `TLS does not work with ${server.host}: ${error.message}; mail goes there in clear`,
      })
    }
    try {
      return await this.#talk(server, 'disable', probing)
    } catch (error) {
      return endedBy(error, server, tell)
    }
  }

  async #talk(
    server: Server,
    startTls: 'optional' | 'require' | 'disable',
    { relay, signal, tell, from, to }: Probing,
  ): Promise<boolean> {
    const session = await openSession(this.#o, server, {
      relay,
      startTls,
      signal,
      longestMs,
      connected: () =>
        tell({
          step: 'connect',
          result: 'ok',
          said: `${server.host} answers at ${server.ip}, port ${server.port}`,
        }),
      heard: (step, said) => tell('code' in said ? heardReply(step, said) : heardTls(said)),
    })
    try {
      if (session.tls === undefined)
        tell({ step: 'TLS', result: 'note', said: 'The server has no TLS: mail goes there in clear' })
      return await this.#envelope(session, { from, to, tell })
    } finally {
      session.quit()
    }
  }

  async #envelope(
    session: ClientSession,
    { from, to, tell }: Pick<Probing, 'from' | 'to' | 'tell'>,
  ): Promise<boolean> {
    // RFC 6531 §3.4.
    const needsUtf8 = !isAscii(from) || !isAscii(to)
    if (needsUtf8 && !session.offers.has('SMTPUTF8')) {
      tell(noUtf8)
      return false
    }
    const words = needsUtf8 ? ' SMTPUTF8' : ''
    const mail = await session.ask(`MAIL FROM:<${from}>${words}`, 'MAIL', longestMs)
    tell(heardReply('MAIL', mail))
    if (!isYes(mail, 'MAIL')) return false
    const rcpt = await session.ask(`RCPT TO:<${to}>`, 'RCPT', longestMs)
    tell(heardReply('RCPT', rcpt))
    const isTaken = isYes(rcpt, 'RCPT')
    await session.ask('RSET', 'RSET', longestMs)
    return isTaken
  }
}

const noUtf8: ProbeStep = {
  step: 'SMTPUTF8',
  result: 'problem',
  said: 'The server does not take addresses with more than ASCII characters',
  advice: 'Ask the recipient for an address in plain Latin letters.',
}

function heardReply(step: string, reply: ServerReply): ProbeStep {
  if (reply.code < 400) {
    const isOffers = (step === 'EHLO' || step === 'LHLO') && reply.lines.length > 1
    const said = isOffers ? `The server offers ${reply.lines.slice(1).join(', ')}` : replyText(reply)
    return { step, result: 'ok', said }
  }
  const advice = adviceFor(step, reply)
  // Without STARTTLS mail goes on in clear; who does not know EHLO is asked with HELO.
  const isNote = step === 'STARTTLS' || (step === 'EHLO' && reply.code >= 500)
  return { step, result: isNote ? 'note' : 'problem', said: replyText(reply), advice }
}

function heardTls(tls: ClientTls): ProbeStep {
  if (tls.verified === true) return { step: 'TLS', result: 'ok', said: tlsText(tls) }
  return { step: 'TLS', result: 'note', said: tlsText(tls), advice: adviceForTls }
}

const troubleOf = (step: string, { said, kind, status }: LookupVerdict): ProbeStep => ({
  step,
  result: 'problem',
  said,
  advice:
    kind === 'delayed'
      ? 'Mail waits and is tried again. `postern doctor` says whether the name servers (DnsResolver) answer at all.'
      : status === '5.1.2' || status === '5.1.10'
        ? 'Look for a mistake in the domain; otherwise whoever runs it has to mend its DNS. Where no domain is found at all, `postern doctor` says what is wrong.'
        : 'Whoever runs the domain has to mend its DNS.',
})

/** Undefined, as another server may do better. Throws what is no trouble of the other side. */
function endedBy(error: unknown, { host, ip, port }: Server, tell: Probing['tell']): undefined | false {
  // The answer itself was told when it came.
  if (error instanceof ServerRefusal) return undefined
  if (error instanceof OurselvesFault) {
    tell({
      step: 'EHLO',
      result: 'problem',
      said: `${host} is this server, which does not know the domain`,
      advice: 'Create the domain here, or have its MX records changed.',
    })
    return false
  }
  if (!(error instanceof ConnectionTrouble)) throw error
  const { step, message } = error
  const where = step === 'connect' ? ` (${ip}, port ${port})` : ''
  tell({ step, result: 'problem', said: `${host}${where}: ${message}`, advice: adviceFor(step, undefined) })
  return undefined
}
