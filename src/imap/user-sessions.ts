/**
 * The sessions of each user: how many there are on all workers, and that those of this one hear when their user makes
 * mailbox access keys anew, on whichever worker that is.
 */
import type { AccountId } from '#base/id.ts'
import { RunningCount } from '#base/running-count.ts'
import type { Bus } from '#bus/bus.ts'

const cache = 'mailbox access keys'

export class UserSessions implements Disposable {
  readonly #bus: Bus
  readonly #byUser = new Map<AccountId, Set<() => void>>()
  readonly #count: RunningCount<AccountId>
  readonly #subscription: Disposable

  constructor(bus: Bus, count = new RunningCount<AccountId>()) {
    this.#bus = bus
    this.#count = count
    this.#subscription = bus.on('forget', (message) => {
      if (message.cache !== cache) return
      for (const tell of this.#byUser.get(Number(message.key) as AccountId) ?? []) tell()
    })
  }

  /** Until it is disposed of; undefined where the user has `most` already. `onNewKeys` does no work itself. */
  add(user: AccountId, most: number, onNewKeys: () => void): Disposable | undefined {
    const counted = this.#count.take(user, most)
    if (counted === undefined) return undefined
    const sessions = this.#byUser.get(user) ?? new Set()
    const own = (): void => onNewKeys()
    this.#byUser.set(user, sessions.add(own))
    return {
      [Symbol.dispose]: () => {
        if (!sessions.delete(own)) return
        counted[Symbol.dispose]()
        if (sessions.size === 0 && this.#byUser.get(user) === sessions) this.#byUser.delete(user)
      },
    }
  }

  /** Sessions of this worker have heard of it when this returns. */
  tellNewKeys(user: AccountId): void {
    this.#bus.publish({ kind: 'forget', cache, key: String(user) })
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]()
    this.#byUser.clear()
  }
}
