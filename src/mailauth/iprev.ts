/**
 * The names of a client's address, and whether one of them leads back to it (RFC 8601 §2.7.3, §3; RFC 7208
 * §5.5). What must hold: names come from whoever owns the address, so no more than ten are looked at, and one
 * is believed only after it was looked up.
 */
import { formatIp, parseIp, reverseName } from '#base/ip.ts'
import { equalBytes } from '#base/bytes.ts'
import { printable } from './printable.ts'
import type { AuthResolver, Found } from './resolver.ts'

export interface IprevCheck {
  readonly result: 'pass' | 'fail' | 'temperror' | 'permerror'
  /** The first name that leads back to the address, without a final dot; only with `pass`. */
  readonly name: string | undefined
  /** The first names of the address, whether they lead back or not. */
  readonly names: readonly string[]
  /** For administrators. */
  readonly reason: string
}

interface Reverse {
  /** As it came over the wire; IPv4-mapped addresses as IPv4, which `base/ip.ts` sees to. */
  readonly ip: Uint8Array
  readonly resolver: AuthResolver
  readonly signal?: AbortSignal | undefined
}

/** RFC 7208 §4.6.4, which RFC 8601 §3 names as an example. */
const mostNames = 10

const asking = (signal: AbortSignal | undefined) => (signal === undefined ? {} : { signal })

/** The first names of the address, none where it has none, or why that could not be found out. */
export async function namesOf({
  ip,
  resolver,
  signal,
}: Reverse): Promise<
  | { readonly kind: 'names'; readonly names: readonly string[] }
  | { readonly kind: 'failed'; readonly reason: string }
> {
  const found = await resolver.resolve(reverseName(ip), 'PTR', asking(signal))
  if (found.kind === 'failed') return found
  if (found.kind !== 'answer') return { kind: 'names', names: [] }
  // Escaped octets are in no name of a host, and in a macro they would be taken for something else.
  const names = found.records.map(({ target }) => target).filter((name) => /^[^\\]*[^\\.]$/.test(name))
  return { kind: 'names', names: names.slice(0, mostNames) }
}

/** The addresses that a name has of the kind that `ip` is. */
export const addressesOf = (
  name: string,
  { ip, resolver, signal }: Reverse,
): Promise<Found<'A'> | Found<'AAAA'>> =>
  resolver.resolve(name, ip.length === 4 ? 'A' : 'AAAA', asking(signal))

/** True where the address is among those that were found. */
export const hasAddress = (found: Found<'A'> | Found<'AAAA'>, ip: Uint8Array): boolean =>
  found.kind === 'answer' &&
  found.records.some((record) => {
    const address = parseIp(record.ip)
    return address !== undefined && equalBytes(address, ip)
  })

/** Throws nothing: where the signal is aborted, the result is `temperror`. */
export async function checkIprev(reverse: Reverse): Promise<IprevCheck> {
  try {
    return await check(reverse)
  } catch (error) {
    if (reverse.signal?.aborted !== true) throw error
    return { result: 'temperror', name: undefined, names: [], reason: 'the DNS did not answer in time' }
  }
}

async function check(reverse: Reverse): Promise<IprevCheck> {
  const { ip } = reverse
  const found = await namesOf(reverse)
  const names = found.kind === 'names' ? found.names : []
  const ended = (result: IprevCheck['result'], reason: string, name?: string): IprevCheck => ({
    result,
    name,
    names,
    reason: printable(reason, 500),
  })
  if (found.kind === 'failed') return ended('temperror', `names of ${formatIp(ip)}: ${found.reason}`)
  if (found.names.length === 0) return ended('permerror', `${formatIp(ip)} has no name in the DNS`)
  let failure: string | undefined
  for (const name of found.names) {
    const addresses = await addressesOf(name, reverse)
    if (hasAddress(addresses, ip)) return ended('pass', `${formatIp(ip)} is ${name}`, name)
    if (addresses.kind === 'failed') failure ??= `addresses of ${name}: ${addresses.reason}`
  }
  if (failure !== undefined) return ended('temperror', failure)
  return ended('fail', `${formatIp(ip)} is called ${found.names.join(', ')}, which does not lead back to it`)
}
