/**
 * Keeps the search indexes of all accounts up to date, behind the mail and never in its way.
 *
 * Messages never change and their ids only rise, so the index of an account follows its messages by id: what
 * comes after `indexedTo` of its manifest is to do. A crash at any moment leaves an index that is behind, which
 * searches know, and that goes on from where it is. What must always hold: a manifest says `indexedTo` only of
 * documents that are in the segments of the same commit.
 */
import { unlink } from 'node:fs/promises'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { empty } from '#base/bytes.ts'
import type { Clock } from '#base/clock.ts'
import type { AccountId, BlobHash, MessageId } from '#base/id.ts'
import type { BlobStore } from '#blob/store.ts'
import type { Bus } from '#bus/bus.ts'
import type { Staged } from '#kv/backend.ts'
import { blobTable } from '#kv/blob-rows.ts'
import type { Db } from '#kv/db.ts'
import type { ReadTx } from '#kv/tx.ts'
import {
  dropIndex,
  emptyManifest,
  isOutdated,
  type Manifest,
  manifestTable,
  segmentOwner,
  type SegmentRow,
} from '#search/manifest.ts'
import { indexAdvanced, indexFailed, indexMerged } from '#search/events.ts'
import { mergeDue } from '#search/merge-due.ts'
import { Segment } from '#search/segment.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import type { Indexable } from './index-document.ts'
import { mostBehind } from './index-status.ts'
import type { IndexRunner } from './index-thread.ts'
import type { IndexJob, IndexResult, Located } from './index-work.ts'
import { countersTable, messageTable, structureTable } from '../tables.ts'

/** Messages that one job is given. */
const mostPerJob = 1000
/** How long changes of an account are gathered before it is looked at. */
const delayMs = 2000
/** After a failure nothing is tried for so long. */
const pauseMs = 60_000

export interface IndexerOptions {
  readonly db: Db
  readonly blobs: BlobStore
  readonly bus: Bus
  readonly clock: Clock
  readonly telemetry: Telemetry
  readonly runner: IndexRunner
  /** Where indexes are not wanted nothing is added to them. */
  readonly isOn: () => boolean
  readonly accounts: () => AsyncIterable<AccountId>
  readonly mostBehind?: number
}

export class Indexer implements AsyncDisposable {
  readonly #o: IndexerOptions
  readonly #waiting = new Set<AccountId>()
  readonly #stop = new AbortController()
  readonly #hints = new DisposableStack()
  #timer: NodeJS.Timeout | undefined
  #round: Promise<void> = Promise.resolve()
  /** Messages per job: fewer after a job that failed, down to one; 0 after one alone has failed. */
  #perJob = mostPerJob

  constructor(o: IndexerOptions) {
    this.#o = o
    this.#hints.use(o.bus.on('state', ({ account, types }) => types.includes('Email') && this.look(account)))
    this.#hints.use(o.bus.on('index', ({ account }) => this.look(account)))
  }

  /** Looks at every account once: hints may have been lost while nobody listened. */
  async lookAtAll(): Promise<void> {
    for await (const account of this.#o.accounts()) this.look(account)
  }

  look(account: AccountId): void {
    this.#waiting.add(account)
    this.#arm(delayMs)
  }

  /** Resolves when all accounts that are known to have something to do were looked at. */
  settled(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    return (this.#round = this.#round.then(() => this.#lookAtWaiting()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    this.#hints.dispose()
    clearTimeout(this.#timer)
    await this.#round
  }

  #arm(ms: number): void {
    if (this.#stop.signal.aborted) return
    this.#timer ??= setTimeout(() => void this.settled(), ms).unref()
  }

  async #lookAtWaiting(): Promise<void> {
    for (const account of this.#waiting) {
      if (this.#stop.signal.aborted || !this.#o.isOn()) return
      this.#waiting.delete(account)
      try {
        while (!this.#stop.signal.aborted && (await this.#advance(account)))
          this.#perJob = this.#perJob === 0 ? mostPerJob : Math.min(mostPerJob, 2 * this.#perJob)
        while (!this.#stop.signal.aborted && (await this.#merge(account)));
      } catch (error) {
        if (this.#stop.signal.aborted) return
        this.#o.telemetry.emit(indexFailed, { account, error })
        this.#waiting.add(account)
        this.#arm(pauseMs)
        return
      }
    }
  }

  /** Indexes the next messages where enough of them wait; whether there may be more to do. */
  async #advance(account: AccountId): Promise<boolean> {
    const { db, clock, telemetry } = this.#o
    const manifest = await this.#manifest(account)
    const work = await db.read(async (tx) => {
      const next = (await tx.get(countersTable, account))?.nextMessage ?? 0
      if (next - 1 - manifest.indexedTo < (this.#o.mostBehind ?? mostBehind)) return undefined
      return messagesAfter(tx, account, manifest.indexedTo, Math.max(1, this.#perJob))
    })
    if (work === undefined) return false
    const began = clock.now()
    if (work.documents.length === 0) {
      // All of them are gone.
      await this.#write(account, manifest, { ...manifest, indexedTo: work.upTo }, [])
      return true
    }
    const { located, documents } = work
    // What has made the thread fail is not read again: searches look at it themselves.
    const isFailing = this.#perJob === 0
    const result = await this.#run({ kind: 'index', documents, isFailing }, located)
    const segment = rowOf(manifest, result)
    // Where the job took all it was given, those that are gone after its last one are behind it too.
    const isAll = result.upTo === documents.at(-1)!.id
    const after: Manifest = {
      indexedTo: isAll ? Math.max(work.upTo, result.upTo) : result.upTo,
      nextSegment: manifest.nextSegment + 1,
      segments: [...manifest.segments, segment],
    }
    await this.#write(account, manifest, after, [], result.staged)
    telemetry.emit(indexAdvanced, {
      account,
      messages: result.documents,
      sizeBytes: segment.sizeBytes,
      elapsed: clock.now() - began,
    })
    return true
  }

  /** Fewer messages the next time, where it fails. */
  async #run(job: IndexJob, located: Located): Promise<IndexResult> {
    try {
      return await this.#o.runner.run(job, located)
    } catch (error) {
      this.#perJob = this.#perJob > 1 ? Math.max(1, this.#perJob >> 3) : 0
      throw error
    }
  }

  /** Makes one segment of several where that is due; whether it was. */
  async #merge(account: AccountId): Promise<boolean> {
    const { db, clock, telemetry, runner } = this.#o
    const manifest = await this.#manifest(account)
    const due = mergeDue(manifest.segments)
    if (due === undefined) return false
    const began = clock.now()
    const [from, to] = due
    const merged = manifest.segments.slice(from, to)
    const hashes = merged.map(({ blob }) => blob)
    const gone = await this.#goneAmong(account, hashes)
    const located = await db.read((tx) => locate(tx, hashes))
    const result = await runner.run({ kind: 'merge', segments: hashes, gone }, located)
    const segment = rowOf(manifest, result)
    const after: Manifest = {
      ...manifest,
      nextSegment: manifest.nextSegment + 1,
      segments: [...manifest.segments.slice(0, from), segment, ...manifest.segments.slice(to)],
    }
    await this.#write(account, manifest, after, merged, result.staged)
    telemetry.emit(indexMerged, {
      account,
      segments: merged.length,
      messages: result.documents,
      sizeBytes: segment.sizeBytes,
      elapsed: clock.now() - began,
    })
    return true
  }

  async #manifest(account: AccountId): Promise<Manifest> {
    const manifest = await this.#o.db.read((tx) => tx.get(manifestTable, account))
    if (manifest === undefined) return emptyManifest
    if (!isOutdated(manifest)) return manifest
    await this.#o.db.write([], (tx) => dropIndex(tx, account))
    return { ...emptyManifest, nextSegment: manifest.nextSegment }
  }

  /** Writes the manifest unless it has changed meanwhile: then what was made is of no use. */
  async #write(
    account: AccountId,
    before: Manifest,
    after: Manifest,
    removed: readonly SegmentRow[],
    staged?: Staged,
  ): Promise<void> {
    try {
      // Of no account, but gone with it: that it goes meanwhile is a conflict.
      const isWritten = await this.#o.db.write([account], async (tx) => {
        const now = (await tx.get(manifestTable, account)) ?? emptyManifest
        const isMail = (await tx.get(countersTable, account)) !== undefined
        if (!isMail || now.nextSegment !== before.nextSegment || now.indexedTo !== before.indexedTo)
          return false
        for (const { id, blob } of removed) tx.unlink(blob, segmentOwner(account, id))
        if (staged !== undefined) tx.attach(staged, segmentOwner(account, before.nextSegment))
        tx.put(manifestTable, [account], after)
        return true
      })
      if (!isWritten) await discard(staged)
    } catch (error) {
      await discard(staged)
      throw error
    }
  }

  /** Documents of the segments whose messages were deleted. */
  async #goneAmong(account: AccountId, segments: readonly BlobHash[]): Promise<ReadonlySet<number>> {
    const gone = new Set<number>()
    for (const hash of segments) {
      const { ids } = await Segment.open(this.#o.blobs, hash)
      for (let at = 0; at < ids.length; at += mostPerJob) {
        const page = Array.from(ids.subarray(at, at + mostPerJob))
        const keys = page.map((id) => [account, id as MessageId] as const)
        const rows = await this.#o.db.read((tx) => tx.getMany(structureTable, keys))
        for (const [i, row] of rows.entries()) if (row === undefined) gone.add(page[i]!)
        await nextTurn()
      }
    }
    return gone
  }
}

/** What one job is given: messages after an id, and where their bytes are. */
async function messagesAfter(
  tx: ReadTx,
  account: AccountId,
  after: number,
  limit: number,
): Promise<{ documents: readonly Indexable[]; located: Located; upTo: number }> {
  const rows = await tx.list(messageTable, [account], { after: [account, after as MessageId], limit })
  const keys = rows.map(([[, id]]) => [account, id] as const)
  const structures = await tx.getMany(structureTable, keys)
  const last = ((await tx.get(countersTable, account))?.nextMessage ?? 1) - 1
  return {
    documents: rows.map(([[, id], { prefix, blob, blobBytes }], i) => ({
      id,
      row: { prefix, blob, blobBytes },
      structure: structures[i] ?? empty,
    })),
    located: await locate(
      tx,
      rows.map(([, { blob }]) => blob),
    ),
    upTo: rows.length < limit ? last : rows.at(-1)![0][1],
  }
}

async function locate(tx: ReadTx, hashes: readonly BlobHash[]): Promise<Located> {
  const locations = await tx.getMany(
    blobTable,
    hashes.map((hash) => [hash] as const),
  )
  return hashes.flatMap((hash, i) => (locations[i] === undefined ? [] : [[hash, locations[i]] as const]))
}

const rowOf = ({ nextSegment }: Manifest, { staged, documents }: IndexResult): SegmentRow => ({
  id: nextSegment,
  blob: staged.hash,
  sizeBytes: staged.sizeBytes,
  documents,
})

/** Removes what was staged and is not committed. */
async function discard(staged: Staged | undefined): Promise<void> {
  if (staged !== undefined && 'file' in staged.record) await unlink(staged.record.file).catch(() => undefined)
}
