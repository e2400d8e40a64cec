/**
 * What clients name as blobs (RFC 8620 §6): an upload, a stored message with its prefix, or a part of either without
 * its transfer encoding (RFC 8621 §4.1.4), also a part of a part that is a message itself.
 *
 * What must always hold: who asks is checked each time. An upload is for whoever uploaded it, a message for those
 * who may read a mailbox that it is in; all else is as if it were not there. The bytes of one blob never change.
 */
import { hash } from 'node:crypto'
import type { AccountId, BlobHash, MailboxId, MessageId } from '#base/id.ts'
import type { BlobStore } from '#blob/store.ts'
import type { Db } from '#kv/db.ts'
import type { ReadTx } from '#kv/tx.ts'
import { transferDecoder, isIdentityEncoding } from '#message/body.ts'
import { StructureParser } from '#message/mime.ts'
import { isMultipart, type MessageStructure, type Part } from '#message/structure.ts'
import { StoredStructure } from '#message/structure-codec.ts'
import { readMessage } from './message-bytes.ts'
import type { PartSizes } from './part-sizes.ts'
import { type MessageRow, sizeOf } from './message-row.ts'
import { effectiveRights, hasAll, type Identity, rightsOf } from './rights.ts'
import { mailboxTable, messageTable, structureTable } from './tables.ts'
import { findUpload } from './upload.ts'

export type BlobOrigin =
  | { readonly kind: 'upload'; readonly hash: BlobHash }
  /** The tag is known to whoever has seen the message: ids of messages alone are guessed. */
  | { readonly kind: 'message'; readonly id: MessageId; readonly tag: string }

export interface ClientBlob {
  readonly origin: BlobOrigin
  /** The place of a part among all parts of the origin (`allParts`), of a part among those of that one ... */
  readonly parts: readonly number[]
}

export interface BlobContent {
  /** Undefined where only decoding tells. */
  readonly sizeBytes: number | undefined
  /** What lies in front of a range must be decoded as well. */
  readonly isEncoded: boolean
  /** Where the content is a stored blob as it is. */
  readonly stored: BlobHash | undefined
  /** What had to be read to find it. */
  readonly passedBytes: number
  /** Bytes `start` to `end` (exclusive); what lies outside is left out. */
  read(start?: number, end?: number): AsyncIterable<Uint8Array>
}

/** A part of a part of a part: each is parsed to find the next. */
export const mostParts = 4

const tagDigits = 20

export function messageBlob(
  account: AccountId,
  id: MessageId,
  { blob }: Pick<MessageRow, 'blob'>,
): ClientBlob {
  const tag = hash('sha256', `${account} ${id} ${blob}`, 'hex').slice(0, tagDigits)
  return { origin: { kind: 'message', id, tag }, parts: [] }
}

export const uploadBlob = (hash: BlobHash): ClientBlob => ({ origin: { kind: 'upload', hash }, parts: [] })

/** A part of what a blob is as a message; `place` is that among all its parts. */
export const partBlob = ({ origin, parts }: ClientBlob, place: number): ClientBlob => ({
  origin,
  parts: [...parts, place],
})

/** The root, then what is in it, from outside to inside: the place of a part is what blobs are named by. */
export function allParts(root: Part): readonly Part[] {
  const found: Part[] = []
  const add = (part: Part): void => {
    found.push(part)
    for (const child of part.children) add(child)
  }
  add(root)
  return found
}

const readable = rightsOf('lr')

/** A message as somebody sees it. */
export interface ReadableMessage {
  readonly id: MessageId
  readonly row: MessageRow
  /** Those that it is in and that they may read; at least one. */
  readonly mailboxes: readonly MailboxId[]
}

/** Undefined where there is none, or none for them. */
export async function readableMessage(
  tx: ReadTx,
  account: AccountId,
  who: Identity,
  id: MessageId,
): Promise<ReadableMessage | undefined> {
  const row = await tx.get(messageTable, account, id)
  if (row === undefined) return undefined
  const mailboxes = await readableMailboxes(tx, account, who, row)
  return mailboxes.length === 0 ? undefined : { id, row, mailboxes }
}

/** The message that a blob is, or is a part of. */
export async function messageOfBlob(
  tx: ReadTx,
  account: AccountId,
  who: Identity,
  { origin }: ClientBlob,
): Promise<ReadableMessage | undefined> {
  if (origin.kind !== 'message') return undefined
  const message = await readableMessage(tx, account, who, origin.id)
  const isMeant = message !== undefined && hasTag(messageBlob(account, origin.id, message.row), origin.tag)
  return isMeant ? message : undefined
}

/** The mailboxes of a message that somebody may read. */
export async function readableMailboxes(
  tx: ReadTx,
  account: AccountId,
  who: Identity,
  { entries }: Pick<MessageRow, 'entries'>,
): Promise<readonly MailboxId[]> {
  const places = [...new Set(entries.map(({ mailbox }) => mailbox))]
  const found = await tx.getMany(
    mailboxTable,
    places.map((mailbox) => [account, mailbox] as const),
  )
  return places.filter((_mailbox, i) => {
    const mailbox = found[i]
    return mailbox !== undefined && hasAll(effectiveRights(account, mailbox.grants, who), readable)
  })
}

const hasTag = ({ origin }: ClientBlob, tag: string): boolean =>
  origin.kind === 'message' && origin.tag === tag

interface Stores {
  readonly db: Db
  readonly blobs: Pick<BlobStore, 'read'>
  /** Where it is there, the sizes of parts of messages are told. */
  readonly partSizes?: PartSizes
}

/** The content for somebody; undefined where there is none, or none for them. */
export async function openBlob(
  stores: Stores,
  account: AccountId,
  who: Identity,
  { origin, parts }: ClientBlob,
): Promise<BlobContent | undefined> {
  if (parts.length > mostParts) return undefined
  const [first, ...inner] = parts
  let content: BlobContent | undefined
  if (origin.kind === 'message')
    content = await openMessage(stores, account, who, { origin, parts: [] }, first)
  else {
    const upload = await openUpload(stores, account, who, origin.hash)
    content = upload === undefined || first === undefined ? upload : await openPart(upload, first)
  }
  for (const place of inner) if (content !== undefined) content = await openPart(content, place)
  return content
}

async function openUpload(
  { db, blobs }: Stores,
  account: AccountId,
  who: Identity,
  hash: BlobHash,
): Promise<BlobContent | undefined> {
  const row = await db.read((tx) => findUpload(tx, account, who.account, hash))
  if (row === undefined) return undefined
  return {
    sizeBytes: row.sizeBytes,
    isEncoded: false,
    stored: hash,
    passedBytes: 0,
    read: (start, end) => blobs.read(hash, start, end),
  }
}

async function openMessage(
  { db, blobs, partSizes }: Stores,
  account: AccountId,
  who: Identity,
  blob: ClientBlob,
  place: number | undefined,
): Promise<BlobContent | undefined> {
  const found = await db.read(async (tx) => {
    const message = await messageOfBlob(tx, account, who, blob)
    if (message === undefined || place === undefined)
      return message && { row: message.row, structure: undefined }
    return { row: message.row, structure: await tx.get(structureTable, account, message.id) }
  })
  if (found === undefined) return undefined
  const { row, structure } = found
  const whole: BlobContent = {
    sizeBytes: sizeOf(row),
    isEncoded: false,
    stored: row.prefix.length === 0 ? row.blob : undefined,
    passedBytes: 0,
    read: (start, end) => readMessage(blobs, row, start, end),
  }
  if (place === undefined) return whole
  // A structure that is lost is found again by the check of the store.
  if (structure === undefined) return openPart(whole, place)
  const part = allParts(new StoredStructure(structure).parts())[place]
  const content = partContent(whole, part, 0)
  return content === undefined || partSizes === undefined
    ? content
    : withSize(content, partSizes, { row, part: part!, whole })
}

async function withSize(
  content: BlobContent,
  partSizes: PartSizes,
  { row, part, whole }: { readonly row: MessageRow; readonly part: Part; readonly whole: BlobContent },
): Promise<BlobContent> {
  if (content.sizeBytes !== undefined) return content
  const { bodyStart, bodyEnd } = part
  const isKnown = partSizes.known(row, part) !== undefined
  const sizeBytes = await partSizes.of(row, part, () => whole.read(bodyStart, bodyEnd))
  return { ...content, sizeBytes, passedBytes: isKnown ? 0 : bodyEnd - bodyStart }
}

async function openPart(message: BlobContent, place: number): Promise<BlobContent | undefined> {
  const { root, sizeBytes } = await parseContent(message)
  return partContent(message, allParts(root)[place], sizeBytes)
}

/** What a content is as a message. */
export async function parseContent(message: BlobContent): Promise<MessageStructure> {
  const parser = new StructureParser()
  for await (const piece of message.read()) parser.push(piece)
  return parser.end()
}

/** The beginning of a range in one piece, no more than so many bytes. */
export async function readContent(
  content: BlobContent,
  start: number,
  end: number,
  mostBytes: number,
): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of content.read(start, Math.min(end, start + mostBytes))) pieces.push(piece)
  return Buffer.concat(pieces)
}

/** RFC 8621 §4.1.4: a multipart has no blob; an encoding that nobody knows is none. */
function partContent(
  message: BlobContent,
  part: Part | undefined,
  parsedBytes: number,
): BlobContent | undefined {
  if (part === undefined || isMultipart(part)) return undefined
  const passedBytes = message.passedBytes + parsedBytes
  const { bodyStart, bodyEnd, encoding } = part
  const sizeBytes = bodyEnd - bodyStart
  if (isIdentityEncoding(encoding) || transferDecoder(encoding) === undefined) {
    const read = (start = 0, end = sizeBytes): AsyncIterable<Uint8Array> =>
      message.read(bodyStart + Math.min(start, sizeBytes), bodyStart + Math.min(end, sizeBytes))
    return { sizeBytes, isEncoded: false, stored: undefined, passedBytes, read }
  }
  return {
    sizeBytes: undefined,
    isEncoded: true,
    stored: undefined,
    passedBytes,
    read: (start = 0, end = Number.POSITIVE_INFINITY) =>
      rangeOf(decoded(message.read(bodyStart, bodyEnd), encoding), start, end),
  }
}

async function* decoded(encoded: AsyncIterable<Uint8Array>, encoding: string): AsyncGenerator<Uint8Array> {
  const decoder = transferDecoder(encoding)!
  for await (const piece of encoded) {
    const bytes = decoder.push(piece)
    if (bytes.length > 0) yield bytes
  }
  const rest = decoder.end()
  if (rest.length > 0) yield rest
}

async function* rangeOf(
  bytes: AsyncIterable<Uint8Array>,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array> {
  let at = 0
  for await (const piece of bytes) {
    const wanted = piece.subarray(Math.max(0, start - at), Math.max(0, end - at))
    if (wanted.length > 0) yield wanted
    at += piece.length
    if (at >= end) return
  }
}

/** How many bytes there are. */
export async function sizeOfContent(content: BlobContent): Promise<number> {
  if (content.sizeBytes !== undefined) return content.sizeBytes
  let size = 0
  for await (const piece of content.read()) size += piece.length
  return size
}
