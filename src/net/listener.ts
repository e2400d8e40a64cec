/**
 * The doors of the server: one listener is one protocol on any number of addresses, with its limits.
 *
 * It accepts, refuses what is too much before any parsing, makes the handshake where TLS is implicit, and
 * hands each connection to its protocol. What goes wrong on the way is reported to `onTrouble` and never
 * ends the server. After `drain` every connection is over.
 */
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { isFault } from '#base/fault.ts'
import { networkContains, normaliseIp, parseIp } from '#base/ip.ts'
import { RunningCount } from '#base/running-count.ts'
import { Admission } from './admission.ts'
import type { Endpoint } from './connection.ts'
import type { ProxyHeader } from './proxy-protocol.ts'
import { takeProxyHeader } from './proxy-reader.ts'
import {
  listenerDefaults,
  type ListenerOptions,
  type ListenerTerms,
  type Terms,
  termsOf,
} from './listener-options.ts'
import { type Bind, ServerSockets } from './server-sockets.ts'
import { StreamConnection } from './stream-connection.ts'
import { acceptTls, type HandshakeOptions } from './tls.ts'
import type { RefusalReason } from './trouble.ts'
import type { Protocol } from './protocol.ts'

/** How long `drain` waits for sessions whose connection it has cut. */
const afterCutMs = 1000

interface Ends {
  readonly peer: Endpoint
  readonly local: Endpoint
  readonly isProxied: boolean
}

const proxied = ({ source, destination }: NonNullable<ProxyHeader['ends']>): Ends => ({
  peer: source,
  local: destination,
  isProxied: true,
})

/** One accepted socket, with the ends that its proxy told or that it has itself. */
interface Client extends Ends {
  readonly socket: Socket
  /** As they were when it came. */
  readonly terms: Terms
  /** Its places among all, and among those of its network. */
  readonly places: readonly Disposable[]
  /** Once the session has begun. */
  connection: StreamConnection | undefined
}

export class Listener implements AsyncDisposable {
  readonly #o: Required<Omit<ListenerOptions, keyof ListenerTerms>>
  readonly #sockets: ServerSockets
  readonly #clients = new Set<Client>()
  /** Sockets of proxies that have not told yet whose they are. */
  readonly #unknown = new Set<Socket>()
  readonly #admission: Admission
  #terms: Terms
  #stopping = false
  #onEmpty: (() => void) | undefined

  constructor(o: ListenerOptions) {
    this.#o = { ...listenerDefaults, present: new RunningCount(), ...o }
    const { name, backlog, reusePort, present, onTrouble } = this.#o
    this.#admission = new Admission(name, present)
    this.#terms = termsOf(o, o)
    this.#sockets = new ServerSockets({
      name,
      backlog,
      reusePort,
      accept: (socket) => this.#accept(socket),
      onError: (error) => onTrouble({ kind: 'accept', listener: name, error }),
    })
  }

  get name(): string {
    return this.#o.name
  }

  /** Accepted connections that are not over. */
  get active(): number {
    return this.#clients.size
  }

  /** Opens all addresses, or none: then it throws with the address and the cause in its message. */
  async listen(): Promise<readonly Endpoint[]> {
    await this.#sockets.listen(this.#o.bind)
    return this.#sockets.endpoints
  }

  /** Other addresses than before; those in both stay open throughout. Throws, with nothing changed, as `listen`. */
  async rebind(binds: readonly Bind[]): Promise<readonly Endpoint[]> {
    await this.#sockets.listen(binds)
    return this.#sockets.endpoints
  }

  /** For connections that come from now on. */
  change(terms: ListenerTerms): void {
    this.#terms = termsOf(this.#o, terms)
  }

  /** Takes no new connections; sessions go on. */
  retire(): void {
    this.#sockets.close()
  }

  /**
   * Stops accepting, lets sessions finish what they have begun and say goodbye, and cuts off those that are
   * left after `deadlineMs`. Returns how many those were.
   */
  async drain(deadlineMs: number): Promise<number> {
    if (!this.#stopping) {
      this.#stopping = true
      if ('drain' in this.#o.protocol) this.#o.protocol.drain()
      for (const client of this.#clients) {
        // One that has no session yet is still shaking hands.
        if (client.connection !== undefined) client.connection.shutdown()
        else if ('serve' in this.#o.protocol) client.socket.destroy()
      }
      for (const socket of this.#unknown) socket.destroy()
    }
    this.#sockets.close()
    await this.#emptyWithin(deadlineMs)
    const cut = this.#clients.size
    for (const client of this.#clients) {
      client.connection?.destroy()
      client.socket.destroy()
    }
    // Their sessions notice at once, unless they wait for something that ignores the signal.
    await this.#emptyWithin(afterCutMs)
    return cut
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.drain(0)
  }

  #emptyWithin(ms: number): Promise<void> {
    if (this.#clients.size === 0) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms)
      this.#onEmpty = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #accept(socket: Socket): void {
    // Errors of the raw socket; a connection adds its own listener.
    socket.on('error', () => {})
    const address = parseIp(socket.remoteAddress ?? '')
    if (address === undefined || this.#stopping) {
      socket.destroy()
      return
    }
    const ends: Ends = {
      peer: { ip: normaliseIp(socket.remoteAddress!)!, port: socket.remotePort ?? 0 },
      local: { ip: normaliseIp(socket.localAddress ?? '') ?? '', port: socket.localPort ?? 0 },
      isProxied: false,
    }
    const terms = this.#terms
    const isProxy = terms.proxies.some((network) => networkContains(network, address))
    if (!isProxy && terms.proxiesOnly) {
      this.#o.onTrouble({ kind: 'refused', listener: this.#o.name, ip: ends.peer.ip, why: 'notProxy' })
      socket.destroy()
      return
    }
    const place = this.#admission.enter(terms)
    if (place === undefined) this.#refuse(socket, ends.peer.ip, 'tooManyConnections', terms)
    else if (isProxy) void this.#identify(socket, ends, terms, place)
    else this.#admit(socket, ends, terms, place)
  }

  /** Asks a proxy whose connection it is. */
  async #identify(socket: Socket, own: Ends, terms: Terms, place: Disposable): Promise<void> {
    const { name, onTrouble } = this.#o
    this.#unknown.add(socket)
    let ends: Ends | undefined
    try {
      const told = await takeProxyHeader(socket, terms.proxyTimeoutMs)
      ends = told === undefined ? own : proxied(told)
    } catch (error) {
      onTrouble({ kind: 'proxy', listener: name, ip: own.peer.ip, error: error as Error })
    }
    this.#unknown.delete(socket)
    if (ends !== undefined && !this.#stopping && !socket.destroyed) {
      this.#admit(socket, ends, terms, place)
      return
    }
    place[Symbol.dispose]()
    socket.destroy()
  }

  #admit(socket: Socket, ends: Ends, terms: Terms, place: Disposable): void {
    const own = this.#admission.enterFrom(parseIp(ends.peer.ip)!, terms)
    if (own === undefined) {
      place[Symbol.dispose]()
      this.#refuse(socket, ends.peer.ip, 'tooManyFromAddress', terms)
      return
    }
    const client: Client = { socket, ...ends, terms, places: [place, own], connection: undefined }
    this.#clients.add(client)
    // A session counts until its work is over, which may be after its socket.
    socket.once('close', () => {
      if (client.connection === undefined) this.#forget(client)
    })
    if (terms.tlsImplicit) void this.#secure(client, terms.handshake!)
    else this.#begin(client, undefined)
  }

  #refuse(socket: Socket, ip: string, why: RefusalReason, terms: Terms): void {
    this.#o.onTrouble({ kind: 'refused', listener: this.#o.name, ip, why })
    const protocol = this.#o.protocol
    const words = 'serve' in protocol && !terms.tlsImplicit ? protocol.refusal?.(why) : undefined
    if (words === undefined) {
      socket.destroy()
      return
    }
    // The peer is not waited for: it may have the words or not.
    socket.end(words, () => socket.destroy())
  }

  #forget(client: Client): void {
    this.#clients.delete(client)
    for (const place of client.places) place[Symbol.dispose]()
    if (this.#clients.size === 0) this.#onEmpty?.()
  }

  async #secure(client: Client, handshake: HandshakeOptions): Promise<void> {
    const { socket, done } = acceptTls(client.socket, handshake)
    try {
      await done
    } catch (error) {
      const { ip } = client.peer
      this.#o.onTrouble({ kind: 'handshake', listener: this.#o.name, ip, error: error as Error })
      return
    }
    this.#begin(client, socket)
  }

  #begin(client: Client, secured: TLSSocket | undefined): void {
    const { protocol, name: listener, idleTimeoutMs, writeTimeoutMs, lingerMs } = this.#o
    const { peer, local, isProxied } = client
    const socket = secured ?? client.socket
    if (this.#stopping || socket.destroyed) {
      client.socket.destroy()
      return
    }
    if ('serveSocket' in protocol) {
      protocol.serveSocket(socket, { listener, secure: secured !== undefined, peer, isProxied })
      return
    }
    const { handshake } = client.terms
    const options = { listener, peer, local, idleTimeoutMs, writeTimeoutMs, lingerMs, handshake }
    client.connection = new StreamConnection(socket, options, secured)
    void this.#serve(protocol, client, client.connection)
  }

  async #serve(protocol: Protocol, client: Client, connection: StreamConnection): Promise<void> {
    try {
      await protocol.serve(connection)
    } catch (error) {
      // A session that stopped because its connection is gone is nothing to tell.
      if (!(isFault(error, 'unavailable') && connection.signal.aborted)) {
        this.#o.onTrouble({ kind: 'crash', listener: this.#o.name, ip: client.peer.ip, error })
      }
    }
    await connection.close()
    this.#forget(client)
  }
}
