/**
 * The doors of the server: one listener is one protocol on any number of addresses, with its limits.
 *
 * It accepts, refuses what is too much before any parsing, makes the handshake where TLS is implicit, and
 * hands each connection to its protocol. What goes wrong on the way is reported to `onTrouble` and never
 * ends the server. After `drain` every connection is over.
 */
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { isFault } from '#base/fault.ts'
import { formatIp, normaliseIp, parseIp } from '#base/ip.ts'
import type { Connection, Endpoint } from './connection.ts'
import { StreamConnection } from './stream-connection.ts'
import { acceptTls, type HandshakeOptions } from './tls.ts'
import type { TlsContexts } from './tls-contexts.ts'
import type { RefusalReason, Trouble } from './trouble.ts'

/** A protocol of lines and bytes. */
export interface Protocol {
  readonly name: string
  /** Names for ALPN; empty where clients are not known to use it. */
  readonly alpn: readonly string[]
  /** The whole session. The listener closes the connection when it settles. */
  serve(connection: Connection): Promise<void>
  /** What a plain client reads before it is cut off. */
  refusal?(why: RefusalReason): Uint8Array
}

/** A protocol with a library of its own that wants the socket: HTTP. */
export interface SocketProtocol {
  readonly name: string
  readonly alpn: readonly string[]
  /** Takes the socket over; it is closed by the protocol, or by `drain` at its deadline. */
  serveSocket(socket: Socket, c: { listener: string; secure: boolean }): void
  /** No new work is to begin: called once when draining begins. */
  drain(): void
}

export interface Bind {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
}

export interface ListenerOptions {
  readonly name: string
  readonly bind: readonly Bind[]
  readonly protocol: Protocol | SocketProtocol
  /** For implicit TLS and for STARTTLS; undefined: neither. */
  readonly tls?: TlsContexts
  readonly tlsImplicit?: boolean
  readonly handshakeTimeoutMs?: number
  /** Of this listener in this process. */
  readonly maxConnections?: number
  /** Per IPv4 address or IPv6 /64 network. */
  readonly maxPerAddress?: number
  readonly backlog?: number
  /** Lets several workers listen on the same port. */
  readonly reusePort?: boolean
  readonly idleTimeoutMs?: number
  readonly writeTimeoutMs?: number
  readonly lingerMs?: number
  readonly onTrouble?: (trouble: Trouble) => void
}

const defaults = {
  tlsImplicit: false,
  handshakeTimeoutMs: 60_000,
  maxConnections: 8192,
  maxPerAddress: Infinity,
  backlog: 1024,
  reusePort: false,
  idleTimeoutMs: 300_000,
  writeTimeoutMs: 60_000,
  lingerMs: 3000,
  onTrouble: (): void => {},
}

/** How long `drain` waits for sessions whose connection it has cut. */
const afterCutMs = 1000

/** What `drain` needs to know of one accepted socket. */
interface Client {
  readonly socket: Socket
  readonly network: string
  /** Once the session has begun. */
  connection: StreamConnection | undefined
}

export class Listener implements AsyncDisposable {
  readonly #o: ListenerOptions & Required<Omit<ListenerOptions, 'tls'>>
  readonly #handshake: HandshakeOptions | undefined
  readonly #servers: Server[] = []
  readonly #clients = new Set<Client>()
  readonly #perNetwork = new Map<string, number>()
  #stopping = false
  #onEmpty: (() => void) | undefined

  constructor(o: ListenerOptions) {
    this.#o = { ...defaults, ...o }
    if (this.#o.tlsImplicit && o.tls === undefined)
      throw new Error(`${o.name}: implicit TLS without certificates`)
    this.#handshake = o.tls && {
      contexts: o.tls,
      alpn: o.protocol.alpn,
      timeoutMs: this.#o.handshakeTimeoutMs,
    }
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
    try {
      for (const bind of this.#o.bind) this.#servers.push(await this.#open(bind))
    } catch (error) {
      await this.#closeServers()
      throw error
    }
    return this.#servers.map((server) => {
      const address = server.address() as AddressInfo
      return { ip: address.address, port: address.port }
    })
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
    }
    const closed = this.#closeServers()
    await this.#emptyWithin(deadlineMs)
    const cut = this.#clients.size
    for (const client of this.#clients) {
      client.connection?.destroy()
      client.socket.destroy()
    }
    // Their sessions notice at once, unless they wait for something that ignores the signal.
    await this.#emptyWithin(afterCutMs)
    await closed
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

  async #open(bind: Bind): Promise<Server> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => this.#accept(socket))
    await new Promise<void>((resolve, reject) => {
      server.once('listening', resolve)
      server.once('error', (cause: NodeJS.ErrnoException) => {
        const why = cause.code === 'EADDRINUSE' ? 'the address is in use' : cause.message
        reject(new Error(`${this.#o.name} cannot listen on ${bind.host}:${bind.port}: ${why}`, { cause }))
      })
      server.listen({
        host: bind.host,
        port: bind.port,
        backlog: this.#o.backlog,
        exclusive: true,
        reusePort: this.#o.reusePort && bind.port !== 0,
      })
    })
    server.removeAllListeners('error')
    server.on('error', (error) => this.#o.onTrouble({ kind: 'accept', listener: this.#o.name, error }))
    return server
  }

  async #closeServers(): Promise<void> {
    const closing = this.#servers.splice(0).map((server) => {
      return new Promise<void>((resolve) => {
        server.close(() => resolve())
      })
    })
    await Promise.all(closing)
  }

  #accept(socket: Socket): void {
    // Errors of the raw socket; a connection adds its own listener.
    socket.on('error', () => {})
    const address = parseIp(socket.remoteAddress ?? '')
    if (address === undefined || this.#stopping) {
      socket.destroy()
      return
    }
    const ip = formatIp(address)
    const network = clientNetwork(address)
    const why = this.#tooMany(network)
    if (why !== undefined) {
      this.#refuse(socket, ip, why)
      return
    }
    const client: Client = { socket, network, connection: undefined }
    this.#clients.add(client)
    this.#perNetwork.set(network, (this.#perNetwork.get(network) ?? 0) + 1)
    // A session counts until its work is over, which may be after its socket.
    socket.once('close', () => {
      if (client.connection === undefined) this.#forget(client)
    })
    if (this.#o.tlsImplicit) void this.#secure(client, ip)
    else this.#begin(client, ip, undefined)
  }

  #tooMany(network: string): RefusalReason | undefined {
    if (this.#clients.size >= this.#o.maxConnections) return 'tooManyConnections'
    if ((this.#perNetwork.get(network) ?? 0) >= this.#o.maxPerAddress) return 'tooManyFromAddress'
    return undefined
  }

  #refuse(socket: Socket, ip: string, why: RefusalReason): void {
    this.#o.onTrouble({ kind: 'refused', listener: this.#o.name, ip, why })
    const protocol = this.#o.protocol
    const words = 'serve' in protocol && !this.#o.tlsImplicit ? protocol.refusal?.(why) : undefined
    if (words === undefined) {
      socket.destroy()
      return
    }
    // The peer is not waited for: it may have the words or not.
    socket.end(words, () => socket.destroy())
  }

  #forget(client: Client): void {
    this.#clients.delete(client)
    const left = this.#perNetwork.get(client.network)! - 1
    if (left === 0) this.#perNetwork.delete(client.network)
    else this.#perNetwork.set(client.network, left)
    if (this.#clients.size === 0) this.#onEmpty?.()
  }

  async #secure(client: Client, ip: string): Promise<void> {
    const { socket, done } = acceptTls(client.socket, this.#handshake!)
    try {
      await done
    } catch (error) {
      this.#o.onTrouble({ kind: 'handshake', listener: this.#o.name, ip, error: error as Error })
      return
    }
    this.#begin(client, ip, socket)
  }

  #begin(client: Client, ip: string, secured: TLSSocket | undefined): void {
    const protocol = this.#o.protocol
    const socket = secured ?? client.socket
    if (this.#stopping || socket.destroyed) {
      client.socket.destroy()
      return
    }
    if ('serveSocket' in protocol) {
      protocol.serveSocket(socket, { listener: this.#o.name, secure: secured !== undefined })
      return
    }
    client.connection = new StreamConnection(
      socket,
      {
        listener: this.#o.name,
        peer: { ip, port: client.socket.remotePort ?? 0 },
        local: {
          ip: normaliseIp(client.socket.localAddress ?? '') ?? '',
          port: client.socket.localPort ?? 0,
        },
        idleTimeoutMs: this.#o.idleTimeoutMs,
        writeTimeoutMs: this.#o.writeTimeoutMs,
        lingerMs: this.#o.lingerMs,
        handshake: this.#handshake,
      },
      secured,
    )
    void this.#serve(protocol, client, client.connection, ip)
  }

  async #serve(protocol: Protocol, client: Client, connection: StreamConnection, ip: string): Promise<void> {
    try {
      await protocol.serve(connection)
    } catch (error) {
      // A session that stopped because its connection is gone is nothing to tell.
      if (!(isFault(error, 'unavailable') && connection.signal.aborted)) {
        this.#o.onTrouble({ kind: 'crash', listener: this.#o.name, ip, error })
      }
    }
    await connection.close()
    this.#forget(client)
  }
}

/** What counts as one client: an IPv4 address, or the /64 that one IPv6 site has at least. */
export function clientNetwork(ip: Uint8Array): string {
  if (ip.length === 4) return formatIp(ip)
  const network = new Uint8Array(16)
  network.set(ip.subarray(0, 8))
  return formatIp(network)
}
