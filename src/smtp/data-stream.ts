/**
 * Mail data on its way in (RFC 5321 §4.1.1.4, §4.5.2): finds the one sequence that ends it, CRLF.CRLF, and
 * takes the transparency dots out, in one pass with no buffer. Content is given as views of the chunks; a
 * chunk without a line that begins with a dot is one piece. The result does not depend on how the bytes
 * were split.
 *
 * A CR or LF outside CRLF never ends anything. It is remembered, and the message is refused: what other
 * servers make of such bytes differs, which lets a sender smuggle a second message behind a first one
 * (RFC 5321 §2.3.8 forbids them both).
 */

const CR = 0x0d
const LF = 0x0a
const DOT = 0x2e

/** What the last byte was. `dotCr` holds back a CR that may belong to the end of the data. */
type State = 'lineStart' | 'inLine' | 'cr' | 'dot' | 'dotCr' | 'ended'

const heldCr = Buffer.of(CR)

export class DataStream {
  #state: State = 'lineStart'
  #chunk: Buffer = heldCr
  #at = 0
  #hasBareLineEnd = false
  #piece: Buffer = heldCr

  /** The content that `next` found: valid until the next call. */
  get piece(): Buffer {
    return this.#piece
  }

  /** Where `next` has got to in the chunk: after `end` the rest is the next command's. */
  get position(): number {
    return this.#at
  }

  /** True where the content has a CR or LF that is not part of CRLF. */
  get hasBareLineEnd(): boolean {
    return this.#hasBareLineEnd
  }

  /** Goes on with another chunk. The one before must be used up. */
  feed(chunk: Buffer): void {
    this.#chunk = chunk
    this.#at = 0
  }

  /** `piece`: there is content; `more`: the chunk is used up; `end`: the data has ended, also for good. */
  next(): 'piece' | 'more' | 'end' {
    const chunk = this.#chunk
    if (this.#state === 'ended') return 'end'
    if (this.#at === chunk.length) return 'more'
    if (this.#state === 'lineStart' && chunk[this.#at] === DOT) {
      this.#at++
      this.#state = 'dot'
      if (this.#at === chunk.length) return 'more'
    }
    if (this.#state === 'dot' && chunk[this.#at] === CR) {
      this.#at++
      this.#state = 'dotCr'
      if (this.#at === chunk.length) return 'more'
    }
    if (this.#state === 'dotCr') {
      if (chunk[this.#at] === LF) {
        this.#at++
        this.#state = 'ended'
        return 'end'
      }
      this.#hasBareLineEnd = true
      this.#state = 'inLine'
      this.#piece = heldCr
      return 'piece'
    }
    this.#content(chunk)
    return 'piece'
  }

  /** Takes content up to a dot at the start of a line or the end of the chunk: at least one byte. */
  #content(chunk: Buffer): void {
    const start = this.#at
    const end = chunk.length
    let i = start
    if (this.#state === 'cr') {
      if (chunk[i] === LF) {
        i++
        if (i === end || chunk[i] === DOT) return this.#cut(start, i, 'lineStart')
      } else this.#hasBareLineEnd = true
    }
    while (i < end) {
      const c = chunk[i++]!
      if (c > CR) continue
      if (c === CR) {
        if (i === end) return this.#cut(start, i, 'cr')
        if (chunk[i] === LF) {
          i++
          if (i === end || chunk[i] === DOT) return this.#cut(start, i, 'lineStart')
        } else this.#hasBareLineEnd = true
      } else if (c === LF) this.#hasBareLineEnd = true
    }
    this.#cut(start, end, 'inLine')
  }

  #cut(start: number, end: number, state: State): void {
    this.#piece = start === 0 && end === this.#chunk.length ? this.#chunk : this.#chunk.subarray(start, end)
    this.#at = end
    this.#state = state
  }
}
