/**
 * Compact binary values: what the rows of the store are made of.
 *
 * Unsigned integers are LEB128 (7 bits a byte, low bits first) up to 2^53-1; bytes and text carry their
 * length in front. A reader over damaged bytes throws a SyntaxFault and never reads outside them.
 */
import { asBuffer } from './bytes.ts'
import { SyntaxFault } from './fault.ts'

/** What the first four bytes of an integer hold. */
const lowRange = 2 ** 28

export class PackWriter {
  #buffer: Buffer
  #at = 0

  /** `room` is an expected size, or memory to write into while it lasts. */
  constructor(room: number | Buffer = 128) {
    this.#buffer = typeof room === 'number' ? Buffer.allocUnsafe(room) : room
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + bytes))
    this.#buffer.copy(larger, 0, 0, this.#at)
    this.#buffer = larger
  }

  u8(value: number): this {
    this.#room(1)
    this.#buffer[this.#at++] = value
    return this
  }

  /** An unsigned integer below 2^53. */
  uint(value: number): this {
    this.#room(8)
    // Integers of 32 bits are the fast ones: what is above the first four bytes comes by itself.
    let rest = value
    if (value >= lowRange) {
      let low = value % lowRange
      rest = (value - low) / lowRange
      for (let i = 0; i < 4; i++, low >>>= 7) this.#buffer[this.#at++] = low | 0x80
    }
    for (; rest >= 0x80; rest >>>= 7) this.#buffer[this.#at++] = rest | 0x80
    this.#buffer[this.#at++] = rest
    return this
  }

  /** A signed integer as an unsigned one: 0, -1, 1, -2 ... as 0, 1, 2, 3 ... */
  int(value: number): this {
    return this.uint(value < 0 ? -2 * value - 1 : 2 * value)
  }

  bytes(value: Uint8Array): this {
    this.uint(value.length)
    return this.raw(value)
  }

  /** Bytes without a length: the reader must know how many. */
  raw(value: Uint8Array): this {
    this.#room(value.length)
    this.#buffer.set(value, this.#at)
    this.#at += value.length
    return this
  }

  /** What another one has written. */
  all(other: PackWriter): this {
    return this.#copy(other.#buffer, 0, other.#at)
  }

  /** The same, with its length in front. */
  written(other: PackWriter): this {
    return this.uint(other.#at).all(other)
  }

  /** Bytes of what a reader reads, as they are. */
  part(from: PackReader, start: number, end: number): this {
    return this.#copy(from.buffer, start, end)
  }

  #copy(from: Buffer, start: number, end: number): this {
    this.#room(end - start)
    // Few bytes are sooner copied than handed over.
    if (end - start > 32) from.copy(this.#buffer, this.#at, start, end)
    else for (let i = start; i < end; i++) this.#buffer[this.#at + i - start] = from[i]!
    this.#at += end - start
    return this
  }

  text(value: string): this {
    const length = Buffer.byteLength(value)
    this.uint(length)
    this.#room(length)
    this.#at += this.#buffer.write(value, this.#at, 'utf8')
    return this
  }

  /** Text of characters below 256, a byte each. */
  latin1(value: string): this {
    this.uint(value.length)
    this.#room(value.length)
    this.#at += this.#buffer.write(value, this.#at, 'latin1')
    return this
  }

  /** Ascending integers as the first one and the gaps after it. */
  ascending(values: readonly number[]): this {
    this.uint(values.length)
    let last = 0
    for (const value of values) {
      this.uint(value - last)
      last = value
    }
    return this
  }

  /** Bytes that were written so far. */
  get size(): number {
    return this.#at
  }

  /** Nothing was written; what was is no longer needed, `done` of it neither. */
  clear(): void {
    this.#at = 0
  }

  /** What was written so far; the writer must not be used afterwards. */
  done(): Uint8Array {
    return this.#buffer.subarray(0, this.#at)
  }
}

export class PackReader {
  readonly #bytes: Buffer
  #at: number

  /** Of all that is read. */
  get buffer(): Buffer {
    return this.#bytes
  }

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = asBuffer(bytes)
    this.#at = at
  }

  get at(): number {
    return this.#at
  }

  get left(): number {
    return this.#bytes.length - this.#at
  }

  u8(): number {
    if (this.#at >= this.#bytes.length) this.#damaged()
    return this.#bytes[this.#at++]!
  }

  uint(): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < 8; i++) {
      const byte = this.u8()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 0x80
    }
    return this.#damaged()
  }

  int(): number {
    const value = this.uint()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  /** A view of the reader's memory, not a copy. */
  bytes(): Uint8Array {
    return this.raw(this.uint())
  }

  raw(length: number): Uint8Array {
    const end = this.#at + length
    if (end > this.#bytes.length) this.#damaged()
    const value = this.#bytes.subarray(this.#at, end)
    this.#at = end
    return value
  }

  skip(length: number): void {
    if (length > this.left) this.#damaged()
    this.#at += length
  }

  /** Passes over so many unsigned integers. */
  skipUints(count: number): void {
    for (let left = count; left > 0; left--) while (this.u8() >= 0x80);
  }

  text(): string {
    return asBuffer(this.bytes()).toString('utf8')
  }

  latin1(): string {
    const length = this.uint()
    const start = this.#at
    if (length > this.left) this.#damaged()
    this.#at += length
    return this.#bytes.toString('latin1', start, this.#at)
  }

  ascending(): number[] {
    const count = this.uint()
    if (count > this.left) this.#damaged()
    const values = new Array<number>(count)
    let last = 0
    for (let i = 0; i < count; i++) values[i] = last += this.uint()
    return values
  }

  #damaged(): never {
    throw new SyntaxFault('damaged value', this.#at)
  }
}
