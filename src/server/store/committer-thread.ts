/**
 * The committer's thread: owns the writing half of the engine and of the blobs, and serves every worker
 * through a port of its own. It ends when its parent says so, after the last batch was answered.
 */
import { mkdirSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { type MessagePort, parentPort } from 'node:worker_threads'
import { syncDirectory } from '#base/sync-directory.ts'
import { SegmentWriter } from '#blob/engines/segments.ts'
import type { StoreWriter } from '#kv/backend.ts'
import { Committer, type Recovered } from '#kv/committer.ts'
import { Journal } from '#kv/journal.ts'
import { LmdbWriter } from '#kv/engines/lmdb.ts'
import { SqliteWriter } from '#kv/engines/sqlite.ts'
import type { CommitterStore } from '../threads.ts'
import { troubleTeller } from './trouble-teller.ts'

/** `open` comes first, and once. */
export type CommitterOrder =
  | { readonly open: CommitterStore }
  | { readonly serve: MessagePort }
  | { readonly end: true }

export type CommitterReport = { readonly ready: Recovered } | { readonly trouble: string }

/** Free space is looked at this often, not before every group. */
const guardMs = 500

export function runCommitter(): void {
  parentPort!.once('message', (order: CommitterOrder) => {
    if ('open' in order) open(order.open)
    else parentPort!.close()
  })
}

function open(data: CommitterStore): void {
  const writer = openWriter(data)
  const sink = new SegmentWriter(join(data.directory, 'blobs'))
  const journal = new Journal(join(data.directory, 'journal'))
  // What was made is there after a power cut only where its directory was synced.
  for (const directory of [data.directory, join(data.directory, 'rows')]) syncDirectory(directory)
  const guard = spaceGuard(data.directory, data.reserveBytes)
  const onTrouble = troubleTeller((trouble) => parentPort!.postMessage({ trouble } satisfies CommitterReport))
  const committer = new Committer({ writer, sink, journal, guard, onTrouble, counters: data.counters })
  parentPort!.on('message', (order: CommitterOrder) => {
    if ('serve' in order) committer.serve(order.serve)
    else {
      end(committer, onTrouble)
      for (const part of [sink, journal, writer]) part[Symbol.dispose]()
      parentPort!.close()
    }
  })
  parentPort!.postMessage({ ready: committer.recovered } satisfies CommitterReport)
}

/** What does not get into the engine now is in the journal, and the next start has it. */
function end(committer: Committer, onTrouble: (error: unknown) => void): void {
  try {
    committer.checkpoint()
  } catch (error) {
    onTrouble(error)
  }
}

function openWriter({ directory, engine }: CommitterStore): StoreWriter {
  const rows = join(directory, 'rows')
  mkdirSync(rows, { recursive: true, mode: 0o700 })
  return engine === 'sqlite' ? new SqliteWriter(rows) : new LmdbWriter(rows)
}

function spaceGuard(directory: string, reserveBytes: number): () => void {
  let lookedAt = Number.NEGATIVE_INFINITY
  let free = Number.POSITIVE_INFINITY
  return () => {
    const now = performance.now()
    if (now - lookedAt > guardMs) {
      const { bavail, bsize } = statfsSync(directory)
      free = bavail * bsize
      lookedAt = now
    }
    if (free < reserveBytes)
      throw Object.assign(new Error(`only ${free} bytes free, ${reserveBytes} are kept in reserve`), {
        code: 'ENOSPC',
      })
  }
}
