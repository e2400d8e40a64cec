/**
 * Reading blobs from segment files, on any thread.
 *
 * A small record is read with one synchronous call: from the page cache it costs under a microsecond against
 * twenty through the thread pool, and a cold one waits no longer than a cold page of the memory-mapped rows
 * does (docs/decisions/0003-small-reads-are-synchronous.md). Large records stream chunk by chunk, each chunk
 * read asynchronously. A location may be cached for ever: records are never overwritten, and a segment that
 * compaction removed shows as a missing file, upon which the location is looked up once more.
 */
import { closeSync, openSync, readSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { Fault } from '#base/fault.ts'
import type { BlobHash } from '#base/id.ts'
import { Lru } from '#base/lru.ts'
import type { Maybe } from '#base/maybe.ts'
import type { BlobLocation } from '#kv/blob-rows.ts'
import { contentOfRecord, readRecord } from '../read-record.ts'
import { type CodecName, DamagedBlob, chunkBytes, headerBytes, tableEntryBytes } from '../record.ts'
import { BlobStager } from '../stage.ts'
import type { BlobStore, OnDiskTrouble, Stager } from '../store.ts'
import { segmentPath, stagingPath } from './segments.ts'

const maxOpenFiles = 128
const maxLocations = 20_000
/** A record of one chunk. */
const smallRecord = headerBytes + chunkBytes + tableEntryBytes

/** Where the store says that a blob is. */
export type LocateBlob = (hash: BlobHash) => Promise<BlobLocation | undefined>

export class SegmentBlobs implements BlobStore {
  readonly #directory: string
  readonly #whereIs: LocateBlob
  readonly #codec: CodecName
  readonly #files = new Lru<number, number>(maxOpenFiles, (_segment, fd) => closeSync(fd))
  readonly #locations = new Lru<BlobHash, BlobLocation>(maxLocations)
  readonly #onTrouble: OnDiskTrouble

  constructor(o: {
    directory: string
    locate: LocateBlob
    codec: CodecName
    onTrouble?: OnDiskTrouble | undefined
  }) {
    this.#directory = o.directory
    this.#whereIs = o.locate
    this.#codec = o.codec
    this.#onTrouble = o.onTrouble ?? (() => {})
  }

  stager({ maxBytes }: { maxBytes: number }): Stager {
    const directory = stagingPath(this.#directory)
    return new BlobStager({ directory, codec: this.#codec, maxBytes, onTrouble: this.#onTrouble })
  }

  async *read(hash: BlobHash, start = 0, end = Number.POSITIVE_INFINITY): AsyncGenerator<Uint8Array> {
    const location = await this.#locate(hash)
    if (location.recordBytes <= smallRecord) {
      yield (await this.#small(hash, location)).subarray(start, end)
      return
    }
    const file = await this.#opened(hash, location, (at) =>
      open(segmentPath(this.#directory, at.segment), 'r'),
    ).catch((error: unknown) => this.#fail(error, location))
    try {
      const source = async (from: number, to: number): Promise<Uint8Array> => {
        const { bytesRead, buffer } = await file.value.read(
          Buffer.allocUnsafe(to - from),
          0,
          to - from,
          file.location.offset + from,
        )
        return buffer.subarray(0, bytesRead)
      }
      yield* readRecord(source, file.location.recordBytes, start, end)
    } catch (error) {
      this.#fail(error, file.location)
    } finally {
      await file.value.close()
    }
  }

  readRange(hash: BlobHash, start: number, end: number): Maybe<Uint8Array> {
    const location = this.#locate(hash)
    if (!(location instanceof Promise) && location.recordBytes <= smallRecord) {
      const content = this.#small(hash, location)
      return content instanceof Promise
        ? content.then((all) => all.subarray(start, end))
        : content.subarray(start, end)
    }
    return this.#gather(hash, start, end)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#files.drain()
    return Promise.resolve()
  }

  async #gather(hash: BlobHash, start: number, end: number): Promise<Uint8Array> {
    const chunks: Uint8Array[] = []
    for await (const chunk of this.read(hash, start, end)) chunks.push(chunk)
    return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
  }

  #locate(hash: BlobHash): Maybe<BlobLocation> {
    return this.#locations.get(hash) ?? this.#lookUp(hash)
  }

  async #lookUp(hash: BlobHash): Promise<BlobLocation> {
    const location = await this.#whereIs(hash)
    if (location === undefined) throw new Fault('notFound', 'no such blob', { what: 'blob' })
    this.#locations.set(hash, location)
    return location
  }

  #small(hash: BlobHash, location: BlobLocation): Maybe<Uint8Array> {
    try {
      return this.#readSmall(this.#fd(location.segment), location)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#fail(error, location)
    }
    return this.#opened(hash, location, (at) => Promise.resolve(this.#fd(at.segment)))
      .then((found) => this.#readSmall(found.value, found.location))
      .catch((error: unknown) => this.#fail(error, location))
  }

  #readSmall(fd: number, { offset, recordBytes }: BlobLocation): Uint8Array {
    const record = Buffer.allocUnsafe(recordBytes)
    if (readSync(fd, record, 0, recordBytes, offset) < recordBytes) throw new DamagedBlob('cut off')
    return contentOfRecord(record)
  }

  #fd(segment: number): number {
    let fd = this.#files.get(segment)
    if (fd === undefined)
      this.#files.set(segment, (fd = openSync(segmentPath(this.#directory, segment), 'r')))
    return fd
  }

  /** Says where, and throws what `BlobStore` promises. */
  #fail(error: unknown, { segment, offset }: BlobLocation): never {
    if (error instanceof Fault) throw error
    const reason = `${segmentPath(this.#directory, segment)} at ${offset}: ${(error as Error).message}`
    this.#onTrouble('reading', reason)
    if (error instanceof DamagedBlob) throw error
    throw new Fault('unavailable', 'it cannot be read now', {}, { reason, cause: error })
  }

  /** Opens where the blob is known to be, or, when that segment is gone, where the store now says it is. */
  async #opened<T>(
    hash: BlobHash,
    known: BlobLocation,
    open: (at: BlobLocation) => Promise<T>,
  ): Promise<{ value: T; location: BlobLocation }> {
    try {
      return { value: await open(known), location: known }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      const location = await this.#lookUp(hash)
      return { value: await open(location), location }
    }
  }
}
