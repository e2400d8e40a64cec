/**
 * A message that is shown: one that is stored, or what a blob is as a message (Email/parse). Its bytes are read where
 * something asks for them, and the small ones once.
 */
import type { BlobStore } from '#blob/store.ts'
import { type BlobContent, messageBlob } from '#mail/client-blob.ts'
import { readMessage, readMessageRange } from '#mail/message-bytes.ts'
import { type MessageRow, sizeOf } from '#mail/message-row.ts'
import { decodedSize, type PartSizes } from '#mail/part-sizes.ts'
import type { AccountId, MessageId } from '#base/id.ts'
import { SyntaxFault } from '#base/fault.ts'
import { type Maybe, whenThere } from '#base/maybe.ts'
import { type BodyLists, type BodyPart, bodyLists, bodyTree } from '#message/body-parts.ts'
import { StructureParser } from '#message/mime.ts'
import type { Part } from '#message/structure.ts'
import { encodeStructure, StoredStructure } from '#message/structure-codec.ts'
import { blobIdText } from '../blob-id.ts'
import { MethodError } from '../errors.ts'
import { HeaderIndex } from './header-property.ts'

/** A message that is not larger is read as a whole, once. */
const readWhole = 65_536
/** Of one header, as much is looked at. */
const mostHeader = 1 << 20

type ReadRange = (start: number, end: number) => Maybe<Uint8Array>

/** Of a value in memory, besides its text. */
const valueBytes = 128

/** What one answer may hold of values and their texts: what is asked for in many ways at once adds up. */
export class AnswerBudget {
  readonly #bytes: number
  #spent = 0

  constructor(bytes = 256 << 20) {
    this.#bytes = bytes
  }

  get spentBytes(): number {
    return this.#spent
  }

  /** Throws MethodError `requestTooLarge`. */
  readonly spend = (bytes: number): void => {
    this.#spent += bytes
    if (this.#spent > this.#bytes) throw new MethodError('requestTooLarge', 'The answer would be too large.')
  }

  /** Of an object with so many properties, some of which say nothing. Throws MethodError `requestTooLarge`. */
  spendValues(count: number): void {
    this.spend(count * valueBytes)
  }
}

interface SourceOptions {
  readonly structure: StoredStructure
  readonly blobId: () => string
  readonly sizeBytes: number
  readonly read: ReadRange
  readonly sizeOf: (part: Part, encoded: () => AsyncIterable<Uint8Array>) => Maybe<number>
  readonly bytes: (start: number, end: number) => AsyncIterable<Uint8Array>
  readonly budget: AnswerBudget
}

export class EmailSource {
  readonly structure: StoredStructure
  readonly sizeBytes: number
  readonly budget: AnswerBudget
  readonly #o: SourceOptions
  readonly #headers = new Map<number, HeaderIndex>()
  #blobId: string | undefined
  #whole: Uint8Array | undefined
  #tree: BodyPart | undefined
  #lists: BodyLists | undefined

  constructor(o: SourceOptions) {
    this.#o = o
    this.structure = o.structure
    this.sizeBytes = o.sizeBytes
    this.budget = o.budget
  }

  /** Of what parts are parts of. */
  get blobId(): string {
    this.#blobId ??= this.#o.blobId()
    return this.#blobId
  }

  get tree(): BodyPart {
    this.#tree ??= bodyTree(this.structure.parts())
    return this.#tree
  }

  get lists(): BodyLists {
    this.#lists ??= bodyLists(this.tree)
    return this.#lists
  }

  range(start: number, end: number): Maybe<Uint8Array> {
    if (this.sizeBytes > readWhole) return this.#o.read(start, Math.min(end, this.sizeBytes))
    return whenThere(this.#whole ?? this.#o.read(0, this.sizeBytes), (whole) => {
      this.#whole = whole
      return whole.subarray(start, end)
    })
  }

  /** The top header. */
  header(): Maybe<HeaderIndex> {
    return this.#index(0, this.structure.headerEnd)
  }

  headerOf({ headerStart, bodyStart }: Part): Maybe<HeaderIndex> {
    return this.#index(headerStart, bodyStart)
  }

  #index(start: number, end: number): Maybe<HeaderIndex> {
    const known = this.#headers.get(start)
    if (known !== undefined) return known
    return whenThere(this.range(start, Math.min(end, start + mostHeader)), (bytes) => {
      const index = new HeaderIndex(bytes, this.budget.spend)
      this.#headers.set(start, index)
      return index
    })
  }

  /** Without its transfer encoding. */
  sizeOf(part: Part): Maybe<number> {
    const { bodyStart, bodyEnd } = part
    return this.#o.sizeOf(part, () =>
      this.sizeBytes > readWhole ? this.#o.bytes(bodyStart, bodyEnd) : this.#inOne(bodyStart, bodyEnd),
    )
  }

  async *#inOne(start: number, end: number): AsyncGenerator<Uint8Array> {
    yield await this.range(start, end)
  }
}

interface Stores {
  readonly blobs: BlobStore
  readonly partSizes: PartSizes
}

/** Where the structure is lost or damaged, the message is read for it. */
export function storedSource(
  { blobs, partSizes }: Stores,
  account: AccountId,
  id: MessageId,
  row: MessageRow,
  stored: Uint8Array | undefined,
  budget: AnswerBudget,
): Maybe<EmailSource> {
  return whenThere(
    readStructure(stored) ?? parse(readMessage(blobs, row)),
    (structure) =>
      new EmailSource({
        structure,
        blobId: () => blobIdText(messageBlob(account, id, row)),
        sizeBytes: sizeOf(row),
        read: (start, end) => readMessageRange(blobs, row, start, end),
        sizeOf: (part, encoded) => partSizes.of(row, part, encoded),
        bytes: (start, end) => readMessage(blobs, row, start, end),
        budget,
      }),
  )
}

/** Undefined where it is lost or damaged. */
export function readStructure(stored: Uint8Array | undefined): StoredStructure | undefined {
  try {
    return stored && new StoredStructure(stored)
  } catch (error) {
    if (error instanceof SyntaxFault) return undefined
    throw error
  }
}

/** What a blob is as a message. */
export async function blobSource(
  blobId: string,
  content: BlobContent,
  budget: AnswerBudget,
): Promise<EmailSource> {
  const structure = await parse(content.read())
  return new EmailSource({
    structure,
    blobId: () => blobId,
    sizeBytes: structure.sizeBytes,
    read: async (start, end) => {
      const pieces: Uint8Array[] = []
      for await (const piece of content.read(start, end)) pieces.push(Uint8Array.from(piece))
      return Buffer.concat(pieces)
    },
    sizeOf: ({ encoding }, encoded) => decodedSize(encoded(), encoding),
    bytes: (start, end) => content.read(start, end),
    budget,
  })
}

async function parse(bytes: AsyncIterable<Uint8Array>): Promise<StoredStructure> {
  const parser = new StructureParser()
  for await (const piece of bytes) parser.push(piece)
  return new StoredStructure(encodeStructure(parser.end()))
}
