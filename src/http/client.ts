/**
 * Who sent a request. Behind a reverse proxy the socket's peer is the proxy, and what it says about its client
 * is believed only where the proxy's address belongs to the trusted networks.
 */
import type { IncomingMessage } from 'node:http'
import { isLoopbackIp, type IpNetwork, networkContains, parseIp, formatIp } from '#base/ip.ts'

export interface Client {
  /** The address of whoever asked, in its one spelling. */
  readonly ip: string
  /** Whether all of the way is TLS, as far as we know. */
  readonly secure: boolean
  /** On this machine, and no proxy in between says otherwise: passwords may travel in clear. */
  readonly isLocal: boolean
}

/** `secure`: whether the socket itself is TLS. Proxies write the headers below from left to right. */
export function clientOf(
  request: IncomingMessage,
  secure: boolean,
  trustedNetworks: readonly IpNetwork[],
): Client {
  const peer = parseIp(request.socket.remoteAddress ?? '') ?? new Uint8Array(4)
  const forwardedFor = joined(request.headers['x-forwarded-for'])
  const isForwarded = forwardedFor !== undefined || request.headers.forwarded !== undefined
  const isTrusted = (ip: Uint8Array): boolean =>
    trustedNetworks.some((network) => networkContains(network, ip))
  if (!isForwarded || !isTrusted(peer)) {
    return { ip: formatIp(peer), secure, isLocal: isLoopbackIp(peer) && !isForwarded }
  }
  const protocol = joined(request.headers['x-forwarded-proto'])?.split(',').at(-1)?.trim().toLowerCase()
  const ip = forwardedIp(peer, forwardedFor, isTrusted)
  return { ip: formatIp(ip), secure: protocol === undefined ? secure : protocol === 'https', isLocal: false }
}

/** From the right, the first address that is not a trusted proxy's: what stands left of it anybody may have written. */
function forwardedIp(
  peer: Uint8Array,
  header: string | undefined,
  isTrusted: (ip: Uint8Array) => boolean,
): Uint8Array {
  let ip = peer
  for (const part of header?.split(',').toReversed() ?? []) {
    const next = parseIp(part.trim())
    if (next === undefined) break
    ip = next
    if (!isTrusted(ip)) break
  }
  return ip
}

const joined = (header: string | string[] | undefined): string | undefined =>
  Array.isArray(header) ? header.join(',') : header
