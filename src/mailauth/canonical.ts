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
  /** What is held back, in this order: line ends, white space, a CR. Only what follows says what they are. */
  #lines = 0
  #hasSpace = false
  #hasCr = false

  constructor(method: Canonicalization, limit: number = Number.POSITIVE_INFINITY) {
    this.#method = method
    this.#room = limit
  }

  /** Takes the next bytes of the body; the chunk is not kept. */
  update(chunk: Uint8Array): void {
    if (chunk.length === 0) return
    const bytes = asBuffer(chunk)
    // Without white space, as in base64, both forms differ only at the end of the body.
    const asIs =
      this.#method === 'simple' || (!this.#hasSpace && !bytes.includes(SPACE) && !bytes.includes(TAB))
    if (asIs) this.#takeAsIs(bytes)
    else this.#takeRelaxed(bytes)
  }

  /** Ends the body; the hasher is not used afterwards. */
  end(): BodyHash {
    if (this.#hasCr) {
      this.#emitLines()
      this.#emit(this.#hasSpace ? latin1(' \r') : latin1('\r'))
    }
    // RFC 6376 §3.4.3, §3.4.4: a body ends with one CRLF; only the relaxed form leaves an empty one empty.
    if (this.#method === 'simple' || this.#length > 0) this.#emit(lineEnd)
    return { sha256: this.#hash.digest(), length: this.#length }
  }

  #takeAsIs(bytes: Buffer): void {
    let start = 0
    if (this.#hasCr) {
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
    const endsWithCr = end > start && bytes[end - 1] === CR
    if (endsWithCr) end--
    let lines = 0
    while (end - 2 >= start && bytes[end - 2] === CR && bytes[end - 1] === LF) {
      end -= 2
      lines++
    }
    if (end > start) {
      this.#emitLines()
      this.#emit(bytes.subarray(start, end))
    }
    this.#lines += lines
    this.#hasCr = endsWithCr
  }

  #takeRelaxed(bytes: Buffer): void {
    // At most one byte comes out for each that goes in, but for a space and a CR that were held back.
    const out = Buffer.allocUnsafe(bytes.length + 2)
    let length = 0
    let lines = 0
    let hasSpace = this.#hasSpace
    let hasCr = this.#hasCr
    let isHeld = this.#lines > 0 || hasSpace || hasCr
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at]!
      if (!isHeld && byte > SPACE) {
        out[length++] = byte
        continue
      }
      if (hasCr && byte === LF) {
        hasCr = false
        hasSpace = false
        lines++
        continue
      }
      if (!hasCr && (isWhite(byte) || byte === CR)) {
        if (byte === CR) hasCr = true
        else hasSpace = true
        isHeld = true
        continue
      }
      // Something stays: this byte, or a CR that is no line end. What was held back stands before it.
      if (this.#lines > 0) this.#emitLines()
      for (; lines > 0; lines--) {
        out[length++] = CR
        out[length++] = LF
      }
      if (hasSpace) out[length++] = SPACE
      if (hasCr) out[length++] = CR
      hasSpace = hasCr && isWhite(byte)
      hasCr &&= byte === CR
      isHeld = hasSpace || hasCr
      if (!isHeld) out[length++] = byte
    }
    if (length > 0) this.#emit(out.subarray(0, length))
    this.#lines += lines
    this.#hasSpace = hasSpace
    this.#hasCr = hasCr
  }

  #emitLines(): void {
    for (; this.#lines > 0;) {
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
