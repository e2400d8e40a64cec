/**
 * A bounded copy of a range of a byte stream that arrives in chunks: the first `capBytes` from where it
 * began. A range that lies in one chunk is not copied. What is kept depends on the stream alone, not on
 * how it was split.
 */
export class Capture {
  #buffer: Buffer = Buffer.alloc(0)
  #length = 0
  #cap = 0
  /** Offset of the first byte kept, in the stream. */
  #start = 0
  /** Where in the current chunk the bytes begin that are not copied yet; -1 while nothing is captured. */
  #from = -1
  #isActive = false

  get isActive(): boolean {
    return this.#isActive
  }

  /** Begins at `offset`, which is `index` in the current chunk. */
  begin(offset: number, index: number, capBytes: number): void {
    this.#isActive = true
    this.#start = offset
    this.#from = Math.max(index, 0)
    this.#length = 0
    this.#cap = capBytes
  }

  /** Begins at `offset` with bytes that have gone by, and goes on at `index` of the current chunk. */
  beginWith(bytes: Buffer, offset: number, index: number, capBytes: number): void {
    this.begin(offset, index, capBytes)
    this.#append(bytes, 0, bytes.length)
  }

  /** The chunk is about to go: keeps what is needed of it. */
  leaveChunk(chunk: Buffer): void {
    if (!this.#isActive) return
    this.#append(chunk, this.#from, chunk.length)
    this.#from = 0
  }

  cancel(): void {
    this.#isActive = false
  }

  /**
   * The bytes from the beginning to `end` (an offset in the stream), as far as they were kept. Valid until
   * the next call; `chunk` begins at offset `base`.
   */
  finish(end: number, chunk: Buffer, base: number): Buffer {
    this.#isActive = false
    const wanted = Math.max(Math.min(end - this.#start, this.#cap), 0)
    if (this.#length === 0 && this.#start >= base) {
      return chunk.subarray(this.#from, this.#from + wanted)
    }
    if (wanted > this.#length) this.#append(chunk, this.#from, Math.max(end - base, this.#from))
    return this.#buffer.subarray(0, Math.min(wanted, this.#length))
  }

  #append(bytes: Buffer, from: number, to: number): void {
    const added = Math.min(to - from, this.#cap - this.#length)
    if (added <= 0) return
    const needed = this.#length + added
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.min(Math.max(needed, 2 * this.#buffer.length, 4096), this.#cap))
      this.#buffer.copy(larger, 0, 0, this.#length)
      this.#buffer = larger
    }
    bytes.copy(this.#buffer, this.#length, from, from + added)
    this.#length = needed
  }
}
