/**
 * Modified UTF-7, in which clients of IMAP4rev1 write mailbox names (RFC 3501 §5.1.3, RFC 9051 §A.1).
 *
 * Each text has exactly one encoded form, and only that form is decoded: a name that two spellings could
 * reach would be two names to a client.
 */
import { asBuffer } from '#base/bytes.ts'

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,'
const ampersand = 0x26
const minus = 0x2d

const isDirect = (code: number): boolean => code >= 0x20 && code <= 0x7e

/** The encoded form: ASCII, whatever the text. */
export function encodeUtf7(text: string): string {
  let out = ''
  let at = 0
  while (at < text.length) {
    const code = text.charCodeAt(at)
    if (isDirect(code)) {
      out += code === ampersand ? '&-' : text[at]!
      at++
      continue
    }
    const start = at
    while (at < text.length && !isDirect(text.charCodeAt(at))) at++
    out += `&${encodeRun(text, start, at)}-`
  }
  return out
}

/** UTF-16, high byte first, six bits a digit, the last filled up with zeros. */
function encodeRun(text: string, start: number, end: number): string {
  let out = ''
  let bits = 0
  let held = 0
  for (let i = start; i < end; i++) {
    held = (held << 16) | text.charCodeAt(i)
    bits += 16
    while (bits >= 6) {
      bits -= 6
      out += alphabet[(held >>> bits) & 0x3f]!
    }
    held &= (1 << bits) - 1
  }
  return bits > 0 ? out + alphabet[(held << (6 - bits)) & 0x3f]! : out
}

/** The text; undefined where the bytes are not the one encoded form of any text. */
export function decodeUtf7(bytes: Uint8Array): string | undefined {
  let out = ''
  let at = 0
  while (at < bytes.length) {
    const code = bytes[at]!
    if (!isDirect(code)) return undefined
    if (code !== ampersand) {
      out += String.fromCharCode(code)
      at++
      continue
    }
    const end = bytes.indexOf(minus, at)
    if (end === -1) return undefined
    const run = end === at + 1 ? '&' : decodeRun(bytes, at + 1, end)
    if (run === undefined) return undefined
    out += run
    at = end + 1
  }
  // Null shifts, needless shifts and broken surrogates show as a different spelling.
  return out.isWellFormed() && encodeUtf7(out) === asBuffer(bytes).toString('latin1') ? out : undefined
}

function decodeRun(bytes: Uint8Array, start: number, end: number): string | undefined {
  let out = ''
  let bits = 0
  let held = 0
  for (let i = start; i < end; i++) {
    const digit = alphabet.indexOf(String.fromCharCode(bytes[i]!))
    if (digit === -1) return undefined
    held = (held << 6) | digit
    bits += 6
    if (bits >= 16) {
      bits -= 16
      out += String.fromCharCode((held >>> bits) & 0xffff)
      held &= (1 << bits) - 1
    }
  }
  return out
}
