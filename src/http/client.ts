/**
 * Who sent a request. Behind a reverse proxy the socket's peer is the proxy, and what it says about its client
 * is believed only where the proxy's address belongs to the trusted networks.
 */
import type { IncomingHttpHeaders } from 'node:http'
import { formatIp, type IpNetwork, isLoopbackIp, networkContains, parseIp } from '#base/ip.ts'
import type { SocketArrival } from '#net/protocol.ts'
import { forwardedClient, isForwarded } from './forwarded.ts'

export interface Client {
  /** The address of whoever asked, in its one spelling. */
  readonly ip: string
  /** Whether all of the way is TLS, as far as we know. */
  readonly secure: boolean
  /** On this machine, and no proxy in between says otherwise: passwords may travel in clear. */
  readonly isLocal: boolean
}

/** What only proxies write, also those that do not say whose request it is in a way that we could believe. */
const proxyMarks = ['via', 'x-real-ip', 'x-forwarded-proto', 'x-forwarded-host'] as const

/** How the request came: who the connection is from, and whether it is TLS. */
export type ClientArrival = Pick<SocketArrival, 'peer' | 'secure' | 'isProxied'>

export function clientOf(
  headers: IncomingHttpHeaders,
  { peer, secure, isProxied }: ClientArrival,
  trusted: readonly IpNetwork[],
): Client {
  const ip = parseIp(peer.ip) ?? new Uint8Array(4)
  const hasProxy = isForwarded(headers)
  if (!hasProxy || !trusted.some((network) => networkContains(network, ip))) {
    const cameByProxy = hasProxy || isProxied || proxyMarks.some((name) => headers[name] !== undefined)
    return { ip: formatIp(ip), secure, isLocal: isLoopbackIp(ip) && !cameByProxy }
  }
  const client = forwardedClient(headers, ip, trusted)
  return {
    ip: formatIp(client.ip),
    secure: client.protocol === undefined ? secure : client.protocol === 'https',
    isLocal: false,
  }
}
