/**
 * Encoded words in header text (RFC 2047 with the language suffix of RFC 2231 §5).
 *
 * Header text comes in as one character per byte and leaves as Unicode. Reading is lenient about what
 * senders really do: words longer than 75 characters, spaces inside, a character split over two adjacent
 * words, broken base64, and plain 8-bit text (UTF-8 or windows-1252) around or instead of words.
 * Linear in the length of the text.
 */
import { latin1 } from '#base/bytes.ts'
import { decodeCharset, isKnownCharset, sniff } from './charset.ts'
import { decodeBody } from './body.ts'

interface Word {
  readonly charset: string
  readonly bytes: Buffer
  readonly end: number
}

const MAX_CHARSET_NAME = 64

/** Header text, with its encoded words decoded. */
export const decodeHeaderText = (raw: string): string => decode(raw, decodePlain, decodeCharset)

/**
 * The same, but only what RFC 2047 allows is taken for an encoded word: one that white space separates from what is
 * around it, without white space in it, of a charset that is known. Control characters that were encoded are dropped
 * (RFC 8621 §4.1.2.2).
 */
export const decodeStrictly = (raw: string): string =>
  decode(raw, decodePlain, (bytes, charset) => withoutControls(decodeCharset(bytes, charset)), isWellPlaced)

const withoutControls = (text: string): string => text.replace(/\p{Cc}+/gu, '')

function isWellPlaced(raw: string, start: number, word: Word): boolean {
  if (start > 0 && !isBlank(raw[start - 1]!)) return false
  if (word.end < raw.length && !isBlank(raw[word.end]!)) return false
  return !/[ \t]/.test(raw.slice(start, word.end)) && isKnownCharset(word.charset)
}

/** The bytes that the text has in the charsets of its words, a character for each: no charset is taken off. */
export const headerOctets = (raw: string): string =>
  decode(
    raw,
    (text) => text,
    (bytes) => bytes.toString('latin1'),
  )

function decode(
  raw: string,
  plain: (text: string) => string,
  inCharset: (bytes: Buffer, charset: string) => string,
  accepts: (raw: string, start: number, word: Word) => boolean = () => true,
): string {
  let at = raw.indexOf('=?')
  if (at < 0) return plain(raw)
  let text = ''
  let plainStart = 0
  /** Decoded bytes of adjacent words in one charset, waiting for the next. */
  let pending: Buffer[] = []
  let pendingCharset = ''
  const closing = { at: -1 }
  while (at >= 0) {
    const word = readWord(raw, at, closing)
    if (word === undefined || !accepts(raw, at, word)) {
      at = raw.indexOf('=?', at + 2)
      continue
    }
    const between = raw.slice(plainStart, at)
    // RFC 2047 §6.2: white space between adjacent encoded words is not shown.
    const adjacent = pending.length > 0 && isBlank(between)
    if (!adjacent || word.charset !== pendingCharset || isStateful(word.charset)) {
      if (pending.length > 0) text += inCharset(joined(pending), pendingCharset)
      pending = []
    }
    if (!adjacent) text += plain(between)
    pending.push(word.bytes)
    pendingCharset = word.charset
    plainStart = word.end
    at = raw.indexOf('=?', word.end)
  }
  if (pending.length > 0) text += inCharset(joined(pending), pendingCharset)
  return text + plain(raw.slice(plainStart))
}

/** Charsets with shift states begin each word anew; joined, their escape sequences would collide. */
const isStateful = (charset: string): boolean => /^(?:iso-2022|hz|utf-?7)/.test(charset)

const joined = (pieces: readonly Buffer[]): Buffer =>
  pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)

/** Text without encoded words: ASCII as it is, 8-bit by its looks. */
export function decodePlain(raw: string): string {
  for (let i = 0; i < raw.length; i++) if (raw.charCodeAt(i) > 0x7f) return sniff(latin1(raw))
  return raw
}

function isBlank(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c !== 0x20 && c !== 0x09 && c !== 0x0a && c !== 0x0d) return false
  }
  return true
}

/** `closing.at` remembers the last "?=" found, so that looking for it stays linear over the whole text. */
function readWord(raw: string, at: number, closing: { at: number }): Word | undefined {
  const charsetEnd = raw.indexOf('?', at + 2)
  if (charsetEnd < 0 || charsetEnd === at + 2 || charsetEnd - at > MAX_CHARSET_NAME) return undefined
  if (raw[charsetEnd + 2] !== '?') return undefined
  const kind = raw.charCodeAt(charsetEnd + 1) | 0x20
  if (kind !== 0x62 && kind !== 0x71) return undefined
  const start = charsetEnd + 3
  if (closing.at < start) {
    closing.at = raw.indexOf('?=', start)
    if (closing.at < 0) closing.at = Infinity
  }
  if (closing.at === Infinity) return undefined
  const encoded = raw.slice(start, closing.at)
  // A word that never ended must not swallow the next one.
  if (encoded.includes('=?')) return undefined
  const charset = raw
    .slice(at + 2, charsetEnd)
    .split('*', 1)[0]!
    .toLowerCase()
  const bytes = kind === 0x62 ? decodeBody(latin1(encoded), 'base64') : decodeQ(encoded)
  return { charset, bytes, end: closing.at + 2 }
}

const hexDigit = (c: number): number =>
  c >= 0x30 && c <= 0x39 ? c - 0x30 : (c | 0x20) >= 0x61 && (c | 0x20) <= 0x66 ? (c | 0x20) - 0x57 : -1

/** RFC 2047 §4.2; an "=" without two hex digits stands for itself. */
function decodeQ(text: string): Buffer {
  const out = Buffer.allocUnsafe(text.length)
  let length = 0
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (c === 0x3d && i + 2 < text.length) {
      const high = hexDigit(text.charCodeAt(i + 1))
      const low = hexDigit(text.charCodeAt(i + 2))
      if (high >= 0 && low >= 0) {
        out[length++] = (high << 4) | low
        i += 2
        continue
      }
    }
    out[length++] = c === 0x5f ? 0x20 : c
  }
  return out.subarray(0, length)
}
