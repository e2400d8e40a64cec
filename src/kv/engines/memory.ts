/**
 * The engine of tests: everything in memory, with true snapshots and conflicts, and nothing durable.
 *
 * Each key keeps its versions while a snapshot may still see them. Blob records live in a map that
 * `blob/engines/memory.ts` reads.
 */
import { asBuffer } from '#base/bytes.ts'
import { Fault } from '#base/fault.ts'
import type { Batch, BlobSink, CommitOutcome, KvEngine, KvLimits, KvRow, KvSnapshot } from '../backend.ts'

interface Version {
  readonly since: number
  readonly value: Uint8Array | undefined
}

export class MemoryEngine implements KvEngine {
  readonly limits: KvLimits = { keyBytes: 1978, valueBytes: 16 << 20, batchBytes: 256 << 20, shared: false }
  /** Keys as Latin-1 text, whose order is that of the bytes. */
  readonly #keys: string[] = []
  readonly #rows = new Map<string, Version[]>()
  readonly #open = new Map<number, number>()
  readonly #sink: BlobSink | undefined
  #version = 0
  /** Set by tests: commits fail as on a full disk. */
  full = false

  constructor(sink?: BlobSink) {
    this.#sink = sink
  }

  snapshot(): KvSnapshot {
    const at = this.#version
    this.#open.set(at, (this.#open.get(at) ?? 0) + 1)
    let closed = false
    return {
      get: (key) => this.#at(textOf(key), at),
      getMany: (keys) => keys.map((key) => this.#at(textOf(key), at)),
      range: (r) => this.#range(r, at),
      close: () => {
        if (closed) return
        closed = true
        const left = this.#open.get(at)! - 1
        if (left === 0) this.#open.delete(at)
        else this.#open.set(at, left)
      },
    }
  }

  async commit(batch: Batch): Promise<CommitOutcome> {
    // As with a real engine, the answer comes later and others run in between.
    await Promise.resolve()
    if (this.full) throw new Fault('unavailable', 'no space left', {})
    const now = (key: Uint8Array): Uint8Array | undefined => this.#at(textOf(key), this.#version)
    for (const { key, was } of batch.checks) {
      const is = now(key)
      if (is === undefined || was === undefined ? is !== was : !asBuffer(is).equals(was)) return 'conflict'
    }
    const [placed] = this.#sink === undefined ? [batch] : this.#sink.place([batch], now)
    this.#version++
    for (const { key, value } of placed!.puts) this.#set(textOf(key), Uint8Array.from(value))
    for (const key of placed!.deletes) this.#set(textOf(key), undefined)
    return 'done'
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#sink?.[Symbol.dispose]()
  }

  #at(key: string, version: number): Uint8Array | undefined {
    const versions = this.#rows.get(key)
    if (versions === undefined) return undefined
    for (let i = versions.length - 1; i >= 0; i--)
      if (versions[i]!.since <= version) return versions[i]!.value
    return undefined
  }

  #range(
    r: { from: Uint8Array; to: Uint8Array; reverse?: boolean; limit: number },
    version: number,
  ): KvRow[] {
    const rows: KvRow[] = []
    const first = this.#find(textOf(r.from))
    const end = this.#find(textOf(r.to))
    const step = r.reverse === true ? -1 : 1
    for (let i = step > 0 ? first : end - 1; step > 0 ? i < end : i >= first; i += step) {
      if (rows.length >= r.limit) break
      const value = this.#at(this.#keys[i]!, version)
      if (value !== undefined) rows.push([Buffer.from(this.#keys[i]!, 'latin1'), value])
    }
    return rows
  }

  #set(key: string, value: Uint8Array | undefined): void {
    const versions = this.#rows.get(key)
    if (versions === undefined) {
      if (value === undefined) return
      this.#keys.splice(this.#find(key), 0, key)
      this.#rows.set(key, [{ since: this.#version, value }])
      return
    }
    versions.push({ since: this.#version, value })
    let oldest = this.#version
    for (const at of this.#open.keys()) oldest = Math.min(oldest, at)
    while (versions.length > 1 && versions[1]!.since <= oldest) versions.shift()
    if (versions.length === 1 && value === undefined) {
      this.#rows.delete(key)
      this.#keys.splice(this.#find(key), 1)
    }
  }

  /** Index of the first key that is not before this one. */
  #find(key: string): number {
    let low = 0
    let high = this.#keys.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#keys[middle]! < key) low = middle + 1
      else high = middle
    }
    return low
  }
}

const textOf = (key: Uint8Array): string => asBuffer(key).toString('latin1')
