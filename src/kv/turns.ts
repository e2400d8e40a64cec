/**
 * Turns of the workers of one process, which write to the same accounts. A commit that met another worker's runs
 * again; so that it does not do so for ever, whoever lost takes a turn, and the others let it pass before they begin.
 *
 * Nothing relies on a turn: what a commit has read is checked in any case. So nobody waits long for one, a worker
 * that died with it included, and accounts that share a slot only wait for each other now and then.
 */
import type { AccountId } from '#base/id.ts'

const slots = 1024
/** Longer than a commit takes on any disk that works. */
const mostWaitMs = 1000

/** What all workers get: the last ticket, then each slot's, 0 where it is nobody's turn. */
export const newTurnMemory = (): SharedArrayBuffer => new SharedArrayBuffer(4 * (1 + slots))

const slotOf = (account: AccountId): number => 1 + (account % slots)

export class Turns {
  readonly #memory: Int32Array

  constructor(memory: SharedArrayBuffer) {
    this.#memory = new Int32Array(memory)
  }

  /** Resolves when it is nobody's turn in these accounts, or after a second. undefined: at once. */
  pass(accounts: readonly AccountId[]): Promise<void> | undefined {
    for (const account of accounts)
      if (Atomics.load(this.#memory, slotOf(account)) !== 0) return this.#wait(accounts)
    return undefined
  }

  /** Resolves with how to end the turn, once it is the caller's in all of these accounts. */
  async take(accounts: readonly AccountId[]): Promise<() => void> {
    const ticket = this.#newTicket()
    // In order, so that two cannot wait for each other.
    const taken = [...new Set(accounts.map(slotOf))].sort((a, b) => a - b)
    for (const slot of taken) await this.#takeSlot(slot, ticket)
    return () => {
      for (const slot of taken)
        if (Atomics.compareExchange(this.#memory, slot, ticket, 0) === ticket)
          Atomics.notify(this.#memory, slot)
    }
  }

  async #wait(accounts: readonly AccountId[]): Promise<void> {
    for (const account of accounts) {
      const slot = slotOf(account)
      const holder = Atomics.load(this.#memory, slot)
      if (holder !== 0) await this.#hasChanged(slot, holder)
    }
  }

  async #takeSlot(slot: number, ticket: number): Promise<void> {
    for (;;) {
      const holder = Atomics.compareExchange(this.#memory, slot, 0, ticket)
      if (holder === 0) return
      if (await this.#hasChanged(slot, holder)) continue
      // Whoever had it has died with it, or hangs.
      if (Atomics.compareExchange(this.#memory, slot, holder, ticket) === holder) return
    }
  }

  /** False where the slot still had the same holder after the longest wait. */
  async #hasChanged(slot: number, holder: number): Promise<boolean> {
    return (await Atomics.waitAsync(this.#memory, slot, holder, mostWaitMs).value) !== 'timed-out'
  }

  /** Never 0, and not one of the last four thousand million. */
  #newTicket(): number {
    const ticket = Atomics.add(this.#memory, 0, 1) + 1
    return ticket | 0 || this.#newTicket()
  }
}
