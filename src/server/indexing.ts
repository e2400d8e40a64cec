/** Search indexes are made on the main worker, by a thread that starts when there is work. */
import { join } from 'node:path'
import { Indexer } from '#mail/indexer.ts'
import { IndexThread } from '#mail/index-thread.ts'
import { searchSettings } from '#search/settings.ts'
import type { Services, WorkerOptions } from './boot.ts'
import { everyAccount } from './housekeeping.ts'

/** Looks at all accounts once, since nobody listened while the server was off. */
export function startIndexing(o: WorkerOptions, { store }: Services): AsyncDisposable {
  const { directory, bus, clock, telemetry, settings, spawn } = o
  const { db, blobs } = store
  const runner = new IndexThread({
    directory: join(directory, 'blobs'),
    spawn: () => spawn({ role: 'index' }),
  })
  const indexer = new Indexer({
    db,
    blobs,
    bus,
    clock,
    telemetry,
    runner,
    isOn: () => settings.get(searchSettings).indexEmail,
    accounts: () => everyAccount(db),
  })
  // A store that cannot be read says so wherever mail is read.
  void indexer.lookAtAll().catch(() => undefined)
  return {
    // The thread first: the indexer waits for what it is doing.
    async [Symbol.asyncDispose]() {
      await Promise.all([runner[Symbol.asyncDispose](), indexer[Symbol.asyncDispose]()])
    },
  }
}
