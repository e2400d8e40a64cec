/**
 * Blobs in append-only segment files: what the committer writes.
 *
 *     blobs/00000001.seg ...    records one after the other, only ever appended to
 *     blobs/staging/*.staged    large blobs on their way; renamed to a segment by the commit that attaches them
 *
 * Bytes are written when their group is committed and synced at the next checkpoint; until then the journal
 * has them too. What must always hold: after `sync` every record that was placed is on disk, with its file's
 * directory entry. Bytes after the last known record (a crash, a group that failed) are garbage that is never
 * written over, so a location that anybody ever saw stays true as long as its file exists.
 */
import {
  closeSync,
  constants,
  existsSync,
  fdatasyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import type { BlobHash } from '#base/id.ts'
import { syncDirectory } from '#base/sync-directory.ts'
import type { Batch, BlobPut, BlobSink, PlacedRecord, Staged } from '#kv/backend.ts'
import { type BlobLocation, blobTable, isLive } from '#kv/blob-rows.ts'
import { keyText } from '#kv/key.ts'

/** A segment is full beyond this and a new one begins. */
const segmentBytes = 256 << 20

export const segmentPath = (directory: string, segment: number): string =>
  join(directory, `${String(segment).padStart(8, '0')}.seg`)
export const stagingPath = (directory: string): string => join(directory, 'staging')

/** Numbers of the segments that exist, ascending. */
export function listSegments(directory: string): number[] {
  return readdirSync(directory)
    .filter((name) => /^\d{8,}\.seg$/.test(name))
    .map((name) => Number.parseInt(name, 10))
    .sort((a, b) => a - b)
}

export class SegmentWriter implements BlobSink {
  readonly #directory: string
  #segment: number
  /** The name of the last segment is on disk, so that more may be written to it. */
  #isNamed = true
  #fd: number | undefined
  /** End of the current segment. */
  #at = 0
  /** Something was written to the current segment since its last sync. */
  #dirty = false
  /** What recovery writes to, which need not be the current segment. */
  #restoring: { readonly segment: number; readonly fd: number } | undefined
  /** A sync failed: the system may have dropped what it was about, and only the journal still has it. */
  #broken: Error | undefined

  /** Creates what is missing and removes what earlier runs staged and never attached. */
  constructor(directory: string) {
    this.#directory = directory
    mkdirSync(stagingPath(directory), { recursive: true, mode: 0o700 })
    for (const name of readdirSync(stagingPath(directory))) unlinkSync(join(stagingPath(directory), name))
    this.#segment = listSegments(directory).at(-1) ?? 0
    // An earlier run may have made the last one and ended before its name was on disk.
    syncDirectory(directory)
  }

  place(
    batches: readonly Batch[],
    get: (key: string) => Uint8Array | undefined,
  ): ReadonlyMap<Batch, readonly BlobPut[]> {
    const places = new Map<Batch, readonly BlobPut[]>()
    const seen = new Map<BlobHash, BlobPut>()
    for (const batch of batches) {
      if (batch.blobs.length === 0) continue
      places.set(
        batch,
        batch.blobs.map((blob) => this.#placeOne(blob, get, seen)),
      )
    }
    return places
  }

  sync(): void {
    if (this.#broken !== undefined) throw this.#broken
    try {
      this.#endRestoring()
      if (this.#dirty) fdatasyncSync(this.#fd!)
      this.#dirty = false
    } catch (error) {
      this.#broken = error as Error
      throw error
    }
  }

  renew(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
    this.#dirty = false
    this.#broken = undefined
  }

  restore({ segment, offset, record }: PlacedRecord): void {
    if (this.#restoring?.segment !== segment) {
      this.#endRestoring()
      const path = segmentPath(this.#directory, segment)
      const isNew = !existsSync(path)
      this.#restoring = { segment, fd: openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600) }
      if (isNew) syncDirectory(this.#directory)
      this.#segment = Math.max(this.#segment, segment)
    }
    writeAll(this.#restoring.fd, record, offset)
  }

  [Symbol.dispose](): void {
    this.#close()
  }

  #endRestoring(): void {
    if (this.#restoring === undefined) return
    const { fd } = this.#restoring
    this.#restoring = undefined
    try {
      fdatasyncSync(fd)
    } finally {
      closeSync(fd)
    }
  }

  #placeOne(
    blob: Staged,
    get: (key: string) => Uint8Array | undefined,
    seen: Map<BlobHash, BlobPut>,
  ): BlobPut {
    const { hash, sizeBytes, record } = blob
    const before = seen.get(hash)
    // The batch that brings the bytes carries them; a second one in the group only names their place.
    if (before !== undefined) return { key: before.key, value: before.value }
    const key = keyText(blobTable.key(hash))
    const known = get(key)
    // A condemned record may vanish at any moment, so it is written anew.
    if (known !== undefined && isLive(blobTable.value.decode(known))) return { key, value: known }
    const at = 'bytes' in record ? this.#append(record.bytes) : this.#adopt(record)
    const value = blobTable.value.encode({ ...at, sizeBytes, condemnedAt: 0 })
    const placed = 'bytes' in record ? { ...at, record: record.bytes } : undefined
    const put = placed === undefined ? { key, value } : { key, value, placed }
    seen.set(hash, put)
    return put
  }

  #append(record: Uint8Array): Place {
    if (this.#fd === undefined || this.#at >= segmentBytes) this.#next()
    const offset = this.#at
    // A write that fails leaves a gap at most: the place is not used again.
    this.#at += record.length
    this.#write(record, offset)
    return { segment: this.#segment, offset, recordBytes: record.length }
  }

  /** The bytes were synced when they were staged; what is left is the name. */
  #adopt({ file, recordBytes }: { file: string; recordBytes: number }): Place {
    this.#close()
    this.#nameNext((path) => renameSync(file, path))
    return { segment: this.#segment, offset: 0, recordBytes }
  }

  /** Where the name does not get to the disk, nobody goes on with this segment: a later sync may not mean it. */
  #nameNext(make: (path: string) => void): void {
    this.#isNamed = false
    make(segmentPath(this.#directory, ++this.#segment))
    syncDirectory(this.#directory)
    this.#isNamed = true
  }

  #write(record: Uint8Array, offset: number): void {
    this.#dirty = true
    writeAll(this.#fd!, record, offset)
  }

  /** Goes on with the last segment, behind whatever a crash may have left at its end, or begins another. */
  #next(): void {
    const mayGoOn = this.#fd === undefined && this.#segment > 0 && this.#isNamed
    this.#close()
    const size = mayGoOn ? statSync(segmentPath(this.#directory, this.#segment)).size : segmentBytes
    if (size >= segmentBytes) this.#nameNext((path) => closeSync(openSync(path, 'wx', 0o600)))
    this.#fd = openSync(segmentPath(this.#directory, this.#segment), 'r+')
    this.#at = size >= segmentBytes ? 0 : size
  }

  #close(): void {
    if (this.#fd === undefined) return
    this.sync()
    closeSync(this.#fd)
    this.#fd = undefined
  }
}

function writeAll(fd: number, record: Uint8Array, offset: number): void {
  for (let at = 0; at < record.length;) at += writeSync(fd, record, at, record.length - at, offset + at)
}

type Place = Pick<BlobLocation, 'segment' | 'offset' | 'recordBytes'>
