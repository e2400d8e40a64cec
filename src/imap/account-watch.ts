/**
 * Wakes sessions in IDLE when something in their account changed, whichever worker wrote it.
 *
 * One handler on the bus serves all sessions, found by account, so that a delivery costs nothing to sessions
 * of others. A hint may be lost: every session is also woken by a heartbeat, and looks for itself.
 */
import type { AccountId } from '#base/id.ts'
import type { Bus } from '#bus/bus.ts'

const heartbeatMs = 60_000

export class AccountWatch implements Disposable {
  readonly #watchers = new Map<AccountId, Set<() => void>>()
  readonly #subscription: Disposable
  readonly #timer: NodeJS.Timeout

  constructor(bus: Bus, everyMs = heartbeatMs) {
    this.#subscription = bus.on('state', ({ account }) => this.#wake(this.#watchers.get(account)))
    this.#timer = setInterval(() => this.beat(), everyMs)
    this.#timer.unref()
  }

  /** `wake` must not throw, and does no work itself. */
  watch(account: AccountId, wake: () => void): Disposable {
    const own = (): void => wake()
    const watchers = this.#watchers.get(account) ?? new Set()
    this.#watchers.set(account, watchers.add(own))
    return {
      [Symbol.dispose]: () => {
        watchers.delete(own)
        if (watchers.size === 0 && this.#watchers.get(account) === watchers) this.#watchers.delete(account)
      },
    }
  }

  /** What the timer does: wakes everybody. */
  beat(): void {
    for (const watchers of this.#watchers.values()) this.#wake(watchers)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
    this.#subscription[Symbol.dispose]()
    this.#watchers.clear()
  }

  #wake(watchers: ReadonlySet<() => void> | undefined): void {
    if (watchers === undefined) return
    for (const wake of watchers) wake()
  }
}
