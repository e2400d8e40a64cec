/**
 * The sessions of each user on this worker: how many there are, and that they hear when their user makes mailbox
 * access keys anew, on whichever worker that is.
 */
import type { AccountId } from '#base/id.ts'
import type { Bus } from '#bus/bus.ts'

const cache = 'mailbox access keys'

export class UserSessions implements Disposable {
  readonly #bus: Bus
  readonly #byUser = new Map<AccountId, Set<() => void>>()
  readonly #subscription: Disposable

  constructor(bus: Bus) {
    this.#bus = bus
    this.#subscription = bus.on('forget', (message) => {
      if (message.cache !== cache) return
      for (const tell of this.#byUser.get(Number(message.key) as AccountId) ?? []) tell()
    })
  }

  count(user: AccountId): number {
    return this.#byUser.get(user)?.size ?? 0
  }

  /** Until it is disposed of. `onNewKeys` does no work itself. */
  add(user: AccountId, onNewKeys: () => void): Disposable {
    const sessions = this.#byUser.get(user) ?? new Set()
    const own = (): void => onNewKeys()
    this.#byUser.set(user, sessions.add(own))
    return {
      [Symbol.dispose]: () => {
        sessions.delete(own)
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
