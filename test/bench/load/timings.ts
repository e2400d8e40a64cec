/** How long single operations took: exact percentiles at 8 bytes each. */
export class Timings {
  #values = new Float64Array(1024)
  #count = 0

  get count(): number {
    return this.#count
  }

  add(ms: number): void {
    if (this.#count === this.#values.length) {
      const larger = new Float64Array(this.#values.length * 2)
      larger.set(this.#values)
      this.#values = larger
    }
    this.#values[this.#count++] = ms
  }

  /** The smallest time that at least `share` (0 to 1) of all did not exceed; 0 if there are none. */
  percentile(share: number): number {
    const sorted = this.#values.slice(0, this.#count).sort()
    return sorted[Math.max(Math.ceil(share * this.#count) - 1, 0)] ?? 0
  }
}
