/** The data of records as zone files have it (RFC 1035 §5.1), for people to read. */
import type { DnsRecord } from './record.ts'

/** A quoted string: printable ASCII as it is, the rest as `\DDD`. */
function quoted(bytes: Buffer): string {
  const text = bytes.toString('latin1').replaceAll(/["\\]/g, '\\$&')
  const escape = (c: string): string => `\\${String(c.charCodeAt(0)).padStart(3, '0')}`
  return `"${text.replaceAll(/[^\x20-\x7e]/g, escape)}"`
}

export function recordText(record: DnsRecord): string {
  switch (record.type) {
    case 'A':
    case 'AAAA':
      return record.ip
    case 'NS':
    case 'CNAME':
    case 'PTR':
      return record.target
    case 'MX':
      return `${record.preference} ${record.exchange}`
    case 'TXT':
      return record.strings.map(quoted).join(' ')
    case 'SOA': {
      const { primary, mailbox, serial, refresh, retry, expire, minimum } = record
      return [primary, mailbox, serial, refresh, retry, expire, minimum].join(' ')
    }
    case 'SRV':
      return `${record.priority} ${record.weight} ${record.port} ${record.target}`
    case 'TLSA':
      return `${record.usage} ${record.selector} ${record.matching} ${record.association.toString('hex')}`
    case 'CAA':
      return `${record.flags} ${record.tag} ${quoted(record.value)}`
    default:
      // RFC 3597 §5.
      return `\\# ${record.bytes.length} ${record.bytes.toString('hex')}`.trimEnd()
  }
}
