/**
 * DNS messages (RFC 1035 §4.1): queries are written, answers are read.
 *
 * What must always hold: nothing but SyntaxFault is thrown, time is linear in the length of the message, and
 * of the additional section nothing is used but OPT, since nobody asked for the rest.
 */
import { encodeOpt, type ExtendedError, type Opt, optCode, readOpt } from './edns.ts'
import { type DnsRecord, readRecord } from './record.ts'
import { WireReader } from './wire-reader.ts'

export const headerBytes = 12
const internet = 1
const flags = { response: 0x8000, truncated: 0x0200, recurse: 0x0100, recursive: 0x0080, authentic: 0x0020 }

/** RFC 1035 §4.1.1. */
export const rcodes = { noError: 0, formErr: 1, servFail: 2, nxDomain: 3, notImp: 4, refused: 5 } as const
const rcodeNames = ['NOERROR', 'FORMERR', 'SERVFAIL', 'NXDOMAIN', 'NOTIMP', 'REFUSED']
export const rcodeName = (rcode: number): string => rcodeNames[rcode] ?? `RCODE${rcode}`

export interface Query {
  readonly id: number
  /** On the wire, in the case in which it is to be sent. */
  readonly name: Buffer
  readonly typeCode: number
  /** Ask whether the answer was validated: RFC 6840 §5.7 gives the AD bit of a query this meaning. */
  readonly wantsAuthentic: boolean
  readonly edns: 'none' | 'plain' | 'padded'
}

export function encodeQuery(query: Query): Buffer {
  const { name, edns } = query
  const end = headerBytes + name.length + 4
  const fixed = Buffer.alloc(end)
  fixed.writeUInt16BE(query.id, 0)
  fixed.writeUInt16BE(flags.recurse | (query.wantsAuthentic ? flags.authentic : 0), 2)
  fixed.writeUInt16BE(1, 4)
  fixed.writeUInt16BE(edns === 'none' ? 0 : 1, 10)
  fixed.set(name, headerBytes)
  fixed.writeUInt16BE(query.typeCode, end - 4)
  fixed.writeUInt16BE(internet, end - 2)
  if (edns === 'none') return fixed
  return Buffer.concat([fixed, encodeOpt(end, edns === 'padded')])
}

export interface Message {
  readonly id: number
  readonly isResponse: boolean
  readonly opcode: number
  /** Cut off: nothing but the question was read (RFC 2181 §9). */
  readonly isTruncated: boolean
  /** Whoever answered asks others where it does not know. */
  readonly isRecursive: boolean
  /** The AD bit, RFC 4035 §3.2.3: worth what its sender and the way from there are worth. */
  readonly isAuthentic: boolean
  /** With the bits of OPT. */
  readonly rcode: number
  /** Of class IN only. */
  readonly answers: readonly DnsRecord[]
  readonly authority: readonly DnsRecord[]
  readonly errors: readonly ExtendedError[]
  /** The bytes of the question, in the case they came in; empty where there was none. */
  readonly question: Buffer
}

/** Throws SyntaxFault. */
export function decodeMessage(bytes: Buffer): Message {
  const r = new WireReader(bytes)
  const id = r.u16()
  const bits = r.u16()
  const counts = [r.u16(), r.u16(), r.u16(), r.u16()] as const
  if (counts[0] > 1) r.fail('more than one question')
  if (counts[0] === 1) {
    r.name()
    r.u32()
  }
  const question = Buffer.from(bytes.subarray(headerBytes, r.at))
  const isTruncated = (bits & flags.truncated) !== 0
  const sections = isTruncated ? { answers: [], authority: [], opt: undefined } : readSections(r, counts)
  const { answers, authority, opt } = sections
  return {
    id,
    isResponse: (bits & flags.response) !== 0,
    opcode: (bits >> 11) & 15,
    isTruncated,
    isRecursive: (bits & flags.recursive) !== 0,
    isAuthentic: (bits & flags.authentic) !== 0,
    rcode: ((opt?.upperRcode ?? 0) << 4) | (bits & 15),
    answers,
    authority,
    errors: opt?.errors ?? [],
    question,
  }
}

function readSections(r: WireReader, counts: readonly [number, number, number, number]) {
  const answers = readSection(r, counts[1])
  const authority = readSection(r, counts[2])
  let opt: Opt | undefined
  for (let i = 0; i < counts[3]; i++) {
    const { code, ttl, data } = readHead(r)
    if (code !== optCode) continue
    // RFC 6891 §6.1.1.
    if (opt !== undefined) r.fail('more than one OPT record')
    opt = readOpt(ttl, data)
  }
  return { answers, authority, opt }
}

function readSection(r: WireReader, count: number): readonly DnsRecord[] {
  const records: DnsRecord[] = []
  for (let i = 0; i < count; i++) {
    const { name, code, classCode, ttl, data } = readHead(r)
    if (code === optCode) r.fail('an OPT record in the wrong section')
    // RFC 2181 §8: the highest bit is not in use, and with it a TTL is 0.
    if (classCode === internet) records.push(readRecord(name, code, ttl > 0x7fff_ffff ? 0 : ttl, data))
  }
  return records
}

function readHead(r: WireReader) {
  const name = r.name()
  const code = r.u16()
  const classCode = r.u16()
  const ttl = r.u32()
  return { name, code, classCode, ttl, data: r.part(r.u16()) }
}
