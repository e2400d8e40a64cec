/**
 * The uuencode of old Unix mailers (POSIX `uuencode`): lines between "begin" and "end", each with its
 * length in the first character. Text outside that block is not part of the file. Lines are looked at up
 * to 200 bytes, so memory is fixed; a damaged line gives what can be read from it.
 */
const LF = 0x0a
const CR = 0x0d
const MAX_LINE = 200

export class UuencodeDecoder {
  readonly #line: Buffer = Buffer.allocUnsafe(MAX_LINE)
  #length = 0
  #inside = false

  push(chunk: Uint8Array): Buffer {
    const parts: Buffer[] = []
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!
      if (byte === LF) this.#endLine(parts)
      else if (this.#length < MAX_LINE) this.#line[this.#length++] = byte
    }
    return Buffer.concat(parts)
  }

  end(): Buffer {
    const parts: Buffer[] = []
    if (this.#length > 0) this.#endLine(parts)
    return Buffer.concat(parts)
  }

  #endLine(parts: Buffer[]): void {
    let end = this.#length
    this.#length = 0
    if (end > 0 && this.#line[end - 1] === CR) end--
    const line = this.#line.subarray(0, end)
    if (!this.#inside) {
      this.#inside = line.toString('latin1', 0, 6) === 'begin '
    } else if (line.equals(Buffer.from('end'))) {
      this.#inside = false
    } else if (end > 0) {
      parts.push(decodeLine(line))
    }
  }
}

function decodeLine(line: Buffer): Buffer {
  const value = (i: number): number => ((line[i] ?? 0x20) - 0x20) & 0x3f
  const available = Math.floor(((line.length - 1) * 3) / 4)
  const out = Buffer.alloc(Math.min(value(0), available))
  for (let i = 0, at = 1; i < out.length; i += 3, at += 4) {
    const bits = (value(at) << 18) | (value(at + 1) << 12) | (value(at + 2) << 6) | value(at + 3)
    out[i] = bits >>> 16
    if (i + 1 < out.length) out[i + 1] = bits >>> 8
    if (i + 2 < out.length) out[i + 2] = bits
  }
  return out
}
