/**
 * Quoted-printable bodies (RFC 2045 §6.7). An "=" that begins neither a hex pair nor a soft line break
 * stands for itself. White space before a line end was added on the way and is deleted (rule 3); a run of
 * it longer than `MAX_PADDING` is kept, so that memory stays fixed.
 */
const EQUALS = 0x3d
const CR = 0x0d
const LF = 0x0a
const MAX_PADDING = 1000

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

export class QuotedPrintableDecoder {
  /** Bytes that mean nothing yet: white space, or an "=" and what followed it. Only one of both kinds. */
  readonly #held: Buffer = Buffer.allocUnsafe(MAX_PADDING + 4)
  #heldLength = 0
  #escaping = false

  push(chunk: Uint8Array): Buffer {
    const out = Buffer.allocUnsafe(chunk.length + this.#heldLength + 4)
    let length = 0
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!
      if (this.#escaping) {
        length = this.#escape(byte, out, length)
      } else if (byte === EQUALS) {
        length = this.#release(out, length)
        this.#hold(byte)
        this.#escaping = true
      } else if (byte === 0x20 || byte === 0x09 || byte === CR) {
        // A CR is held with the white space before it until it is known to be part of a line end.
        if (this.#heldLength >= MAX_PADDING) length = this.#release(out, length)
        this.#hold(byte)
      } else {
        if (this.#heldLength > 0)
          length = byte === LF ? this.#lineEnd(out, length) : this.#release(out, length)
        out[length++] = byte
      }
    }
    return out.subarray(0, length)
  }

  end(): Buffer {
    // A soft line break at the very end, or padding, carries nothing.
    const held = this.#escaping ? this.#heldLength : 0
    const out = Buffer.allocUnsafe(held)
    const length = held > 1 && this.#held[1]! > 0x20 ? this.#release(out, 0) : 0
    this.#heldLength = 0
    return out.subarray(0, length)
  }

  #hold(byte: number): void {
    this.#held[this.#heldLength++] = byte
  }

  #release(out: Buffer, length: number): number {
    this.#held.copy(out, length, 0, this.#heldLength)
    length += this.#heldLength
    this.#heldLength = 0
    return length
  }

  /** Padding before a line end is dropped, its own CR is kept. */
  #lineEnd(out: Buffer, length: number): number {
    if (this.#held[this.#heldLength - 1] === CR) out[length++] = CR
    this.#heldLength = 0
    return length
  }

  /** One byte after an "=": a hex pair, a soft line break with padding, or none of both. */
  #escape(byte: number, out: Buffer, length: number): number {
    const held = this.#heldLength
    if (byte === LF && (held === 1 || this.#held[1]! <= 0x20)) {
      this.#heldLength = 0
      this.#escaping = false
      return length
    }
    const afterCr = this.#held[held - 1] === CR
    const isPadding = (byte === 0x20 || byte === 0x09 || byte === CR) && !afterCr && held < MAX_PADDING
    if (isPadding && (held === 1 || this.#held[1]! <= 0x20)) {
      this.#hold(byte)
      return length
    }
    if (hexDigit(byte) >= 0 && held === 1) {
      this.#hold(byte)
      return length
    }
    const high = held === 2 ? hexDigit(this.#held[1]!) : -1
    this.#escaping = false
    if (high >= 0 && hexDigit(byte) >= 0) {
      this.#heldLength = 0
      out[length++] = (high << 4) | hexDigit(byte)
      return length
    }
    length = this.#release(out, length)
    if (byte === EQUALS) {
      this.#hold(byte)
      this.#escaping = true
    } else if (byte === 0x20 || byte === 0x09 || byte === CR) {
      this.#hold(byte)
    } else {
      out[length++] = byte
    }
    return length
  }
}
