/**
 * Random choices that can be made again: the same seed gives the same ones (mulberry32, 32 bits of state; not for
 * secrets). The seed of a failed run is in its message.
 */
import { randomInt } from 'node:crypto'

export class Random {
  readonly seed: number
  #state: number

  /** POSTERN_SEED repeats the choices of an earlier run; what the machine does in between stays its own. */
  constructor(seed = Number(process.env['POSTERN_SEED'] ?? randomInt(2 ** 31))) {
    this.seed = seed
    this.#state = seed >>> 0
  }

  uint32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return (mixed ^ (mixed >>> 14)) >>> 0
  }

  /** From 0 up to 1, without it. */
  next(): number {
    return this.uint32() / 2 ** 32
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit)
  }

  chance(share: number): boolean {
    return this.next() < share
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!
  }

  bytes(length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length)
    for (let i = 0; i < length; i++) bytes[i] = this.uint32()
    return bytes
  }

  /** Up to so many different ones. */
  some<T>(from: readonly T[], most: number): T[] {
    const left = [...from]
    const taken: T[] = []
    while (taken.length < most && left.length > 0) taken.push(...left.splice(this.below(left.length), 1))
    return taken
  }
}
