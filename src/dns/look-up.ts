/** The questions that mail asks, in its words. Each throws the signal's reason and nothing else. */
import { reverseName } from '#base/ip.ts'
import type { RecordOf } from './record.ts'
import type { Resolution, Resolver } from './resolution.ts'

interface Options {
  readonly signal?: AbortSignal
}

/** Lowest preference first; those that share one are in the order of the answer. A null MX is among them. */
export async function mx(
  resolver: Resolver,
  domain: string,
  o?: Options,
): Promise<Resolution<RecordOf<'MX'>>> {
  const found = await resolver.resolve(domain, 'MX', o)
  if (found.kind !== 'answer') return found
  return { ...found, records: found.records.toSorted((a, b) => a.preference - b.preference) }
}

export const txt = (resolver: Resolver, name: string, o?: Options): Promise<Resolution<RecordOf<'TXT'>>> =>
  resolver.resolve(name, 'TXT', o)

/** The strings of a record as one, as SPF, DKIM and DMARC take them. */
export const joined = ({ strings }: RecordOf<'TXT'>): Buffer => Buffer.concat(strings)

/** The names of an address, 4 or 16 bytes. */
export const ptr = (resolver: Resolver, ip: Uint8Array, o?: Options): Promise<Resolution<RecordOf<'PTR'>>> =>
  resolver.resolve(reverseName(ip), 'PTR', o)

/** RFC 6698 §3: what a service on a port of a host says about its certificate. */
export const tlsa = (
  resolver: Resolver,
  host: string,
  port: number,
  o?: Options,
): Promise<Resolution<RecordOf<'TLSA'>>> => resolver.resolve(`_${port}._tcp.${host}`, 'TLSA', o)

/**
 * The addresses of a host, IPv6 first. Where one kind could not be found out the other is the answer; there is
 * none only where both are known not to be there.
 */
export async function addresses(
  resolver: Resolver,
  host: string,
  o?: Options,
): Promise<Resolution<RecordOf<'A' | 'AAAA'>>> {
  const [six, four] = await Promise.all([resolver.resolve(host, 'AAAA', o), resolver.resolve(host, 'A', o)])
  if (six.kind === 'answer' && four.kind === 'answer') {
    const both = together(six, four)
    return { ...four, ...both, records: [...six.records, ...four.records] }
  }
  if (six.kind === 'answer') return four.kind === 'failed' ? six : { ...six, ...together(six, four) }
  if (four.kind === 'answer') return six.kind === 'failed' ? four : { ...four, ...together(six, four) }
  if (six.kind === 'failed') return six
  if (four.kind === 'failed') return four
  return { ...(six.kind === 'noData' ? six : four), ...together(six, four) }
}

type Found = Exclude<Resolution, { kind: 'failed' }>

const together = (a: Found, b: Found) => ({
  authentic: a.authentic && b.authentic,
  ttl: Math.min(a.ttl, b.ttl),
  cached: a.cached && b.cached,
})
