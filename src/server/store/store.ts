/**
 * Opening the store: the committer thread once per process, and each worker's own handles to it.
 */
import { join } from 'node:path'
import { MessageChannel, type Worker } from 'node:worker_threads'
import { SegmentBlobs } from '#blob/engines/segment-reader.ts'
import type { CodecName } from '#blob/record.ts'
import type { BlobStore, OnDiskTrouble } from '#blob/store.ts'
import type { Bus } from '#bus/bus.ts'
import type { KvEngine } from '#kv/backend.ts'
import { blobTable } from '#kv/blob-rows.ts'
import { newSharedCounters, type Recovered } from '#kv/committer.ts'
import { type Db, KvDb } from '#kv/db.ts'
import { JournaledEngine } from '#kv/engines/journaled.ts'
import { LmdbReader } from '#kv/engines/lmdb.ts'
import { SqliteReader } from '#kv/engines/sqlite.ts'
import { newTurnMemory, Turns } from '#kv/turns.ts'
import type { CommitterOrder, CommitterReport } from './committer-thread.ts'
import type { EmbeddedEngine } from './engine-choice.ts'
import type { CommitterStore, StoreLine } from '../threads.ts'

export interface Store extends AsyncDisposable {
  readonly engine: KvEngine
  readonly db: Db
  readonly blobs: BlobStore
}

/** The committer as its process sees it: gives out ports, ends when told. */
export class CommitterThread {
  readonly #worker: Worker
  readonly #counters: SharedArrayBuffer
  readonly #turns = newTurnMemory()
  readonly recovered: Recovered

  private constructor(worker: Worker, counters: SharedArrayBuffer, recovered: Recovered) {
    this.#worker = worker
    this.#counters = counters
    this.recovered = recovered
  }

  /**
   * Has a thread whose role is `committer` open the store. Resolves when the engine is open; rejects with its
   * error where it cannot be.
   */
  static async open(o: Omit<CommitterStore, 'counters'>, worker: Worker): Promise<CommitterThread> {
    const counters = newSharedCounters()
    const order: CommitterOrder = { open: { ...o, counters } }
    // It may have been started on suspicion, and then does not keep the process alive.
    worker.ref()
    worker.postMessage(order)
    const recovered = await new Promise<Recovered>((resolve, reject) => {
      worker.once('message', (report: CommitterReport) => {
        if ('ready' in report) resolve(report.ready)
      })
      worker.once('error', reject)
    })
    return new CommitterThread(worker, counters, recovered)
  }

  /** What the disk refused; nothing that was acknowledged is lost by it. */
  onTrouble(handler: (trouble: string) => void): void {
    this.#worker.on('message', (report: CommitterReport) => {
      if ('trouble' in report) handler(report.trouble)
    })
  }

  /** A failure of the committer cannot be survived: whoever waits for a commit would wait for ever. */
  onError(handler: (error: unknown) => void): void {
    this.#worker.on('error', handler)
  }

  /** A line for one worker; all of it can be sent to a thread. */
  line(): StoreLine {
    const { port1, port2 } = new MessageChannel()
    const order: CommitterOrder = { serve: port1 }
    this.#worker.postMessage(order, [port1])
    return { port: port2, counters: this.#counters, turns: this.#turns }
  }

  async end(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.#worker.once('exit', () => resolve()))
    const order: CommitterOrder = { end: true }
    this.#worker.postMessage(order)
    await ended
  }
}

/** A worker's handles to the store. Opened after the committer, which creates what is missing. */
export function openStore(o: {
  directory: string
  engine: EmbeddedEngine
  line: StoreLine
  bus: Bus
  codec: CodecName
  onTrouble?: OnDiskTrouble
}): Store {
  const rows = join(o.directory, 'rows')
  const reader = o.engine === 'sqlite' ? new SqliteReader(rows) : new LmdbReader(rows)
  const engine: KvEngine = new JournaledEngine(reader, o.line)
  const db = new KvDb(engine, o.bus, new Turns(o.line.turns))
  const blobs = new SegmentBlobs({
    directory: join(o.directory, 'blobs'),
    locate: (hash) => db.read((tx) => tx.get(blobTable, hash)),
    codec: o.codec,
    onTrouble: o.onTrouble,
  })
  return {
    engine,
    db,
    blobs,
    async [Symbol.asyncDispose]() {
      await blobs[Symbol.asyncDispose]()
      await engine[Symbol.asyncDispose]()
    },
  }
}
