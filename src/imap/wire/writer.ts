/**
 * What a session has to say, written into one growing piece of memory and handed to the connection in large
 * chunks. Nothing is concatenated as text, and an idle session holds no memory.
 *
 * The connection keeps what it is given until it is sent, so memory that was handed over is not written to before
 * all of it is: then it serves again, since memory that is thrown away costs V8 a full collection for every ten
 * megabytes. Whoever writes much calls `room` now and then, and waits where it returns a promise: then a client that
 * reads slowly costs a fixed amount.
 */
import { isUtf8 } from 'node:buffer'
import { latin1 } from '#base/bytes.ts'
import type { Maybe } from '#base/maybe.ts'

/** Where the bytes go: the part of Connection that is needed. */
export interface Sink {
  write(...chunks: readonly Uint8Array[]): Maybe<void>
  /** Bytes of what was written that somebody may still read: 0 once all has been sent. */
  readonly unsent: number
}

const firstBytes = 1024
/** Once this much has been written, it is handed over. */
const chunkBytes = 32 * 1024
/** While one chunk is being sent the next one is written; both end with a response that goes beyond. */
const bufferBytes = 2 * (chunkBytes + firstBytes)
/** The end of a response and the line that completes its command. */
const tailBytes = 128
const nothing = Buffer.alloc(0)

const SP = 0x20
const CR = 0x0d
const LF = 0x0a
const DQUOTE = 0x22
const BACKSLASH = 0x5c
const nil = latin1('NIL')

/** Pieces up to this are copied byte by byte, which is quicker than the call that copies more. */
const shortBytes = 24

export class ResponseWriter {
  readonly #sink: Sink
  #buffer: Buffer = nothing
  #at = 0
  /** The bytes below this were handed over. */
  #sent = 0

  constructor(sink: Sink) {
    this.#sink = sink
  }

  #need(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return
    const waiting = this.#at - this.#sent
    if (this.#sent > 0 && waiting + bytes <= this.#buffer.length && this.#sink.unsent === 0) {
      this.#buffer.copyWithin(0, this.#sent, this.#at)
      this.#at = waiting
      this.#sent = 0
      return
    }
    // What waits to be handed over doubles; otherwise new memory is for the next chunk. Behind what needs much there
    // is room for the end of its response.
    const wanted = Math.max(2 * waiting, Math.min(2 * this.#buffer.length, bufferBytes))
    const needed = waiting + bytes
    const size = needed <= firstBytes ? Math.max(firstBytes, wanted) : Math.max(needed + tailBytes, wanted)
    // Most commands have short answers, for which memory comes from the pool.
    const larger = size === firstBytes ? Buffer.allocUnsafe(size) : Buffer.allocUnsafeSlow(size)
    this.#buffer.copy(larger, 0, this.#sent, this.#at)
    this.#buffer = larger
    this.#at = waiting
    this.#sent = 0
  }

  byte(value: number): this {
    this.#need(1)
    this.#buffer[this.#at++] = value
    return this
  }

  sp(): this {
    return this.byte(SP)
  }

  crlf(): this {
    this.#need(2)
    this.#buffer[this.#at++] = CR
    this.#buffer[this.#at++] = LF
    return this
  }

  /** Text whose characters are all below 256. */
  ascii(text: string): this {
    const length = text.length
    this.#need(length)
    if (length <= shortBytes) {
      const buffer = this.#buffer
      let at = this.#at
      for (let i = 0; i < length; i++) buffer[at++] = text.charCodeAt(i)
      this.#at = at
    } else this.#at += this.#buffer.write(text, this.#at, 'latin1')
    return this
  }

  bytes(bytes: Uint8Array): this {
    const length = bytes.length
    this.#need(length)
    if (length <= shortBytes) {
      const buffer = this.#buffer
      let at = this.#at
      for (let i = 0; i < length; i++) buffer[at++] = bytes[i]!
      this.#at = at
    } else {
      this.#buffer.set(bytes, this.#at)
      this.#at += length
    }
    return this
  }

  /** An integer from 0 to 2^53-1 in decimal. */
  uint(value: number): this {
    this.#need(16)
    if (value > 0x7fff_ffff) return this.ascii(String(value))
    let digits = 1
    for (let limit = 10; digits < 10 && value >= limit; limit *= 10) digits++
    let rest = value
    const end = this.#at + digits
    for (let at = end - 1; at >= this.#at; at--) {
      const next = (rest / 10) | 0
      this.#buffer[at] = 0x30 + rest - next * 10
      rest = next
    }
    this.#at = end
    return this
  }

  nil(): this {
    return this.bytes(nil)
  }

  /** A string: quoted where that can be, else as a literal. `utf8` says whether quoted ones may hold UTF-8. */
  string(bytes: Uint8Array, utf8: boolean): this {
    if (!isQuotable(bytes, utf8)) return this.literal(bytes)
    this.byte(DQUOTE)
    let from = 0
    for (let i = 0; i < bytes.length; i++) {
      const c = bytes[i]!
      if (c !== DQUOTE && c !== BACKSLASH) continue
      this.bytes(bytes.subarray(from, i)).byte(BACKSLASH)
      from = i
    }
    return this.bytes(from === 0 ? bytes : bytes.subarray(from)).byte(DQUOTE)
  }

  literal(bytes: Uint8Array): this {
    return this.literalStart(bytes.length).bytes(bytes)
  }

  /** `{n}` and CRLF; the bytes must follow. */
  literalStart(sizeBytes: number): this {
    return this.byte(0x7b).uint(sizeBytes).byte(0x7d).crlf()
  }

  /** Bytes written and not handed over. */
  get waiting(): number {
    return this.#at - this.#sent
  }

  /** To be called between responses: a promise only where the client does not keep up. */
  room(): Maybe<void> {
    return this.waiting >= chunkBytes ? this.#hand() : undefined
  }

  /** Hands over everything and then these bytes, without a copy: they must not change afterwards. */
  large(bytes: Uint8Array): Maybe<void> {
    const full = this.#hand()
    if (full === undefined) return this.#sink.write(bytes)
    return full.then(() => this.#sink.write(bytes))
  }

  /** Hands over everything, and lets go of the memory. */
  end(): Maybe<void> {
    const full = this.#hand()
    this.#buffer = nothing
    this.#at = 0
    this.#sent = 0
    return full
  }

  #hand(): Maybe<void> {
    if (this.#at === this.#sent) return undefined
    const chunk = this.#buffer.subarray(this.#sent, this.#at)
    this.#sent = this.#at
    return this.#sink.write(chunk)
  }
}

/** RFC 9051 §9: a quoted string holds no line end and no NUL, and UTF-8 only where that was enabled. */
function isQuotable(bytes: Uint8Array, utf8: boolean): boolean {
  if (bytes.length > 1024) return false
  let isAscii = true
  for (const c of bytes) {
    if (c === CR || c === LF || c === 0) return false
    if (c >= 0x80) isAscii = false
  }
  return isAscii || (utf8 && isUtf8(bytes))
}
