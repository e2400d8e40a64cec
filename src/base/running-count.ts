/** How many of something go on at once, by whose they are. */
export class RunningCount<K> {
  readonly #running = new Map<K, number>()

  of(key: K): number {
    return this.#running.get(key) ?? 0
  }

  /** One more, until it is disposed of; undefined where that would be too many. */
  take(key: K, most: number): Disposable | undefined {
    const running = this.of(key)
    if (running >= most) return undefined
    this.#running.set(key, running + 1)
    return {
      [Symbol.dispose]: () => {
        const left = this.of(key) - 1
        if (left === 0) this.#running.delete(key)
        else this.#running.set(key, left)
      },
    }
  }
}
