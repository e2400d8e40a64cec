/**
 * A position in bytes that a parser owns. Methods named after grammar elements live with the grammar;
 * here is only what every grammar needs. Reading past the end gives -1, never an exception.
 */
import { hasAsciiAt } from './bytes.ts'
import { SyntaxFault } from './fault.ts'

export class Cursor {
  readonly bytes: Uint8Array
  readonly end: number
  at: number

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.bytes = bytes
    this.at = start
    this.end = end
  }

  get atEnd(): boolean {
    return this.at >= this.end
  }

  /** The byte at the position (or `ahead` of it), -1 past the end. */
  peek(ahead = 0): number {
    const i = this.at + ahead
    return i < this.end ? this.bytes[i]! : -1
  }

  /** The byte at the position, which moves on; -1 at the end. */
  next(): number {
    return this.at < this.end ? this.bytes[this.at++]! : -1
  }

  /** Takes the byte if it stands here. */
  take(byte: number): boolean {
    if (this.peek() !== byte) return false
    this.at++
    return true
  }

  /** Takes a word, given in lower case, in any ASCII case. */
  takeWord(lowerCase: string): boolean {
    if (this.at + lowerCase.length > this.end || !hasAsciiAt(this.bytes, this.at, lowerCase)) return false
    this.at += lowerCase.length
    return true
  }

  expect(byte: number, what: string): void {
    if (!this.take(byte)) this.fail(`expected ${what}`)
  }

  /** Takes bytes while `accepts` says so; returns them without a copy. */
  takeWhile(accepts: (byte: number) => boolean): Uint8Array {
    const start = this.at
    while (this.at < this.end && accepts(this.bytes[this.at]!)) this.at++
    return this.bytes.subarray(start, this.at)
  }

  fail(message: string): never {
    throw new SyntaxFault(message, this.at)
  }
}
