/**
 * What queries of a view have found lately: who pages through a result, or asks again because something elsewhere
 * changed, need not have it searched for again. A few results are kept, and given up with the view.
 */
const mostResults = 6

export class KeptResults {
  readonly #kept = new Map<string, Uint32Array>()

  get sizeBytes(): number {
    let bytes = 0
    for (const slots of this.#kept.values()) bytes += slots.byteLength
    return bytes
  }

  /** The name says all that the result depends on besides the view. */
  get(name: string): Uint32Array | undefined {
    const slots = this.#kept.get(name)
    if (slots !== undefined) this.set(name, slots)
    return slots
  }

  set(name: string, slots: Uint32Array): void {
    this.#kept.delete(name)
    this.#kept.set(name, slots)
    for (const oldest of this.#kept.keys()) if (this.#kept.size > mostResults) this.#kept.delete(oldest)
  }
}
