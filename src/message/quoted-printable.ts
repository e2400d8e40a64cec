/**
 * Quoted-printable bodies (RFC 2045 §6.7). An "=" that begins neither a hex pair nor a soft line break
 * stands for itself. White space before a line end was added on the way and is deleted (rule 3); a run of
 * it longer than `MAX_PADDING` is kept, so that memory stays fixed.
 */
import { asBuffer } from '#base/bytes.ts'

const EQUALS = 0x3d
const SPACE = 0x20
const TAB = 0x09
const CR = 0x0d
const LF = 0x0a
const MAX_PADDING = 1000

const nothing = Buffer.alloc(0)

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

/** The byte that two digits stand for; negative where they are none. */
const pairOf = (high: number, low: number): number => (hexDigit(high) << 4) | hexDigit(low)

/** A CR is held with the white space before it until it is known to be part of a line end. */
const isPadding = (byte: number): boolean => byte === SPACE || byte === TAB || byte === CR

const OPEN = -1
const SOFT_BREAK = -2
const NO_ESCAPE = -3

export class QuotedPrintableDecoder {
  /** Bytes that mean nothing yet: white space, or an "=" and what followed it. Only one of both kinds. */
  #held: Uint8Array = nothing
  #escaping = false

  push(chunk: Uint8Array): Buffer {
    const out = Buffer.allocUnsafe(this.#held.length + chunk.length)
    // From zero on, not with the length of an array: V8 would count in doubles.
    let length = 0
    for (const byte of this.#held) out[length++] = byte
    /** What stands behind it in `out` may mean something else yet: it is held at the end. */
    let certain = 0
    let escaping = this.#escaping
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!
      if (escaping) {
        const meaning = escaped(out, certain, length, byte)
        escaping = meaning === OPEN
        if (meaning === OPEN) out[length++] = byte
        else {
          if (meaning === NO_ESCAPE) i--
          else length = certain
          if (meaning >= 0) out[length++] = meaning
          certain = length
        }
      } else if (byte > SPACE && byte !== EQUALS) {
        const end = copyPlain(chunk, i, out, length)
        length += end - i
        i = end - 1
        certain = length
      } else if (isPadding(byte)) {
        if (length - certain >= MAX_PADDING) certain = length
        out[length++] = byte
      } else if (byte === EQUALS) {
        certain = length
        const meaning = i + 2 < chunk.length ? pairOf(chunk[i + 1]!, chunk[i + 2]!) : OPEN
        escaping = meaning < 0
        out[length++] = escaping ? byte : meaning
        if (!escaping) {
          certain = length
          i += 2
        }
      } else {
        if (byte === LF && certain < length) length = lineEnd(out, certain, length)
        out[length++] = byte
        certain = length
      }
    }
    this.#escaping = escaping
    this.#held = certain === length ? nothing : Uint8Array.from(out.subarray(certain, length))
    return out.subarray(0, certain)
  }

  end(): Buffer {
    // A soft line break at the very end, or padding, carries nothing.
    const rest = this.#escaping && this.#held.length > 1 && this.#held[1]! > SPACE ? this.#held : nothing
    this.#held = nothing
    return asBuffer(rest)
  }
}

/** Copies bytes that stand for themselves, and spaces with one of them behind. Returns where they end. */
function copyPlain(chunk: Uint8Array, start: number, out: Uint8Array, to: number): number {
  let i = start
  for (; i < chunk.length; i++) {
    const byte = chunk[i]!
    const isPlain =
      byte > SPACE ? byte !== EQUALS : byte === SPACE && i + 1 < chunk.length && chunk[i + 1]! > SPACE
    if (!isPlain) break
    out[to + i - start] = byte
  }
  return i
}

/** Padding before a line end is dropped, its own CR is kept. Where the line then ends. */
const lineEnd = (out: Uint8Array, start: number, end: number): number => {
  if (out[end - 1] !== CR) return start
  out[start] = CR
  return start + 1
}

/**
 * What a byte makes of the "=" at `out[start]` and what followed it: the byte that is meant, or that it is a soft line
 * break, that this is not known yet, or that it is no escape, and the "=" stands for itself.
 */
function escaped(out: Uint8Array, start: number, end: number, byte: number): number {
  const isFirst = end - start === 1
  const second = isFirst ? SPACE : out[start + 1]!
  if (second > SPACE) {
    const pair = pairOf(second, byte)
    return pair < 0 ? NO_ESCAPE : pair
  }
  if (byte === LF) return SOFT_BREAK
  if (isFirst && hexDigit(byte) >= 0) return OPEN
  return isPadding(byte) && out[end - 1] !== CR && end - start < MAX_PADDING ? OPEN : NO_ESCAPE
}
