/**
 * Writes DNS answers for tests, which the server itself never does. Records have their data as zone files
 * have it: `10 mx.example.org` for MX, `3 1 1 <hex>` for TLSA, hex for types without a form of their own; only
 * the text of TXT stands as it is, and a list of texts is one record of several strings.
 */
import assert from 'node:assert/strict'
import { parseIp } from '#base/ip.ts'
import { encodeName } from '#dns/name.ts'
import { codeOf, type RecordType } from '#dns/record.ts'

export interface TestRecord {
  readonly name: string
  readonly type: RecordType
  readonly ttl: number
  readonly data: string | readonly string[]
}

export interface TestAnswer {
  readonly id: number
  /** As it stands in the query; empty for none. */
  readonly question: Uint8Array
  readonly rcode?: number
  readonly authoritative?: boolean
  readonly truncated?: boolean
  readonly recursive?: boolean
  readonly authentic?: boolean
  readonly answers?: readonly TestRecord[]
  readonly authority?: readonly TestRecord[]
  readonly additional?: readonly TestRecord[]
  /** With OPT, and in it the extended errors. */
  readonly edns?: readonly { readonly code: number; readonly text: string }[]
}

/** A growing message; names that were written before become pointers. */
class Writer {
  readonly #parts: Buffer[] = []
  readonly #names = new Map<string, number>()
  length = 0

  bytes(bytes: Uint8Array): void {
    this.#parts.push(Buffer.from(bytes))
    this.length += bytes.length
  }

  numbers(width: 1 | 2 | 4, ...values: readonly number[]): void {
    for (const value of values) {
      const bytes = Buffer.alloc(width)
      bytes.writeUIntBE(value, 0, width)
      this.bytes(bytes)
    }
  }

  /** Names that come later may point into it, whatever its case is. */
  question(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length - 5; at += 1 + bytes[at]!)
      this.#names.set(keyOf(bytes.subarray(at, bytes.length - 4)), this.length + at)
    this.bytes(bytes)
  }

  name(text: string): void {
    const wire = encodeName(text)
    assert.ok(wire, `a name: ${text}`)
    let at = 0
    while (wire[at] !== 0) {
      const tail = keyOf(wire.subarray(at))
      const known = this.#names.get(tail)
      if (known !== undefined) return this.numbers(2, 0xc000 | known)
      if (this.length < 0x4000) this.#names.set(tail, this.length)
      const next = at + 1 + wire[at]!
      this.bytes(wire.subarray(at, next))
      at = next
    }
    this.numbers(1, 0)
  }

  /** RFC 1035 §3.3: strings of up to 255 octets, each with its length before it. */
  strings(texts: readonly string[]): void {
    for (const text of texts) {
      const bytes = Buffer.from(text)
      let at = 0
      do {
        const piece = bytes.subarray(at, at + 255)
        this.numbers(1, piece.length)
        this.bytes(piece)
        at += 255
      } while (at < bytes.length)
    }
  }

  record({ name, type, ttl, data }: TestRecord): void {
    this.name(name)
    this.numbers(2, codeOf(type), 1)
    this.numbers(4, ttl)
    const length = Buffer.alloc(2)
    this.#parts.push(length)
    this.length += 2
    const start = this.length
    writeData(this, type, data)
    length.writeUInt16BE(this.length - start)
  }

  get message(): Buffer {
    return Buffer.concat(this.#parts)
  }
}

const keyOf = (name: Uint8Array): string => Buffer.from(name).toString('latin1').toLowerCase()

function writeData(w: Writer, type: RecordType, data: string | readonly string[]): void {
  if (type === 'TXT') return w.strings(typeof data === 'string' ? [data] : data)
  assert.ok(typeof data === 'string')
  const words = data.split(' ')
  const number = (i: number): number => Number(words[i])
  switch (type) {
    case 'A':
    case 'AAAA':
      return w.bytes(parseIp(data)!)
    case 'NS':
    case 'CNAME':
    case 'PTR':
      return w.name(data)
    case 'MX':
      w.numbers(2, number(0))
      return w.name(words[1]!)
    case 'SRV':
      w.numbers(2, number(0), number(1), number(2))
      return w.name(words[3]!)
    case 'SOA':
      w.name(words[0]!)
      w.name(words[1]!)
      return w.numbers(4, ...words.slice(2).map(Number))
    case 'TLSA':
      w.numbers(1, number(0), number(1), number(2))
      return w.bytes(Buffer.from(words[3]!, 'hex'))
    case 'CAA':
      w.numbers(1, number(0))
      w.strings([words[1]!])
      return w.bytes(Buffer.from(words.slice(2).join(' ')))
    default:
      return w.bytes(Buffer.from(data, 'hex'))
  }
}

export function encodeAnswer(o: TestAnswer): Buffer {
  const { answers = [], authority = [], additional = [], rcode = 0 } = o
  const w = new Writer()
  const flag = (is: boolean | undefined, bit: number): number => (is === true ? bit : 0)
  const bits =
    0x8100 |
    flag(o.authoritative, 0x0400) |
    flag(o.truncated, 0x0200) |
    flag(o.recursive ?? true, 0x0080) |
    flag(o.authentic, 0x0020)
  w.numbers(2, o.id, bits | (rcode & 15), o.question.length === 0 ? 0 : 1)
  w.numbers(2, answers.length, authority.length, additional.length + (o.edns === undefined ? 0 : 1))
  w.question(o.question)
  for (const record of [...answers, ...authority, ...additional]) w.record(record)
  if (o.edns !== undefined) writeOpt(w, rcode >> 4, o.edns)
  return w.message
}

function writeOpt(w: Writer, upperRcode: number, errors: NonNullable<TestAnswer['edns']>): void {
  const options = errors.map(({ code, text }) => {
    const words = Buffer.from(text)
    const option = Buffer.alloc(6 + words.length)
    option.writeUInt16BE(15, 0)
    option.writeUInt16BE(2 + words.length, 2)
    option.writeUInt16BE(code, 4)
    option.set(words, 6)
    return option
  })
  const data = Buffer.concat(options)
  w.numbers(1, 0)
  w.numbers(2, 41, 1232)
  w.numbers(4, (upperRcode << 24) >>> 0)
  w.numbers(2, data.length)
  w.bytes(data)
}
