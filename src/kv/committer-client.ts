/**
 * A worker's end of the line to the committer: sends batches in the order of submission, those of one turn of
 * the event loop together; hears of every group of every worker in order; settles its own when they are
 * answered.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { Fault } from '#base/fault.ts'
import type { Batch, CommitOutcome } from './backend.ts'
import { type EncodedBatch, decodeRows, encodeBatch } from './batch-wire.ts'
import {
  type BatchOutcome,
  type BlobRows,
  type CommitNotice,
  type CommitRequest,
  type GroupNotice,
  sharedCounters,
} from './committer.ts'

/** What a worker gets to reach the committer; both can be sent to a thread. */
export interface CommitterLine {
  readonly port: MessagePort
  readonly counters: SharedArrayBuffer
}

/** Where the client puts what was committed: the worker's engine. */
export interface CommittedRows {
  add(rows: Pick<Batch, 'puts' | 'deletes'>, blobs: BlobRows, group: number): void
  /** The engine's own snapshots show everything up to this group from now on. */
  checkpoint(group: number): void
}

/** How long a batch that may wait does so for others. */
const mostWaitMs = 5

interface Waiting {
  readonly batch: Batch
  readonly resolve: (outcome: CommitOutcome) => void
  readonly reject: (error: Error) => void
}

export class CommitterClient {
  readonly #port: MessagePort
  readonly #counters: Int32Array
  readonly #committed: CommittedRows
  /** In the order of their ids, the last of which is the one before `#nextId`; answers come in that order too. */
  readonly #waiting: Waiting[] = []
  #outbox: EncodedBatch[] = []
  #isSending = false
  #timer: NodeJS.Timeout | undefined
  #nextId = 1
  readonly #joined = Promise.withResolvers<void>()
  #hasJoined = false
  #seen = -1
  #closed = false

  constructor({ port, counters }: CommitterLine, committed: CommittedRows) {
    this.#port = port
    this.#counters = new Int32Array(counters)
    this.#committed = committed
    port.on('message', (notice: CommitNotice) => this.#handle(notice))
    port.on('close', () => this.#lost())
  }

  /** undefined once the committer tells this worker of every group; until then nothing may be read. */
  get joining(): Promise<void> | undefined {
    return this.#hasJoined ? undefined : this.#joined.promise
  }

  get checkpoints(): number {
    return Atomics.load(this.#counters, sharedCounters.checkpoints)
  }

  /** Takes in what has been committed by now. True where there was anything. */
  catchUp(): boolean {
    const groups = Atomics.load(this.#counters, sharedCounters.groups) + this.checkpoints
    if (groups === this.#seen) return false
    this.#seen = groups
    let any = false
    for (;;) {
      const next = receiveMessageOnPort(this.#port)
      if (next === undefined) return any
      this.#handle(next.message)
      any = true
    }
  }

  commit(batch: Batch, mayWait = false): Promise<CommitOutcome> {
    if (this.#closed) return Promise.reject(new Fault('unavailable', 'shutting down', {}))
    if (mayWait) this.#timer ??= setTimeout(() => this.#send(), mostWaitMs)
    else if (!this.#isSending) {
      this.#isSending = true
      // After all sockets of this turn were read: waking another thread costs more than the wait.
      setImmediate(() => this.#send())
    }
    this.#outbox.push(encodeBatch(batch))
    // While an answer is due the process must not end.
    if (this.#waiting.length === 0) this.#port.ref()
    this.#nextId++
    return new Promise((resolve, reject) => this.#waiting.push({ batch, resolve, reject }))
  }

  /** Waits for nothing: callers stop writing first. */
  close(): void {
    this.#closed = true
    this.#port.close()
  }

  #send(): void {
    this.#isSending = false
    clearTimeout(this.#timer)
    this.#timer = undefined
    const batches = this.#outbox
    if (batches.length === 0) return
    this.#outbox = []
    const request: CommitRequest = { firstId: this.#nextId - batches.length, batches }
    this.#port.postMessage(
      request,
      batches.map(({ rows }) => rows.buffer),
    )
  }

  #handle(notice: CommitNotice): void {
    switch (notice.kind) {
      case 'joined':
        this.#hasJoined = true
        this.#joined.resolve()
        if (this.#waiting.length === 0) this.#port.unref()
        break
      case 'round':
        if (notice.committed !== undefined) this.#take(notice.committed)
        for (const { firstId, outcomes } of notice.answers) {
          for (const [i, outcome] of outcomes.entries()) this.#settle(firstId + i, outcome)
        }
        break
      case 'checkpoint':
        this.#committed.checkpoint(notice.group)
        break
      case 'failed':
        for (let i = 0; i < notice.count; i++) this.#settle(notice.firstId + i, 'failed', notice.reason)
        break
    }
  }

  #take({ group, parts }: GroupNotice): void {
    for (const { batch, blobs } of parts) {
      const rows = typeof batch === 'number' ? this.#waitingAs(batch).batch : decodeRows(batch)
      this.#committed.add(rows, blobs, group)
    }
  }

  #settle(id: number, outcome: BatchOutcome | 'failed', reason = 'the disk is nearly full'): void {
    const { resolve, reject } = this.#waitingAs(id)
    this.#waiting.shift()
    if (outcome === 'done' || outcome === 'conflict') resolve(outcome)
    else reject(new Fault('unavailable', 'storage failed', {}, { reason }))
    if (this.#waiting.length === 0) this.#port.unref()
  }

  #lost(): void {
    this.#closed = true
    for (const { reject } of this.#waiting.splice(0)) reject(new Fault('unavailable', 'storage is gone', {}))
  }

  #waitingAs(id: number): Waiting {
    return this.#waiting[this.#waiting.length - (this.#nextId - id)]!
  }
}
