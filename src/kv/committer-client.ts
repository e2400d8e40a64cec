/**
 * A worker's end of the line to the committer: sends batches in the order of submission, those of one turn
 * of the event loop together, and settles each when its answer comes.
 */
import type { MessagePort } from 'node:worker_threads'
import { Fault } from '#base/fault.ts'
import type { Batch, CommitOutcome } from './backend.ts'
import { encodeBatch } from './batch-wire.ts'
import type { CommitAnswer, CommitRequest } from './committer.ts'

/** What a worker gets to reach the committer. */
export interface CommitterLine {
  readonly port: MessagePort
  /** One counter, raised with every group that was committed by anybody. */
  readonly epoch: SharedArrayBuffer
}

interface Waiting {
  readonly resolve: (outcome: CommitOutcome) => void
  readonly reject: (error: Error) => void
}

export class CommitterClient {
  readonly #port: MessagePort
  readonly #epoch: Int32Array
  readonly #waiting = new Map<number, Waiting>()
  #outbox: Uint8Array<ArrayBuffer>[] = []
  #nextId = 1
  #closed = false

  constructor({ port, epoch }: CommitterLine) {
    this.#port = port
    this.#epoch = new Int32Array(epoch)
    port.on('message', (answer: CommitAnswer) => this.#settle(answer))
    port.on('close', () => this.#fail())
    port.unref()
  }

  /** Differs from the last value where something was committed in between. */
  epoch(): number {
    return Atomics.load(this.#epoch, 0)
  }

  commit(batch: Batch): Promise<CommitOutcome> {
    if (this.#closed) return Promise.reject(new Fault('unavailable', 'shutting down', {}))
    if (this.#outbox.length === 0) queueMicrotask(() => this.#send())
    this.#outbox.push(encodeBatch(batch))
    // While an answer is due the process must not end.
    if (this.#waiting.size === 0) this.#port.ref()
    return new Promise((resolve, reject) => this.#waiting.set(this.#nextId++, { resolve, reject }))
  }

  /** Waits for nothing: callers stop writing first. */
  close(): void {
    this.#closed = true
    this.#port.close()
  }

  #send(): void {
    const batches = this.#outbox
    this.#outbox = []
    const request: CommitRequest = { firstId: this.#nextId - batches.length, batches }
    this.#port.postMessage(
      request,
      batches.map((bytes) => bytes.buffer),
    )
  }

  #settle({ firstId, count, outcomes, failure }: CommitAnswer): void {
    for (let i = 0; i < count; i++) {
      const waiting = this.#waiting.get(firstId + i)!
      this.#waiting.delete(firstId + i)
      if (failure === undefined) waiting.resolve(outcomes[i]!)
      else
        waiting.reject(
          new Fault('unavailable', 'storage failed', {}, { reason: `${failure.code}: ${failure.message}` }),
        )
    }
    if (this.#waiting.size === 0) this.#port.unref()
  }

  #fail(): void {
    this.#closed = true
    for (const { reject } of this.#waiting.values()) reject(new Fault('unavailable', 'storage is gone', {}))
    this.#waiting.clear()
  }
}
