/**
 * Locks by key, first come first served, for one thread's asynchronous code.
 *
 * Whoever takes several keys takes them in sorted order, so that two holders cannot wait for each other.
 */
export class KeyedMutex<K extends number | string> {
  /** A key is present while it is held; its value is the queue of those who wait for it. */
  readonly #held = new Map<K, (() => void)[]>()

  async run<T>(keys: readonly K[], body: () => Promise<T>): Promise<T> {
    const sorted = keys.length > 1 ? [...new Set(keys)].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0)) : keys
    for (const key of sorted) {
      const waiting = this.#held.get(key)
      if (waiting === undefined) this.#held.set(key, [])
      else await new Promise<void>((resolve) => waiting.push(resolve))
    }
    try {
      return await body()
    } finally {
      for (const key of sorted) this.#release(key)
    }
  }

  #release(key: K): void {
    const next = this.#held.get(key)!.shift()
    if (next === undefined) this.#held.delete(key)
    else next()
  }
}
