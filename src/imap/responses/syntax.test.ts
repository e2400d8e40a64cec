/**
 * The elements of responses, read from bytes as strictly as the grammars have them (RFC 9051 §9 and those of the
 * extensions), for tests that look at all that a server says. Throws for what no grammar has; a response that is not
 * all there yet is `Unfinished`.
 */
import assert from 'node:assert/strict'
import { isUtf8 } from 'node:buffer'

export class Unfinished extends Error {}

export class ResponseSyntax {
  at: number
  /** The client may be sent UTF-8 outside of literals. */
  utf8 = false
  readonly bytes: Buffer

  constructor(bytes: Buffer, at = 0) {
    this.bytes = bytes
    this.at = at
  }

  fail(expected: string): never {
    if (!this.bytes.includes('\r\n', this.at)) throw new Unfinished()
    const before = this.bytes.toString('latin1', Math.max(0, this.at - 300), this.at)
    const behind = this.bytes.toString('latin1', this.at, this.at + 60)
    assert.fail(`expected ${expected}: ${JSON.stringify(before)} >>> ${JSON.stringify(behind)}`)
  }

  peek(text: string): boolean {
    const end = this.at + text.length
    return this.bytes.toString('latin1', this.at, end).toUpperCase() === text.toUpperCase()
  }

  take(text: string): boolean {
    if (!this.peek(text)) return false
    this.at += text.length
    return true
  }

  need(...texts: readonly string[]): string {
    const found = texts.find((text) => this.take(text))
    return found ?? this.fail(texts.map((text) => JSON.stringify(text)).join(' or '))
  }

  /** A word of capitals with nothing of a word behind it. */
  takeWord(word: string): boolean {
    const behind = this.bytes[this.at + word.length]
    if (behind !== undefined && /[A-Za-z0-9.=_-]/.test(String.fromCharCode(behind))) return false
    return this.take(word)
  }

  run(char: RegExp, what: string): string {
    const start = this.at
    while (this.at < this.bytes.length && char.test(String.fromCharCode(this.bytes[this.at]!))) this.at++
    if (this.at === start) this.fail(what)
    return this.bytes.toString('latin1', start, this.at)
  }

  sp(): void {
    this.need(' ')
  }

  number(max = 2n ** 32n - 1n): number {
    const digits = this.run(/[0-9]/, 'a number')
    if (digits.length > 1 && digits.startsWith('0')) this.fail('no leading zero')
    if (BigInt(digits) > max) this.fail(`a number up to ${max}`)
    return Number(digits)
  }

  number64(): number {
    return this.number(2n ** 63n - 1n)
  }

  nz(max?: bigint): number {
    return this.number(max) || this.fail('a number that is not zero')
  }

  modseq(): number {
    return this.nz(2n ** 63n - 1n)
  }

  atom(): string {
    return this.run(/[!#$&'+,\-./0-9:;<=>?@A-Z[^_`a-z|}~]/, 'an atom')
  }

  quoted(): Buffer {
    this.need('"')
    const value: number[] = []
    for (;;) {
      let c = this.bytes[this.at]
      if (c === undefined) throw new Unfinished()
      if (c === 0x22) break
      if (c === 0 || c === 0x0d || c === 0x0a || (c > 0x7f && !this.utf8))
        this.fail('a character of a quoted string')
      if (c === 0x5c) {
        c = this.bytes[++this.at]
        if (c !== 0x22 && c !== 0x5c) this.fail('a quoted " or \\')
      }
      value.push(c)
      this.at++
    }
    this.at++
    const bytes = Buffer.from(value)
    if (!isUtf8(bytes)) this.fail('UTF-8 in the quoted string before')
    return bytes
  }

  literal(mayHaveNul = false): Buffer {
    this.need('{')
    const size = this.number64()
    this.need('}\r\n')
    if (this.at + size > this.bytes.length) throw new Unfinished()
    const value = this.bytes.subarray(this.at, this.at + size)
    if (!mayHaveNul && value.includes(0)) this.fail('a literal without NUL')
    this.at += size
    return value
  }

  string(): Buffer {
    if (this.peek('"')) return this.quoted()
    return this.peek('{') ? this.literal() : this.fail('a string')
  }

  nil(): boolean {
    return this.takeWord('NIL')
  }

  orNil(read: () => unknown): void {
    if (!this.nil()) read()
  }

  /** Arguments are read in their order. */
  inTurn(..._read: readonly unknown[]): void {}

  nstring(): Buffer | undefined {
    return this.nil() ? undefined : this.string()
  }

  nstring8(): void {
    if (this.take('~')) this.literal(true)
    else this.nstring()
  }

  astring(): Buffer {
    if (this.peek('"') || this.peek('{')) return this.string()
    return Buffer.from(this.run(/[!#$&'+,\-./0-9:;<=>?@A-Z[\]^_`a-z|}~]/, 'an astring'))
  }

  /** `(` one or more `)`. */
  list(one: () => void, o: { mayBeEmpty?: true; tight?: true } = {}): void {
    this.need('(')
    if (o.mayBeEmpty && this.take(')')) return
    for (;;) {
      one()
      if (this.take(')')) return
      if (o.tight !== true) this.sp()
    }
  }

  flag(): void {
    if (this.take('\\')) {
      const name = this.atom().toLowerCase()
      if (!['answered', 'flagged', 'deleted', 'seen', 'draft'].includes(name))
        this.fail('a flag that is defined')
    } else this.atom()
  }

  flagList(): void {
    this.list(() => this.flag(), { mayBeEmpty: true })
  }

  /** A set without `*` and `$`; ascending, and no number twice, where that is demanded. */
  set(o: { inOrder?: true } = {}): number {
    let last = 0
    let count = 0
    do {
      const first = this.nz()
      const to = this.take(':') ? this.nz() : first
      count += Math.abs(to - first) + 1
      if (o.inOrder === true) {
        if (first <= last || to < first) this.fail('an ascending set')
        last = to
      }
    } while (this.take(','))
    return count
  }

  dateTime(): void {
    const text = this.quoted().toString('latin1')
    if (
      !/^[ \d]\d-(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)-\d{4} \d\d:\d\d:\d\d [+-]\d{4}$/.test(text)
    )
      this.fail(`a date-time, not ${text}`)
  }

  objectId(): void {
    const id = this.run(/[A-Za-z0-9_-]/, 'an object identifier')
    if (id.length > 255) this.fail('an object identifier of at most 255 characters')
  }

  mailbox(): string {
    const name = this.astring()
    if (!this.utf8) assertUtf7(name.toString('latin1'), () => this.fail('modified UTF-7'))
    else if (!isUtf8(name)) this.fail('UTF-8')
    return name.toString('latin1')
  }

  /** Up to the end of the line, which stays. */
  text(): void {
    const end = this.bytes.indexOf('\r\n', this.at)
    if (end === -1) throw new Unfinished()
    const text = this.bytes.subarray(this.at, end)
    for (const c of text)
      if (c === 0 || c === 0x0d || c === 0x0a || (c > 0x7f && !this.utf8)) this.fail('text')
    if (text.length === 0) this.fail('text that is not empty')
    this.at = end
  }

  crlf(): void {
    this.need('\r\n')
  }
}

/** RFC 3501 §5.1.3: printable ASCII, `&` only before `-` or a run of base64 without needless and null shifts. */
function assertUtf7(name: string, fail: () => never): void {
  if (
    !/^(?:[\x20-\x25\x27-\x7e]|&(?:[A-Za-z0-9+,]+)?-)*$/.test(name) ||
    /&[A-Za-z0-9+,]+-&[A-Za-z0-9+,]/.test(name)
  )
    fail()
}
