/**
 * An embedded engine as its workers see it: the engine's own snapshot, and over it the rows that were
 * committed since its last checkpoint.
 *
 * What must always hold: a snapshot never shows a group in part, and never more of the engine than of the
 * rows above it; rows leave memory only when every open snapshot's engine half has them.
 */
import type { Maybe } from '#base/maybe.ts'
import type { Batch, CommitOutcome, KvEngine, KvLimits, KvSnapshot, StoreReader } from '../backend.ts'
import type { BlobRows } from '../committer.ts'
import { CommitterClient, type CommitterLine } from '../committer-client.ts'
import { keyText } from '../key.ts'
import { Memtable } from '../memtable.ts'
import { mergeRows } from '../merge-rows.ts'

export class JournaledEngine implements KvEngine {
  readonly limits: KvLimits
  readonly #reader: StoreReader
  readonly #client: CommitterClient
  readonly #rows = new Memtable()
  /** The last group whose rows are known here. */
  #group = 0
  /** Snapshots that were opened before the last checkpoint, and since. Older ones keep rows in memory. */
  #openBefore = 0
  #openSince = 0
  #era = 0
  /** What may be forgotten once the older snapshots are closed. */
  #dropUpTo = 0

  constructor(reader: StoreReader, line: CommitterLine) {
    this.#reader = reader
    this.limits = reader.limits
    this.#client = new CommitterClient(line, {
      add: (rows, blobs, group) => this.#add(rows, blobs, group),
      checkpoint: (group) => this.#checkpoint(group),
    })
  }

  snapshot(): Maybe<KvSnapshot> {
    const { joining } = this.#client
    return joining === undefined ? this.#now() : joining.then(() => this.#now())
  }

  revision(): number | undefined {
    if (this.#client.joining !== undefined) return undefined
    this.#client.catchUp()
    return this.#group
  }

  commit(batch: Batch, { mayWait } = { mayWait: false }): Promise<CommitOutcome> {
    return this.#client.commit(batch, mayWait)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close()
    await this.#reader[Symbol.asyncDispose]()
  }

  #now(): KvSnapshot {
    this.#client.catchUp()
    let base = this.#reader.snapshot(this.#client.checkpoints)
    // The engine may have moved on in between; then the rows above it must be taken in first.
    while (this.#client.catchUp()) {
      base.close()
      base = this.#reader.snapshot(this.#client.checkpoints)
    }
    return this.#rows.isEmpty ? this.#counted(base, base) : this.#counted(base, this.#merged(base))
  }

  #add(rows: Pick<Batch, 'puts' | 'deletes'>, blobs: BlobRows, group: number): void {
    for (const { key, value } of rows.puts) this.#rows.set(key, value, group)
    for (const key of rows.deletes) this.#rows.set(key, undefined, group)
    for (const { key, value } of blobs) this.#rows.set(key, value, group)
    this.#group = group
  }

  #checkpoint(group: number): void {
    this.#openBefore += this.#openSince
    this.#openSince = 0
    this.#era++
    this.#dropUpTo = group
    this.#dropWhenUnused()
  }

  #dropWhenUnused(): void {
    if (this.#openBefore > 0 || this.#dropUpTo === 0) return
    this.#rows.drop(this.#dropUpTo)
    this.#dropUpTo = 0
  }

  /** `view` with a `close` that is counted, and that closes `base`. */
  #counted(base: KvSnapshot, view: Omit<KvSnapshot, 'close'>): KvSnapshot {
    const era = this.#era
    this.#openSince++
    let open = true
    const version = this.#group
    this.#rows.enter(version)
    return {
      get: (key) => view.get(key),
      getMany: (keys) => view.getMany(keys),
      range: (r) => view.range(r),
      close: () => {
        if (!open) return
        open = false
        base.close()
        this.#rows.leave(version)
        if (era === this.#era) this.#openSince--
        else {
          this.#openBefore--
          this.#dropWhenUnused()
        }
      },
    }
  }

  #merged(base: KvSnapshot): Omit<KvSnapshot, 'close'> {
    const version = this.#group
    const rows = this.#rows
    const get = (key: Uint8Array): ReturnType<KvSnapshot['get']> => {
      const waiting = rows.get(keyText(key), version)
      return waiting === undefined ? base.get(key) : (waiting ?? undefined)
    }
    return {
      get,
      getMany: (keys) => keys.map(get) as readonly (Uint8Array | undefined)[],
      range: (r) =>
        mergeRows(base, rows.range(keyText(r.from), keyText(r.to), version, r.reverse === true), r),
    }
  }
}
