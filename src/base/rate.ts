/**
 * So often in so long, as people write it in settings: `1000/1m`, `5/1h`, `off`; and what holds somebody to it.
 *
 * A limit is a bucket: all of `count` may be used at once, and comes back evenly over the period.
 */
import { formatDuration, parseDuration } from './duration.ts'

export interface Rate {
  /** 0: as often as one likes. */
  readonly count: number
  /** A second at least. */
  readonly periodMs: number
}

export const noRate: Rate = { count: 0, periodMs: 60_000 }

const mostCount = 1_000_000
const longestPeriodMs = 30 * 86_400_000
/** How those who write configurations say that there is to be no limit. */
const offWords: ReadonlySet<string> = new Set(['off', 'false', 'none', 'disable', 'disabled'])

/** Undefined where the input is no rate. */
export function parseRate(input: string): Rate | undefined {
  if (offWords.has(input.trim().toLowerCase())) return noRate
  const match = /^\s*(\d{1,7})\s*\/([^/]*)$/.exec(input)
  return match === null ? undefined : rateOf(Number(match[1]), parseDuration(match[2]!))
}

/** Undefined where there is no such rate. */
export const rateOf = (count: number, periodMs: number | undefined): Rate | undefined =>
  Number.isSafeInteger(count) &&
  count >= 0 &&
  count <= mostCount &&
  periodMs !== undefined &&
  periodMs >= 1000 &&
  periodMs <= longestPeriodMs
    ? { count, periodMs }
    : undefined

export const formatRate = ({ count, periodMs }: Rate): string =>
  count === 0 ? 'off' : `${count}/${formatDuration(periodMs)}`

/** Beyond so many at a time the oldest are forgotten: whoever has more addresses has more limits anyway. */
const mostKeys = 50_000

/**
 * Who has used how much of a rate lately. All methods take the rate as it is now, and the time in milliseconds.
 *
 * What must always hold: memory is bounded, whoever comes. Of each key one number is kept, in the younger of two maps;
 * when a period is over, or there are too many, the younger is the older, and the older is gone: a key that was not
 * used for a whole period has all of its count again.
 */
export class RateLimiter<K> {
  readonly #most: number
  /** When the bucket of a key is full again. */
  #young = new Map<K, number>()
  #old = new Map<K, number>()
  #turnedAt = -Infinity

  constructor(most = mostKeys) {
    this.#most = most
  }

  /** How many keys are known. */
  get size(): number {
    return this.#young.size + this.#old.size
  }

  /** One more, where there is room: returns 0 then, else in how many milliseconds there will be. */
  take(key: K, rate: Rate, now: number): number {
    if (rate.count === 0) return 0
    const eachMs = rate.periodMs / rate.count
    const fullAt = this.#fullAt(key, rate, now) + eachMs
    const waitMs = fullAt - now - rate.periodMs
    if (waitMs > rounding) return waitMs
    this.#turn(rate, now)
    this.#young.set(key, fullAt)
    return 0
  }

  /** What was taken and did not count. */
  giveBack(key: K, rate: Rate, now: number): void {
    if (rate.count === 0) return
    const fullAt = this.#fullAt(key, rate, now)
    if (fullAt > now) this.#young.set(key, fullAt - rate.periodMs / rate.count)
  }

  /** How many more there is room for. */
  left(key: K, rate: Rate, now: number): number {
    const usedMs = this.#fullAt(key, rate, now) - now
    return Math.floor(((rate.periodMs - usedMs + rounding) * rate.count) / rate.periodMs)
  }

  /** In how many milliseconds there is room for one more than now; 0 where nothing was used. */
  nextMs(key: K, rate: Rate, now: number): number {
    const usedMs = this.#fullAt(key, rate, now) - now
    const eachMs = rate.periodMs / rate.count
    const part = usedMs % eachMs
    return usedMs <= rounding ? 0 : part > rounding ? part : eachMs
  }

  /** Now at least, and not later than a period from now, also where the clock or the rate was another before. */
  #fullAt(key: K, { periodMs }: Rate, now: number): number {
    const known = this.#young.get(key) ?? this.#old.get(key) ?? 0
    return Math.min(Math.max(known, now), now + periodMs)
  }

  #turn({ periodMs }: Rate, now: number): void {
    const isOver = now - this.#turnedAt >= periodMs || now < this.#turnedAt
    if (!isOver && this.#young.size < this.#most) return
    this.#old = this.#young
    this.#young = new Map()
    this.#turnedAt = now
  }
}

/** Milliseconds: what the division of a period leaves. */
const rounding = 1e-3
