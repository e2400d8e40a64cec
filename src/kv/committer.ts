/**
 * The committer: the one thread that writes an embedded store.
 *
 * It takes all batches that are ready from every worker, lets the blob sink append and sync their blobs, lets
 * the engine apply them in one synced transaction, and only then answers. Concurrency makes a commit cheaper:
 * what arrives during a sync shares the next one. What must always hold: an answer `done` leaves after both
 * syncs; a group that fails leaves nothing applied and each of its batches is answered.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import type { Batch, BlobSink, CommitOutcome, StoreWriter } from './backend.ts'
import { decodeBatch } from './batch-wire.ts'

/** From a worker to the committer: batches in the order of submission. */
export interface CommitRequest {
  readonly firstId: number
  readonly batches: readonly Uint8Array[]
}

/** The outcomes of consecutive ids; `failure` where the whole group failed and nothing was applied. */
export interface CommitAnswer {
  readonly firstId: number
  readonly count: number
  readonly outcomes: readonly CommitOutcome[]
  readonly failure?: { readonly code: string; readonly message: string }
}

const maxGroup = 512
const maxGroupBytes = 16 << 20

interface Pending {
  readonly port: MessagePort
  readonly firstId: number
  readonly batches: readonly Batch[]
}

type GroupResult = readonly CommitOutcome[] | { readonly code: string; readonly message: string }

export class Committer {
  readonly #writer: StoreWriter
  readonly #sink: BlobSink
  readonly #ports: MessagePort[] = []
  /** Throws where the disk is too full for a group that adds blobs. */
  readonly #guard: () => void
  readonly #epoch: Int32Array
  /** Groups written since the start: with `batches` it tells how well syncs are shared. */
  groups = 0
  batches = 0

  /** `epoch` is shared with all workers: it moves with every group, before any of its answers. */
  constructor(o: { writer: StoreWriter; sink: BlobSink; guard: () => void; epoch: SharedArrayBuffer }) {
    this.#epoch = new Int32Array(o.epoch)
    this.#writer = o.writer
    this.#sink = o.sink
    this.#guard = o.guard
  }

  /** Serves a worker until its port closes. */
  serve(port: MessagePort): void {
    this.#ports.push(port)
    port.on('message', (request: CommitRequest) => this.#round(port, request))
    port.on('close', () => this.#ports.splice(this.#ports.indexOf(port), 1))
  }

  #round(port: MessagePort, request: CommitRequest): void {
    const group: Pending[] = []
    let count = 0
    let bytes = 0
    const take = (from: MessagePort, { firstId, batches }: CommitRequest): void => {
      group.push({ port: from, firstId, batches: batches.map(decodeBatch) })
      count += batches.length
      for (const batch of batches) bytes += batch.length
    }
    take(port, request)
    for (const other of this.#ports) {
      while (count < maxGroup && bytes < maxGroupBytes) {
        const next = receiveMessageOnPort(other) as { message: CommitRequest } | undefined
        if (next === undefined) break
        take(other, next.message)
      }
    }
    this.#answer(group, this.#apply(group.flatMap((pending) => pending.batches)))
  }

  #apply(batches: readonly Batch[]): GroupResult {
    this.groups++
    this.batches += batches.length
    try {
      if (batches.some((batch) => batch.blobs.length > 0)) this.#guard()
      return this.#writer.apply(this.#sink.place(batches, (key) => this.#writer.get(key)))
    } catch (error) {
      const { code, message } = error as { code?: unknown; message?: unknown }
      return { code: String(code ?? 'unknown'), message: String(message) }
    } finally {
      Atomics.add(this.#epoch, 0, 1)
    }
  }

  #answer(group: readonly Pending[], result: GroupResult): void {
    let at = 0
    for (const { port, firstId, batches } of group) {
      const count = batches.length
      const answer: CommitAnswer =
        'code' in result
          ? { firstId, count, outcomes: [], failure: result }
          : { firstId, count, outcomes: result.slice(at, at + count) }
      port.postMessage(answer)
      at += count
    }
  }
}
