/** What a listener is made with, and which part of it may change while it is open. */
import type { IpNetwork } from '#base/ip.ts'
import type { RunningCount } from '#base/running-count.ts'
import type { Protocol, SocketProtocol } from './protocol.ts'
import type { Bind } from './server-sockets.ts'
import type { HandshakeOptions } from './tls.ts'
import type { TlsContexts } from './tls-contexts.ts'
import type { Trouble } from './trouble.ts'

/** What may change while a listener is open; for connections that come then. */
export interface ListenerTerms {
  /** For implicit TLS and for STARTTLS; undefined: neither. */
  readonly tls?: TlsContexts
  readonly tlsImplicit?: boolean
  readonly handshakeTimeoutMs?: number
  /** Of this listener, at all workers. */
  readonly maxConnections?: number
  /** Per IPv4 address or IPv6 /64 network; where left out, such that one does not keep the others out. */
  readonly maxPerAddress?: number
  /** Of proxies, which begin each connection with a PROXY header; nobody else may. */
  readonly proxies?: readonly IpNetwork[]
  /** Others than the proxies are not let in. */
  readonly proxiesOnly?: boolean
  readonly proxyTimeoutMs?: number
}

export interface ListenerOptions extends ListenerTerms {
  readonly name: string
  readonly bind: readonly Bind[]
  readonly protocol: Protocol | SocketProtocol
  readonly backlog?: number
  /** Lets several workers listen on the same port. */
  readonly reusePort?: boolean
  /** The connections that there are: of all listeners, and of all workers. */
  readonly present?: RunningCount<string>
  readonly idleTimeoutMs?: number
  readonly writeTimeoutMs?: number
  readonly lingerMs?: number
  readonly onTrouble?: (trouble: Trouble) => void
}

const termDefaults = {
  tlsImplicit: false,
  handshakeTimeoutMs: 60_000,
  maxConnections: 8192,
  maxPerAddress: undefined,
  proxies: [] as readonly IpNetwork[],
  proxiesOnly: false,
  proxyTimeoutMs: 10_000,
}

export const listenerDefaults = {
  backlog: 1024,
  reusePort: false,
  idleTimeoutMs: 300_000,
  writeTimeoutMs: 60_000,
  lingerMs: 3000,
  onTrouble: (): void => {},
}

/** The terms of a connection: those that held when it came. */
export interface Terms extends Required<Omit<ListenerTerms, 'tls' | 'maxPerAddress'>> {
  readonly maxPerAddress: number | undefined
  /** For implicit TLS and for STARTTLS. */
  readonly handshake: HandshakeOptions | undefined
}

export function termsOf(o: Pick<ListenerOptions, 'name' | 'protocol'>, terms: ListenerTerms): Terms {
  const all = { ...termDefaults, ...terms }
  if (all.tlsImplicit && terms.tls === undefined)
    throw new Error(`${o.name}: implicit TLS without certificates`)
  const handshake = terms.tls && {
    contexts: terms.tls,
    alpn: o.protocol.alpn,
    timeoutMs: all.handshakeTimeoutMs,
  }
  return { ...all, handshake }
}
