/** `/api/dns/lookup`: what the DNS says, as this server sees it, and which name server said so. */
import { performance } from 'node:perf_hooks'
import { normaliseDomain } from '#base/domain-name.ts'
import { invalidProperties } from '#base/fault.ts'
import { parseIp, reverseName } from '#base/ip.ts'
import { parseType, type RecordType } from '#dns/record.ts'
import { recordText } from '#dns/record-text.ts'
import type { Resolution, Resolver } from '#dns/resolution.ts'
import { canonicalName } from '#dns/wire-reader.ts'
import { text } from '#settings/field.ts'
import { queryOf } from './request.ts'
import type { ApiRoute } from './route.ts'

export interface DnsLookupOptions {
  readonly dns: Resolver
}

const fields = {
  name: text({
    fallback: undefined,
    required: true,
    help: 'The name; for PTR an address as well.',
    allowed: 'a domain name',
    normalise: (given) =>
      parseIp(given) === undefined ? canonicalName(normaliseDomain(given) ?? given) : given,
  }),
  type: text({
    fallback: 'A',
    help: 'The type of the records, such as MX, or TYPE65 for one without a name.',
    allowed: 'a type of records such as "MX"',
    normalise: parseType,
  }),
}

export interface ShownLookup {
  readonly name: string
  readonly type: string
  readonly kind: Resolution['kind']
  /** Where aliases lead. */
  readonly canonicalName?: string
  /** The data is that of a zone file. */
  readonly records: readonly { readonly name: string; readonly ttl: number; readonly data: string }[]
  readonly ttl?: number
  readonly authentic?: boolean
  readonly server?: string
  readonly why?: string
  readonly reason?: string
  readonly cached: boolean
  readonly tookMs: number
}

export const dnsLookupRoute = ({ dns }: DnsLookupOptions): ApiRoute => ({
  method: 'GET',
  path: '/api/dns/lookup',
  tag: 'Server',
  summary: 'What the DNS says, and which name server said so',
  permissions: ['dnsLookup'],
  query: fields,
  handle: async (c) => {
    const { name: given, type } = queryOf(c, fields) as { name?: string; type: RecordType }
    if (given === undefined) throw invalidProperties([{ property: 'name', problem: 'must be a domain name' }])
    const ip = parseIp(given)
    const name = ip === undefined ? given : reverseName(ip)
    const began = performance.now()
    const found = await dns.resolve(name, type, { signal: c.req.raw.signal })
    const tookMs = Math.round((performance.now() - began) * 10) / 10
    return c.json({ data: show(name, type, found, tookMs) })
  },
})

function show(name: string, type: RecordType, found: Resolution, tookMs: number): ShownLookup {
  const { kind, cached } = found
  const common = { name, type, kind, records: [], cached, tookMs }
  if (found.kind === 'failed') return { ...common, why: found.why, reason: found.reason }
  const known = { ...common, ttl: found.ttl, authentic: found.authentic, server: found.server }
  if (found.kind !== 'answer') return known
  const records = found.records.map((one) => ({ name: one.name, ttl: one.ttl, data: recordText(one) }))
  return { ...known, canonicalName: found.name, records }
}
