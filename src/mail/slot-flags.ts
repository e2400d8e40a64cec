/** What was found out about emails, yes or no, by slot: for what never changes and is dear to ask. */
export class SlotFlags {
  #flags = new Uint8Array(0)

  get sizeBytes(): number {
    return this.#flags.length
  }

  get(slot: number): boolean | undefined {
    const flag = this.#flags[slot]
    return flag === undefined || flag === 0 ? undefined : flag === 2
  }

  set(slot: number, value: boolean): void {
    if (slot >= this.#flags.length) {
      const larger = new Uint8Array(slot + 64 + (slot >>> 1))
      larger.set(this.#flags)
      this.#flags = larger
    }
    this.#flags[slot] = value ? 2 : 1
  }
}
