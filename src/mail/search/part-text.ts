/**
 * The text of a stored message, part by part and piece by piece, for search. Memory is bounded whatever the
 * size of the message: what is small is decoded whole, as everywhere else, what is large goes through
 * streaming decoders.
 */
import { isUtf8 } from 'node:buffer'
import { TextDecoder } from 'node:util'
import type { Maybe } from '#base/maybe.ts'
import type { BlobStore } from '#blob/store.ts'
import { decodeBody, transferDecoder } from '#message/body.ts'
import { decodeCharset } from '#message/charset.ts'
import { decodeHeaderText } from '#message/encoded-word.ts'
import { FieldScanner } from '#message/headers.ts'
import { htmlToSearch } from '#message/html-to-text.ts'
import { charsetOf, isMessage, isMultipart, type Part } from '#message/structure.ts'
import { inMemory, readMessage, readMessageRange, type StoredBytes } from '../message-bytes.ts'

/** Decoded bytes of a part that are held at once. */
const wholeBytes = 1 << 20
/** Of one header, as much as is looked at. */
export const maxHeaderBytes = 1 << 20

/** What a piece of text belongs to: only TEXT looks into a header, BODY does not (RFC 9051 §6.4.4). */
export type Region = 'header' | 'body'

/** A piece of text; `last` where the next piece is of something else. */
export interface TextPiece {
  readonly region: Region
  readonly text: string
  readonly last: boolean
}

/** All text of a message: its header, then its parts with the headers that they have. */
export async function* messageText(
  blobs: BlobStore,
  row: StoredBytes,
  root: Part,
  regions: Region | 'both',
): AsyncGenerator<TextPiece> {
  const held = await inMemory(blobs, row)
  if (held.blobBytes === 0) {
    yield* heldText(held.prefix, root, regions)
    return
  }
  for (const { region, part, isHeader } of placesOfText(root, regions)) {
    if (isHeader) yield* headerText(await readMessageRange(blobs, row, ...headerOf(part)), region)
    else {
      for await (const text of bodyText(blobs, row, part)) yield { region, text, last: false }
      yield { region, text: '', last: true }
    }
  }
}

/** The same of a message whose bytes are all in memory. */
export function* heldText(bytes: Uint8Array, root: Part, regions: Region | 'both'): Generator<TextPiece> {
  for (const { region, part, isHeader } of placesOfText(root, regions)) {
    if (isHeader) yield* headerText(bytes.subarray(...headerOf(part)), region)
    else {
      const body = decodeBody(bytes.subarray(part.bodyStart, part.bodyEnd), part.encoding)
      yield { region, text: textOfBody(body, part), last: true }
    }
  }
}

interface PlaceOfText {
  readonly region: Region
  readonly part: Part
  /** The header of the part, else its body. */
  readonly isHeader: boolean
}

function* placesOfText(root: Part, regions: Region | 'both'): Generator<PlaceOfText> {
  if (regions !== 'body') yield { region: 'header', part: root, isHeader: true }
  yield* placesInPart(root, regions)
}

function* placesInPart(part: Part, regions: Region | 'both'): Generator<PlaceOfText> {
  for (const child of part.children) {
    // The header of a message in the message is part of the body; that of another part is a MIME header.
    if (isMessage(part)) yield { region: 'body', part: child, isHeader: true }
    else if (regions !== 'body') yield { region: 'header', part: child, isHeader: true }
    yield* placesInPart(child, regions)
  }
  const isText = part.type === 'text' || part.type === 'message'
  if (regions === 'header' || part.children.length > 0 || isMultipart(part) || !isText) return
  yield { region: 'body', part, isHeader: false }
}

/** As much of a header as is looked at. */
const headerOf = ({ headerStart, bodyStart }: Part): readonly [start: number, end: number] => [
  headerStart,
  Math.min(bodyStart, headerStart + maxHeaderBytes),
]

function* headerText(bytes: Uint8Array, region: Region): Generator<TextPiece> {
  const scanner = new FieldScanner(bytes)
  while (scanner.next()) {
    const name = scanner.bytes.toString('latin1', scanner.nameStart, scanner.nameEnd)
    yield { region, text: `${name}: ${decodeHeaderText(scanner.value(maxHeaderBytes))}`, last: true }
  }
}

/** Of a decoded body that is here as a whole. */
function textOfBody(body: Uint8Array, part: Part): string {
  const text = decodeCharset(body, charsetOf(part))
  return part.subtype === 'html' ? htmlToSearch(text) : text
}

/** Decoded values of the fields of a header that have this name, in lower case. */
export function* fieldTexts(header: Uint8Array, lowerCaseName: string): Generator<string> {
  const scanner = new FieldScanner(header)
  while (scanner.next()) {
    if (scanner.is(lowerCaseName)) yield decodeHeaderText(scanner.value(maxHeaderBytes))
  }
}

/** The top header of a message, as much of it as is looked at. */
export const readHeader = (blobs: BlobStore, row: StoredBytes, headerEnd: number): Maybe<Uint8Array> =>
  readMessageRange(blobs, row, 0, Math.min(headerEnd, maxHeaderBytes))

async function* bodyText(blobs: BlobStore, row: StoredBytes, part: Part): AsyncGenerator<string> {
  const charset = charsetOf(part)
  const decoder = transferDecoder(part.encoding) ?? transferDecoder('')!
  let held: Uint8Array[] = []
  let heldBytes = 0
  let characters: TextDecoder | undefined
  for await (const chunk of readMessage(blobs, row, part.bodyStart, part.bodyEnd)) {
    const bytes = decoder.push(chunk)
    if (characters !== undefined) {
      yield characters.decode(bytes, { stream: true })
      continue
    }
    // A copy: an unencoded chunk may be a view of memory that its reader uses again.
    held.push(Uint8Array.from(bytes))
    heldBytes += bytes.length
    if (heldBytes <= wholeBytes) continue
    const start = Buffer.concat(held)
    held = []
    characters = decoderFor(charset, start)
    yield characters.decode(start, { stream: true })
  }
  const end = decoder.end()
  if (characters !== undefined) {
    yield characters.decode(end)
    return
  }
  yield textOfBody(Buffer.concat([...held, end]), part)
}

/** The decoded bytes of a part; undefined where they are more. */
export async function decodedBody(
  blobs: BlobStore,
  row: StoredBytes,
  part: Part,
  mostBytes: number,
): Promise<Uint8Array | undefined> {
  const decoder = transferDecoder(part.encoding) ?? transferDecoder('')!
  const held: Uint8Array[] = []
  let size = 0
  for await (const chunk of readMessage(blobs, row, part.bodyStart, part.bodyEnd)) {
    const bytes = Uint8Array.from(decoder.push(chunk))
    held.push(bytes)
    size += bytes.length
    if (size > mostBytes) return undefined
  }
  return Buffer.concat([...held, decoder.end()])
}

const undeclared: ReadonlySet<string> = new Set(['', 'us-ascii', 'ascii'])

/**
 * A streaming decoder for a part of which `start` is the beginning. Charsets outside the Encoding Standard are
 * read as UTF-8 or windows-1252 here, whichever the beginning looks like: only parts beyond `wholeBytes`.
 */
function decoderFor(charset: string | undefined, start: Uint8Array): TextDecoder {
  const name = charset?.trim().toLowerCase() ?? ''
  if (!undeclared.has(name)) {
    try {
      return new TextDecoder(name)
    } catch {
      // Not in the Encoding Standard.
    }
  }
  for (let cut = 0; cut <= 3; cut++) {
    if (isUtf8(start.subarray(0, start.length - cut))) return new TextDecoder('utf-8')
  }
  return new TextDecoder('windows-1252')
}
