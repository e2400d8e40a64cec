/** What is spoken behind a listener: either bytes in and out, or with a library that wants the socket itself. */
import type { Socket } from 'node:net'
import type { Connection, Endpoint } from './connection.ts'
import type { RefusalReason } from './trouble.ts'

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

/** What a protocol is told of a socket: its peer may be another than the socket's own, by the word of a proxy. */
export interface SocketArrival {
  readonly listener: string
  readonly secure: boolean
  readonly peer: Endpoint
  /** The peer is the word of a proxy: it may be an address of the proxy's own machine. */
  readonly isProxied: boolean
}

/** A protocol with a library of its own that wants the socket: HTTP. */
export interface SocketProtocol {
  readonly name: string
  readonly alpn: readonly string[]
  /** Takes the socket over; it is closed by the protocol, or by `drain` at its deadline. */
  serveSocket(socket: Socket, arrival: SocketArrival): void
  /** No new work is to begin: called once when draining begins. */
  drain(): void
}
