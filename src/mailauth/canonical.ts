/**
 * The canonical forms of RFC 6376 §3.4: of a header field as bytes, of a body as a hash that is fed with the
 * body as it comes in. How the body is split into chunks changes nothing; each byte is looked at a fixed
 * number of times and none is kept. A line ends with CRLF and with nothing else.
 */
import { createHash } from 'node:crypto'
import { asBuffer, latin1 } from '#base/bytes.ts'
import type { HeaderField } from '#message/headers.ts'

export type Canonicalization = 'simple' | 'relaxed'

const CR = 0x0d
const LF = 0x0a
const SPACE = 0x20
const TAB = 0x09
const COLON = 0x3a

const lineEnd = latin1('\r\n')
const manyLineEnds = Buffer.alloc(8192, lineEnd)
const nothing = latin1('')
const oneSpace = latin1(' ')
const spaceAndCr = latin1(' \r')

const isWhite = (byte: number): boolean => byte === SPACE || byte === TAB

/** The canonical form of a field (RFC 6376 §3.4.1, §3.4.2), ended by one CRLF whatever ended it. */
export function canonicalField(bytes: Uint8Array, field: HeaderField, method: Canonicalization): Buffer {
  const { nameStart } = field
  let end = field.end
  if (end > nameStart && bytes[end - 1] === LF) end--
  if (end > nameStart && end < field.end && bytes[end - 1] === CR) end--
  if (method === 'relaxed') return relaxedField(bytes, field, end)
  const raw = asBuffer(bytes).subarray(nameStart, field.end)
  return field.end - end === 2 ? raw : Buffer.concat([raw.subarray(0, end - nameStart), lineEnd])
}

function relaxedField(bytes: Uint8Array, field: HeaderField, end: number): Buffer {
  const out = Buffer.allocUnsafe(end - field.nameStart + 3)
  let length = 0
  for (let at = field.nameStart; at < field.nameEnd; at++) {
    const byte = bytes[at]!
    out[length++] = byte >= 0x41 && byte <= 0x5a ? byte | 0x20 : byte
  }
  out[length++] = COLON
  const valueStart = length
  let isSpaceHeld = false
  for (let at = field.valueStart; at < end; at++) {
    const byte = bytes[at]!
    if (byte > SPACE) {
      // White space before the first byte of the value goes, and so does what no byte follows.
      if (isSpaceHeld && length > valueStart) out[length++] = SPACE
      isSpaceHeld = false
      out[length++] = byte
    } else if (isWhite(byte)) isSpaceHeld = true
    else if (byte === CR && bytes[at + 1] === LF && isWhite(bytes[at + 2]!) && at + 2 < end) at++
    else {
      if (isSpaceHeld && length > valueStart) out[length++] = SPACE
      isSpaceHeld = false
      out[length++] = byte
    }
  }
  out[length++] = CR
  out[length++] = LF
  return out.subarray(0, length)
}

export interface BodyHash {
  readonly sha256: Buffer
  /** Bytes of the whole canonical body, also of what lies beyond the limit. */
  readonly length: number
}

/** SHA-256 over the canonical body, or over its first `limit` bytes (the tag `l=` of RFC 6376 §3.5). */
export class BodyHasher {
  readonly #hash = createHash('sha256')
  readonly #method: Canonicalization
  #room: number
  #length = 0
  /** White space that may end a line: nothing, a space, or a space and a CR. Only of the relaxed form. */
  #space = nothing
  /** Line ends that count only if something follows, and then perhaps half of another one. */
  #lines = 0
  #hasCr = false

  constructor(method: Canonicalization, limit: number = Number.POSITIVE_INFINITY) {
    this.#method = method
    this.#room = limit
  }

  /** Takes the next bytes of the body; the chunk is not kept. */
  update(chunk: Uint8Array): void {
    const bytes = asBuffer(chunk)
    if (this.#method === 'simple') {
      this.#takeLines(bytes)
      return
    }
    const clean = this.#space === nothing ? cleanLength(bytes) : 0
    this.#takeLines(bytes.subarray(0, clean))
    if (clean < bytes.length) this.#takeLines(this.#reduce(bytes.subarray(clean)))
  }

  /** Ends the body; the hasher is not used afterwards. */
  end(): BodyHash {
    if (this.#space === spaceAndCr) this.#takeLines(spaceAndCr)
    if (this.#hasCr) {
      this.#emitLines()
      this.#emit(latin1('\r'))
    }
    // RFC 6376 §3.4.3, §3.4.4: a body ends with one CRLF; only the relaxed form leaves an empty one empty.
    if (this.#method === 'simple' || this.#length > 0) this.#emit(lineEnd)
    return { sha256: this.#hash.digest(), length: this.#length }
  }

  /** Reduces white space (RFC 6376 §3.4.4 a) and holds back what may still turn out to end a line. */
  #reduce(bytes: Buffer): Buffer {
    const held = this.#space
    const out = Buffer.allocUnsafe(held.length + bytes.length)
    held.copy(out)
    let length = held.length
    let last = length > 0 ? out[length - 1]! : 0
    for (let at = 0; at < bytes.length; at++) {
      let byte = bytes[at]!
      if (byte <= SPACE) {
        if (byte === TAB) byte = SPACE
        if (byte === SPACE && last === SPACE) continue
        if (byte === LF && last === CR && length > 1 && out[length - 2] === SPACE) {
          out[length - 2] = CR
          length--
        }
      }
      out[length++] = byte
      last = byte
    }
    this.#space = nothing
    if (length > 0 && out[length - 1] === SPACE) this.#space = oneSpace
    else if (length > 1 && out[length - 1] === CR && out[length - 2] === SPACE) this.#space = spaceAndCr
    return out.subarray(0, length - this.#space.length)
  }

  /** Takes what is canonical but for the empty lines that may end the body. */
  #takeLines(bytes: Buffer): void {
    let start = 0
    if (this.#hasCr && bytes.length > 0) {
      this.#hasCr = false
      if (bytes[0] === LF) {
        this.#lines++
        start = 1
      } else {
        this.#emitLines()
        this.#emit(latin1('\r'))
      }
    }
    let end = bytes.length
    if (end > start && bytes[end - 1] === CR) {
      this.#hasCr = true
      end--
    }
    let lines = 0
    while (end - 2 >= start && bytes[end - 2] === CR && bytes[end - 1] === LF) {
      end -= 2
      lines++
    }
    if (end > start) {
      this.#emitLines()
      this.#emit(start === 0 && end === bytes.length ? bytes : bytes.subarray(start, end))
    }
    this.#lines += lines
  }

  #emitLines(): void {
    while (this.#lines > 0) {
      const some = Math.min(this.#lines, manyLineEnds.length / 2)
      this.#emit(manyLineEnds.subarray(0, some * 2))
      this.#lines -= some
    }
  }

  #emit(bytes: Buffer): void {
    this.#length += bytes.length
    if (this.#room <= 0) return
    this.#hash.update(bytes.length <= this.#room ? bytes : bytes.subarray(0, this.#room))
    this.#room -= bytes.length
  }
}

/**
 * How many of the bytes, from the first, the relaxed form leaves as they are, whatever follows: those before
 * the first white space that is more than one space between two other bytes. Most text has none.
 */
function cleanLength(bytes: Buffer): number {
  const tab = bytes.indexOf(TAB)
  const end = tab < 0 ? bytes.length : tab
  const found = bytes.toString('latin1', 0, end).search(/  | \r/)
  if (found >= 0) return found
  return end > 0 && bytes[end - 1] === SPACE ? end - 1 : end
}
