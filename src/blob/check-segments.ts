/**
 * Records in segment files as the check sees them: is the record of a location there and whole, and where in
 * all segments is there a record of this content.
 *
 * The search goes from header to header, which carry the hash and the length. What lies between records (the
 * rest of a write that a crash cut off) is searched for the next header; a header that only looks like one
 * does no harm, since a record counts when its content has the hash.
 */
import { type FileHandle, open } from 'node:fs/promises'
import type { BlobHash } from '#base/id.ts'
import type { BlobLocation } from '#kv/blob-rows.ts'
import { listSegments, segmentPath } from './engines/segments.ts'
import { readRecord } from './read-record.ts'
import {
  DamagedBlob,
  headerBytes,
  newHash,
  readHeader,
  readTable,
  type RecordHeader,
  tableEntryBytes,
} from './record.ts'

/** A record where the header says what the location says, in a file that is long enough. */
export type RecordState =
  | 'fine'
  | 'segmentMissing'
  | 'cutOff'
  /** Something else is there. */
  | 'noRecord'
  /** It is the record, but the row has its length or size wrong. */
  | 'otherSizes'
  | 'damaged'

type Place = Pick<BlobLocation, 'segment' | 'offset' | 'recordBytes' | 'sizeBytes'>

const magic = Buffer.from('PBLB')
const searchBytes = 1 << 20

/** Reads segments; holds one file open, since neighbours are asked for one after the other. */
export class SegmentFiles implements AsyncDisposable {
  readonly #directory: string
  #current: { readonly segment: number; readonly file: FileHandle; readonly bytes: number } | undefined

  constructor(directory: string) {
    this.#directory = directory
  }

  list(): readonly number[] {
    return listSegments(this.#directory)
  }

  /** With `isQuick` only the header is read. */
  async inspect(hash: BlobHash, at: Place, isQuick: boolean): Promise<RecordState> {
    const opened = await this.#open(at.segment)
    if (opened === undefined) return 'segmentMissing'
    const header = await this.#header(opened.file, at.offset)
    if (header === undefined) return at.offset + headerBytes > opened.bytes ? 'cutOff' : 'noRecord'
    if (header.hash !== hash) return 'noRecord'
    if (at.offset + header.recordBytes > opened.bytes) return 'cutOff'
    if (header.recordBytes !== at.recordBytes || header.sizeBytes !== at.sizeBytes) return 'otherSizes'
    return isQuick || (await hasContent(opened.file, at, hash)) ? 'fine' : 'damaged'
  }

  /** Whole records of these blobs, one for each that has one anywhere. */
  async find(wanted: ReadonlySet<BlobHash>): Promise<ReadonlyMap<BlobHash, BlobLocation>> {
    const found = new Map<BlobHash, BlobLocation>()
    for (const segment of this.list()) {
      if (found.size === wanted.size) break
      const opened = await this.#open(segment)
      if (opened === undefined) continue
      for await (const [offset, header] of this.#records(opened.file, opened.bytes)) {
        const { hash, recordBytes, sizeBytes } = header
        if (!wanted.has(hash) || found.has(hash)) continue
        const at = { segment, offset, recordBytes, sizeBytes, condemnedAt: 0 }
        if (await hasContent(opened.file, at, hash)) found.set(hash, at)
      }
    }
    return found
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#current?.file.close()
    this.#current = undefined
  }

  async #open(segment: number): Promise<{ readonly file: FileHandle; readonly bytes: number } | undefined> {
    if (this.#current?.segment === segment) return this.#current
    await this[Symbol.asyncDispose]()
    try {
      const file = await open(segmentPath(this.#directory, segment), 'r')
      this.#current = { segment, file, bytes: (await file.stat()).size }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    }
    return this.#current
  }

  async #header(file: FileHandle, offset: number): Promise<RecordHeader | undefined> {
    return headerOf(await readAt(file, offset, headerBytes))
  }

  async *#records(file: FileHandle, bytes: number): AsyncGenerator<readonly [number, RecordHeader]> {
    for (let at = 0; at + headerBytes <= bytes;) {
      const header = await this.#header(file, at)
      if (header !== undefined && (await isWholeRecord(file, at, header))) {
        yield [at, header]
        at += header.recordBytes
      } else at = await nextMagic(file, at + 1, bytes)
    }
  }
}

function headerOf(bytes: Uint8Array): RecordHeader | undefined {
  try {
    const header = readHeader(bytes)
    return header.recordBytes < headerBytes ? undefined : header
  } catch (error) {
    if (error instanceof DamagedBlob) return undefined
    throw error
  }
}

/**
 * Whether the record's table is where its length says. Else the record was cut off by a crash, and others may
 * lie within that length.
 */
async function isWholeRecord(file: FileHandle, offset: number, header: RecordHeader): Promise<boolean> {
  const { chunks, recordBytes } = header
  const tableBytes = chunks * tableEntryBytes
  const tableAt = recordBytes - tableBytes
  if (tableAt < headerBytes) return false
  const table = await readAt(file, offset + tableAt, tableBytes)
  if (table.length < tableBytes) return false
  const stored = readTable(table, chunks).reduce((sum, { storedBytes }) => sum + storedBytes, 0)
  return stored === tableAt - headerBytes
}

/** Where the next header may begin; `bytes` where there is none. */
async function nextMagic(file: FileHandle, from: number, bytes: number): Promise<number> {
  for (let at = from; at < bytes; at += searchBytes - magic.length + 1) {
    const found = (await readAt(file, at, searchBytes)).indexOf(magic)
    if (found >= 0) return at + found
  }
  return bytes
}

async function hasContent(file: FileHandle, at: Place, hash: BlobHash): Promise<boolean> {
  const digest = newHash()
  let sizeBytes = 0
  try {
    const source = (start: number, end: number): Promise<Buffer> =>
      readAt(file, at.offset + start, end - start)
    for await (const chunk of readRecord(source, at.recordBytes, 0, Number.POSITIVE_INFINITY)) {
      digest.update(chunk)
      sizeBytes += chunk.length
    }
  } catch (error) {
    if (error instanceof DamagedBlob) return false
    throw error
  }
  return sizeBytes === at.sizeBytes && digest.digest('hex') === hash
}

async function readAt(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(length)
  const { bytesRead } = await file.read(buffer, 0, length, offset)
  return buffer.subarray(0, bytesRead)
}
