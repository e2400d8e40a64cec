/**
 * All that a storage engine implements: ordered bytes, snapshots, and durable batches.
 *
 * Plain data in and out and no callback into the engine, so that a batch can cross threads and commits can
 * be grouped. What must always hold: a snapshot never changes; `commit` resolves only when the batch is both
 * durable and visible; batches of one caller become visible in the order in which they were submitted.
 */
import type { BlobHash } from '#base/id.ts'
import type { Maybe } from '#base/maybe.ts'

export type KvRow = readonly [key: Uint8Array, value: Uint8Array]

/** Embedded engines answer at once, others later; callers await either. */
export interface KvReader {
  /** The value belongs to the caller. */
  get(key: Uint8Array): Maybe<Uint8Array | undefined>
  getMany(keys: readonly Uint8Array[]): Maybe<readonly (Uint8Array | undefined)[]>
  /** Rows with `from <= key < to` in key order, at most `limit`. */
  range(r: { from: Uint8Array; to: Uint8Array; reverse?: boolean; limit: number }): Maybe<readonly KvRow[]>
}

export interface KvSnapshot extends KvReader {
  /** Must be called; a snapshot that stays open makes embedded files grow. */
  close(): void
}

/** A blob that waits for the commit which makes it durable. Its record is in the format of `blob/record.ts`. */
export interface Staged {
  readonly hash: BlobHash
  readonly sizeBytes: number
  /** Small blobs wait in memory, large ones in a synced file of their own that the commit adopts. */
  readonly record: { readonly bytes: Uint8Array } | { readonly file: string; readonly recordBytes: number }
}

/** Keys are text, as `keyText` makes it. */
export interface Batch {
  /** Each must still hold when the batch is applied, else nothing of it is: `conflict`. */
  readonly checks: readonly { readonly key: string; readonly was: Uint8Array | undefined }[]
  readonly puts: readonly { readonly key: string; readonly value: Uint8Array }[]
  readonly deletes: readonly string[]
  /** Durable no later than the rows that point at them. */
  readonly blobs: readonly Staged[]
}

export type CommitOutcome = 'done' | 'conflict'

export interface KvLimits {
  readonly keyBytes: number
  readonly valueBytes: number
  readonly batchBytes: number
  /** True where other machines may write to the same store. */
  readonly shared: boolean
}

export interface KvEngine extends AsyncDisposable {
  readonly limits: KvLimits
  snapshot(): Maybe<KvSnapshot>
  /** Another number as soon as a new snapshot would show anything else than before; undefined while that is unknown. */
  revision(): number | undefined
  /**
   * Throws Fault('unavailable') where the disk is full or the engine is gone; then nothing was applied. What
   * `mayWait` goes with the next batch that may not, or after some milliseconds: a sync less.
   */
  commit(batch: Batch, o?: { readonly mayWait: boolean }): Promise<CommitOutcome>
}

/**
 * An embedded engine is two halves under the journal (`kv/committer.ts`, `kv/engines/journaled.ts`): each
 * worker has a reader, the committer has the writer.
 */
export interface StoreReader extends AsyncDisposable {
  readonly limits: KvLimits
  /** `checkpoints` has risen since the last call where a new snapshot must show more than the last one did. */
  snapshot(checkpoints: number): KvSnapshot
}

/** The engine answers nobody any more, whatever becomes of the disk: only a new process can open it again. */
export class EngineLost extends Error {}

export interface StoreWriter extends Disposable {
  get(key: Uint8Array): Uint8Array | undefined
  /** One transaction, all or nothing, on disk when it returns. `value` null deletes. Throws EngineLost. */
  apply(rows: Iterable<readonly [key: Uint8Array, value: Uint8Array | null]>): void
}

/** A blob's record and where the sink has put it. */
export interface PlacedRecord {
  readonly segment: number
  readonly offset: number
  readonly record: Uint8Array
}

export interface BlobPut {
  readonly key: string
  readonly value: Uint8Array
  /** Present where the bytes were written by this very commit, and are not on disk before the next `sync`. */
  readonly placed?: PlacedRecord
}

/**
 * Where the committer puts blobs: implemented by `blob/`. `place` writes the records that the store does not
 * have yet and returns for each batch the rows that say where its blobs are. The journal has the bytes until
 * `sync`; after a crash, and after a `sync` that failed, it gives them back with `restore`.
 */
export interface BlobSink extends Disposable {
  place(
    batches: readonly Batch[],
    get: (key: string) => Uint8Array | undefined,
  ): ReadonlyMap<Batch, readonly BlobPut[]>
  /** Once it has failed it does so until `renew`: the system may have dropped what it was about. */
  sync(): void
  /** To be followed by a `restore` of every record that was placed since the last `sync` that did not fail. */
  renew(): void
  restore(placed: PlacedRecord): void
}
