/**
 * A message that is shown: one that is stored, or what a blob is as a message (Email/parse). Its bytes are read where
 * something asks for them, and the small ones once.
 */
import type { BlobStore } from '#blob/store.ts'
import type { BlobContent, ClientBlob } from '#mail/client-blob.ts'
import { messageBlob } from '#mail/client-blob.ts'
import { readMessage, readMessageRange } from '#mail/message-bytes.ts'
import { type MessageRow, sizeOf } from '#mail/message-row.ts'
import { decodedSize, type PartSizes } from '#mail/part-sizes.ts'
import type { AccountId, MessageId } from '#base/id.ts'
import type { Maybe } from '#base/maybe.ts'
import { type BodyLists, type BodyPart, bodyLists, bodyTree } from '#message/body-parts.ts'
import { StructureParser } from '#message/mime.ts'
import type { Part } from '#message/structure.ts'
import { encodeStructure, StoredStructure } from '#message/structure-codec.ts'

/** A message that is not larger is read as a whole, once. */
const readWhole = 65_536
/** Of one header, as much is looked at. */
const mostHeader = 1 << 20

type ReadRange = (start: number, end: number) => Maybe<Uint8Array>

export class EmailSource {
  readonly structure: StoredStructure
  readonly sizeBytes: number
  readonly #read: ReadRange
  readonly #blobOf: () => ClientBlob
  #blob: ClientBlob | undefined
  readonly #sizeOf: (part: Part) => Promise<number>
  #whole: Uint8Array | undefined
  #header: Uint8Array | undefined
  #tree: BodyPart | undefined
  #lists: BodyLists | undefined

  constructor(o: {
    structure: Uint8Array
    blob: () => ClientBlob
    sizeBytes: number
    read: ReadRange
    sizeOf: (part: Part) => Promise<number>
  }) {
    this.structure = new StoredStructure(o.structure)
    this.#blobOf = o.blob
    this.sizeBytes = o.sizeBytes
    this.#read = o.read
    this.#sizeOf = o.sizeOf
  }

  /** What parts are parts of. */
  get blob(): ClientBlob {
    this.#blob ??= this.#blobOf()
    return this.#blob
  }

  get tree(): BodyPart {
    this.#tree ??= bodyTree(this.structure.parts())
    return this.#tree
  }

  get lists(): BodyLists {
    this.#lists ??= bodyLists(this.tree)
    return this.#lists
  }

  async range(start: number, end: number): Promise<Uint8Array> {
    if (this.sizeBytes > readWhole) return this.#read(start, Math.min(end, this.sizeBytes))
    this.#whole ??= await this.#read(0, this.sizeBytes)
    return this.#whole.subarray(start, end)
  }

  /** The top header. */
  async header(): Promise<Uint8Array> {
    this.#header ??= await this.range(0, Math.min(this.structure.headerEnd, mostHeader))
    return this.#header
  }

  headerOf({ headerStart, bodyStart }: Part): Promise<Uint8Array> {
    return headerStart === 0
      ? this.header()
      : this.range(headerStart, Math.min(bodyStart, headerStart + mostHeader))
  }

  /** Without its transfer encoding. */
  sizeOf(part: Part): Promise<number> {
    return this.#sizeOf(part)
  }
}

interface Stores {
  readonly blobs: BlobStore
  readonly partSizes: PartSizes
}

/** Where the structure is lost or damaged, the message is read for it. */
export async function storedSource(
  { blobs, partSizes }: Stores,
  account: AccountId,
  id: MessageId,
  row: MessageRow,
  structure: Uint8Array | undefined,
): Promise<EmailSource> {
  const open = (stored: Uint8Array): EmailSource =>
    new EmailSource({
      structure: stored,
      blob: () => messageBlob(account, id, row),
      sizeBytes: sizeOf(row),
      read: (start, end) => readMessageRange(blobs, row, start, end),
      sizeOf: (part) => partSizes.of(row, part),
    })
  return open(structure ?? (await parse(readMessage(blobs, row))))
}

/** What a blob is as a message. */
export async function blobSource(blob: ClientBlob, content: BlobContent): Promise<EmailSource> {
  const structure = await parse(content.read())
  return new EmailSource({
    structure,
    blob: () => blob,
    sizeBytes: new StoredStructure(structure).sizeBytes,
    read: async (start, end) => {
      const pieces: Uint8Array[] = []
      for await (const piece of content.read(start, end)) pieces.push(Uint8Array.from(piece))
      return Buffer.concat(pieces)
    },
    sizeOf: ({ bodyStart, bodyEnd, encoding }) => decodedSize(content.read(bodyStart, bodyEnd), encoding),
  })
}

async function parse(bytes: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parser = new StructureParser()
  for await (const piece of bytes) parser.push(piece)
  return encodeStructure(parser.end())
}
