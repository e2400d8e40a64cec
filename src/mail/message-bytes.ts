/**
 * The bytes of a stored message: the prefix in its row followed by its blob, addressed as one. Offsets of the
 * stored structure count from the prefix's first byte.
 */
import type { Maybe } from '#base/maybe.ts'
import type { BlobStore } from '#blob/store.ts'
import { type MessageRow, sizeOf } from './message-row.ts'

/** Where the bytes of a message are. */
export type StoredBytes = Pick<MessageRow, 'prefix' | 'blob' | 'blobBytes'>

/** Bytes `start` to `end` (exclusive) in pieces; what lies outside the message is left out. */
export async function* readMessage(
  blobs: Pick<BlobStore, 'read'>,
  row: StoredBytes,
  start = 0,
  end = sizeOf(row),
): AsyncGenerator<Uint8Array> {
  const { prefix } = row
  if (start < prefix.length && end > start) yield prefix.subarray(start, Math.min(end, prefix.length))
  const last = Math.min(end, sizeOf(row)) - prefix.length
  const first = Math.max(start - prefix.length, 0)
  if (first < last) yield* blobs.read(row.blob, first, last)
}

/** The same in one piece, for ranges that are known to be small; no promise where the bytes are at hand. */
export function readMessageRange(
  blobs: BlobStore,
  row: StoredBytes,
  start: number,
  end: number,
): Maybe<Uint8Array> {
  const { prefix } = row
  if (end <= prefix.length) return prefix.subarray(start, end)
  const last = Math.min(end, sizeOf(row)) - prefix.length
  const first = Math.max(start - prefix.length, 0)
  const rest = first < last ? blobs.readRange(row.blob, first, last) : Buffer.alloc(0)
  if (start >= prefix.length) return rest
  const join = (bytes: Uint8Array): Uint8Array => Buffer.concat([prefix.subarray(start), bytes])
  return rest instanceof Promise ? rest.then(join) : join(rest)
}

/** What is read at once: more is not read from a disk to have some of it. */
const smallBytes = 64 << 10

/** The same message; where it is small its bytes are all in `prefix`, and `blobBytes` is 0. */
export function inMemory(blobs: BlobStore, row: StoredBytes): Maybe<StoredBytes> {
  if (row.blobBytes === 0 || sizeOf(row) > smallBytes) return row
  const held = (prefix: Uint8Array): StoredBytes => ({ prefix, blob: row.blob, blobBytes: 0 })
  const bytes = readMessageRange(blobs, row, 0, sizeOf(row))
  return bytes instanceof Promise ? bytes.then(held) : held(bytes)
}
