/** Tells sessions that a user has made a mailbox access key anew, in whichever of them, on whichever worker. */
import type { AccountId } from '#base/id.ts'
import type { Bus } from '#bus/bus.ts'

const cache = 'mailbox access keys'

export class KeyWatch implements Disposable {
  readonly #bus: Bus
  readonly #watchers = new Map<AccountId, Set<() => void>>()
  readonly #subscription: Disposable

  constructor(bus: Bus) {
    this.#bus = bus
    this.#subscription = bus.on('forget', (message) => {
      if (message.cache !== cache) return
      for (const tell of this.#watchers.get(Number(message.key) as AccountId) ?? []) tell()
    })
  }

  /** Sessions of this worker have heard of it when this returns. */
  reset(user: AccountId): void {
    this.#bus.publish({ kind: 'forget', cache, key: String(user) })
  }

  watch(user: AccountId, tell: () => void): Disposable {
    const watchers = this.#watchers.get(user) ?? new Set()
    const own = (): void => tell()
    this.#watchers.set(user, watchers.add(own))
    return {
      [Symbol.dispose]: () => {
        watchers.delete(own)
        if (watchers.size === 0 && this.#watchers.get(user) === watchers) this.#watchers.delete(user)
      },
    }
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]()
    this.#watchers.clear()
  }
}
