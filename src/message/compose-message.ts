/**
 * A message written as MIME (RFC 2045, RFC 2046) from a tree of parts. Bytes that come from elsewhere are read while
 * they are written, so that memory does not depend on their size.
 *
 * What must always hold: lines end with CRLF and are no longer than 998 octets; what is read back from a part is
 * what was put into it, byte for byte; no content can contain the boundary around it, since nobody who wrote any of
 * it could know it.
 */
import { composeParameterField, type WrittenParameter } from './compose-parameters.ts'
import { ContentScan, transferEncoder, type TransferEncoding } from './transfer-encode.ts'

export type PartContent =
  /** Lines may end as they like; what is written is UTF-8. */
  | { readonly kind: 'text'; readonly text: string }
  /** Read twice: once to choose the encoding, where that depends on it, and once to write it. */
  | { readonly kind: 'bytes'; readonly read: () => AsyncIterable<Uint8Array> }
  | { readonly kind: 'multipart'; readonly parts: readonly ComposedPart[] }

export interface ComposedPart {
  /** "text/plain", in lower case. */
  readonly type: string
  /** Of Content-Type: neither boundary nor, for text that is given, charset. */
  readonly parameters: readonly WrittenParameter[]
  /** Whole fields besides Content-Type and Content-Transfer-Encoding. */
  readonly fields: readonly string[]
  readonly content: PartContent
}

/** As it is written: everything about it is decided. */
interface PlannedPart {
  readonly header: string
  readonly encoding: TransferEncoding
  readonly content: PartContent
  readonly boundary: string
  readonly parts: readonly PlannedPart[]
}

export interface ComposedMessage {
  /** Whole fields in front of those of the root part. */
  readonly fields: readonly string[]
  readonly root: ComposedPart
}

/** The bytes of the message. Each call of `token` gives a text of letters and digits that nobody can guess. */
export async function* composeMessage(
  { fields, root }: ComposedMessage,
  token: () => string,
): AsyncGenerator<Uint8Array> {
  const planned = await plan(root, token)
  yield Buffer.from(`${fields.join('')}MIME-Version: 1.0\r\n${planned.header}\r\n`)
  yield* body(planned)
}

async function plan(part: ComposedPart, token: () => string): Promise<PlannedPart> {
  const parts: PlannedPart[] = []
  if (part.content.kind === 'multipart')
    for (const one of part.content.parts) parts.push(await plan(one, token))
  // Neither quoted-printable nor base64 has "=_" (RFC 2045 §6.7).
  const boundary = part.content.kind === 'multipart' ? `=_${token()}` : ''
  const encoding = part.content.kind === 'multipart' ? ofMultipart(parts) : await chosen(part)
  const header =
    composeParameterField('Content-Type', part.type, parametersOf(part, boundary)) +
    (encoding === '7bit' ? '' : `Content-Transfer-Encoding: ${encoding}\r\n`) +
    part.fields.join('')
  return { header, encoding, content: part.content, boundary, parts }
}

/** RFC 2045 §6.4: a multipart is not encoded, and tells what is in it. */
const ofMultipart = (parts: readonly PlannedPart[]): TransferEncoding =>
  parts.some(({ encoding }) => encoding === '8bit') ? '8bit' : '7bit'

function parametersOf(
  { type, parameters, content }: ComposedPart,
  boundary: string,
): readonly WrittenParameter[] {
  if (content.kind === 'multipart') return [...parameters, { name: 'boundary', value: boundary }]
  if (content.kind === 'text' && type.startsWith('text/'))
    return [{ name: 'charset', value: 'utf-8' }, ...parameters]
  return parameters
}

async function chosen({ type, content }: ComposedPart): Promise<TransferEncoding> {
  const isText = type.startsWith('text/') || content.kind === 'text'
  const isMessage = type.startsWith('message/')
  if (!isText && !isMessage) return 'base64'
  const scan = new ContentScan()
  for await (const chunk of bytesOf(content)) scan.push(chunk)
  scan.end()
  return isMessage && content.kind === 'bytes' ? scan.forMessage : scan.forText
}

async function* body({ encoding, content, boundary, parts }: PlannedPart): AsyncGenerator<Uint8Array> {
  if (content.kind === 'multipart') {
    for (const [i, part] of parts.entries()) {
      yield Buffer.from(`${i === 0 ? '' : '\r\n'}--${boundary}\r\n${part.header}\r\n`)
      yield* body(part)
    }
    yield Buffer.from(`\r\n--${boundary}--\r\n`)
    return
  }
  const encoder = transferEncoder(encoding)
  for await (const chunk of bytesOf(content)) yield encoder.push(chunk)
  yield encoder.end()
}

/** Of a text, as much is made into bytes at a time. */
const MAX_PIECE = 1 << 16

async function* bytesOf(content: PartContent): AsyncGenerator<Uint8Array> {
  if (content.kind === 'bytes') yield* content.read()
  if (content.kind !== 'text') return
  const text = content.text.toWellFormed().replace(/\r\n|\r|\n/g, '\r\n')
  for (let at = 0; at < text.length;) {
    let end = Math.min(at + MAX_PIECE, text.length)
    if (end < text.length && isHighSurrogate(text.charCodeAt(end - 1))) end--
    yield Buffer.from(text.slice(at, end))
    at = end
  }
}

const isHighSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdbff
