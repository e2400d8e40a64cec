/**
 * A bounded queue that takes turns between those who fill it: each source is served in its own order, and
 * one that sends a thousand items delays another's single one by the length of one item, not of a thousand.
 */
export class FairQueue<T> {
  readonly #most: number
  readonly #mostOfOne: number
  /** Sources in the order of their turns; none is empty. */
  readonly #waiting = new Map<string, T[]>()
  #size = 0

  constructor(o: { most: number; mostOfOne: number }) {
    this.#most = o.most
    this.#mostOfOne = o.mostOfOne
  }

  get size(): number {
    return this.#size
  }

  /** False where there is no room, for this source or at all. */
  push(source: string, item: T): boolean {
    const own = this.#waiting.get(source)
    if (this.#size >= this.#most || (own !== undefined && own.length >= this.#mostOfOne)) return false
    if (own === undefined) this.#waiting.set(source, [item])
    else own.push(item)
    this.#size++
    return true
  }

  /** The oldest item of the first source that is ready, which goes to the end of the line. */
  shift(isReady: (source: string) => boolean = () => true): T | undefined {
    for (const [source, items] of this.#waiting) {
      if (!isReady(source)) continue
      this.#waiting.delete(source)
      const item = items.shift()
      if (items.length > 0) this.#waiting.set(source, items)
      this.#size--
      return item
    }
    return undefined
  }

  /** Takes out all items of a source. */
  remove(source: string): readonly T[] {
    const items = this.#waiting.get(source) ?? []
    this.#waiting.delete(source)
    this.#size -= items.length
    return items
  }

  /** Empties the queue, in turns. */
  *drain(): Generator<T> {
    while (this.#size > 0) yield this.shift()!
  }
}
