/**
 * Blobs: immutable bytes named by their SHA-256.
 *
 * Staging is separate from storing: a staged blob becomes durable with the commit that attaches it
 * (`tx.attach`), and a staged blob that is never attached costs nothing or is swept at the next start. Memory
 * is bounded per stager whatever the size. A damaged record is an error, never wrong bytes.
 */
import type { BlobHash } from '#base/id.ts'
import type { Maybe } from '#base/maybe.ts'
import type { Staged } from '#kv/backend.ts'

export interface Stager {
  /**
   * Throws Fault('tooLarge') beyond the limit, Fault('unavailable') where the disk does not take it; the caller then
   * aborts. The chunk is copied or used up at once.
   */
  write(chunk: Uint8Array): Maybe<void>
  /** The stager must not be used afterwards. Throws Fault('unavailable'). */
  finish(): Maybe<Staged>
  /** Removes what was staged; repeatable. */
  abort(): Promise<void>
}

/** Hears what the disk did not do: the file, the place in it, and what the system said. */
export type OnDiskTrouble = (doing: 'reading' | 'writing', trouble: string) => void

export interface BlobStore extends AsyncDisposable {
  stager(o: { maxBytes: number }): Stager
  /**
   * Bytes `start` to `end` (exclusive) of the content. Throws Fault('notFound') where the store has no such blob,
   * DamagedBlob, and Fault('unavailable') where the disk does not give what is there: nothing may be taken for gone then.
   */
  read(hash: BlobHash, start?: number, end?: number): AsyncIterable<Uint8Array>
  /** The same in one piece, for ranges that the caller knows to be small. */
  readRange(hash: BlobHash, start: number, end: number): Maybe<Uint8Array>
}
