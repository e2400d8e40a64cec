/**
 * Messages on a stream, each with its length before it (RFC 1035 §4.2.2). At most one message is kept while it
 * is incomplete, which is 64 KiB; any split of the stream gives the same messages.
 */
export class FrameReader {
  /** The upper byte of a length whose lower one has not come. */
  #upper: number | undefined
  #frame: Buffer | undefined
  #filled = 0

  /** Hands over the messages that these bytes complete. */
  push(chunk: Buffer, take: (message: Buffer) => void): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#frame === undefined) {
        const byte = chunk[at++]!
        if (this.#upper === undefined) this.#upper = byte
        else this.#begin((this.#upper << 8) | byte)
      } else {
        const copied = chunk.copy(this.#frame, this.#filled, at)
        at += copied
        this.#filled += copied
      }
      if (this.#frame !== undefined && this.#filled === this.#frame.length) {
        const message = this.#frame
        this.#frame = undefined
        take(message)
      }
    }
  }

  #begin(length: number): void {
    this.#frame = Buffer.alloc(length)
    this.#filled = 0
    this.#upper = undefined
  }
}

export function frame(message: Buffer): Buffer {
  const framed = Buffer.allocUnsafe(2 + message.length)
  framed.writeUInt16BE(message.length, 0)
  framed.set(message, 2)
  return framed
}
