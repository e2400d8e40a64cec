/**
 * Wakes sessions in IDLE when something in the account of their mailbox changed, whichever worker wrote it.
 *
 * One handler on the bus serves all sessions, found by account, so that a delivery costs nothing to sessions
 * of others. A hint may be lost: every session is also woken by a heartbeat, and looks for itself.
 */
import { accountCache } from './resolution.ts'
import type { AccountId } from '#base/id.ts'
import type { Bus } from '#bus/bus.ts'

const heartbeatMs = 60_000

export class AccountWatch implements Disposable {
  readonly #watchers = new Map<AccountId, Set<() => void>>()
  /** Those in a mailbox of somebody else: they may see less when anything about accounts changes. */
  readonly #guests = new Set<() => void>()
  readonly #subscriptions = new DisposableStack()
  readonly #timer: NodeJS.Timeout

  constructor(bus: Bus, everyMs = heartbeatMs) {
    this.#subscriptions.use(bus.on('state', ({ account }) => this.#wake(this.#watchers.get(account))))
    this.#subscriptions.use(
      bus.on('forget', ({ cache }) => {
        if (cache === accountCache) this.#wake(this.#guests)
      }),
    )
    this.#timer = setInterval(() => this.beat(), everyMs)
    this.#timer.unref()
  }

  /** `wake` must not throw, and does no work itself. `isGuest`: the account is somebody else's. */
  watch(account: AccountId, wake: () => void, isGuest: boolean): Disposable {
    const own = (): void => wake()
    if (isGuest) this.#guests.add(own)
    const watchers = this.#watchers.get(account) ?? new Set()
    this.#watchers.set(account, watchers.add(own))
    return {
      [Symbol.dispose]: () => {
        watchers.delete(own)
        this.#guests.delete(own)
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
    this.#subscriptions.dispose()
    this.#watchers.clear()
    this.#guests.clear()
  }

  #wake(watchers: ReadonlySet<() => void> | undefined): void {
    if (watchers === undefined) return
    for (const wake of watchers) wake()
  }
}
