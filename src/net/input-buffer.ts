/**
 * What has arrived on a connection and was not consumed yet, as the chunks the socket delivered.
 *
 * However the peer's bytes were split on the way, the lines and chunks taken from here are the same.
 * A line inside one chunk is a view of it, without a copy; a line that spans chunks is copied once into a
 * buffer that grows by doubling, so one-byte chunks cost linear time and no memory beyond the line.
 * A line over the limit is thrown away as it comes in, whatever its length.
 */

export const lineTooLong: unique symbol = Symbol('lineTooLong')

const none = Buffer.alloc(0)
const CR = 0x0d
const LF = 0x0a
const smallestSpill = 256

export class InputBuffer {
  /** The chunk being consumed, and the position in it. */
  #current: Buffer = none
  #at = 0
  /** Chunks after the current one. */
  readonly #queue: Buffer[] = []
  #queuedBytes = 0
  /** The beginning of a line whose end has not come: the first `#spilled` bytes. Stands before `#current`. */
  #spill: Buffer = none
  #spilled = 0
  /** Bytes of an over-long line thrown away so far; 0 while the line is within its limit. */
  #discarded = 0
  #discardedCr = false

  /** Bytes that can be taken now. */
  get bytes(): number {
    return this.#spilled + this.#current.length - this.#at + this.#queuedBytes
  }

  get chunks(): number {
    return this.#queue.length
  }

  /** Bytes thrown away so far of an over-long line whose end has not come. */
  get discarded(): number {
    return this.#discarded
  }

  /** The chunk must not change afterwards: lines are views of it. */
  push(chunk: Buffer): void {
    // A chunk that was taken whole may have others behind it, which came before this one.
    if (this.#at === this.#current.length && this.#queue.length === 0) {
      this.#current = chunk
      this.#at = 0
    } else {
      this.#queue.push(chunk)
      this.#queuedBytes += chunk.length
    }
  }

  /**
   * The next line without its CRLF; undefined while its end is not here. `lineTooLong` stands for one
   * line over `maxBytes` (CRLF not counted), which is gone. With `bareLf` a lone LF ends a line too.
   * Both arguments stay the same until a begun line is complete.
   */
  takeLine(maxBytes: number, bareLf: boolean): Buffer | typeof lineTooLong | undefined {
    for (;;) {
      const lf = this.#findLineEnd(bareLf)
      if (lf !== -1) return this.#cutLine(lf, maxBytes)
      this.#setAside(maxBytes)
      if (!this.#advance()) return undefined
    }
  }

  /** The next bytes that lie together, at most `maxBytes` (above 0) of them, without a copy. */
  takeChunk(maxBytes: number): Buffer | undefined {
    if (this.#spilled > 0) {
      const begun = this.#spill.subarray(0, this.#spilled)
      this.#spill = none
      this.#spilled = 0
      this.unread(begun)
    }
    if (this.#at === this.#current.length && !this.#advance()) return undefined
    const start = this.#at
    this.#at = Math.min(this.#current.length, start + maxBytes)
    return this.#current.subarray(start, this.#at)
  }

  /** Puts bytes back in front. Not while a line is half taken. */
  unread(bytes: Buffer): void {
    if (bytes.length === 0) return
    if (this.#spilled > 0) throw new Error('unread inside a line')
    const rest = this.#current.length - this.#at
    if (rest > 0) {
      this.#queue.unshift(this.#current.subarray(this.#at))
      this.#queuedBytes += rest
    }
    this.#current = bytes
    this.#at = 0
  }

  /** Drops everything; returns how many bytes that were. */
  clear(): number {
    const dropped = this.bytes + this.#discarded
    this.#current = none
    this.#at = 0
    this.#queue.length = 0
    this.#queuedBytes = 0
    this.#spill = none
    this.#spilled = 0
    this.#discarded = 0
    return dropped
  }

  #findLineEnd(bareLf: boolean): number {
    const bytes = this.#current
    let lf = bytes.indexOf(LF, this.#at)
    while (lf !== -1 && !bareLf && this.#byteBefore(lf) !== CR) lf = bytes.indexOf(LF, lf + 1)
    return lf
  }

  #byteBefore(index: number): number {
    if (index > this.#at) return this.#current[index - 1]!
    if (this.#discarded > 0) return this.#discardedCr ? CR : -1
    return this.#spilled > 0 ? this.#spill[this.#spilled - 1]! : -1
  }

  #cutLine(lf: number, maxBytes: number): Buffer | typeof lineTooLong {
    const start = this.#at
    this.#at = lf + 1
    if (this.#discarded > 0) {
      this.#discarded = 0
      return lineTooLong
    }
    let line: Buffer
    if (this.#spilled === 0) {
      line = this.#current.subarray(start, lf)
    } else {
      const fits = this.#spilled + lf - start <= maxBytes + 1
      if (fits) this.#append(start, lf)
      line = this.#spill.subarray(0, this.#spilled)
      this.#spill = none
      this.#spilled = 0
      if (!fits) return lineTooLong
    }
    const end = line.length > 0 && line[line.length - 1] === CR ? line.length - 1 : line.length
    if (end > maxBytes) return lineTooLong
    return end === line.length ? line : line.subarray(0, end)
  }

  /** Moves the rest of the current chunk to the begun line, or forgets it where the line is too long. */
  #setAside(maxBytes: number): void {
    const end = this.#current.length
    const rest = end - this.#at
    if (rest === 0) return
    // One byte more than the limit, because the last one may be the CR of a CRLF.
    if (this.#discarded > 0 || this.#spilled + rest > maxBytes + 1) {
      this.#discarded += this.#spilled + rest
      this.#discardedCr = this.#current[end - 1] === CR
      this.#spill = none
      this.#spilled = 0
    } else {
      this.#append(this.#at, end)
    }
    this.#at = end
  }

  #append(start: number, end: number): void {
    const needed = this.#spilled + end - start
    if (needed > this.#spill.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(smallestSpill, needed, this.#spill.length * 2))
      this.#spill.copy(larger, 0, 0, this.#spilled)
      this.#spill = larger
    }
    this.#current.copy(this.#spill, this.#spilled, start, end)
    this.#spilled = needed
  }

  /** Goes to the next chunk; lets go of the last one, so that an idle connection holds no memory. */
  #advance(): boolean {
    const next = this.#queue.shift()
    this.#current = next ?? none
    this.#at = 0
    if (next === undefined) return false
    this.#queuedBytes -= next.length
    return true
  }
}
