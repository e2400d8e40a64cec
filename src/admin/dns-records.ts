/**
 * `/api/dns/records/{domain}`: what the DNS should have of a domain, as records or as the text of its zone, and
 * how that compares with what it has.
 */
import { readOwnDomain } from '#account/address.ts'
import type { DkimStage } from '#account/dkim-tables.ts'
import { Fault } from '#base/fault.ts'
import type { CheckedRecord, DnsResult } from '#cert/dns-check.ts'
import { type DnsPurpose, type WantedRecord, type ZoneLine, zoneLine, zoneText } from '#cert/dns-records.ts'
import type { RecordType } from '#dns/record.ts'
import { boolean, oneOf } from '#settings/field.ts'
import { queryOf } from './request.ts'
import type { ApiRoute } from './route.ts'

interface DomainZone {
  readonly records: readonly WantedRecord[]
  /** By the names of their records. */
  readonly keys: readonly { readonly name: string; readonly stage: DkimStage }[]
  /** Where that was asked for. */
  readonly checked?: readonly CheckedRecord[]
}

export interface ZoneOptions {
  /** Undefined for a domain that is none of this server. */
  readonly zoneOf: (
    domain: string,
    o: { readonly check: boolean; readonly signal: AbortSignal },
  ) => Promise<DomainZone | undefined>
}

/** `type`, `name` and `content` as existing programs know them. */
export interface ShownRecord extends Omit<ZoneLine, 'note' | 'ttl'>, Partial<Pick<ZoneLine, 'note' | 'ttl'>> {
  readonly type: RecordType
  readonly purpose: DnsPurpose
  /** Of a comparison. */
  readonly result?: DnsResult
  readonly found?: readonly string[]
  readonly said?: string
}

const longestMs = 40_000

const fields = {
  format: oneOf(['records', 'zone'], {
    fallback: 'records',
    help: 'As records, or the text of a zone file.',
  }),
  check: boolean({ fallback: false, help: 'Whether the DNS is asked what it has.' }),
}

export const dnsRecordsRoute = ({ zoneOf }: ZoneOptions): ApiRoute => ({
  method: 'GET',
  path: '/api/dns/records/:domain',
  tag: 'Domain',
  summary: 'What the DNS should have of a domain, and what it has',
  permissions: ['sysDomainGet'],
  query: fields,
  data: { type: 'array', items: { type: 'object' } },
  handle: async (c) => {
    const { format, check } = queryOf(c, fields) as { format: 'records' | 'zone'; check: boolean }
    const domain = readOwnDomain(c.req.param('domain') ?? '')
    const signal = AbortSignal.any([c.req.raw.signal, AbortSignal.timeout(longestMs)])
    const zone = domain === undefined ? undefined : await zoneOf(domain, { check, signal })
    if (zone === undefined) throw new Fault('notFound', 'There is no such domain.', { what: 'domain' })
    if (format === 'zone') return c.text(zoneText(domain!, zone.records.map(zoneLine)))
    return c.json({ data: zone.checked?.map(shownChecked) ?? zone.records.map(zoneLine) })
  },
})

/** What should not be there has no content. */
const shownChecked = ({ wanted, name, type, purpose, result, found, said }: CheckedRecord): ShownRecord => ({
  ...(wanted === undefined ? { name: `${name}.`, content: '' } : zoneLine(wanted)),
  type,
  purpose,
  result,
  found,
  ...(said === undefined ? {} : { said }),
})
