/** What tests of the search index share: an account with an index, and what a search in its Inbox finds. */
import assert from 'node:assert/strict'
import { systemClock } from '#base/clock.ts'
import { LocalBus } from '#bus/engines/local.ts'
import { attachmentText } from '#search/attachment-text.ts'
import type { AttachmentReader } from '#search/attachment-thread.ts'
import { SearchIndexes } from '#search/indexes.ts'
import { silentTelemetry } from '#telemetry/telemetry.ts'
import { runIndexJob } from './index-work.ts'
import { Indexer, type IndexerOptions } from './indexer.ts'
import { search } from './query.ts'
import type { SearchCriteria } from './criteria.ts'
import { account, createdAt, inbox, openTestAccount, type TestAccount } from '../test-account.ts'
import { AccountViews } from '../view.ts'

/** On this thread: tests have no strangers. */
export const attachments: AttachmentReader = { read: attachmentText }

export interface Indexed extends TestAccount {
  readonly indexer: Indexer
  readonly indexes: SearchIndexes
  /** Names of events, in order. */
  readonly told: string[]
}

export async function openIndexed(o: Partial<IndexerOptions> = {}): Promise<Indexed> {
  const box = await openTestAccount()
  const { db, blobs } = box
  const bus = new LocalBus({ onError: assert.ifError })
  const told: string[] = []
  const telemetry = { ...silentTelemetry, emit: ({ name }: { name: string }) => void told.push(name) }
  const indexer = new Indexer({
    db,
    blobs,
    bus,
    clock: systemClock,
    telemetry,
    runner: { run: (job) => runIndexJob(blobs, attachments, job) },
    accounts: async function* () {
      yield account
    },
    isOn: () => true,
    mostBehind: 1,
    ...o,
  })
  const indexes = new SearchIndexes({ db, bus, blobs, telemetry, budgetBytes: 1 << 20 })
  return { ...box, indexer, indexes, told }
}

export async function find(box: Indexed, criteria: SearchCriteria, isIndexed: boolean): Promise<number[]> {
  const account7 = await new AccountViews({ db: box.db, budgetBytes: 1 << 20 }).open(account)
  const view = (await account7.load(inbox))!
  const { db, blobs, indexes } = box
  const o = { db, blobs, account, view, criteria, now: createdAt, ...(isIndexed ? { indexes } : {}) }
  return (await search(o)).map((index) => view.uids.at(index))
}
