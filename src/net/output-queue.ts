/**
 * What is to be sent on a connection: small pieces are joined, and one batch at a time is with the socket.
 *
 * Nothing leaves before `send`, so that the answers to pipelined commands share a packet. A batch is at
 * most `batchBytes` (a larger piece is sliced without a copy): one that is not taken over by the kernel
 * within `stallMs` means that the peer does not read, and is reported once.
 */
import type { Writable } from 'node:stream'

const batchBytes = 64 * 1024
const highWaterBytes = 64 * 1024
const lowWaterBytes = 16 * 1024
/** Pieces below this are copied together; larger ones are cheaper to hand over as they are. */
const joinBelowBytes = 8 * 1024

export interface OutputQueueOptions {
  readonly stallMs: number
  onStall(): void
}

interface Waiter {
  /** Settled when no more than this many bytes are left. */
  readonly atMost: number
  resolve(): void
  reject(error: Error): void
}

export class OutputQueue {
  #sink: Writable
  readonly #o: OutputQueueOptions
  #pieces: Uint8Array[] = []
  #queuedBytes = 0
  #inFlightBytes = 0
  /** Somebody wanted to send while a batch was in flight: what is queued follows it at once. */
  #due = false
  #timer: NodeJS.Timeout | undefined
  #waiters: Waiter[] = []
  #stopped = false

  constructor(sink: Writable, o: OutputQueueOptions) {
    this.#sink = sink
    this.#o = o
  }

  /** Bytes that the kernel has not taken yet. */
  get bytes(): number {
    return this.#queuedBytes + this.#inFlightBytes
  }

  /** Those and what the stream has not done with yet: where there are none, no piece is read any more. */
  get unsent(): number {
    return this.#queuedBytes + this.#sink.writableLength
  }

  /** Queues a piece, which must not change as long as anything is unsent. */
  push(piece: Uint8Array): void {
    if (piece.length === 0 || this.#stopped) return
    this.#pieces.push(piece)
    this.#queuedBytes += piece.length
  }

  /** Starts sending what is queued. */
  send(): void {
    if (this.#queuedBytes === 0 || this.#stopped) return
    this.#due = this.#inFlightBytes > 0
    if (this.#due) return
    const buffers = this.#takeBatch()
    if (buffers.length === 1) {
      this.#sink.write(buffers[0]!, this.#onWritten)
    } else {
      this.#sink.cork()
      const last = buffers.length - 1
      for (let i = 0; i < last; i++) this.#sink.write(buffers[i]!)
      this.#sink.write(buffers[last]!, this.#onWritten)
      this.#sink.uncork()
    }
    // The kernel takes most batches at once; only what it did not take is watched.
    if (this.#sink.writableLength > 0) this.#watch()
  }

  /** Settled when there is room for more: at once in the usual case. Rejects when the queue was stopped. */
  room(): Promise<void> | undefined {
    return this.bytes < highWaterBytes ? undefined : this.#until(lowWaterBytes)
  }

  /** Sends everything; settled when the kernel has it all. */
  flush(): Promise<void> | undefined {
    this.send()
    return this.bytes === 0 ? undefined : this.#until(0)
  }

  /** Goes on with another stream: TLS over the old one. Only when nothing is left. */
  retarget(sink: Writable): void {
    if (this.bytes > 0) throw new Error('output is left from before the upgrade')
    this.#sink = sink
  }

  /** Forgets everything; those who wait are told `why`. */
  stop(why: () => Error): void {
    if (this.#stopped) return
    this.#stopped = true
    this.#pieces = []
    this.#queuedBytes = 0
    this.#inFlightBytes = 0
    clearTimeout(this.#timer)
    this.#timer = undefined
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) waiter.reject(why())
  }

  readonly #onWritten = (error?: Error | null): void => {
    // A failed write destroys the stream, whose owner then stops this queue.
    if (this.#stopped || (error !== undefined && error !== null)) return
    this.#inFlightBytes = 0
    // A batch may leave a remainder that had been asked for too.
    if (this.#due || this.#waiters.length > 0 || this.#queuedBytes >= batchBytes) this.send()
    if (this.#waiters.length > 0) this.#wakeWaiters()
  }

  #wakeWaiters(): void {
    const left = this.bytes
    const ready = this.#waiters.filter((waiter) => left <= waiter.atMost)
    if (ready.length === 0) return
    this.#waiters = this.#waiters.filter((waiter) => left > waiter.atMost)
    for (const waiter of ready) waiter.resolve()
  }

  #until(atMost: number): Promise<void> {
    this.send()
    return new Promise((resolve, reject) => {
      this.#waiters.push({ atMost, resolve, reject })
    })
  }

  #watch(): void {
    if (this.#timer !== undefined) this.#timer.refresh()
    else {
      this.#timer = setTimeout(() => {
        if (this.#inFlightBytes > 0) this.#o.onStall()
      }, this.#o.stallMs)
    }
  }

  /** Takes up to one batch off the queue, with runs of small pieces joined. */
  #takeBatch(): Uint8Array[] {
    const pieces = this.#pieces
    let taken = 0
    let count = 0
    while (count < pieces.length && taken < batchBytes) {
      const piece = pieces[count]!
      if (taken + piece.length > batchBytes) {
        const fit = batchBytes - taken
        pieces.splice(count, 1, piece.subarray(0, fit), piece.subarray(fit))
      }
      taken += pieces[count]!.length
      count++
    }
    this.#pieces = count === pieces.length ? [] : pieces.slice(count)
    this.#queuedBytes -= taken
    this.#inFlightBytes = taken
    return count === 1 ? [pieces[0]!] : joinSmall(pieces, count)
  }
}

function joinSmall(pieces: readonly Uint8Array[], count: number): Uint8Array[] {
  const joined: Uint8Array[] = []
  let run: Uint8Array[] = []
  const endRun = (): void => {
    if (run.length > 0) joined.push(run.length === 1 ? run[0]! : Buffer.concat(run))
    run = []
  }
  for (let i = 0; i < count; i++) {
    const piece = pieces[i]!
    if (piece.length < joinBelowBytes) run.push(piece)
    else {
      endRun()
      joined.push(piece)
    }
  }
  endRun()
  return joined
}
