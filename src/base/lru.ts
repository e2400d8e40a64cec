/**
 * A cache bounded by the weight of what it holds: the least recently used entry leaves first.
 * An entry heavier than the whole budget is not kept.
 *
 * Using an entry changes no Map: one that is emptied or shrinks gets another table from V8, to which the table before
 * points. Once one of them is in the old generation all after it are too, with what they hold, until the next full
 * collection; with a few changes a command that is most of what full collections are for.
 */
interface Entry<K, V> {
  readonly key: K
  value: V
  weight: number
  older: Entry<K, V> | undefined
  newer: Entry<K, V> | undefined
}

export class Lru<K, V> {
  readonly #entries = new Map<K, Entry<K, V>>()
  readonly #budget: number
  readonly #onEvict: ((key: K, value: V) => void) | undefined
  #oldest: Entry<K, V> | undefined
  #newest: Entry<K, V> | undefined
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
    this.#use(entry)
    return entry.value
  }

  set(key: K, value: V, weight = 1): void {
    const known = this.#entries.get(key)
    if (known === undefined) {
      const entry = { key, value, weight, older: undefined, newer: undefined }
      this.#entries.set(key, entry)
      this.#append(entry)
    } else {
      this.#weight -= known.weight
      known.value = value
      known.weight = weight
      this.#use(known)
    }
    this.#weight += weight
    while (this.#weight > this.#budget && this.#oldest !== undefined) {
      const { key: oldest, value: evicted } = this.#oldest
      this.delete(oldest)
      this.#onEvict?.(oldest, evicted)
    }
  }

  delete(key: K): boolean {
    const entry = this.#entries.get(key)
    if (entry === undefined) return false
    this.#entries.delete(key)
    this.#weight -= entry.weight
    this.#unlink(entry)
    return true
  }

  clear(): void {
    this.#entries.clear()
    this.#oldest = undefined
    this.#newest = undefined
    this.#weight = 0
  }

  /** Empties the cache as if every entry had to leave. */
  drain(): void {
    const entries = [...this.#entries.values()]
    this.clear()
    for (const { key, value } of entries) this.#onEvict?.(key, value)
  }

  #use(entry: Entry<K, V>): void {
    if (entry === this.#newest) return
    this.#unlink(entry)
    this.#append(entry)
  }

  #append(entry: Entry<K, V>): void {
    entry.older = this.#newest
    if (this.#newest === undefined) this.#oldest = entry
    else this.#newest.newer = entry
    this.#newest = entry
  }

  #unlink(entry: Entry<K, V>): void {
    const { older, newer } = entry
    if (older === undefined) this.#oldest = newer
    else older.newer = newer
    if (newer === undefined) this.#newest = older
    else newer.older = older
    entry.older = undefined
    entry.newer = undefined
  }
}
