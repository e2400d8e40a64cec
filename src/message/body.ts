/**
 * Bodies out of their transfer encodings (RFC 2045 §6) and into text.
 *
 * Decoding is incremental, in fixed memory, gives the same bytes however the input is split, and never
 * fails: what an encoding does not allow is skipped (base64) or stands for itself (quoted-printable).
 */
import { asBuffer } from '#base/bytes.ts'
import { Base64Decoder } from './base64.ts'
import { decodeCharset } from './charset.ts'
import { QuotedPrintableDecoder } from './quoted-printable.ts'
import { UuencodeDecoder } from './uuencode.ts'

/** What a decoder does: `push` gives what is certain so far, `end` the rest. */
export interface Decoding {
  push(chunk: Uint8Array): Buffer
  end(): Buffer
}

const nothing = Buffer.alloc(0)
const identity: Decoding = { push: asBuffer, end: () => nothing }
const identityNames: ReadonlySet<string> = new Set(['', '7bit', '8bit', 'binary'])
const uuencodeNames: ReadonlySet<string> = new Set(['x-uuencode', 'uuencode', 'x-uue', 'uue'])

/**
 * A decoder for a Content-Transfer-Encoding, given in any case; undefined for an unknown one, which IMAP
 * answers with UNKNOWN-CTE (RFC 9051 §7.5.2) and everybody else takes as it is.
 */
export function transferDecoder(encoding: string): Decoding | undefined {
  const name = encoding.trim().toLowerCase()
  if (identityNames.has(name)) return identity
  if (name === 'base64') return new Base64Decoder()
  if (name === 'quoted-printable') return new QuotedPrintableDecoder()
  return uuencodeNames.has(name) ? new UuencodeDecoder() : undefined
}

/** True for the encodings that change nothing, the only ones a composite part may have (RFC 2045 §6.4). */
export const isIdentityEncoding = (encoding: string): boolean => identityNames.has(encoding)

/** A whole body without its transfer encoding; as it is where the encoding is unknown. */
export function decodeBody(bytes: Uint8Array, encoding: string): Buffer {
  const decoder = transferDecoder(encoding)
  if (decoder === undefined || decoder === identity) return asBuffer(bytes)
  const first = decoder.push(bytes)
  const rest = decoder.end()
  return rest.length === 0 ? first : Buffer.concat([first, rest])
}

/**
 * The text of a body. With `cut`, the bytes are only its beginning: what the cut left incomplete at the
 * end is dropped.
 */
export function decodeText(bytes: Uint8Array, encoding: string, charset?: string, cut = false): string {
  const decoder = transferDecoder(encoding)
  if (cut && decoder !== undefined) return decodeCharset(decoder.push(bytes), charset, true)
  return decodeCharset(decodeBody(bytes, encoding), charset, cut)
}
