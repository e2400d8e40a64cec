/**
 * The bytes of a message against what is stored about them: parsed again as they were when the message came.
 * Bytes that end in damage are parsed as far as they go, so that something can be shown.
 */
import type { BlobStore } from '#blob/store.ts'
import { DamagedBlob } from '#blob/record.ts'
import { isFault, SyntaxFault } from '#base/fault.ts'
import type { BlobHash } from '#base/id.ts'
import { StructureParser } from '#message/mime.ts'
import type { MessageStructure } from '#message/structure.ts'
import { encodeStructure, StoredStructure } from '#message/structure-codec.ts'
import { type MessageRow, sizeOf } from '../message-row.ts'

export type ReadBytes =
  | { readonly state: 'whole'; readonly structure: MessageStructure }
  /** Of what could be read. */
  | { readonly state: 'damaged'; readonly structure: MessageStructure }
  | { readonly state: 'gone' }

/** As `prepareMessage` stores it. */
export const storedStructure = (structure: MessageStructure, prefixBytes: number): Uint8Array =>
  encodeStructure(structure, prefixBytes)

export async function readBytes(blobs: BlobStore, blob: BlobHash): Promise<ReadBytes> {
  const parser = new StructureParser()
  try {
    for await (const chunk of blobs.read(blob)) parser.push(chunk)
    return { state: 'whole', structure: parser.end() }
  } catch (error) {
    if (isFault(error, 'notFound')) return { state: 'gone' }
    if (error instanceof DamagedBlob || isMissingFile(error))
      return { state: 'damaged', structure: parser.end() }
    throw error
  }
}

const isMissingFile = (error: unknown): boolean =>
  isFault(error, 'unavailable') && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT'

/** Whether a stored structure can be read and is of a message of this size: all that is known without bytes. */
export function matchesStored(stored: Uint8Array, row: MessageRow): boolean {
  try {
    const structure = new StoredStructure(stored)
    return structure.prefixBytes === row.prefix.length && structure.sizeBytes === sizeOf(row)
  } catch (error) {
    if (error instanceof SyntaxFault) return false
    throw error
  }
}
