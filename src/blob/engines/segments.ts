/**
 * Blobs in append-only segment files: what the committer writes.
 *
 *     blobs/00000001.seg ...    records one after the other, only ever appended to
 *     blobs/staging/*.staged    large blobs on their way; renamed to a segment by the commit that attaches them
 *
 * What must always hold: a location is handed to the engine only after the record's bytes, and a new file's
 * directory entry, were synced. Bytes after the last known record (a crash, a group that failed) are garbage
 * that compaction removes; they are never reused in place.
 */
import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  fstatSync,
  statSync,
  writevSync,
  unlinkSync,
} from 'node:fs'
import { join } from 'node:path'
import type { BlobHash } from '#base/id.ts'
import type { Batch, BlobSink, Staged } from '#kv/backend.ts'
import { type BlobLocation, blobTable, isLive } from '#kv/blob-rows.ts'

/** A segment is full beyond this and a new one begins. */
const segmentBytes = 256 << 20
/** Most systems take at most 1024 buffers in one writev. */
const maxVector = 512

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
  #fd: number | undefined
  /** End of the current segment. */
  #at = 0

  /** Creates what is missing and removes what earlier runs staged and never attached. */
  constructor(directory: string) {
    this.#directory = directory
    mkdirSync(stagingPath(directory), { recursive: true, mode: 0o700 })
    for (const name of readdirSync(stagingPath(directory))) unlinkSync(join(stagingPath(directory), name))
    this.#segment = listSegments(directory).at(-1) ?? 0
  }

  place(batches: readonly Batch[], get: (key: Uint8Array) => Uint8Array | undefined): readonly Batch[] {
    if (batches.every((batch) => batch.blobs.length === 0)) return batches
    const placed = new Map<BlobHash, BlobLocation>()
    const small: Staged[] = []
    const large: Staged[] = []
    for (const blob of batches.flatMap((batch) => batch.blobs)) {
      if (placed.has(blob.hash)) continue
      const known = get(blobTable.key(blob.hash))
      const location = known === undefined ? undefined : blobTable.value.decode(known)
      // A condemned record may vanish at any moment, so it is written anew.
      if (location !== undefined && isLive(location)) placed.set(blob.hash, location)
      else {
        placed.set(blob.hash, unplaced)
        if ('bytes' in blob.record) small.push(blob)
        else large.push(blob)
      }
    }
    if (small.length > 0) this.#append(small, placed)
    if (large.length > 0) this.#adopt(large, placed)
    return batches.map((batch) => (batch.blobs.length === 0 ? batch : withLocations(batch, placed)))
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }

  #append(blobs: readonly Staged[], placed: Map<BlobHash, BlobLocation>): void {
    const fd = this.#open()
    const records = blobs.map((blob) => (blob.record as { bytes: Uint8Array }).bytes)
    const start = this.#at
    try {
      for (let i = 0; i < records.length; i += maxVector) writeAll(fd, records.slice(i, i + maxVector))
      fdatasyncSync(fd)
    } catch (error) {
      // After a failed write or sync nothing is known about the file's end: leave it and begin another.
      this[Symbol.dispose]()
      throw error
    }
    let offset = start
    for (const [i, { hash, sizeBytes }] of blobs.entries()) {
      const recordBytes = records[i]!.length
      placed.set(hash, { segment: this.#segment, offset, recordBytes, sizeBytes, condemnedAt: 0 })
      offset += recordBytes
    }
    this.#at = offset
  }

  /** The bytes were synced when they were staged; what is left is the name. */
  #adopt(blobs: readonly Staged[], placed: Map<BlobHash, BlobLocation>): void {
    this[Symbol.dispose]()
    for (const { hash, sizeBytes, record } of blobs) {
      const { file, recordBytes } = record as { file: string; recordBytes: number }
      renameSync(file, segmentPath(this.#directory, ++this.#segment))
      placed.set(hash, { segment: this.#segment, offset: 0, recordBytes, sizeBytes, condemnedAt: 0 })
    }
    syncDirectory(this.#directory)
  }

  #open(): number {
    if (this.#fd !== undefined && this.#at < segmentBytes) return this.#fd
    // After a start the last segment goes on, behind whatever a crash may have left at its end.
    const goOn =
      this.#fd === undefined &&
      this.#segment > 0 &&
      statSync(segmentPath(this.#directory, this.#segment)).size < segmentBytes
    this[Symbol.dispose]()
    if (!goOn) this.#segment++
    const fd = openSync(segmentPath(this.#directory, this.#segment), 'a', 0o600)
    this.#at = fstatSync(fd).size
    this.#fd = fd
    if (!goOn) syncDirectory(this.#directory)
    return fd
  }
}

/** Stands in the map while a blob of the same group waits for its place. */
const unplaced: BlobLocation = { segment: 0, offset: 0, recordBytes: 0, sizeBytes: 0, condemnedAt: 0 }

function withLocations(batch: Batch, placed: ReadonlyMap<BlobHash, BlobLocation>): Batch {
  const locations = batch.blobs.map(({ hash }) => ({
    key: blobTable.key(hash),
    value: blobTable.value.encode(placed.get(hash)!),
  }))
  return { ...batch, puts: [...batch.puts, ...locations] }
}

function writeAll(fd: number, buffers: readonly Uint8Array[]): void {
  let left = buffers.slice()
  while (left.length > 0) {
    let written = writevSync(fd, left)
    while (left.length > 0 && written >= left[0]!.length) written -= left.shift()!.length
    if (left.length > 0 && written > 0) left = [left[0]!.subarray(written), ...left.slice(1)]
  }
}

export function syncDirectory(directory: string): void {
  const fd = openSync(directory, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
