/**
 * A stream over another one with DEFLATE in both directions (RFC 1951), begun and ended between two bytes.
 *
 * What is written leaves in pieces that the peer can inflate to their last byte. What comes is inflated only when
 * somebody reads, and no further than to where the peer flushed: so a few bytes that stand for a gigabyte cost
 * memory no more than what is read of them, and where the peer goes on without DEFLATE, what it sends then is
 * still as it came.
 */
import { Duplex } from 'node:stream'
import { constants, createDeflateRaw, createInflateRaw } from 'node:zlib'

/** With which a flush ends: an empty stored block. */
const flushMark = Buffer.from([0x00, 0x00, 0xff, 0xff])
/** A flush is not longer than this, of which nothing can be inflated. */
const flushBytes = 16

export interface Undeflated {
  readonly lower: Duplex
  /** The end of what was inflated, where it had not come to a flush: the last line can be had before that. */
  readonly begun: Buffer | undefined
  /** What had come and is to be read as it is, but for the rest of the flush. */
  readonly rest: readonly Buffer[]
}

/** What is behind the flush of which `begun` has come; `begun` again, longer, while that has not ended. */
export function behindFlush(begun: Buffer, chunk: Buffer): { rest: Buffer; begun: Buffer | undefined } {
  const bytes = Buffer.concat([begun, chunk])
  const mark = bytes.indexOf(flushMark)
  if (mark !== -1) return { rest: bytes.subarray(mark + flushMark.length), begun: undefined }
  if (bytes.length <= flushBytes) return { rest: Buffer.alloc(0), begun: bytes }
  return { rest: chunk, begun: undefined }
}

type Done = (error?: Error | null) => void

export class DeflateStream extends Duplex {
  readonly #lower: Duplex
  /** A quarter of the memory and of the time of the defaults; what comes out is a quarter larger. */
  readonly #deflate = createDeflateRaw({
    flush: constants.Z_SYNC_FLUSH,
    level: 1,
    windowBits: 13,
    memLevel: 6,
  })
  readonly #inflate = createInflateRaw({ flush: constants.Z_SYNC_FLUSH })
  /** What came and was not given to be inflated. */
  readonly #pieces: Buffer[] = []
  /** The piece that was given last to be inflated, and how much was in all. */
  #last: Buffer = Buffer.alloc(0)
  #givenBytes = 0
  #isInflating = false
  #isWanted = false
  /** No more can be inflated: the peer ended what it compressed, or sent what is not compressed. */
  #isOver = false
  #lowerEnded = false
  /** Input ended because it is not DEFLATE. */
  isGarbled = false

  /** `begun`: what had come already. */
  constructor(lower: Duplex, begun: readonly Buffer[]) {
    // Nothing is read ahead.
    super({ readableHighWaterMark: 0 })
    this.#lower = lower
    for (const chunk of begun) this.#split(chunk)
    lower.on('data', this.#onData)
    lower.on('end', this.#onEnd)
    lower.on('drain', this.#onDrain)
    lower.pause()
    this.#deflate.on('data', (chunk: Buffer) => {
      if (!lower.write(chunk)) this.#deflate.pause()
    })
    this.#deflate.on('error', (error) => this.destroy(error))
    this.#inflate.on('readable', this.#pump)
    this.#inflate.on('end', () => {
      this.#isOver = true
      this.#pump()
    })
    this.#inflate.on('error', () => {
      this.isGarbled = true
      this.push(null)
    })
  }

  /** Goes back to the stream below, when all that was written has left. */
  stop(): Undeflated {
    const lower = this.#lower
    lower.off('data', this.#onData)
    lower.off('end', this.#onEnd)
    lower.off('drain', this.#onDrain)
    // What a peer that reads slowly has kept waiting.
    while (this.#deflate.read() !== null);
    const unused = this.#givenBytes - this.#inflate.bytesWritten
    this.#deflate.destroy()
    this.#inflate.destroy()
    if (unused > 0) return { lower, begun: undefined, rest: [this.#last.subarray(-unused), ...this.#pieces] }
    const isFlushed = this.#isOver || this.#last.subarray(-flushMark.length).equals(flushMark)
    return {
      lower,
      begun: isFlushed ? undefined : this.#last.subarray(1 - flushMark.length),
      rest: this.#pieces,
    }
  }

  override _read(): void {
    this.#isWanted = true
    this.#pump()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: Done): void {
    this.#deflate.write(chunk, done)
  }

  override _writev(chunks: readonly { readonly chunk: Buffer }[], done: Done): void {
    this.#deflate.write(Buffer.concat(chunks.map(({ chunk }) => chunk)), done)
  }

  override _final(done: Done): void {
    this.#deflate.once('end', () => this.#lower.end(done))
    this.#deflate.end()
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#deflate.destroy()
    this.#inflate.destroy()
    this.#lower.destroy()
    done(error)
  }

  readonly #onData = (chunk: Buffer): void => {
    this.#lower.pause()
    this.#split(chunk)
    this.#pump()
  }

  readonly #onEnd = (): void => {
    this.#lowerEnded = true
    this.#pump()
  }

  readonly #onDrain = (): void => void this.#deflate.resume()

  #split(chunk: Buffer): void {
    let from = 0
    for (;;) {
      const mark = chunk.indexOf(flushMark, from)
      if (mark === -1) break
      this.#pieces.push(chunk.subarray(from, mark + flushMark.length))
      from = mark + flushMark.length
    }
    if (from < chunk.length) this.#pieces.push(chunk.subarray(from))
  }

  /** Makes one step towards the next inflated bytes, if they are wanted. */
  readonly #pump = (): void => {
    if (!this.#isWanted || this.isGarbled || this.destroyed) return
    const bytes = this.#inflate.read() as Buffer | null
    if (bytes !== null) {
      this.#isWanted = false
      this.push(bytes)
    } else if (this.#isOver) this.#pumpAfterEnd()
    else if (this.#isInflating) return
    else if (this.#pieces.length > 0) this.#give(this.#pieces.shift()!)
    else if (this.#lowerEnded) this.push(null)
    else this.#lower.resume()
  }

  /** Nothing but the end of the connection may follow what the peer has ended, if this goes on to be read. */
  #pumpAfterEnd(): void {
    const hasRest = this.#pieces.length > 0 || this.#givenBytes > this.#inflate.bytesWritten
    if (!hasRest && !this.#lowerEnded) {
      this.#lower.resume()
      return
    }
    this.isGarbled = hasRest
    this.push(null)
  }

  #give(piece: Buffer): void {
    this.#last = piece
    this.#givenBytes += piece.length
    this.#isInflating = true
    this.#inflate.write(piece, () => {
      this.#isInflating = false
      this.#pump()
    })
  }
}
