/** The text of a body part as JMAP gives it (RFC 8621 §4.1.4, "bodyValues"), whole or cut. */
import { type Maybe, whenThere } from '#base/maybe.ts'
import { decodeBody, transferDecoder } from './body.ts'
import { decodeCharset, isKnownCharset, isMalformed } from './charset.ts'

export interface BodyValue {
  readonly value: string
  readonly isEncodingProblem: boolean
  readonly isTruncated: boolean
}

export interface EncodedBody {
  readonly encoding: string
  readonly charset: string
  readonly isHtml: boolean
  /** Of the body in its encoding. */
  readonly sizeBytes: number
  /** Its first bytes. */
  read(bytes: number): Maybe<Uint8Array>
}

/** Of a body without a limit, as much is read. */
const most = 64 << 20
/** For so many octets of text, this often suffices. */
const factor = 4
const least = 16_384

/** At most `maxBytes` octets of UTF-8; 0 for all. */
export function readBodyValue(body: EncodedBody, maxBytes: number): Maybe<BodyValue> {
  const all = Math.min(body.sizeBytes, most)
  const valueOf = (wanted: number): Maybe<BodyValue> => {
    const count = Math.min(wanted, all)
    const isCut = count < body.sizeBytes
    return whenThere(body.read(count), (bytes) => {
      const found = decode(bytes, body, isCut)
      const value = truncate(found.value, maxBytes === 0 ? Number.POSITIVE_INFINITY : maxBytes, body.isHtml)
      const isTruncated = isCut || value.length < found.value.length
      if (count < all && value.length === found.value.length) return valueOf(wanted * factor)
      return { value, isEncodingProblem: found.isEncodingProblem, isTruncated }
    })
  }
  return valueOf(maxBytes === 0 ? all : Math.max(least, factor * maxBytes))
}

function decode(
  encoded: Uint8Array,
  { encoding, charset }: EncodedBody,
  isCut: boolean,
): { readonly value: string; readonly isEncodingProblem: boolean } {
  const decoder = transferDecoder(encoding)
  const bytes = isCut && decoder !== undefined ? decoder.push(encoded) : decodeBody(encoded, encoding)
  const text = decodeCharset(bytes, charset, isCut)
  const isStrange = decoder === undefined || !isKnownCharset(charset) || isMalformed(bytes, charset, isCut)
  return { value: text.replace(/\r\n/g, '\n').toWellFormed(), isEncodingProblem: isStrange }
}

/**
 * The text as long as it may be: no character is split, of HTML no tag. What only looks like a tag is lost with it.
 */
export function truncate(text: string, maxBytes: number, isHtml: boolean): string {
  // No character is longer than three octets for each of its units.
  if (text.length * 3 <= maxBytes || Buffer.byteLength(text) <= maxBytes) return text
  const bytes = Buffer.from(text.slice(0, maxBytes + 1))
  let end = maxBytes
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--
  const cut = bytes.toString('utf8', 0, end)
  return isHtml ? beforeTag(cut) : cut
}

/** Without a tag at the end that never ends. */
function beforeTag(html: string): string {
  let end = html.length
  for (
    let start = html.lastIndexOf('<');
    start >= 0;
    start = start === 0 ? -1 : html.lastIndexOf('<', start - 1)
  ) {
    if (!/[A-Za-z/!?]/.test(html[start + 1] ?? 'a')) continue
    if (isClosed(html, start, end)) break
    end = start
  }
  return html.slice(0, end)
}

/** Whether the tag that begins here ends; a ">" between quotes does not end it. */
function isClosed(html: string, start: number, end: number): boolean {
  let quote = ''
  for (let at = start + 1; at < end; at++) {
    const c = html[at]!
    if (quote !== '') quote = c === quote ? '' : quote
    else if (c === '>') return true
    else if ((c === '"' || c === "'") && html[at - 1] === '=') quote = c
  }
  return false
}
