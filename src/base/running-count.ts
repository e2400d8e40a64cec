/**
 * How many of something go on at once, by whose they are: in all workers that are given the same memory (see
 * `shared-slots.ts` for how exact that is). Of two that come to the last place at the same moment, both may be refused.
 */
import { headBytes, newSlotMemory, SharedSlots, type Slots } from './shared-slots.ts'

/** Some ten thousand at once share no count; 256 KiB. */
const slotBits = 14

export const newRunningMemory = (): SharedArrayBuffer => newSlotMemory(4, slotBits)

export class RunningCount<K extends string | number> {
  readonly #slots: SharedSlots
  readonly #counts: Int32Array

  constructor(memory: SharedArrayBuffer = newRunningMemory()) {
    this.#slots = new SharedSlots(memory, 4)
    this.#counts = new Int32Array(memory, headBytes)
  }

  of(key: K): number {
    return this.#least(this.#slots.of(key))
  }

  /** One more, until it is disposed of, which is once; undefined where that would be too many. */
  take(key: K, most: number): Disposable | undefined {
    const slots = this.#slots.of(key)
    if (this.#least(slots) >= most) return undefined
    this.#add(slots, 1)
    // Looked at again in all slots when all have it: of two workers the one that is last there sees both.
    if (this.#least(slots) > most) {
      this.#add(slots, -1)
      return undefined
    }
    return { [Symbol.dispose]: () => this.#add(slots, -1) }
  }

  #least(slots: Slots): number {
    let least = Infinity
    for (const slot of slots) least = Math.min(least, Atomics.load(this.#counts, slot))
    return least
  }

  #add(slots: Slots, count: number): void {
    for (const slot of slots) Atomics.add(this.#counts, slot, count)
  }
}
