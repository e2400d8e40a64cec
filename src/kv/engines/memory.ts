/**
 * The engine of tests: everything in memory, with true snapshots and conflicts, and nothing durable.
 */
import { asBuffer } from '#base/bytes.ts'
import { Fault } from '#base/fault.ts'
import type { Batch, BlobSink, CommitOutcome, KvEngine, KvLimits, KvRow, KvSnapshot } from '../backend.ts'
import { keyBytes, keyText } from '../key.ts'
import { Memtable } from '../memtable.ts'

export class MemoryEngine implements KvEngine {
  readonly limits: KvLimits = { keyBytes: 1978, valueBytes: 16 << 20, batchBytes: 256 << 20, shared: false }
  readonly #rows = new Memtable()
  readonly #sink: BlobSink | undefined
  #group = 0
  /** Set by tests: commits fail as on a full disk. */
  full = false

  constructor(sink?: BlobSink) {
    this.#sink = sink
  }

  snapshot(): KvSnapshot {
    const rows = this.#rows
    const at = this.#group
    rows.enter(at)
    let open = true
    return {
      get: (key) => rows.get(keyText(key), at) ?? undefined,
      getMany: (keys) => keys.map((key) => rows.get(keyText(key), at) ?? undefined),
      range({ from, to, reverse = false, limit }) {
        const found: KvRow[] = []
        for (const [key, value] of rows.range(keyText(from), keyText(to), at, reverse)) {
          if (found.length >= limit) break
          if (value !== null) found.push([keyBytes(key), value])
        }
        return found
      },
      close() {
        if (open) rows.leave(at)
        open = false
      },
    }
  }

  revision(): number {
    return this.#group
  }

  async commit(batch: Batch): Promise<CommitOutcome> {
    // As with a real engine, the answer comes later and others run in between.
    await Promise.resolve()
    if (this.full) throw new Fault('unavailable', 'no space left', {})
    const now = (key: string): Uint8Array | undefined => this.#rows.get(key, this.#group) ?? undefined
    for (const { key, was } of batch.checks) {
      const is = now(key)
      if (is === undefined || was === undefined ? is !== was : !asBuffer(is).equals(was)) return 'conflict'
    }
    const locations = this.#sink?.place([batch], now).get(batch) ?? []
    this.#group++
    for (const { key, value } of batch.puts) this.#rows.set(key, Uint8Array.from(value), this.#group)
    for (const { key, value } of locations) this.#rows.set(key, value, this.#group)
    for (const key of batch.deletes) this.#rows.set(key, undefined, this.#group)
    return 'done'
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sink?.[Symbol.dispose]()
    return Promise.resolve()
  }
}
