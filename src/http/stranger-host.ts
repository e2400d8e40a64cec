/**
 * Hosts whose names strangers chose. What must hold: whatever a name leads to, a connection goes to a public address
 * only, and to the one that was looked at, so that nobody can make this server knock inside its own network.
 */
import type { LookupFunction } from 'node:net'
import { isPublicIp, parseIp } from '#base/ip.ts'

export interface Reach {
  /** All addresses of a host, none where it has none or the DNS does not answer. */
  readonly addressesOf: (host: string, o: { readonly signal: AbortSignal }) => Promise<readonly string[]>
  /** Where one may connect to; where left out everywhere public. */
  readonly mayReach?: (ip: Uint8Array) => boolean
}

/** An address in place of a name has no certificate that we would want to believe. */
export const isNamed = ({ hostname }: URL): boolean =>
  !hostname.startsWith('[') && parseIp(hostname) === undefined

/** An address of a host that may be connected to. */
export async function reachableAddress(
  url: URL,
  { addressesOf, mayReach = isPublicIp }: Reach,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (!isNamed(url)) return undefined
  const found = await addressesOf(url.hostname, { signal })
  // IPv4 first: a server that IPv6 does not get to is not told apart from one that is silent.
  const all = found.toSorted((a, b) => familyOf(a) - familyOf(b))
  return all.find((ip) => mayReach(parseIp(ip)!))
}

/** The address that was looked at, and no other. */
export const pinnedTo =
  (ip: string): LookupFunction =>
  (_host, o, done) =>
    o.all === true ? done(null, [{ address: ip, family: familyOf(ip) }]) : done(null, ip, familyOf(ip))

const familyOf = (ip: string): 4 | 6 => (ip.includes(':') ? 6 : 4)
