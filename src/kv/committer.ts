/**
 * The committer: the one thread that writes an embedded store.
 *
 * It takes all batches that are ready from every worker, checks them, writes those that hold with their blobs
 * to the journal as one group with one sync, and answers. Concurrency makes a commit cheaper: what arrives
 * during a sync shares the next one. The engine and the segments follow at checkpoints, off the path of an
 * answer; until then the group's rows are in memory here and at every worker.
 *
 * What must always hold: an answer `done` leaves after the sync of its group, and after every worker was sent
 * the group; a group that fails leaves nothing; at a checkpoint blobs are synced before the rows that point at
 * them, and the journal is released after both.
 */
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { asBuffer } from '#base/bytes.ts'
import { type Batch, type BlobSink, EngineLost, type StoreWriter } from './backend.ts'
import { type EncodedBatch, decodeBatch } from './batch-wire.ts'
import { type GroupPart, decodeGroup, encodeGroup } from './group-wire.ts'
import type { Journal } from './journal.ts'
import { appliedTable } from './journal-rows.ts'
import { keyBytes } from './key.ts'
import { Memtable } from './memtable.ts'

/** From a worker: batches in the order of submission. */
export interface CommitRequest {
  readonly firstId: number
  readonly batches: readonly EncodedBatch[]
}

/** `full`: refused to keep the last space for what frees space. */
export type BatchOutcome = 'done' | 'conflict' | 'full'

/** The rows of blobs, beside those of their batch. */
export type BlobRows = readonly { readonly key: string; readonly value: Uint8Array }[]

/** One batch of a group as a worker is told of it: its own by id, one of another worker by its rows. */
interface NoticePart {
  readonly batch: number | Uint8Array
  readonly blobs: BlobRows
}

/** A commit group as a worker is told of it. */
export interface GroupNotice {
  readonly group: number
  readonly parts: readonly NoticePart[]
}

/** Outcomes of batches with consecutive ids. */
export interface CommitAnswer {
  readonly firstId: number
  readonly outcomes: readonly BatchOutcome[]
}

export type CommitNotice =
  /** The first one: the engine has all that was committed before, and every group from now on is told. */
  | { readonly kind: 'joined' }
  | {
      readonly kind: 'round'
      readonly committed: GroupNotice | undefined
      readonly answers: readonly CommitAnswer[]
    }
  | { readonly kind: 'failed'; readonly firstId: number; readonly count: number; readonly reason: string }
  /** The engine now has everything up to this group. */
  | { readonly kind: 'checkpoint'; readonly group: number }

/** Indices of the counters that all workers share. They only tell "look again", so wrapping is harmless. */
export const sharedCounters = { groups: 0, checkpoints: 1 } as const
export const newSharedCounters = (): SharedArrayBuffer => new SharedArrayBuffer(8)

const maxGroup = 512
const maxGroupBytes = 16 << 20
/** Rows in memory beyond which a checkpoint is due at once. */
const checkpointBytes = 6 << 20
const checkpointMs = 1000
/** How long a disk that failed to sync is left alone, since all that is only in the journal is written again. */
const restoreMs = 10_000
/** Where checkpoints fail, mail is refused once this much waits. */
const mostWaitingBytes = 64 << 20

interface Pending {
  readonly port: MessagePort
  readonly firstId: number
  readonly batches: readonly Batch[]
  readonly encoded: readonly EncodedBatch[]
}

interface Accepted extends GroupPart {
  readonly port: MessagePort
  readonly id: number
  readonly batch: Batch
}

/** What a start took from the journal. */
export interface Recovered {
  readonly groups: number
  /** Groups that are not there, and were acknowledged, since later ones are: the disk has lost or changed them. */
  readonly missing: number
}

export class Committer {
  readonly recovered: Recovered
  readonly #writer: StoreWriter
  readonly #sink: BlobSink
  readonly #journal: Journal
  readonly #guard: () => void
  readonly #onTrouble: (error: unknown) => void
  readonly #counters: Int32Array
  readonly #ports: MessagePort[] = []
  readonly #rows = new Memtable()
  #group: number
  /** Up to this one the engine has all groups. */
  #inEngine: number
  #timer: NodeJS.Timeout | undefined
  /** The sink failed to sync: what it has is in doubt, and the journal has it too. */
  #isInDoubt = false

  /**
   * Brings the engine up to date with the journal before anybody is served. `guard` throws where the disk is
   * too full for batches that add blobs; `onTrouble` hears of every group and checkpoint that fails.
   */
  constructor(o: {
    writer: StoreWriter
    sink: BlobSink
    journal: Journal
    guard: () => void
    onTrouble: (error: unknown) => void
    counters: SharedArrayBuffer
  }) {
    this.#writer = o.writer
    this.#sink = o.sink
    this.#journal = o.journal
    this.#guard = o.guard
    this.#onTrouble = o.onTrouble
    this.#counters = new Int32Array(o.counters)
    const applied = this.#writer.get(appliedTable.key())
    this.#inEngine = this.#group = applied === undefined ? 0 : appliedTable.value.decode(applied)
    this.recovered = this.#recover()
  }

  /** Serves a worker until its port closes. */
  serve(port: MessagePort): void {
    // A worker that joins late starts from the engine alone.
    this.checkpoint()
    this.#ports.push(port)
    post(port, { kind: 'joined' })
    port.on('message', (request: CommitRequest) => this.#round(port, request))
    port.on('close', () => this.#ports.splice(this.#ports.indexOf(port), 1))
  }

  /** Writes all that is only in the journal to segments and engine. Throws where the disk fails; nothing is lost then. */
  checkpoint(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#rows.isEmpty) return
    if (this.#isInDoubt) this.#restoreBlobs()
    this.#syncBlobs()
    this.#writer.apply(this.#newestRows())
    Atomics.add(this.#counters, sharedCounters.checkpoints, 1)
    const notice: CommitNotice = { kind: 'checkpoint', group: this.#group }
    for (const port of this.#ports) port.postMessage(notice)
    this.#inEngine = this.#group
    this.#rows.drop(this.#group)
    this.#journal.release(this.#group)
  }

  #recover(): Recovered {
    let groups = 0
    let missing = 0
    for (const { group, payload } of this.#journal.replay()) {
      if (group <= this.#group) continue
      groups++
      missing += group - this.#group - 1
      const { rows, placed } = decodeGroup(payload)
      for (const record of placed) this.#sink.restore(record)
      for (const [key, value] of rows) this.#rows.set(key, value ?? undefined, group)
      this.#group = group
      if (this.#rows.bytes > mostWaitingBytes) this.#restore()
    }
    this.#restore()
    this.#journal.clear()
    return { groups, missing }
  }

  #restore(): void {
    if (this.#rows.isEmpty) return
    this.#sink.sync()
    this.#writer.apply(this.#newestRows())
    this.#inEngine = this.#group
    this.#rows.drop(this.#group)
  }

  #syncBlobs(): void {
    try {
      this.#sink.sync()
    } catch (error) {
      this.#isInDoubt = true
      throw error
    }
  }

  /** Writes again what was written since the last sync, as after a crash. */
  #restoreBlobs(): void {
    this.#sink.renew()
    for (const { group, payload } of this.#journal.replay()) {
      if (group <= this.#inEngine) continue
      for (const record of decodeGroup(payload).placed) this.#sink.restore(record)
    }
    this.#syncBlobs()
    this.#isInDoubt = false
  }

  *#newestRows(): Generator<readonly [Uint8Array, Uint8Array | null]> {
    for (const [text, value] of this.#rows.newest()) yield [keyBytes(text), value]
    yield [appliedTable.key(), appliedTable.value.encode(this.#group)]
  }

  #round(port: MessagePort, request: CommitRequest): void {
    const pending: Pending[] = []
    let count = 0
    let bytes = 0
    const take = (from: MessagePort, { firstId, batches }: CommitRequest): void => {
      pending.push({ port: from, firstId, encoded: batches, batches: batches.map(decodeBatch) })
      count += batches.length
      for (const { rows, records } of batches)
        bytes += records.reduce((sum, record) => sum + record.length, rows.length)
    }
    take(port, request)
    for (const other of this.#ports) {
      while (count < maxGroup && bytes < maxGroupBytes) {
        const next = receiveMessageOnPort(other)
        if (next === undefined) break
        take(other, next.message)
      }
    }
    try {
      this.#commit(pending)
    } catch (error) {
      this.#onTrouble(error)
      const reason = error instanceof Error ? error.message : String(error)
      for (const { port: to, firstId, batches } of pending)
        post(to, { kind: 'failed', firstId, count: batches.length, reason })
      return
    }
    this.#checkpointWhenDue()
  }

  /** Answers every batch, or throws and has done nothing. */
  #commit(pending: readonly Pending[]): void {
    const before = this.#group
    const group = before + 1
    // What is judged lies in memory already, where it can be taken back until it is in the journal.
    this.#rows.enter(before)
    try {
      const { outcomes, accepted } = this.#judge(pending, group)
      if (accepted.length > 0) {
        this.#journal.append(group, encodeGroup(accepted))
        this.#group = group
      }
      this.#tell(accepted, answersOf(pending, outcomes))
    } catch (error) {
      // What is in the journal was committed, whatever went wrong afterwards.
      if (this.#group === before) this.#rows.forget(group)
      throw error
    } finally {
      this.#rows.leave(before)
    }
  }

  /** Which batches hold, each seeing the ones before it, and where their blobs are. */
  #judge(pending: readonly Pending[], group: number): { outcomes: BatchOutcome[]; accepted: Accepted[] } {
    const outcomes: BatchOutcome[] = []
    const holding: Omit<Accepted, 'blobs'>[] = []
    const now = (key: string): Uint8Array | undefined => this.#get(key, group)
    const full = this.#isFull(pending)
    for (const { port, firstId, batches, encoded } of pending) {
      for (const [i, batch] of batches.entries()) {
        const outcome = full && batch.blobs.length > 0 ? 'full' : holds(batch, now) ? 'done' : 'conflict'
        outcomes.push(outcome)
        if (outcome !== 'done') continue
        holding.push({ port, id: firstId + i, batch, rows: encoded[i]!.rows })
        for (const { key, value } of batch.puts) this.#rows.set(key, value, group)
        for (const key of batch.deletes) this.#rows.set(key, undefined, group)
      }
    }
    const batches = holding.map(({ batch }) => batch)
    const places = this.#sink.place(batches, now)
    const accepted = holding.map((part) => ({ ...part, blobs: places.get(part.batch) ?? [] }))
    for (const { blobs } of accepted) for (const { key, value } of blobs) this.#rows.set(key, value, group)
    return { outcomes, accepted }
  }

  #isFull(pending: readonly Pending[]): boolean {
    if (!pending.some(({ batches }) => batches.some((batch) => batch.blobs.length > 0))) return false
    if (this.#rows.bytes > mostWaitingBytes) return true
    try {
      this.#guard()
      return false
    } catch (error) {
      this.#onTrouble(error)
      return true
    }
  }

  #get(key: string, group: number): Uint8Array | undefined {
    const waiting = this.#rows.get(key, group)
    return waiting === undefined ? this.#writer.get(keyBytes(key)) : (waiting ?? undefined)
  }

  /** Everybody has the group in the queue before the counter says so, and both before anybody is answered. */
  #tell(accepted: readonly Accepted[], answers: ReadonlyMap<MessagePort, readonly CommitAnswer[]>): void {
    const only = this.#ports.length === 1
    if (accepted.length > 0) {
      // One worker gets both in one message: what wakes a thread costs more than what it carries.
      if (only) Atomics.add(this.#counters, sharedCounters.groups, 1)
      for (const port of this.#ports) {
        const committed = { group: this.#group, parts: partsFor(port, accepted) }
        post(port, { kind: 'round', committed, answers: only ? (answers.get(port) ?? []) : [] })
      }
      if (only) return
      Atomics.add(this.#counters, sharedCounters.groups, 1)
    }
    for (const [port, its] of answers) post(port, { kind: 'round', committed: undefined, answers: its })
  }

  #checkpointWhenDue(): void {
    // In doubt, the next try has its time.
    if (this.#rows.isEmpty || this.#isInDoubt) return
    if (this.#rows.bytes > checkpointBytes) this.#tryCheckpoint()
    else this.#timer ??= setTimeout(() => this.#tryCheckpoint(), checkpointMs)
  }

  /** A failure is not lost: the rows stay in journal and memory, and the next due time tries again. */
  #tryCheckpoint(): void {
    try {
      this.checkpoint()
    } catch (error) {
      if (error instanceof EngineLost) throw error
      this.#onTrouble(error)
      this.#timer ??= setTimeout(() => this.#tryCheckpoint(), this.#isInDoubt ? restoreMs : checkpointMs)
    }
  }
}

const partsFor = (port: MessagePort, accepted: readonly Accepted[]): NoticePart[] =>
  accepted.map(({ port: author, id, rows, blobs }) => ({
    batch: author === port ? id : rows,
    blobs: blobs.map(({ key, value }) => ({ key, value })),
  }))

const post = (port: MessagePort, notice: CommitNotice): void => port.postMessage(notice)

function holds(batch: Batch, now: (key: string) => Uint8Array | undefined): boolean {
  for (const { key, was } of batch.checks) {
    const is = now(key)
    if (is === undefined || was === undefined ? is !== was : !asBuffer(is).equals(was)) return false
  }
  return true
}

/** `outcomes` are those of all batches in order. */
function answersOf(
  pending: readonly Pending[],
  outcomes: readonly BatchOutcome[],
): Map<MessagePort, CommitAnswer[]> {
  const answers = new Map<MessagePort, CommitAnswer[]>()
  let at = 0
  for (const { port, firstId, batches } of pending) {
    const answer = { firstId, outcomes: outcomes.slice(at, at + batches.length) }
    answers.set(port, [...(answers.get(port) ?? []), answer])
    at += batches.length
  }
  return answers
}
