/**
 * The elements of IMAP's grammar (RFC 9051 §9), read from one whole command. Methods bear the names of the
 * grammar; each takes its element or throws a SyntaxFault, those with `take` in their name leave the position
 * where it was instead.
 *
 * The command lies in memory as it came over the wire, literals with their `{n}` and CRLF in front; CRLF
 * ends it nowhere else. Every method is linear in what it consumes.
 */
import { isUtf8 } from 'node:buffer'
import { asBuffer } from '#base/bytes.ts'
import { Cursor } from '#base/cursor.ts'
import type { Modseq } from '#base/id.ts'
import { type SequenceSet, star } from './sequence-set.ts'

const SP = 0x20
const DQUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN = 0x28
const CLOSE = 0x29
const LBRACE = 0x7b
const RBRACE = 0x7d
const PLUS = 0x2b
const TILDE = 0x7e
const CR = 0x0d
const LF = 0x0a

/** Classes of bytes, as bits. */
const atomChar = 1
const astringChar = 2
const listChar = 4
const tagChar = 8

const classes: Uint8Array = (() => {
  const table = new Uint8Array(256)
  for (let c = 0x21; c < 0x7f; c++) {
    const char = String.fromCharCode(c)
    const isAtom = !'(){%*"\\]'.includes(char)
    const isAstring = isAtom || char === ']'
    if (isAtom) table[c]! |= atomChar
    if (isAstring) table[c]! |= astringChar
    if (isAstring || char === '%' || char === '*') table[c]! |= listChar
    if (isAstring && char !== '+') table[c]! |= tagChar
  }
  return table
})()

/** Enough for the largest 32-bit number; UIDs and sizes need no more. */
const maxNumber = 0xffff_ffff
const maxNumber64 = 2n ** 63n - 1n
/** Sets of more ranges than this are refused: a line cannot hold many more anyway. */
const maxRanges = 16_384

const isDigit = (c: number): boolean => c >= 0x30 && c <= 0x39
const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']

export class Arguments extends Cursor {
  /** Exactly one space. */
  sp(): void {
    this.expect(SP, 'a space')
  }

  open(): void {
    this.expect(OPEN, '"("')
  }

  close(): void {
    this.expect(CLOSE, '")"')
  }

  takeOpen(): boolean {
    return this.take(OPEN)
  }

  takeClose(): boolean {
    return this.take(CLOSE)
  }

  /** Nothing may follow. */
  done(): void {
    if (!this.atEnd) this.fail('unexpected text after the arguments')
  }

  #run(kind: number): string {
    const start = this.at
    while (this.at < this.end && (classes[this.bytes[this.at]!]! & kind) !== 0) this.at++
    return asBuffer(this.bytes).toString('latin1', start, this.at)
  }

  tag(): string {
    const tag = this.#run(tagChar)
    if (tag === '') this.fail('expected a tag')
    return tag
  }

  atom(): string {
    const atom = this.#run(atomChar)
    if (atom === '') this.fail('expected an atom')
    return atom
  }

  /** An atom in upper case. */
  word(): string {
    return this.atom().toUpperCase()
  }

  number(): number {
    const start = this.at
    let value = 0
    while (this.at < this.end && isDigit(this.bytes[this.at]!)) {
      value = value * 10 + (this.bytes[this.at]! - 0x30)
      if (value > Number.MAX_SAFE_INTEGER) this.fail('number too large')
      this.at++
    }
    if (this.at === start) this.fail('expected a number')
    return value
  }

  /** A number below 2^63 (RFC 9051 §9, number64); beyond what a number holds exactly, infinite. */
  number64(): number {
    const start = this.at
    while (this.at < this.end && isDigit(this.bytes[this.at]!)) this.at++
    if (this.at === start) this.fail('expected a number')
    const digits = asBuffer(this.bytes)
      .toString('latin1', start, this.at)
      .replace(/^0+(?=.)/, '')
    if (digits.length > 19 || BigInt(digits) > maxNumber64) this.fail('number too large')
    return Number.isSafeInteger(Number(digits)) ? Number(digits) : Infinity
  }

  /** A number below 2^32. */
  number32(): number {
    const value = this.number()
    if (value > maxNumber) this.fail('number too large')
    return value
  }

  /** A mod-sequence, or 0 (RFC 7162 §7, mod-sequence-valzer). None of ours comes near the highest that is exact. */
  modSequence(): Modseq {
    return Math.min(this.number64(), Number.MAX_SAFE_INTEGER) as Modseq
  }

  nzNumber(): number {
    const value = this.number32()
    if (value === 0) this.fail('expected a number above zero')
    return value
  }

  /** A quoted string or a literal. */
  string(): Buffer {
    const c = this.peek()
    if (c === DQUOTE) return this.#quoted()
    if (c === LBRACE) return this.#literal()
    return this.fail('expected a string')
  }

  astring(): Buffer {
    const c = this.peek()
    if (c === DQUOTE || c === LBRACE) return this.string()
    const atom = this.#runBytes(astringChar)
    if (atom.length === 0) this.fail('expected a string or an atom')
    return atom
  }

  nstring(): Buffer | undefined {
    const c = this.peek()
    if (c === DQUOTE || c === LBRACE) return this.string()
    if (!this.takeWord('nil')) this.fail('expected a string or NIL')
    return undefined
  }

  /** A mailbox name or a pattern with wildcards (RFC 9051 §9, list-mailbox). */
  listMailbox(): Buffer {
    const c = this.peek()
    if (c === DQUOTE || c === LBRACE) return this.string()
    const pattern = this.#runBytes(listChar)
    if (pattern.length === 0) this.fail('expected a mailbox name or pattern')
    return pattern
  }

  #runBytes(kind: number): Buffer {
    const start = this.at
    while (this.at < this.end && (classes[this.bytes[this.at]!]! & kind) !== 0) this.at++
    return asBuffer(this.bytes).subarray(start, this.at)
  }

  #quoted(): Buffer {
    const start = ++this.at
    let escapes = 0
    let seen = 0
    for (;;) {
      const c = this.next()
      if (c === DQUOTE) break
      seen |= c
      if (c === BACKSLASH) {
        escapes++
        const escaped = this.next()
        if (escaped !== DQUOTE && escaped !== BACKSLASH) this.fail('only " and \\ can be escaped')
      } else if (c === -1 || c === CR || c === LF || c === 0) this.fail('quoted string without an end')
    }
    const raw = asBuffer(this.bytes).subarray(start, this.at - 1)
    // RFC 9755 §3, RFC 9051 §9
    if (seen > 0x7f && !isUtf8(raw)) this.fail('quoted string that is not UTF-8')
    if (escapes === 0) return raw
    const plain = Buffer.allocUnsafe(raw.length - escapes)
    for (let from = 0, to = 0; from < raw.length; from++, to++) {
      if (raw[from] === BACKSLASH) from++
      plain[to] = raw[from]!
    }
    return plain
  }

  /** A string that may hold NUL in a literal8 (RFC 5464 §5, value), or NIL. */
  nstring8(): Buffer | undefined {
    return this.take(TILDE) ? this.#literal(true) : this.nstring()
  }

  #literal(isBinary = false): Buffer {
    this.expect(LBRACE, 'a literal')
    const length = this.number()
    this.take(PLUS)
    this.expect(RBRACE, '"}"')
    this.expect(CR, 'CRLF')
    this.expect(LF, 'CRLF')
    if (this.at + length > this.end) this.fail('literal without an end')
    const value = asBuffer(this.bytes).subarray(this.at, this.at + length)
    // RFC 9051 §9: a literal holds no NUL; only literal8 does.
    if (!isBinary && value.includes(0)) this.fail('NUL in a literal')
    this.at += length
    return value
  }

  sequenceSet(): SequenceSet {
    const ranges: number[] = []
    let saved = false
    do {
      if (this.take(0x24)) {
        saved = true
        continue
      }
      const first = this.sequenceNumber()
      ranges.push(first, this.take(0x3a) ? this.sequenceNumber() : first)
      if (ranges.length > 2 * maxRanges) this.fail('too many ranges')
    } while (this.take(0x2c))
    return { ranges, saved }
  }

  /** A set without `*` and `$` (RFC 7162 §7, known-uids), as pairs of first and last in the order written. */
  plainSet(): readonly number[] {
    const { ranges, saved } = this.sequenceSet()
    if (saved || ranges.includes(star)) this.fail('expected numbers')
    return ranges
  }

  /** A message number or UID; `star` for the last. */
  sequenceNumber(): number {
    return this.take(0x2a) ? star : this.nzNumber()
  }

  /** True where a sequence set begins here: for SEARCH, whose other keys are words. */
  get atSequenceSet(): boolean {
    const c = this.peek()
    return isDigit(c) || c === 0x2a || c === 0x24
  }

  /** A flag: `\Seen`, or a keyword. As written. */
  flag(): string {
    if (this.take(BACKSLASH)) return `\\${this.atom()}`
    return this.atom()
  }

  flagList(): string[] {
    this.open()
    const flags: string[] = []
    if (this.takeClose()) return flags
    do flags.push(this.flag())
    while (this.take(SP))
    this.close()
    return flags
  }

  /** A day as SEARCH has it: the milliseconds of its beginning, taken as UTC. */
  date(): number {
    const quoted = this.take(DQUOTE)
    const day = this.#digits(1, 2)
    const ms = this.#monthAndYear(day)
    if (quoted) this.expect(DQUOTE, '"')
    return ms
  }

  #monthAndYear(day: number): number {
    this.expect(0x2d, '"-"')
    const month = months.findIndex((name) => this.takeWord(name))
    if (month === -1) this.fail('expected a month')
    this.expect(0x2d, '"-"')
    const year = this.#digits(4, 4)
    const date = new Date(Date.UTC(2000, month, day))
    // Date.UTC takes years below 100 for those of the last century.
    date.setUTCFullYear(year, month, day)
    if (date.getUTCMonth() !== month || date.getUTCDate() !== day) this.fail('no such day')
    return date.getTime()
  }

  /** `"17-Jul-1996 02:44:25 -0700"` in milliseconds since 1970-01-01 UTC. */
  dateTime(): number {
    this.expect(DQUOTE, 'a date and time')
    const day = this.take(SP) ? this.#digits(1, 1) : this.#digits(1, 2)
    const start = this.#monthAndYear(day)
    this.sp()
    const hours = this.#digits(2, 2)
    this.expect(0x3a, '":"')
    const minutes = this.#digits(2, 2)
    this.expect(0x3a, '":"')
    const seconds = this.#digits(2, 2)
    this.sp()
    const sign = this.next()
    if (sign !== PLUS && sign !== 0x2d) this.fail('expected a time zone')
    const zone = this.#digits(4, 4)
    this.expect(DQUOTE, '"')
    if (hours > 23 || minutes > 59 || seconds > 60 || zone % 100 > 59) this.fail('no such time')
    const zoneMinutes = Math.floor(zone / 100) * 60 + (zone % 100)
    const local = start + ((hours * 60 + minutes) * 60 + seconds) * 1000
    return local + (sign === PLUS ? -zoneMinutes : zoneMinutes) * 60_000
  }

  #digits(min: number, max: number): number {
    let value = 0
    let count = 0
    while (count < max && isDigit(this.peek())) {
      value = value * 10 + (this.next() - 0x30)
      count++
    }
    if (count < min) this.fail('expected a digit')
    return value
  }
}

/** The text of an argument; undefined where it is not UTF-8. */
export function utf8Of(bytes: Uint8Array): string | undefined {
  try {
    return strictUtf8.decode(bytes)
  } catch {
    return undefined
  }
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
