/**
 * Answers that still hold, positive and negative (RFC 2308 §5), by name and type. What must always hold:
 * nothing is given out when its time is over, and TTLs that are given out are what is left of them.
 */
import type { Clock } from '#base/clock.ts'
import { Lru } from '#base/lru.ts'
import type { Resolution } from './resolution.ts'

export interface CacheLimits {
  readonly bytes: number
  /** In milliseconds: answers hold at least and at most so long, whatever they say. */
  readonly minTtlMs: number
  readonly maxTtlMs: number
  readonly maxNegativeTtlMs: number
}

interface Entry {
  readonly resolution: Resolution
  readonly untilMs: number
}

/** RFC 9520 §3.2 demands one second at least: a name that fails is asked for by every message that has it. */
const failureMs = 1000
/** What objects cost beyond their texts and bytes, roughly. */
const entryBytes = 200
const recordBytes = 150

export class AnswerCache {
  readonly #entries: Lru<string, Entry>
  readonly #limits: CacheLimits
  readonly #clock: Clock

  constructor(limits: CacheLimits, clock: Clock) {
    this.#entries = new Lru(limits.bytes)
    this.#limits = limits
    this.#clock = clock
  }

  get weight(): number {
    return this.#entries.weight
  }

  get(key: string): Resolution | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    const leftMs = entry.untilMs - this.#clock.now()
    if (leftMs > 0) return aged(entry.resolution, Math.ceil(leftMs / 1000))
    this.#entries.delete(key)
    return undefined
  }

  put(key: string, resolution: Resolution): void {
    const ttlMs = this.#ttlMs(resolution)
    if (ttlMs <= 0) return
    const untilMs = this.#clock.now() + ttlMs
    this.#entries.set(key, { resolution, untilMs }, entryBytes + 2 * key.length + weightOf(resolution))
  }

  #ttlMs(resolution: Resolution): number {
    const { minTtlMs, maxTtlMs, maxNegativeTtlMs } = this.#limits
    switch (resolution.kind) {
      case 'failed':
        return failureMs
      case 'answer':
        return Math.min(maxTtlMs, Math.max(minTtlMs, resolution.ttl * 1000))
      case 'noData':
      case 'noName':
        return Math.min(maxNegativeTtlMs, resolution.ttl * 1000)
    }
  }
}

function aged(resolution: Resolution, ttl: number): Resolution {
  if (resolution.kind === 'failed') return { ...resolution, cached: true }
  if (resolution.kind !== 'answer') return { ...resolution, ttl, cached: true }
  const records = resolution.records.map((record) => ({ ...record, ttl: Math.min(record.ttl, ttl) }))
  return { ...resolution, records, ttl, cached: true }
}

function weightOf(resolution: Resolution): number {
  if (resolution.kind !== 'answer') return 0
  let weight = 0
  for (const record of resolution.records) {
    weight += recordBytes
    for (const value of Object.values(record)) {
      if (typeof value === 'string') weight += value.length
      else if (Buffer.isBuffer(value)) weight += value.length + 100
      else if (Array.isArray(value)) for (const one of value as readonly Buffer[]) weight += one.length + 100
    }
  }
  return weight
}
