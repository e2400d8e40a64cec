/**
 * Bodies into their transfer encodings (RFC 2045 §6), piece by piece: what is encoded and decoded again is the same
 * bytes, and no line is longer than it may be. Memory is that of a piece.
 */
import { asBuffer } from '#base/bytes.ts'
import type { Decoding } from './body.ts'
import { MAX_LINE } from './field-writer.ts'

export type TransferEncoding = '7bit' | '8bit' | 'quoted-printable' | 'base64'

const CR = 0x0d
const LF = 0x0a
const nothing = Buffer.alloc(0)

/** What decides about the encoding of bytes. */
export class ContentScan {
  #line = 0
  #last = 0
  /** How far the line agrees with "From ", which programs change at the beginning of a line; -1: not at all. */
  #from = 0
  sizeBytes = 0
  /** Bytes above 127, and control characters that are no white space. */
  highBytes = 0
  otherBytes = 0
  hasLongLines = false
  /** A line end that is not CRLF, which no text may have as it is (RFC 2045 §2.7). */
  hasBareEnds = false
  hasFromLines = false

  push(chunk: Uint8Array): void {
    this.sizeBytes += chunk.length
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!
      if (this.#last === CR && byte !== LF) this.hasBareEnds = true
      if (byte === LF) {
        if (this.#last !== CR) this.hasBareEnds = true
        this.#line = 0
        this.#from = 0
      } else if (byte !== CR) {
        if (++this.#line > MAX_LINE) this.hasLongLines = true
        if (byte >= 0x80) this.highBytes++
        else if (byte < 0x20 ? byte !== 0x09 : byte === 0x7f) this.otherBytes++
        this.#noteFrom(byte)
      }
      this.#last = byte
    }
  }

  end(): void {
    if (this.#last === CR) this.hasBareEnds = true
  }

  #noteFrom(byte: number): void {
    if (this.#from < 0) return
    this.#from = byte === fromSpace[this.#from] ? this.#from + 1 : -1
    if (this.#from < fromSpace.length) return
    this.hasFromLines = true
    this.#from = -1
  }

  /** For text: readable where most of it is. */
  get forText(): TransferEncoding {
    if (this.hasBareEnds || this.otherBytes > 0) return 'base64'
    if (this.highBytes === 0 && !this.hasLongLines && !this.hasFromLines) return '7bit'
    return this.highBytes * 4 > this.sizeBytes ? 'base64' : 'quoted-printable'
  }

  /** RFC 2046 §5.2.1: a message is not encoded, where that can be. */
  get forMessage(): TransferEncoding {
    if (this.hasBareEnds || this.hasLongLines || this.otherBytes > 0) return 'base64'
    return this.highBytes === 0 ? '7bit' : '8bit'
  }
}

const fromSpace = Buffer.from('From ')

/** An encoder; `push` gives what is certain so far, `end` the rest. */
export function transferEncoder(encoding: TransferEncoding): Decoding {
  if (encoding === 'base64') return new Base64Encoder()
  if (encoding === 'quoted-printable') return new QuotedPrintableEncoder()
  return { push: asBuffer, end: () => nothing }
}

/** 76 characters a line (RFC 2045 §6.8). */
const LINE_BYTES = 57
const LINE_CHARS = 76

class Base64Encoder implements Decoding {
  #held: Buffer = nothing

  push(chunk: Uint8Array): Buffer {
    const bytes = this.#held.length === 0 ? asBuffer(chunk) : Buffer.concat([this.#held, chunk])
    const whole = bytes.length - (bytes.length % LINE_BYTES)
    // A copy: the chunk may be memory that its reader uses again.
    this.#held = Buffer.from(bytes.subarray(whole))
    return lines(bytes.subarray(0, whole))
  }

  end(): Buffer {
    return lines(this.#held)
  }
}

function lines(bytes: Buffer): Buffer {
  const text = bytes.toString('base64')
  const count = Math.ceil(text.length / LINE_CHARS)
  const out = Buffer.allocUnsafe(text.length + 2 * count)
  let to = 0
  for (let at = 0; at < text.length; at += LINE_CHARS) {
    to += out.write(text.slice(at, at + LINE_CHARS), to, 'latin1')
    out[to++] = CR
    out[to++] = LF
  }
  return out
}

const digits = Buffer.from('0123456789ABCDEF')
/** Of an encoded line, with room for the "=" of a soft break. */
const MAX_QP = 75

class QuotedPrintableEncoder implements Decoding {
  #column = 0
  /** A space or tab, or a CR, that what follows decides about; 0 for none. */
  #held = 0
  #from = 0

  push(chunk: Uint8Array): Buffer {
    // A byte takes three at most, and every 25th such a soft break before it.
    const out = Buffer.allocUnsafe(4 * (chunk.length + 2) + 8)
    let at = 0
    for (let i = 0; i < chunk.length; i++) at = this.#byte(chunk[i]!, out, at)
    return out.subarray(0, at)
  }

  end(): Buffer {
    const out = Buffer.allocUnsafe(16)
    const held = this.#held
    this.#held = 0
    return out.subarray(0, held === 0 ? 0 : this.#escape(held, out, 0))
  }

  #byte(byte: number, out: Buffer, at: number): number {
    const held = this.#held
    if (held === CR && byte === LF) {
      this.#held = 0
      return this.#lineEnd(out, at)
    }
    if (held === CR) at = this.#escape(CR, out, at)
    // White space at the end of a line must be encoded (RFC 2045 §6.7 rule 3).
    else if (held !== 0) at = byte === CR ? this.#escape(held, out, at) : this.#literal(held, out, at)
    this.#held = 0
    if (byte === CR || byte === 0x20 || byte === 0x09) {
      this.#held = byte
      return at
    }
    const isPlain = byte > 0x20 && byte < 0x7f && byte !== 0x3d
    return isPlain ? this.#literal(byte, out, at) : this.#escape(byte, out, at)
  }

  #lineEnd(out: Buffer, at: number): number {
    out[at++] = CR
    out[at++] = LF
    this.#column = 0
    this.#from = 0
    return at
  }

  #literal(byte: number, out: Buffer, at: number): number {
    at = this.#makeRoom(1, out, at)
    // "From " and a dot at the beginning of a line are changed by others on the way.
    const matches = this.#from === this.#column && byte === fromSpace[this.#from]
    this.#from = matches ? this.#from + 1 : -1
    if (this.#from === fromSpace.length || (byte === 0x2e && this.#column === 0))
      return this.#escape(byte, out, at)
    out[at++] = byte
    this.#column++
    return at
  }

  #escape(byte: number, out: Buffer, at: number): number {
    at = this.#makeRoom(3, out, at)
    out[at++] = 0x3d
    out[at++] = digits[byte >> 4]!
    out[at++] = digits[byte & 15]!
    this.#column += 3
    return at
  }

  #makeRoom(width: number, out: Buffer, at: number): number {
    if (this.#column + width <= MAX_QP) return at
    out[at++] = 0x3d
    out[at++] = CR
    out[at++] = LF
    this.#column = 0
    this.#from = 0
    return at
  }
}
