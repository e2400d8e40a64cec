/**
 * LMDB, the default engine: rows in one memory-mapped file, many reading threads, one writing thread.
 *
 * `overlappingSync: false` makes a transaction durable before it is visible, so no reader sees a row that a
 * power cut could take back. Protocol threads only read; the committer thread owns `LmdbWriter`.
 */
import { join } from 'node:path'
import { type RootDatabase, type Transaction, open } from 'lmdb'
import { asBuffer } from '#base/bytes.ts'
import type { Batch, CommitOutcome, KvEngine, KvLimits, KvRow, KvSnapshot, StoreWriter } from '../backend.ts'
import type { CommitterClient } from '../committer-client.ts'

/** The library's types leave out that the fast read takes a transaction. */
type Env = RootDatabase<Buffer, Buffer> & {
  getBinaryFast(key: Buffer, options?: { transaction: Transaction }): Buffer | undefined
}

/** Address space, not memory or disk; LMDB files cannot grow beyond it. */
const mapBytes = 2 ** 37

function openEnv(directory: string): Env {
  return open<Buffer, Buffer>({
    path: join(directory, 'rows.lmdb'),
    noSubdir: true,
    keyEncoding: 'binary',
    encoding: 'binary',
    overlappingSync: false,
    cache: false,
    mapSize: mapBytes,
    maxReaders: 2048,
  }) as Env
}

/**
 * The value as a copy of its own: LMDB's fast read returns memory that the next read overwrites, and whose
 * `length` is a property the library sets on a larger buffer, so only explicit bounds are right.
 */
function copyOf(bytes: Buffer | undefined): Uint8Array | undefined {
  if (bytes === undefined) return undefined
  const { length } = bytes
  const copy = Buffer.allocUnsafe(length)
  bytes.copy(copy, 0, 0, length)
  return copy
}

export class LmdbEngine implements KvEngine {
  readonly limits: KvLimits = { keyBytes: 1978, valueBytes: 16 << 20, batchBytes: 256 << 20, shared: false }
  readonly #env: Env
  readonly #committer: CommitterClient
  #epoch = 0

  constructor(directory: string, committer: CommitterClient) {
    this.#env = openEnv(directory)
    this.#committer = committer
  }

  snapshot(): KvSnapshot {
    const env = this.#env
    // The library shares one read transaction within a turn of the event loop, which may be older than a
    // commit that was already answered.
    const epoch = this.#committer.epoch()
    if (epoch !== this.#epoch) env.resetReadTxn()
    this.#epoch = epoch
    const transaction = env.useReadTransaction()
    const options = { transaction }
    const get = (key: Uint8Array): Uint8Array | undefined => copyOf(env.getBinaryFast(asBuffer(key), options))
    let open = true
    return {
      get,
      getMany: (keys) => keys.map(get),
      range({ from, to, limit, reverse = false }) {
        const rows: KvRow[] = []
        const all = reverse
          ? // LMDB's reverse ranges start at the upper end and exclude `end`, so the bounds change places.
            env.getRange({ start: asBuffer(to), end: asBuffer(from), reverse, limit: limit + 1, transaction })
          : env.getRange({ start: asBuffer(from), end: asBuffer(to), limit, transaction })
        for (const { key, value } of all) {
          if (reverse && Buffer.compare(key, to) >= 0) continue
          if (rows.length < limit) rows.push([key, value])
        }
        if (reverse && rows.length < limit && Buffer.compare(from, to) < 0) {
          const first = get(from)
          if (first !== undefined && (rows.length === 0 || Buffer.compare(rows.at(-1)![0], from) > 0))
            rows.push([from, first])
        }
        return rows
      },
      close() {
        if (open) transaction.done()
        open = false
      },
    }
  }

  commit(batch: Batch): Promise<CommitOutcome> {
    return this.#committer.commit(batch)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#committer.close()
    await this.#env.close()
  }
}

export class LmdbWriter implements StoreWriter {
  readonly #env: Env

  constructor(directory: string) {
    this.#env = openEnv(directory)
  }

  get(key: Uint8Array): Uint8Array | undefined {
    return copyOf(this.#env.getBinaryFast(asBuffer(key)))
  }

  apply(batches: readonly Batch[]): readonly CommitOutcome[] {
    try {
      return this.#env.transactionSync(() => batches.map((batch) => this.#applyOne(batch)))
    } finally {
      // Else `get` could answer from a read transaction that began before this commit.
      this.#env.resetReadTxn()
    }
  }

  #applyOne(batch: Batch): CommitOutcome {
    const env = this.#env
    for (const { key, was } of batch.checks) {
      const is = env.getBinaryFast(asBuffer(key))
      if (
        is === undefined || was === undefined
          ? is !== was
          : is.length !== was.length || is.compare(was, 0, was.length, 0, is.length) !== 0
      )
        return 'conflict'
    }
    for (const { key, value } of batch.puts) env.putSync(asBuffer(key), asBuffer(value))
    for (const key of batch.deletes) env.removeSync(asBuffer(key))
    return 'done'
  }

  [Symbol.dispose](): void {
    void this.#env.close()
  }
}
