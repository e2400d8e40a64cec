/** How far the search indexes are, and having them made anew. */
import type { AccountId } from '#base/id.ts'
import type { Bus } from '#bus/bus.ts'
import type { Db } from '#kv/db.ts'
import { dropIndex, emptyManifest, isOutdated, manifestTable } from '#search/manifest.ts'
import { countersTable } from '../tables.ts'

/** Messages that an index may be behind: searches read that many themselves in a few milliseconds. */
export const mostBehind = 64

export interface IndexStatus {
  readonly accounts: number
  /** Accounts whose index is being made. */
  readonly behind: number
  readonly messages: number
  /** Messages that are not in the index yet, or no more: searches read them. Counted by ids, so never too few. */
  readonly waiting: number
  readonly segments: number
  /** Of the segments, before they are compressed. */
  readonly sizeBytes: number
}

/** Of these accounts together. Those without mail count too. */
export async function indexStatus(db: Db, accounts: AsyncIterable<AccountId>): Promise<IndexStatus> {
  const sum = { accounts: 0, behind: 0, messages: 0, waiting: 0, segments: 0, sizeBytes: 0 }
  for await (const account of accounts) {
    const [counters, stored] = await db.read(async (tx) => [
      await tx.get(countersTable, account),
      await tx.get(manifestTable, account),
    ])
    sum.accounts++
    if (counters === undefined) continue
    const { indexedTo, segments } = stored === undefined || isOutdated(stored) ? emptyManifest : stored
    const waiting = counters.nextMessage - 1 - indexedTo
    if (waiting >= mostBehind) sum.behind++
    sum.messages += counters.messages
    sum.waiting += Math.min(counters.messages, waiting)
    sum.segments += segments.length
    for (const { sizeBytes } of segments) sum.sizeBytes += sizeBytes
  }
  return sum
}

/** The last message that is in the account's index, or was looked at for it; 0 where there is none. */
export async function indexedUpTo(db: Db, account: AccountId): Promise<number> {
  const stored = await db.read((tx) => tx.get(manifestTable, account))
  return stored === undefined || isOutdated(stored) ? 0 : stored.indexedTo
}

/** Takes the indexes of these accounts away; they are made anew in the background. Returns how many. */
export async function reindex(db: Db, bus: Bus, accounts: AsyncIterable<AccountId>): Promise<number> {
  let count = 0
  for await (const account of accounts) {
    await db.write([], (tx) => dropIndex(tx, account))
    bus.publish({ kind: 'index', account })
    count++
  }
  return count
}
