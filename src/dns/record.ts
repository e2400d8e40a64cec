/**
 * Resource records: the types that the server knows, and how their data is read (RFC 1035 §3.3 and the
 * standard of each type). A type that is not in the list is `TYPE65` and keeps its bytes (RFC 3597 §5).
 * What must always hold: data is read to its last octet and not beyond, or the record is malformed.
 */
import { formatIp } from '#base/ip.ts'
import type { WireReader } from './wire-reader.ts'

const codes = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  DS: 43,
  RRSIG: 46,
  DNSKEY: 48,
  TLSA: 52,
  CAA: 257,
} as const

type NamedType = keyof typeof codes
export type RecordType = NamedType | `TYPE${number}`

const names = new Map<number, NamedType>(
  Object.entries(codes).map(([name, code]) => [code, name as NamedType]),
)

export const codeOf = (type: RecordType): number =>
  Object.hasOwn(codes, type) ? codes[type as NamedType] : Number(type.slice('TYPE'.length))

export const typeOf = (code: number): RecordType => names.get(code) ?? `TYPE${code}`

/** A type as people write it, in any case: `mx`, `TYPE65`. Types of queries (ANY, AXFR) and OPT are none. */
export function parseType(text: string): RecordType | undefined {
  const upper = text.toUpperCase()
  if (Object.hasOwn(codes, upper)) return upper as NamedType
  const code = /^TYPE(\d{1,5})$/.exec(upper)?.[1]
  if (code === undefined || Number(code) > 0xffff) return undefined
  // RFC 6895 §3.1: 128 to 255 are for queries and meta types, and so is OPT.
  if (Number(code) === 0 || Number(code) === 41 || (Number(code) >= 128 && Number(code) <= 255))
    return undefined
  return typeOf(Number(code))
}

interface Host {
  /** A name. */
  readonly target: string
}

/** Whose bytes nobody here looks into. */
interface Opaque {
  readonly bytes: Buffer
}

interface RecordData {
  A: { readonly ip: string }
  AAAA: { readonly ip: string }
  NS: Host
  CNAME: Host
  PTR: Host
  MX: { readonly preference: number; readonly exchange: string }
  /** Each string by itself: SPF and DKIM join them without anything between. */
  TXT: { readonly strings: readonly Buffer[] }
  SOA: {
    readonly primary: string
    readonly mailbox: string
    readonly serial: number
    readonly refresh: number
    readonly retry: number
    readonly expire: number
    readonly minimum: number
  }
  SRV: { readonly priority: number; readonly weight: number; readonly port: number; readonly target: string }
  TLSA: {
    readonly usage: number
    readonly selector: number
    readonly matching: number
    readonly association: Buffer
  }
  CAA: { readonly flags: number; readonly tag: string; readonly value: Buffer }
  DS: Opaque
  DNSKEY: Opaque
  RRSIG: Opaque
  [unknown: `TYPE${number}`]: Opaque
}

interface Owned<T> {
  readonly type: T
  readonly name: string
  /** Seconds. */
  readonly ttl: number
}

export type RecordOf<T extends RecordType> = T extends RecordType ? Owned<T> & RecordData[T] : never
export type DnsRecord = RecordOf<NamedType> | RecordOf<`TYPE${number}`>

const host = (r: WireReader): Host => ({ target: r.name() })
const opaque = (r: WireReader): Opaque => ({ bytes: r.take(r.left) })

function strings(r: WireReader): readonly Buffer[] {
  const found: Buffer[] = []
  while (r.left > 0) found.push(r.take(r.u8()))
  return found
}

/** RFC 8659 §4.1. */
function caa(r: WireReader): RecordData['CAA'] {
  const flags = r.u8()
  const tag = r.take(r.u8()).toString('latin1')
  if (!/^[A-Za-z0-9]+$/.test(tag)) r.fail('a CAA tag must be letters and digits')
  return { flags, tag, value: r.take(r.left) }
}

const readers: { readonly [T in NamedType]: (r: WireReader) => RecordData[T] } = {
  A: (r) => ({ ip: formatIp(r.take(4)) }),
  // RFC 3596 §2.2.
  AAAA: (r) => ({ ip: formatIp(r.take(16)) }),
  NS: host,
  CNAME: host,
  PTR: host,
  MX: (r) => ({ preference: r.u16(), exchange: r.name() }),
  TXT: (r) => ({ strings: strings(r) }),
  SOA: (r) => ({
    primary: r.name(),
    mailbox: r.name(),
    serial: r.u32(),
    refresh: r.u32(),
    retry: r.u32(),
    expire: r.u32(),
    minimum: r.u32(),
  }),
  // The RFC 2782 demands a target without compression; RFC 3597 §4 that one with it is understood.
  SRV: (r) => ({ priority: r.u16(), weight: r.u16(), port: r.u16(), target: r.name() }),
  // RFC 6698 §2.1.
  TLSA: (r) => ({ usage: r.u8(), selector: r.u8(), matching: r.u8(), association: r.take(r.left) }),
  CAA: caa,
  DS: opaque,
  DNSKEY: opaque,
  RRSIG: opaque,
}

/** Reads the data of a record; `r` has nothing but it. Throws SyntaxFault. */
export function readRecord(name: string, code: number, ttl: number, r: WireReader): DnsRecord {
  const type = typeOf(code)
  const read = Object.hasOwn(readers, type) ? readers[type as NamedType] : opaque
  const data = read(r)
  if (r.left > 0) r.fail(`${type} data is longer than it should be`)
  return { type, name, ttl, ...data } as DnsRecord
}
