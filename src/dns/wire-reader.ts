/**
 * Reads the fields of a DNS message in order (RFC 1035 §4). Whatever is not there or not right is
 * SyntaxFault, and nothing is read outside the message. The work of reading a name is bounded by a constant,
 * so reading a message is linear in its length.
 */
import { SyntaxFault } from '#base/fault.ts'
import { encodeName, foldName, isPlainName, labelText, longestName, rootName } from './name.ts'

/** More than labels in a name: whoever needs more pointers wants to keep us busy. */
const mostPointers = 127

export class WireReader {
  readonly #bytes: Buffer
  readonly #end: number
  at: number

  /** Names may point to anywhere before them in `bytes`; all else is read from `start` up to `end`. */
  constructor(bytes: Buffer, start = 0, end = bytes.length) {
    this.#bytes = bytes
    this.at = start
    this.#end = end
  }

  get left(): number {
    return this.#end - this.at
  }

  u8(): number {
    return this.#bytes[this.#step(1)]!
  }

  u16(): number {
    return this.#bytes.readUInt16BE(this.#step(2))
  }

  u32(): number {
    return this.#bytes.readUInt32BE(this.#step(4))
  }

  /** A copy, so that what is kept of a message does not keep all of it. */
  take(length: number): Buffer {
    const start = this.#step(length)
    return Buffer.from(this.#bytes.subarray(start, start + length))
  }

  /** A reader of the next `length` bytes, which are passed over. */
  part(length: number): WireReader {
    const start = this.#step(length)
    return new WireReader(this.#bytes, start, start + length)
  }

  /** RFC 1035 §4.1.4: a name, whose tail may be a pointer to an earlier one. */
  name(): string {
    const bytes = this.#bytes
    const labels: string[] = []
    let at = this.at
    let end = this.#end
    /** Where the name goes on for whoever reads the message: after its first pointer. */
    let after: number | undefined
    /** Pointers lead to before everything that was read for this name, so there can be no loop. */
    let floor = at
    let octets = 1
    let pointers = 0
    for (;;) {
      if (at >= end) this.fail('a name is cut off')
      const length = bytes[at]!
      if (length === 0) break
      if (length >= 0xc0) {
        if (at + 1 >= end) this.fail('a name is cut off')
        const target = ((length & 0x3f) << 8) | bytes[at + 1]!
        if (target >= floor || ++pointers > mostPointers) this.fail('a name points to itself or forwards')
        after ??= at + 2
        at = floor = target
        end = bytes.length
        continue
      }
      // RFC 6891 §5: extended label types are not in use.
      if (length > 63) this.fail('a label of an unknown type')
      octets += length + 1
      if (octets > longestName) this.fail('a name of more than 255 octets')
      if (at + 1 + length > end) this.fail('a name is cut off')
      labels.push(labelText(bytes, at + 1, at + 1 + length))
      at += 1 + length
    }
    this.at = after ?? at + 1
    return labels.length === 0 ? rootName : labels.join('.')
  }

  fail(message: string): never {
    throw new SyntaxFault(message, this.at)
  }

  #step(length: number): number {
    const start = this.at
    if (length > this.#end - start) this.fail('the message is cut off')
    this.at = start + length
    return start
  }
}

/** The one text of a name, folded, without a final dot; undefined where it is none. */
export function canonicalName(text: string): string | undefined {
  // Nearly all are; it is a fifth of the work of the general way.
  if (isPlainName(text)) return foldName(text)
  const wire = encodeName(text)
  return wire === undefined ? undefined : foldName(new WireReader(wire).name())
}
