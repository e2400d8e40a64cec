/**
 * What of a message goes into the search index.
 *
 * What must always hold: the words of a field are those of the very text that a search without the index would
 * look at (`query.ts`), so that both find the same; where not all of it is taken, the document is marked.
 */
import type { BlobStore } from '#blob/store.ts'
import { fileName, type Part } from '#message/structure.ts'
import { StoredStructure } from '#message/structure-codec.ts'
import { attachmentKind, beginsAs, mostAttachmentBytes } from '#search/attachment-text.ts'
import type { AttachmentReader } from '#search/attachment-thread.ts'
import type { Languages } from '#search/languages.ts'
import type { SegmentWriter } from '#search/segment-writer.ts'
import { inMemory, type StoredBytes } from '../message-bytes.ts'
import { decodedBody, heldText, messageText, type TextPiece } from './part-text.ts'
import { endOfWords } from './phrase-match.ts'

/** Characters of text that are taken of one message. */
const mostText = 8 << 20
/** Of one message. */
const mostAttachments = 20
const members = ['from', 'to', 'cc', 'bcc', 'subject'] as const

/** A message as the index needs it. */
export interface Indexable {
  readonly id: number
  readonly row: StoredBytes
  readonly structure: Uint8Array
}

/** What indexing needs besides the message. */
export interface IndexTools {
  readonly languages: Languages
  readonly attachments: AttachmentReader
}

/** Adds a message. One that cannot be read is marked as incomplete, so that a search looks at it itself. */
export async function indexMessage(
  writer: SegmentWriter,
  blobs: BlobStore,
  { languages, attachments }: IndexTools,
  { id, row, structure }: Indexable,
): Promise<void> {
  writer.begin(id)
  try {
    const stored = new StoredStructure(structure)
    writer.setStemmer(languages.ofText(`${stored.memberText('subject')}\n${stored.preview}`))
    for (const member of members) writer.add(member, stored.memberText(member))
    const root = stored.parts()
    for (const name of namesOfFiles(root)) writer.add('name', name)
    const held = await inMemory(blobs, row)
    await addTexts(writer, blobs, held, root)
    await addAttachments(writer, blobs, held, root, attachments)
  } catch {
    writer.markIncomplete()
  }
}

/** Text in attachments, which only fuzzy searches look into: it may be missing without anybody being told wrong. */
async function addAttachments(
  writer: SegmentWriter,
  blobs: BlobStore,
  row: Indexable['row'],
  root: Part,
  attachments: AttachmentReader,
): Promise<void> {
  let left = mostAttachments
  for (const part of leafParts(root)) {
    const kind = attachmentKind(`${part.type}/${part.subtype}`, fileName(part))
    if (kind === undefined || part.type === 'text' || left-- === 0) continue
    const bytes = await decodedBody(blobs, row, part, mostAttachmentBytes)
    if (bytes !== undefined && beginsAs(kind, bytes))
      writer.add('attachment', await attachments.read(kind, bytes))
  }
}

function* leafParts(part: Part): Generator<Part> {
  if (part.children.length === 0) yield part
  for (const child of part.children) yield* leafParts(child)
}

/** Notes a message without its text. */
export function noteMessage(writer: SegmentWriter, { id }: Indexable): void {
  writer.begin(id)
  writer.markIncomplete()
}

async function addTexts(
  writer: SegmentWriter,
  blobs: BlobStore,
  row: Indexable['row'],
  root: Part,
): Promise<void> {
  const texts = new TextsOfMessage(writer)
  if (row.blobBytes === 0) {
    for (const piece of heldText(row.prefix, root, 'both')) if (!texts.add(piece)) return
  } else for await (const piece of messageText(blobs, row, root, 'both')) if (!texts.add(piece)) return
}

class TextsOfMessage {
  readonly #writer: SegmentWriter
  #taken = 0
  /** The beginning of a word of which the next piece may have the end. */
  #rest = ''

  constructor(writer: SegmentWriter) {
    this.#writer = writer
  }

  /** Whether more is taken. */
  add({ region, text, last }: TextPiece): boolean {
    this.#taken += text.length
    if (this.#taken > mostText) {
      this.#writer.markIncomplete()
      return false
    }
    if (region === 'header') this.#writer.addHeader(text)
    else {
      const whole = this.#rest + text
      const end = last ? whole.length : endOfWords(whole)
      this.#rest = whole.slice(end)
      if (end > 0 || last) this.#writer.add('body', whole.slice(0, end), last)
    }
    return true
  }
}

/** Of all parts that have one. */
export function* namesOfFiles(part: Part): Generator<string> {
  const name = fileName(part)
  if (name !== undefined) yield name
  for (const child of part.children) yield* namesOfFiles(child)
}
