/**
 * One server that is asked, with what was learnt about it: whether it understands EDNS, and whether it
 * answered of late. A truncated answer over UDP is asked for again over TCP (RFC 7766 §5), and so is what
 * somebody seems to forge.
 *
 * What must always hold: over TLS a server shows a certificate for its name, or for its address where it has
 * no name, or nothing is asked (RFC 8310 §5, the strict profile).
 */
import { connect as connectTcp } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { Clock } from '#base/clock.ts'
import { HttpsTransport } from './https.ts'
import { StreamTransport } from './stream.ts'
import { QueryFailure, type Question, type Transport, withTimeout } from './transport.ts'
import { UdpTransport } from './udp.ts'
import { type Message, rcodes } from './wire.ts'

export interface NameServerAddress {
  /** An IP address, with its zone where it needs one. */
  readonly address: string
  readonly port: number
  readonly protocol: 'udp' | 'tcp' | 'tls' | 'https'
  /** The name in its certificate. */
  readonly tlsName?: string | undefined
  /** PEM of who may issue its certificate, where it is not the public ones. */
  readonly authorities?: string | undefined
  /** Of the URL, for https. */
  readonly path?: string | undefined
  /** It validates signatures, and so is the way to it: its AD bit is believed (RFC 4035 §4.9.3). */
  readonly trusted: boolean
}

/** A server that does not answer is asked after the others for so long, doubled each time up to the most. */
const firstPauseMs = 1000
const longestPauseMs = 60_000
const badVersion = 16

export class NameServer implements Disposable {
  /** `udp://192.0.2.1:53`. */
  readonly label: string
  readonly isTrusted: boolean
  readonly #usual: Transport
  readonly #stream: Transport
  readonly #clock: Clock
  #edns: boolean
  #failures = 0
  #pausedUntil = 0

  constructor(at: NameServerAddress, o: { readonly edns: boolean; readonly clock: Clock }) {
    const host = at.address.includes(':') ? `[${at.address}]` : at.address
    this.label = `${at.protocol}://${host}:${at.port}`
    this.isTrusted = at.trusted
    this.#clock = o.clock
    this.#edns = o.edns
    this.#usual = openTransport(at)
    this.#stream = at.protocol === 'udp' ? openTransport({ ...at, protocol: 'tcp' }) : this.#usual
  }

  /** 0 where it answers, as far as is known; else when it may be preferred again. */
  get pausedUntil(): number {
    return this.#pausedUntil > this.#clock.now() ? this.#pausedUntil : 0
  }

  /** `isSure`: over a connection, whatever is usual. Throws QueryFailure, and the signal's reason. */
  async ask(
    question: Omit<Question, 'edns'>,
    o: { readonly signal: AbortSignal; readonly timeoutMs: number; readonly isSure: boolean },
  ): Promise<Message> {
    try {
      const message = await withTimeout(o.signal, o.timeoutMs, (signal) =>
        this.#askWithEdns(question, signal, o.isSure),
      )
      this.#failures = 0
      this.#pausedUntil = 0
      return message
    } catch (error) {
      if (error instanceof QueryFailure) this.pause()
      throw error
    }
  }

  [Symbol.dispose](): void {
    this.#usual[Symbol.dispose]()
    this.#stream[Symbol.dispose]()
  }

  /** Prefers others for a while. */
  pause(): void {
    const pauseMs = Math.min(longestPauseMs, firstPauseMs * 2 ** Math.min(this.#failures++, 10))
    this.#pausedUntil = this.#clock.now() + pauseMs
  }

  /** RFC 6891 §6.2.2 and §7: who does not understand EDNS is asked without it from then on. */
  async #askWithEdns(
    question: Omit<Question, 'edns'>,
    signal: AbortSignal,
    isSure: boolean,
  ): Promise<Message> {
    const edns = this.#edns
    const message = await this.#askOnce({ ...question, edns }, signal, isSure)
    if (!edns || !dislikesEdns(message)) return message
    const plain = await this.#askOnce({ ...question, edns: false }, signal, isSure)
    if (!dislikesEdns(plain)) this.#edns = false
    return plain
  }

  async #askOnce(question: Question, signal: AbortSignal, isSure: boolean): Promise<Message> {
    if (isSure) return whole(await this.#stream.ask(question, signal))
    try {
      const message = await this.#usual.ask(question, signal)
      if (!message.isTruncated) return message
    } catch (error) {
      if (!(error instanceof QueryFailure && error.why === 'forged')) throw error
    }
    return whole(await this.#stream.ask(question, signal))
  }
}

const dislikesEdns = ({ rcode }: Message): boolean =>
  rcode === rcodes.formErr || rcode === rcodes.notImp || rcode === badVersion

function whole(message: Message): Message {
  if (message.isTruncated) throw new QueryFailure('malformed', 'a truncated answer over a connection')
  return message
}

function openTransport(at: NameServerAddress): Transport {
  const { address: host, port } = at
  switch (at.protocol) {
    case 'udp':
      return new UdpTransport(host, port)
    case 'tcp':
      return new StreamTransport({ connect: () => connectTcp({ host, port }), edns: 'plain' })
    case 'tls':
      return new StreamTransport({ connect: () => openTls(at, 'dot'), edns: 'padded' })
    case 'https': {
      const name = at.tlsName ?? (host.includes(':') ? `[${host}]` : host)
      const authority = port === 443 ? name : `${name}:${port}`
      return new HttpsTransport({
        connect: () => openTls(at, 'h2'),
        authority,
        path: at.path ?? '/dns-query',
      })
    }
  }
}

function openTls({ address, port, tlsName, authorities }: NameServerAddress, alpn: 'dot' | 'h2'): TLSSocket {
  const socket = connectTls({
    host: address,
    port,
    ALPNProtocols: [alpn],
    minVersion: 'TLSv1.2',
    ...(tlsName === undefined ? {} : { servername: tlsName }),
    ...(authorities === undefined ? {} : { ca: authorities }),
  })
  // A server of DNS over TLS may not know ALPN (RFC 7858 §3.1); one of HTTP/2 has to.
  if (alpn === 'h2')
    socket.once('secureConnect', () => {
      if (socket.alpnProtocol !== 'h2') socket.destroy(new Error('the server does not speak HTTP/2'))
    })
  return socket
}
