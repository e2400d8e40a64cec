/**
 * Memory in which all workers of a process count for any number of keys. No key is kept: each has a slot in every one
 * of four rows, counts in all four, and what it has counted is the least of them.
 *
 * What must always hold: memory has its size from the start on, whoever comes. A count is never less than it is, and
 * more only where others count in all four slots at that time. Which keys share slots follows from random numbers that
 * never leave the process, so that nobody can look for those that share somebody else's.
 */
import { hash, randomBytes } from 'node:crypto'

const rows = 4
/** In front of the slots: an odd random number for each row, by which keys get their slots. */
export const headBytes = 4 * rows

/** `bits`: each row has 2 to the power of these slots. */
export function newSlotMemory(slotBytes: 4 | 8, bits: number): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(headBytes + rows * slotBytes * 2 ** bits)
  const head = new Uint8Array(memory, 0, headBytes)
  head.set(randomBytes(headBytes))
  for (let i = 0; i < headBytes; i += 4) head[i]! |= 1
  return memory
}

/** Indices into the slots of all rows, one for each row. */
export type Slots = readonly number[]

export class SharedSlots {
  readonly #factors: Uint32Array
  readonly #secret: string
  readonly #rowSlots: number
  readonly #shift: number
  /** Who asks for a key often asks for it several times in a row. */
  #lastKey: string | number | undefined
  #last: Slots = []

  constructor(memory: SharedArrayBuffer, slotBytes: 4 | 8) {
    this.#factors = new Uint32Array(memory, 0, rows).slice()
    this.#secret = Buffer.from(this.#factors.buffer).toString('hex')
    this.#rowSlots = (memory.byteLength - headBytes) / rows / slotBytes
    this.#shift = 32 - Math.log2(this.#rowSlots)
  }

  /** `key` is a text, or a whole number below 2^32 that no stranger chooses. */
  of(key: string | number): Slots {
    if (key === this.#lastKey) return this.#last
    this.#last = typeof key === 'number' ? this.#ofNumber(key) : this.#ofText(key)
    this.#lastKey = key
    return this.#last
  }

  /** Multiplied, of which the upper bits are taken: two numbers share a slot of a row as rarely as can be. */
  #ofNumber(key: number): Slots {
    const slots = []
    for (let row = 0; row < rows; row++) slots.push(this.#slot(row, Math.imul(this.#factors[row]!, key)))
    return slots
  }

  #ofText(key: string): Slots {
    const digest = hash('sha256', this.#secret + key, 'hex')
    const slots = []
    for (let row = 0; row < rows; row++)
      slots.push(this.#slot(row, Number.parseInt(digest.slice(8 * row, 8 * row + 8), 16)))
    return slots
  }

  #slot(row: number, mixed: number): number {
    return row * this.#rowSlots + (mixed >>> this.#shift)
  }
}
