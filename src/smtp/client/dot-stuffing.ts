/**
 * Message bytes as DATA carries them (RFC 5321 §4.5.2): a dot in front of lines that begin with one, CRLF at
 * every line end, and the line with a single dot at the end. What stands in the store has no other line ends;
 * a lone CR or LF would let a message end early at some servers, so it becomes CRLF here.
 */
const CR = 0x0d
const LF = 0x0a
const DOT = 0x2e

export class DotStuffing {
  #last = LF
  #atLineStart = true

  /** The bytes to send for a piece of the message. */
  piece(bytes: Uint8Array): Buffer {
    // Room for a byte more at every line, and for the end of a line that the piece before left open.
    const out: Buffer = Buffer.allocUnsafe(bytes.length * 2 + 1)
    let at = 0
    for (const byte of bytes) {
      if (byte === LF) {
        if (this.#last !== CR) out[at++] = CR
        out[at++] = LF
        this.#atLineStart = true
      } else {
        if (this.#last === CR) {
          out[at++] = LF
          this.#atLineStart = true
        }
        if (byte === DOT && this.#atLineStart) out[at++] = DOT
        out[at++] = byte
        this.#atLineStart = false
      }
      this.#last = byte
    }
    return out.subarray(0, at)
  }

  /** What ends it. */
  end(): Buffer {
    const open = this.#last === CR ? '\n' : this.#atLineStart ? '' : '\r\n'
    return Buffer.from(`${open}.\r\n`, 'latin1')
  }
}
