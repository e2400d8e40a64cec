/**
 * Bytes in a named charset to text. Whatever the name and the bytes, text comes back: an unknown charset
 * is read as UTF-8 if the bytes are that, and as windows-1252 if not (RFC 7103 §7.6).
 *
 * The names and tables of the WHATWG Encoding Standard come first (TextDecoder), then what iconv-lite
 * knows beyond them, then UTF-7 (RFC 2152), which both leave out or get wrong.
 */
import { isAscii, isUtf8 } from 'node:buffer'
import { createRequire } from 'node:module'
import type Iconv from 'iconv-lite'
import { asBuffer } from '#base/bytes.ts'
import { decodeUtf7 } from './utf7.ts'

// Its tables take ten megabytes, and most servers never meet a charset that TextDecoder does not know.
const require = createRequire(import.meta.url)
const loadIconv = (): typeof Iconv => require('iconv-lite') as typeof Iconv

/** Names that senders write when they do not know: the bytes themselves say more. */
const unknowing: ReadonlySet<string> = new Set([
  '',
  'us-ascii',
  'ascii',
  'ansi_x3.4-1968',
  'unknown',
  'unknown-8bit',
  'x-unknown',
  '8bit',
  '7bit',
  'default',
  'default_charset',
  'binary',
  'base64',
  'hex',
])
const utf7Names: ReadonlySet<string> = new Set(['utf-7', 'utf7', 'unicode-1-1-utf-7', 'x-unicode-1-1-utf-7'])

/**
 * The text of `bytes`. With `cut`, the bytes are the beginning of something longer, and a character that
 * the cut split is left out instead of being shown as damaged.
 */
export function decodeCharset(bytes: Uint8Array, charset: string | undefined, cut = false): string {
  const name = charset === undefined ? '' : charset.trim().toLowerCase()
  if (name === 'utf-8' || name === 'utf8') return decodeUtf8(bytes, cut)
  if (unknowing.has(name)) return sniff(bytes, cut)
  if (utf7Names.has(name)) return decodeUtf7(bytes)
  try {
    const decoder = new TextDecoder(name)
    return decoder.decode(bytes, { stream: cut })
  } catch {
    return decodeWithIconv(bytes, name, cut)
  }
}

/** Whether the bytes of a text in this charset can be read as it says. */
export function isKnownCharset(charset: string): boolean {
  const name = charset.trim().toLowerCase()
  if (isAsciiName(name) || utf7Names.has(name)) return true
  if (unknowing.has(name)) return false
  try {
    return new TextDecoder(name).encoding !== ''
  } catch {
    return iconvName(name) !== undefined
  }
}

const isAsciiName = (name: string): boolean =>
  name === 'us-ascii' || name === 'ascii' || name === 'ansi_x3.4-1968'

/** Whether the bytes, or with `cut` the beginning of more, hold a sequence that their charset does not have. */
export function isMalformed(bytes: Uint8Array, charset: string, cut = false): boolean {
  const name = charset.trim().toLowerCase()
  if (isAsciiName(name)) return !isAscii(bytes)
  if (name === 'utf-8' || name === 'utf8') return !isUtf8(cut ? bytes.subarray(0, wholeUtf8(bytes)) : bytes)
  try {
    new TextDecoder(name, { fatal: true }).decode(bytes, { stream: cut })
    return false
  } catch (error) {
    return error instanceof TypeError || decodeCharset(bytes, charset, cut).includes('\ufffd')
  }
}

/** Text of bytes whose charset nobody named: UTF-8 if they are that, else windows-1252. */
export function sniff(bytes: Uint8Array, cut = false): string {
  const whole = cut ? bytes.subarray(0, wholeUtf8(bytes)) : bytes
  if (isUtf8(whole)) return decodeUtf8(whole, false)
  return new TextDecoder('windows-1252').decode(bytes)
}

function decodeUtf8(bytes: Uint8Array, cut: boolean): string {
  const text = asBuffer(bytes).toString('utf8', 0, cut ? wholeUtf8(bytes) : bytes.length)
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text
}

function decodeWithIconv(bytes: Uint8Array, name: string, cut: boolean): string {
  const known = iconvName(name)
  if (known === undefined) return sniff(bytes, cut)
  const text = loadIconv().decode(asBuffer(bytes), known)
  return cut && text.endsWith('\ufffd') ? text.slice(0, -1) : text
}

function iconvName(name: string): string | undefined {
  const iconv = loadIconv()
  return [name, name.replace(/^x-/, '')].find((one) => iconv.encodingExists(one))
}

/** How many of the bytes are left when an unfinished UTF-8 sequence at the end is taken off. */
function wholeUtf8(bytes: Uint8Array): number {
  const length = bytes.length
  for (let back = 1; back <= 3 && back <= length; back++) {
    const byte = bytes[length - back]!
    if (byte < 0x80) return length
    if (byte >= 0xc0) {
      const needed = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
      return back < needed ? length - back : length
    }
  }
  return length
}
