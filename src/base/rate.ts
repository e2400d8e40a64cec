/**
 * So often in so long, as people write it in settings: `1000/1m`, `5/1h`, `off`; and what holds somebody to it.
 *
 * A limit is a bucket: all of `count` may be used at once, and comes back evenly over the period.
 */
import { formatDuration, parseDuration } from './duration.ts'
import { headBytes, newSlotMemory, SharedSlots, type Slots } from './shared-slots.ts'

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

/** Some ten thousand that have used something of their count share none; 1 MiB. */
const slotBits = 15

export const newRateMemory = (): SharedArrayBuffer => newSlotMemory(8, slotBits)

/**
 * Who has used how much of a rate lately: at all workers that are given the same memory (see `shared-slots.ts` for how
 * exact that is). All methods take the rate as it is now, and the time in milliseconds.
 *
 * A slot has the time when the bucket is full again, so what nobody uses any more is empty by itself. Of two workers
 * that take the last one at the same moment, none may get it.
 */
export class RateLimiter<K extends string | number> {
  readonly #slots: SharedSlots
  /** Bits of numbers of 64 bits, which can be compared and exchanged as whole numbers only. */
  readonly #times: BigUint64Array
  readonly #number = new Float64Array(1)
  readonly #bits = new BigUint64Array(this.#number.buffer)

  constructor(memory: SharedArrayBuffer = newRateMemory()) {
    this.#slots = new SharedSlots(memory, 8)
    this.#times = new BigUint64Array(memory, headBytes)
  }

  /** One more, where there is room: returns 0 then, else in how many milliseconds there will be. */
  take(key: K, rate: Rate, now: number): number {
    if (rate.count === 0) return 0
    const slots = this.#slots.of(key)
    const eachMs = rate.periodMs / rate.count
    const waitMs = this.#fullAt(slots, rate, now) + eachMs - now - rate.periodMs
    if (waitMs > rounding) return waitMs
    this.#add(slots, eachMs, rate, now)
    // Looked at again in all slots when all have it: of two workers the one that is last there sees both.
    const overMs = this.#fullAt(slots, rate, now) - now - rate.periodMs
    if (overMs <= rounding) return 0
    this.#add(slots, -eachMs, rate, now)
    return overMs
  }

  /** What was taken and did not count. */
  giveBack(key: K, rate: Rate, now: number): void {
    if (rate.count > 0) this.#add(this.#slots.of(key), -rate.periodMs / rate.count, rate, now)
  }

  /** How many more there is room for. */
  left(key: K, rate: Rate, now: number): number {
    const usedMs = this.#fullAt(this.#slots.of(key), rate, now) - now
    return Math.max(0, Math.floor(((rate.periodMs - usedMs + rounding) * rate.count) / rate.periodMs))
  }

  /** In how many milliseconds there is room for one more than now; 0 where nothing was used. */
  nextMs(key: K, rate: Rate, now: number): number {
    const usedMs = this.#fullAt(this.#slots.of(key), rate, now) - now
    const eachMs = rate.periodMs / rate.count
    const part = usedMs % eachMs
    return usedMs <= rounding ? 0 : part > rounding ? part : eachMs
  }

  #fullAt(slots: Slots, rate: Rate, now: number): number {
    return timeIn(this.#least(slots), rate, now)
  }

  #least(slots: Slots): number {
    let least = Infinity
    for (const slot of slots) least = Math.min(least, this.#numberOf(Atomics.load(this.#times, slot)))
    return least
  }

  #add(slots: Slots, ms: number, rate: Rate, now: number): void {
    for (const slot of slots) {
      let before: bigint
      do {
        before = Atomics.load(this.#times, slot)
        const time = timeIn(this.#numberOf(before), rate, now) + ms
        this.#number[0] = Math.max(0, Math.min(time, now + 2 * rate.periodMs))
      } while (Atomics.compareExchange(this.#times, slot, before, this.#bits[0]!) !== before)
    }
  }

  #numberOf(bits: bigint): number {
    this.#bits[0] = bits
    return this.#number[0]!
  }
}

/**
 * Now at least. A bucket is full again after a period, or after two where keys share the slot; what is farther off was
 * written when the clock or the rate was another, and says nothing.
 */
const timeIn = (time: number, { periodMs }: Rate, now: number): number =>
  time > now + 3 * periodMs ? now : Math.max(time, now)

/** Milliseconds: what the division of a period leaves. */
const rounding = 1e-3
