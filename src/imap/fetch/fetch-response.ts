/**
 * FETCH responses (RFC 9051 §7.5.2): one line for each message, written from the shared view's columns, from
 * the stored structure, and from the message's bytes.
 */
import { asBuffer, latin1 } from '#base/bytes.ts'
import type { MessageId, ThreadId } from '#base/id.ts'
import type { Maybe } from '#base/maybe.ts'
import type { MailboxView } from '#mail/mailbox-view.ts'
import { formatInternalDate } from '#message/date.ts'
import type { StoredStructure } from '#message/structure-codec.ts'
import type { BytesItem, ColumnItem, FetchItem, StructureItem } from './fetch-items.ts'
import { emailObjectId, threadObjectId } from '#mail/object-id.ts'
import type { LargeBytes, SectionBytes } from './section-bytes.ts'
import type { ResponseWriter } from '../wire/writer.ts'

const fetchOpen = latin1(' FETCH (')
const uidFetchOpen = latin1(' UIDFETCH (')
const names: Readonly<Record<ColumnItem | StructureItem, Buffer>> = {
  FLAGS: latin1('FLAGS '),
  UID: latin1('UID '),
  INTERNALDATE: latin1('INTERNALDATE "'),
  'RFC822.SIZE': latin1('RFC822.SIZE '),
  MODSEQ: latin1('MODSEQ ('),
  EMAILID: latin1('EMAILID ('),
  THREADID: latin1('THREADID ('),
  SAVEDATE: latin1('SAVEDATE "'),
  ENVELOPE: latin1('ENVELOPE '),
  BODY: latin1('BODY '),
  BODYSTRUCTURE: latin1('BODYSTRUCTURE '),
  PREVIEW: latin1('PREVIEW '),
}

/** Bytes that failed to come after their size was written: the client can only be cut off. */
export class BrokenOutput extends Error {
  constructor(cause: unknown) {
    super('the bytes of a literal ended early', { cause })
    this.name = 'BrokenOutput'
  }
}

/** `uid` where the client knows nothing but UIDs (RFC 9586 §3.3). */
export function beginFetch(out: ResponseWriter, number: number, uid?: number): void {
  out
    .byte(0x2a)
    .sp()
    .uint(uid ?? number)
    .bytes(uid === undefined ? fetchOpen : uidFetchOpen)
}

export function endFetch(out: ResponseWriter): void {
  out.byte(0x29).crlf()
}

/** `idPrefix` is that of the mailbox's object identifiers. */
export function writeColumn(
  out: ResponseWriter,
  name: ColumnItem,
  now: MailboxView,
  index: number,
  idPrefix: string,
): void {
  out.bytes(names[name])
  switch (name) {
    case 'FLAGS':
      out.bytes(now.flagsAt(index).wire)
      return
    case 'UID':
      out.uint(now.uids.at(index))
      return
    case 'RFC822.SIZE':
      out.uint(now.sizes.at(index))
      return
    case 'INTERNALDATE':
      out.ascii(formatInternalDate(now.receivedAt.at(index))).byte(0x22)
      return
    case 'SAVEDATE':
      out.ascii(formatInternalDate(now.savedAt.at(index))).byte(0x22)
      return
    case 'MODSEQ':
      out.uint(now.modseqs.at(index)).byte(0x29)
      return
    case 'EMAILID':
      out.ascii(emailObjectId(now.ids.at(index) as MessageId, idPrefix)).byte(0x29)
      return
    case 'THREADID':
      out.ascii(threadObjectId(now.threads.at(index) as ThreadId, idPrefix)).byte(0x29)
      return
  }
}

/**
 * A whole response with these items, none of which needs the prefix of identifiers. With `isUidOnly` it is one by UID,
 * which is then no item.
 */
export function writeColumns(
  out: ResponseWriter,
  number: number,
  items: readonly ColumnItem[],
  now: MailboxView,
  index: number,
  isUidOnly: boolean,
): void {
  beginFetch(out, number, isUidOnly ? now.uids.at(index) : undefined)
  let isFirst = true
  for (const name of items) {
    if (isUidOnly && name === 'UID') continue
    if (!isFirst) out.sp()
    isFirst = false
    writeColumn(out, name, now, index, '')
  }
  endFetch(out)
}

export function writeStructure(
  out: ResponseWriter,
  name: StructureItem,
  structure: StoredStructure,
  isUtf8: boolean,
): void {
  out.bytes(names[name])
  switch (name) {
    case 'ENVELOPE':
      out.bytes(structure.envelopeWire)
      return
    case 'BODY':
      out.bytes(structure.bodyWire)
      return
    case 'BODYSTRUCTURE':
      out.bytes(structure.bodyStructureWire)
      return
    case 'PREVIEW':
      // RFC 8970 §3.1: at most 200 characters, always UTF-8.
      out.string(Buffer.from(Array.from(structure.preview).slice(0, 200).join('')), isUtf8)
      return
  }
}

/** Writes one section: a promise only for a large one, which waits for a client that does not keep up. */
export function writeBytes(out: ResponseWriter, item: BytesItem, bytes: SectionBytes): Maybe<void> {
  out.ascii(item.label).sp()
  if (item.kind === 'binarySize') {
    out.uint(bytes === undefined ? 0 : 'sizeBytes' in bytes ? bytes.sizeBytes : bytes.length)
    return undefined
  }
  if (bytes === undefined) {
    out.nil()
    return undefined
  }
  if (item.kind === 'section') return writeLiteral(out, bytes, withoutNul)
  // RFC 9051 §4.3.1: a literal8 where there is NUL, which only BINARY may return.
  const hasNul = 'sizeBytes' in bytes ? bytes.hasNul : bytes.includes(0)
  if (hasNul) out.byte(0x7e)
  return writeLiteral(out, bytes, (piece) => piece)
}

/**
 * RFC 9051 §4.3.1: no NUL in a literal. Another byte that is no character stands for it, so that all offsets and sizes
 * hold; BINARY has what was there.
 */
function withoutNul(bytes: Uint8Array): Uint8Array {
  // Of a Buffer: many times as fast as of other arrays.
  let at = asBuffer(bytes).indexOf(0)
  if (at === -1) return bytes
  const copy = Uint8Array.from(bytes)
  for (; at !== -1; at = copy.indexOf(0, at + 1)) copy[at] = 0x80
  return copy
}

type Translate = (bytes: Uint8Array) => Uint8Array

function writeLiteral(
  out: ResponseWriter,
  bytes: NonNullable<SectionBytes>,
  translate: Translate,
): Maybe<void> {
  if ('sizeBytes' in bytes) {
    out.literalStart(bytes.sizeBytes)
    return writePieces(out, bytes, translate)
  }
  out.literal(translate(bytes))
  return undefined
}

async function writePieces(
  out: ResponseWriter,
  { sizeBytes, pieces }: LargeBytes,
  translate: Translate,
): Promise<void> {
  let left = sizeBytes
  try {
    for await (const piece of pieces()) {
      left -= piece.length
      await out.large(translate(piece))
    }
  } catch (cause) {
    throw new BrokenOutput(cause)
  }
  if (left !== 0) throw new BrokenOutput(undefined)
}

export const isBytesItem = (item: FetchItem): item is BytesItem => 'label' in item
