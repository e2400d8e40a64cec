/**
 * The bytes that a section of FETCH stands for: ranges of the stored message by the offsets of its structure.
 *
 * What is small is read before the response begins, so that trouble in reading it is a clean error; what is
 * large is only measured, and streams by in pieces that a slow client holds up, whatever the message's size.
 */
import { latin1 } from '#base/bytes.ts'
import type { Maybe } from '#base/maybe.ts'
import type { BlobStore } from '#blob/store.ts'
import { readMessage, readMessageRange } from '#mail/message-bytes.ts'
import { type MessageRow, sizeOf } from '#mail/message-row.ts'
import { maxHeaderBytes } from '#mail/search/part-text.ts'
import { transferDecoder } from '#message/body.ts'
import { selectHeaders } from '#message/headers.ts'
import type { StoredStructure } from '#message/structure-codec.ts'
import { isMessage, isMultipart, partAt, type Part } from '#message/structure.ts'
import { Refusal } from '../errors.ts'
import type { BytesItem, Partial, Section } from './fetch-items.ts'

const LF = 0x0a
const crlf = latin1('\r\n')
/** Ranges up to this are read in one piece. */
const smallBytes = 64 * 1024

/** Bytes at hand, or how many there will be and where they come from; undefined for a part that is not there. */
export type SectionBytes = Uint8Array | LargeBytes | undefined

export interface LargeBytes {
  readonly sizeBytes: number
  readonly hasNul: boolean
  readonly pieces: () => AsyncIterable<Uint8Array>
}

export interface MessageSource {
  readonly blobs: BlobStore
  readonly row: MessageRow
  /** Where `needsStructure`. */
  readonly structure: StoredStructure | undefined
}

/** All of a message is where its row says. */
export const needsStructure = ({ section }: BytesItem): boolean =>
  section.part.length > 0 || section.text !== 'WHOLE'

interface Range {
  readonly start: number
  readonly end: number
}

/** No promise where the bytes are at hand. */
export function sectionBytes(source: MessageSource, item: BytesItem): Maybe<SectionBytes> {
  const { section, partial } = item
  if (item.kind !== 'section') return binaryBytes(source, section, partial)
  const range = rangeOf(source, section)
  if (range === undefined) return undefined
  if (section.names.length === 0) return readRange(source, cut(range, partial))
  const choose = (header: Uint8Array): Uint8Array => {
    const chosen = selectHeaders(header, section.names, section.text === 'HEADER.FIELDS.NOT')
    const { start, end } = cut({ start: 0, end: chosen.length }, partial)
    return chosen.subarray(start, end)
  }
  const header = readHeaderToSearch(source, range)
  return header instanceof Promise ? header.then(choose) : choose(header)
}

/**
 * All of it, or where there is more than anybody writes the lines at its beginning, with the empty line that a header
 * ends with (RFC 9051 §6.4.5.1): a stranger can send one of a hundred megabytes, and every client asks for some fields
 * of it.
 */
function readHeaderToSearch({ blobs, row }: MessageSource, { start, end }: Range): Maybe<Uint8Array> {
  if (end - start <= maxHeaderBytes) return readMessageRange(blobs, row, start, end)
  const lines = (beginning: Uint8Array): Uint8Array =>
    Buffer.concat([beginning.subarray(0, beginning.lastIndexOf(LF) + 1), crlf])
  const beginning = readMessageRange(blobs, row, start, start + maxHeaderBytes)
  return beginning instanceof Promise ? beginning.then(lines) : lines(beginning)
}

/** A partial beyond the end is empty, one over the end is cut (RFC 9051 §6.4.5). */
function cut({ start, end }: Range, partial: Partial | undefined): Range {
  if (partial === undefined) return { start, end }
  const from = Math.min(end, start + partial.offset)
  return { start: from, end: Math.min(end, from + partial.length) }
}

function readRange({ blobs, row }: MessageSource, { start, end }: Range): Maybe<SectionBytes> {
  if (end - start <= smallBytes) return readMessageRange(blobs, row, start, end)
  return { sizeBytes: end - start, hasNul: false, pieces: () => readMessage(blobs, row, start, end) }
}

function rangeOf({ row, structure }: MessageSource, { part, text }: Section): Range | undefined {
  if (structure === undefined) return { start: 0, end: sizeOf(row) }
  if (part.length === 0) {
    if (text === 'WHOLE') return { start: 0, end: sizeOf(row) }
    return text === 'TEXT'
      ? { start: structure.headerEnd, end: sizeOf(row) }
      : { start: 0, end: structure.headerEnd }
  }
  const found = partAt(structure.parts(), part)
  if (found === undefined) return undefined
  if (text === 'WHOLE') return bodyOf(found)
  if (text === 'MIME') return headerOf(found)
  // RFC 9051 §6.4.5.1: HEADER and TEXT of a part are those of the message in it.
  const inner = isMessage(found) ? found.children[0] : undefined
  if (inner === undefined) return undefined
  return text === 'TEXT' ? bodyOf(inner) : headerOf(inner)
}

const headerOf = (part: Part): Range => ({ start: part.headerStart, end: part.bodyStart })
const bodyOf = (part: Part): Range => ({ start: part.bodyStart, end: part.bodyEnd })

/** A leaf without its transfer encoding. Decoded twice where it is large: the size is due before the bytes. */
async function binaryBytes(
  source: MessageSource,
  section: Section,
  partial: Partial | undefined,
): Promise<SectionBytes> {
  if (section.part.length === 0)
    return wholeBytes(source, cut({ start: 0, end: sizeOf(source.row) }, partial))
  const part = partAt(source.structure!.parts(), section.part)
  if (part === undefined) return undefined
  // RFC 9051 §6.4.5: only leaves can be asked for.
  if (isMultipart(part) || isMessage(part)) throw new Refusal('Not a leaf part', 'CANNOT')
  if (transferDecoder(part.encoding) === undefined) {
    throw new Refusal('Unknown Content-Transfer-Encoding', 'UNKNOWN-CTE')
  }
  let total = 0
  let hasNul = false
  const kept: Uint8Array[] = []
  for await (const piece of decoded(source, part)) {
    total += piece.length
    hasNul ||= piece.includes(0)
    if (total <= smallBytes) kept.push(piece)
    else kept.length = 0
  }
  const range = cut({ start: 0, end: total }, partial)
  if (total <= smallBytes) return Buffer.concat(kept).subarray(range.start, range.end)
  return {
    sizeBytes: range.end - range.start,
    hasNul,
    pieces: () => sliced(decoded(source, part), range),
  }
}

/** A message has no transfer encoding of its own. Read twice where it is large, for the NUL in it. */
async function wholeBytes(source: MessageSource, range: Range): Promise<SectionBytes> {
  const bytes = await readRange(source, range)
  if (bytes === undefined || !('sizeBytes' in bytes)) return bytes
  for await (const piece of bytes.pieces()) if (piece.includes(0)) return { ...bytes, hasNul: true }
  return bytes
}

async function* decoded({ blobs, row }: MessageSource, part: Part): AsyncGenerator<Uint8Array> {
  const decoder = transferDecoder(part.encoding)!
  for await (const piece of readMessage(blobs, row, part.bodyStart, part.bodyEnd)) yield decoder.push(piece)
  yield decoder.end()
}

async function* sliced(pieces: AsyncIterable<Uint8Array>, { start, end }: Range): AsyncGenerator<Uint8Array> {
  let at = 0
  for await (const piece of pieces) {
    if (at + piece.length > start) yield piece.subarray(Math.max(0, start - at), Math.max(0, end - at))
    at += piece.length
    if (at >= end) return
  }
}
