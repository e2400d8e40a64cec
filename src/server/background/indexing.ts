/** Search indexes are made on the main worker, by a thread that starts when there is work. */
import { join } from 'node:path'
import type { AdminOptions } from '#admin/api.ts'
import type { AccountId } from '#base/id.ts'
import type { Bus } from '#bus/bus.ts'
import type { Db } from '#kv/db.ts'
import { indexStatus, reindex } from '#mail/search/index-status.ts'
import { Indexer } from '#mail/search/indexer.ts'
import { IndexThread } from '#mail/search/index-thread.ts'
import { searchSettings } from '#search/settings.ts'
import type { Services, WorkerOptions } from '../services/services.ts'
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

/** For the administration: of one account, or of all. */
export const searchIndexes = (db: Db, bus: Bus): AdminOptions['searchIndexes'] => ({
  status: (account) => indexStatus(db, account === undefined ? everyAccount(db) : only(account)),
  reindex: (account) => reindex(db, bus, account === undefined ? everyAccount(db) : only(account)),
})

async function* only(account: AccountId): AsyncGenerator<AccountId> {
  yield account
}
