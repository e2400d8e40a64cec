/**
 * Which servers take the mail of a domain, in the order in which they are tried (RFC 5321 §5.1): its MX
 * records by preference, those of one preference in random order; without any, the domain itself. Each with
 * its addresses.
 */
import { parseIp } from '#base/ip.ts'
import type { Resolver } from '#dns/resolution.ts'
import type { Verdict } from './send.ts'

interface MailHost {
  readonly name: string
  readonly preference: number
}

export type HostList = { readonly hosts: readonly MailHost[] } | { readonly verdict: LookupVerdict }
export type LookupVerdict = Extract<Verdict, { kind: 'delayed' | 'failed' }>

export type AddressOrder = 'v6ThenV4' | 'v4ThenV6' | 'v4Only' | 'v6Only'

const verdict = (
  kind: LookupVerdict['kind'],
  step: string,
  status: string,
  said: string,
): { readonly verdict: LookupVerdict } => ({ verdict: { kind, step, status, said } })

/** `random`: a number from 0 up to 1. `ownNames`: of this server, which is no way to anywhere. */
export async function hostsOf(
  resolver: Resolver,
  domain: string,
  o: {
    readonly most: number
    readonly ownNames: readonly string[]
    readonly signal: AbortSignal
    readonly random: () => number
  },
): Promise<HostList> {
  const step = `MX ${domain}`
  const literal = literalAddress(domain)
  if (literal !== undefined) return { hosts: [{ name: literal, preference: 0 }] }
  const found = await resolver.resolve(domain, 'MX', { signal: o.signal })
  switch (found.kind) {
    case 'failed':
      return verdict(
        'delayed',
        step,
        '4.4.3',
        `the DNS did not say which servers ${domain} has: ${found.reason}`,
      )
    case 'noName':
      return verdict('failed', step, '5.1.2', `there is no domain ${domain}`)
    case 'noData':
      return { hosts: [{ name: domain, preference: 0 }] }
    case 'answer':
      return order(domain, found.records, o)
  }
}

interface Exchange {
  readonly preference: number
  readonly exchange: string
}

function order(
  domain: string,
  records: readonly Exchange[],
  o: { readonly most: number; readonly ownNames: readonly string[]; readonly random: () => number },
): HostList {
  const step = `MX ${domain}`
  const named = records.map(({ preference, exchange }) => ({
    preference,
    name: exchange.replace(/\.$/, '').toLowerCase(),
  }))
  // RFC 7505 §3: a single MX of the root is a domain that takes no mail.
  if (named.length === 1 && named[0]!.name === '')
    return verdict('failed', step, '5.1.10', `${domain} takes no mail`)
  const usable = named.filter(({ name }) => name !== '' && parseIp(name) === undefined)
  // RFC 5321 §5.1: who is in the list itself passes mail on to better ones only.
  const ownNames = o.ownNames.map((name) => name.toLowerCase())
  const own = usable.filter(({ name }) => ownNames.includes(name)).map(({ preference }) => preference)
  const better = own.length === 0 ? usable : usable.filter(({ preference }) => preference < Math.min(...own))
  if (better.length === 0)
    return usable.length === 0
      ? verdict('failed', step, '5.4.4', `the MX records of ${domain} name no server`)
      : verdict(
          'failed',
          step,
          '5.4.6',
          `the MX records of ${domain} lead back to this server, which does not know it`,
        )
  const hosts = better
    .map((host) => ({ host, key: o.random() }))
    .toSorted((a, b) => a.host.preference - b.host.preference || a.key - b.key)
    .map(({ host }) => host)
  return { hosts: hosts.slice(0, o.most) }
}

/** The addresses of a server in the order in which they are tried; why there are none otherwise. */
export async function addressesOf(
  resolver: Resolver,
  host: string,
  o: { readonly order: AddressOrder; readonly most: number; readonly signal: AbortSignal },
): Promise<{ readonly ips: readonly string[] } | { readonly verdict: LookupVerdict }> {
  if (parseIp(host) !== undefined) return { ips: [host] }
  const types =
    o.order === 'v4Only'
      ? (['A'] as const)
      : o.order === 'v6Only'
        ? (['AAAA'] as const)
        : o.order === 'v4ThenV6'
          ? (['A', 'AAAA'] as const)
          : (['AAAA', 'A'] as const)
  const answers = await Promise.all(types.map((type) => resolver.resolve(host, type, { signal: o.signal })))
  const ips = answers.flatMap((answer) =>
    answer.kind === 'answer' ? answer.records.map(({ ip }) => ip).slice(0, o.most) : [],
  )
  if (ips.length > 0) return { ips }
  const failed = answers.find((answer) => answer.kind === 'failed')
  return failed === undefined
    ? verdict('failed', `A ${host}`, '5.4.4', `the server ${host} has no address`)
    : verdict('delayed', `A ${host}`, '4.4.3', `the DNS did not say where ${host} is: ${failed.reason}`)
}

/** RFC 5321 §4.1.3: `[192.0.2.1]` and `[IPv6:2001:db8::1]`. */
function literalAddress(domain: string): string | undefined {
  if (!domain.startsWith('[') || !domain.endsWith(']')) return undefined
  const inner = domain.slice(1, -1).replace(/^ipv6:/i, '')
  return parseIp(inner) === undefined ? undefined : inner
}
