/**
 * A cache bounded by the weight of what it holds: the least recently used entry leaves first.
 * An entry heavier than the whole budget is not kept.
 */
export class Lru<K, V> {
  readonly #entries = new Map<K, { value: V; weight: number }>()
  readonly #budget: number
  readonly #onEvict: ((key: K, value: V) => void) | undefined
  #weight = 0

  constructor(budget: number, onEvict?: (key: K, value: V) => void) {
    this.#budget = budget
    this.#onEvict = onEvict
  }

  get size(): number {
    return this.#entries.size
  }

  get weight(): number {
    return this.#weight
  }

  get(key: K): V | undefined {
    const entry = this.#entries.get(key)
    if (entry === undefined) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    return entry.value
  }

  set(key: K, value: V, weight = 1): void {
    this.delete(key)
    this.#entries.set(key, { value, weight })
    this.#weight += weight
    for (const [oldest, entry] of this.#entries) {
      if (this.#weight <= this.#budget) break
      this.delete(oldest)
      this.#onEvict?.(oldest, entry.value)
    }
  }

  delete(key: K): boolean {
    const entry = this.#entries.get(key)
    if (entry === undefined) return false
    this.#entries.delete(key)
    this.#weight -= entry.weight
    return true
  }

  clear(): void {
    this.#entries.clear()
    this.#weight = 0
  }

  /** Empties the cache as if every entry had to leave. */
  drain(): void {
    const entries = [...this.#entries]
    this.clear()
    for (const [key, entry] of entries) this.#onEvict?.(key, entry.value)
  }
}
