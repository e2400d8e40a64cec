/**
 * The grammar of ENVELOPE, BODY and BODYSTRUCTURE (RFC 9051 §9), as a recogniser that shares no code with
 * what writes them. For tests only.
 */
class Grammar {
  readonly #bytes: Uint8Array
  at = 0
  #depth = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  get atEnd(): boolean {
    return this.at === this.#bytes.length
  }

  is(text: string): boolean {
    for (let i = 0; i < text.length; i++) if (this.#bytes[this.at + i] !== text.charCodeAt(i)) return false
    return true
  }

  take(text: string): boolean {
    if (!this.is(text)) return false
    this.at += text.length
    return true
  }

  /** quoted: no CR, LF, NUL, 8-bit; only `"` and `\` escaped. literal: octets without NUL. */
  string(): boolean {
    const bytes = this.#bytes
    if (this.take('"')) {
      for (; this.at < bytes.length; this.at++) {
        const c = bytes[this.at]!
        if (c === 0x22) return this.take('"')
        if (c === 0x5c) {
          const next = bytes[++this.at]
          if (next !== 0x22 && next !== 0x5c) return false
        } else if (c === 0 || c === 0x0a || c === 0x0d || c > 0x7f) {
          return false
        }
      }
      return false
    }
    if (!this.take('{')) return false
    const length = this.number()
    if (length < 0 || !this.take('}\r\n') || this.at + length > bytes.length) return false
    const start = this.at
    this.at += length
    return !bytes.subarray(start, this.at).includes(0)
  }

  nstring(): boolean {
    return this.take('NIL') || this.string()
  }

  number(): number {
    let value = -1
    for (; this.at < this.#bytes.length; this.at++) {
      const digit = this.#bytes[this.at]! - 0x30
      if (digit < 0 || digit > 9) break
      value = Math.max(value, 0) * 10 + digit
    }
    return value
  }

  #addresses(): boolean {
    if (this.take('NIL')) return true
    if (!this.take('(')) return false
    let count = 0
    for (; this.take('('); count++) {
      const ok = this.nstring() && this.take(' ') && this.nstring() && this.take(' ') && this.nstring()
      if (!ok || !this.take(' ') || !this.nstring() || !this.take(')')) return false
    }
    return count > 0 && this.take(')')
  }

  envelope(): boolean {
    if (!this.take('(') || !this.nstring() || !this.take(' ') || !this.nstring()) return false
    for (let i = 0; i < 6; i++) if (!this.take(' ') || !this.#addresses()) return false
    return this.take(' ') && this.nstring() && this.take(' ') && this.nstring() && this.take(')')
  }

  #params(): boolean {
    if (this.take('NIL')) return true
    if (!this.take('(')) return false
    do {
      if (!this.string() || !this.take(' ') || !this.string()) return false
    } while (this.take(' '))
    return this.take(')')
  }

  #disposition(): boolean {
    if (this.take('NIL')) return true
    return this.take('(') && this.string() && this.take(' ') && this.#params() && this.take(')')
  }

  #language(): boolean {
    if (!this.take('(')) return this.nstring()
    do {
      if (!this.string()) return false
    } while (this.take(' '))
    return this.take(')')
  }

  #tail(): boolean {
    return (
      this.take(' ') &&
      this.#disposition() &&
      this.take(' ') &&
      this.#language() &&
      this.take(' ') &&
      this.nstring()
    )
  }

  body(extended: boolean): boolean {
    if (++this.#depth > 200 || !this.take('(')) return false
    const ok = this.is('(') ? this.#multipart(extended) : this.#onePart(extended)
    this.#depth--
    return ok && this.take(')')
  }

  #multipart(extended: boolean): boolean {
    while (this.is('(')) if (!this.body(extended)) return false
    if (!this.take(' ') || !this.string()) return false
    return !extended || (this.take(' ') && this.#params() && this.#tail())
  }

  #onePart(extended: boolean): boolean {
    const isText = this.is('"TEXT" ')
    const isMessage = this.is('"MESSAGE" "RFC822" ') || this.is('"MESSAGE" "GLOBAL" ')
    const fields =
      this.string() && this.take(' ') && this.string() && this.take(' ') && this.#params() && this.take(' ')
    if (!fields || !this.nstring() || !this.take(' ') || !this.nstring()) return false
    if (!this.take(' ') || !this.string() || !this.take(' ') || this.number() < 0) return false
    if (isMessage && !(this.take(' ') && this.envelope() && this.take(' ') && this.body(extended)))
      return false
    if ((isMessage || isText) && (!this.take(' ') || this.number() < 0)) return false
    return !extended || (this.take(' ') && this.nstring() && this.#tail())
  }
}

/** True where the bytes are exactly one `envelope`. */
export function isEnvelope(bytes: Uint8Array): boolean {
  const grammar = new Grammar(bytes)
  return grammar.envelope() && grammar.atEnd
}

/** True where the bytes are exactly one `body`, with all or with none of its extension data. */
export function isBodyStructure(bytes: Uint8Array, extended: boolean): boolean {
  const grammar = new Grammar(bytes)
  return grammar.body(extended) && grammar.atEnd
}
