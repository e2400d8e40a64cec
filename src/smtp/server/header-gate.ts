/**
 * Holds the beginning of a message back until its header is complete, so that the header can be looked at as
 * a whole and fields can be left out of it before anything is stored. Behind the header nothing is held.
 * What must hold: at most `maxBytes` and one piece are kept; where the header ends is what every other reader
 * of headers finds (`message/headers.ts`); however the bytes are split, what passes is the same.
 */
import { Fault } from '#base/fault.ts'
import type { Maybe } from '#base/maybe.ts'
import type { ByteRange } from '#message/auth-results-reader.ts'
import { FieldScanner } from '#message/headers.ts'

/** Who looks at a message while it comes in. What is given may be reused when the call is settled. */
export interface MessageObserver {
  /** The complete header with its empty line, once. Gives what of it is not to be kept, in order. */
  header(block: Buffer): Maybe<readonly ByteRange[]>
  /** Everything after it, in pieces of any size. */
  body(piece: Buffer): void
}

const LF = 0x0a
const CR = 0x0d

export class HeaderGate {
  readonly #observer: MessageObserver
  readonly #maxBytes: number
  /** The first `#heldBytes` of it are the message so far. */
  #held: Buffer = Buffer.alloc(0)
  #heldBytes = 0
  #isOpen = false

  constructor(observer: MessageObserver, maxBytes: number) {
    this.#observer = observer
    this.#maxBytes = maxBytes
  }

  /** What may pass now. Throws the Fault `tooLarge` where the header has no end within its limit. */
  push(piece: Buffer): Maybe<readonly Buffer[]> {
    if (this.#isOpen) {
      this.#observer.body(piece)
      return [piece]
    }
    const before = this.#heldBytes
    const all = before === 0 ? piece : this.#hold(piece)
    // Of what came before, an empty line may have the last two bytes.
    const end = endOfEmptyLine(all, Math.max(0, before - 2))
    if (end >= 0) return this.#open(all, end)
    if (all.length > this.#maxBytes) return this.#open(all, all.length)
    if (before === 0) this.#hold(piece)
    return []
  }

  /** The message is complete; what of it was held may pass. */
  end(): Maybe<readonly Buffer[]> {
    return this.#isOpen ? [] : this.#open(this.#held.subarray(0, this.#heldBytes), this.#heldBytes)
  }

  /** Room doubles, so a header that comes byte by byte costs no more than its length. */
  #hold(piece: Buffer): Buffer {
    const needed = this.#heldBytes + piece.length
    if (needed > this.#held.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#held.length))
      this.#held.copy(larger, 0, 0, this.#heldBytes)
      this.#held = larger
    }
    this.#held.set(piece, this.#heldBytes)
    this.#heldBytes = needed
    return this.#held.subarray(0, needed)
  }

  #open(all: Buffer, limit: number): Maybe<readonly Buffer[]> {
    const scanner = new FieldScanner(all, 0, limit)
    while (scanner.next());
    const { headerEnd } = scanner
    if (headerEnd > this.#maxBytes)
      throw new Fault('tooLarge', 'message header too large', { limit: this.#maxBytes })
    this.#isOpen = true
    const pass = (dropped: readonly ByteRange[]): readonly Buffer[] => {
      if (all.length > headerEnd) this.#observer.body(all.subarray(headerEnd))
      return without(all, dropped)
    }
    const found = this.#observer.header(all.subarray(0, headerEnd))
    return found instanceof Promise ? found.then(pass) : pass(found)
  }
}

/** The offset behind the first empty line that begins at `from` or later, -1 where there is none. */
function endOfEmptyLine(bytes: Buffer, from: number): number {
  if (from === 0) {
    if (bytes[0] === LF) return 1
    if (bytes[0] === CR && bytes[1] === LF) return 2
  }
  for (let at = bytes.indexOf(LF, from); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at + 1] === LF) return at + 2
    if (bytes[at + 1] === CR && bytes[at + 2] === LF) return at + 3
  }
  return -1
}

function without(bytes: Buffer, dropped: readonly ByteRange[]): readonly Buffer[] {
  const kept: Buffer[] = []
  let at = 0
  for (const { start, end } of dropped) {
    if (start > at) kept.push(bytes.subarray(at, start))
    at = end
  }
  if (at < bytes.length) kept.push(bytes.subarray(at))
  return kept
}
