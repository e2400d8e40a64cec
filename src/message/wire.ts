/**
 * The pieces of IMAP syntax that stored structures are made of (RFC 9051 §9): nstrings, and a reader for
 * lists of them. Strings hold one character per byte. What is written never holds NUL.
 */
import { SyntaxFault } from '#base/fault.ts'

/** A string: quoted where that can hold it, a literal where it cannot (RFC 9051 §4.3). */
export function wireString(text: string): string {
  let escape = false
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === 0x22 || c === 0x5c) escape = true
    else if (c > 0x7e || c === 0 || c === 0x0d || c === 0x0a) return literal(text)
  }
  return escape ? `"${text.replace(/["\\]/g, '\\$&')}"` : `"${text}"`
}

function literal(text: string): string {
  const bytes = text.includes('\0') ? text.replaceAll('\0', '') : text
  return `{${bytes.length}}\r\n${bytes}`
}

export const wireNstring = (text: string | undefined): string =>
  text === undefined ? 'NIL' : wireString(text)

const QUOTE = 0x22
const OPEN = 0x28
const CLOSE = 0x29
const BACKSLASH = 0x5c
const OPEN_BRACE = 0x7b
const SPACE = 0x20

/** Reads what was written above, from our own store; anything else is a SyntaxFault. */
export class WireReader {
  readonly #bytes: Buffer
  at: number

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes
    this.at = at
  }

  open(): void {
    this.#take(OPEN)
  }

  close(): void {
    this.#take(CLOSE)
  }

  space(): void {
    this.#take(SPACE)
  }

  get isOpen(): boolean {
    return this.#bytes[this.at] === OPEN
  }

  get isClose(): boolean {
    return this.#bytes[this.at] === CLOSE
  }

  /** Takes NIL if it stands here. */
  takeNil(): boolean {
    const bytes = this.#bytes
    if (bytes[this.at] !== 0x4e || bytes[this.at + 1] !== 0x49 || bytes[this.at + 2] !== 0x4c) return false
    this.at += 3
    return true
  }

  string(): string {
    const first = this.#bytes[this.at]
    if (first === QUOTE) return this.#quoted()
    if (first === OPEN_BRACE) return this.#literal()
    throw new SyntaxFault('expected a string', this.at)
  }

  nstring(): string | undefined {
    return this.takeNil() ? undefined : this.string()
  }

  /** Passes over a string, NIL, or a list of them, and makes nothing of it. */
  skipValue(): void {
    let depth = 0
    do {
      const byte = this.#bytes[this.at]
      if (byte === QUOTE) this.#passQuoted()
      else if (byte === OPEN_BRACE) this.#passLiteral()
      else if (byte === OPEN) {
        depth++
        this.at++
      } else if (byte === CLOSE && depth > 0) {
        depth--
        this.at++
      } else if (byte === SPACE && depth > 0) this.at++
      else if (!this.takeNil()) this.fail('damaged structure')
    } while (depth > 0)
  }

  number(): number {
    const start = this.at
    while (this.#bytes[this.at]! >= 0x30 && this.#bytes[this.at]! <= 0x39) this.at++
    if (this.at === start || this.at - start > 15) throw new SyntaxFault('expected a number', start)
    return Number(this.#bytes.toString('latin1', start, this.at))
  }

  skip(length: number): void {
    this.at += length
  }

  fail(message: string): never {
    throw new SyntaxFault(message, this.at)
  }

  #take(byte: number): void {
    if (this.#bytes[this.at] !== byte) this.fail('damaged structure')
    this.at++
  }

  #quoted(): string {
    const start = this.at + 1
    const isEscaped = this.#passQuoted()
    const text = this.#bytes.toString('latin1', start, this.at - 1)
    return isEscaped ? text.replace(/\\(.)/gs, '$1') : text
  }

  /** Whether anything in it is escaped. */
  #passQuoted(): boolean {
    const bytes = this.#bytes
    const start = ++this.at
    let isEscaped = false
    for (; this.at < bytes.length; this.at++) {
      const byte = bytes[this.at]
      if (byte === BACKSLASH) {
        isEscaped = true
        this.at++
      } else if (byte === QUOTE) {
        this.at++
        return isEscaped
      }
    }
    throw new SyntaxFault('string without an end', start)
  }

  #literal(): string {
    const length = this.#passLiteral()
    return this.#bytes.toString('latin1', this.at - length, this.at)
  }

  /** How long it is. */
  #passLiteral(): number {
    this.at++
    const length = this.number()
    const start = this.at + 3
    if (start + length > this.#bytes.length) throw new SyntaxFault('literal without an end', this.at)
    this.at = start + length
    return length
  }
}
