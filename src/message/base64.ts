/**
 * Base64 as bodies and encoded words carry it (RFC 2045 §6.8). Bytes outside the alphabet are skipped;
 * padding ends a quantum, and what follows it is decoded as a new one, because programs do join encoded
 * pieces. The URL-safe digits are understood too. A lone digit at the end carries no byte and is dropped.
 */
const PAD = 64
const SKIP = 65

const digits: Uint8Array = (() => {
  const table = new Uint8Array(256).fill(SKIP)
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  for (let i = 0; i < 64; i++) table[alphabet.charCodeAt(i)] = i
  table[0x2d] = 62
  table[0x5f] = 63
  table[0x3d] = PAD
  return table
})()

export class Base64Decoder {
  /** The digits of the unfinished quantum, and how many there are (0 to 3). */
  #bits = 0
  #count = 0

  push(chunk: Uint8Array): Buffer {
    const out = Buffer.allocUnsafe(Math.ceil((chunk.length * 3) / 4) + 3)
    let length = 0
    let bits = this.#bits
    let count = this.#count
    for (let i = 0; i < chunk.length; i++) {
      const digit = digits[chunk[i]!]!
      if (digit < PAD) {
        bits = (bits << 6) | digit
        if (++count === 4) {
          out[length++] = bits >>> 16
          out[length++] = bits >>> 8
          out[length++] = bits
          bits = 0
          count = 0
        }
      } else if (digit === PAD) {
        length = writeRest(out, length, bits, count)
        bits = 0
        count = 0
      }
    }
    this.#bits = bits
    this.#count = count
    return out.subarray(0, length)
  }

  end(): Buffer {
    const out = Buffer.alloc(2)
    return out.subarray(0, writeRest(out, 0, this.#bits, this.#count))
  }
}

function writeRest(out: Buffer, length: number, bits: number, count: number): number {
  if (count === 2) out[length++] = bits >>> 4
  if (count === 3) {
    out[length++] = bits >>> 10
    out[length++] = bits >>> 2
  }
  return length
}
