/**
 * The check of one account: its change log, mailboxes, rights, messages, lists, conversations, counters
 * and uploads.
 *
 * What can be derived follows from the rows of messages and their bytes, which are never removed while there
 * is a way to serve them. Everything is read page by page; what is kept grows with mailboxes and with damage.
 */
import type { BlobStore } from '#blob/store.ts'
import type { AccountId, BlobHash } from '#base/id.ts'
import type { KvEngine } from '#kv/backend.ts'
import { type CheckUnit, lastRow, type Trouble, unitOf } from '#kv/check.ts'
import { checkLog, dropCutRows } from '#kv/check-log.ts'
import type { Db } from '#kv/db.ts'
import { accountPrefix } from '#kv/table.ts'
import { checkLists } from './check/entries.ts'
import { checkCounts, checkExpunged, notProvisioned, readMailboxes } from './check/mailboxes.ts'
import { checkMessages } from './check/messages.ts'
import { type MailScan, trashIn } from './check/scan.ts'
import { checkShares } from './check/shares.ts'
import { checkThreads } from './check/threads.ts'
import { checkUploads } from './check/uploads.ts'
import { MailboxTally } from './mailbox-counts.ts'

export interface MailCheckOptions {
  readonly db: Db
  readonly engine: KvEngine
  readonly blobs: BlobStore
  readonly account: AccountId
  /** Nothing that needs the bytes of messages. */
  readonly isQuick: boolean
  /** Milliseconds. */
  readonly now: number
  /** Links in the name of this account's messages that those messages do not have: id and blob. */
  readonly unowned: ReadonlyMap<number, BlobHash>
  /** Searches everywhere for blobs that nothing says the place of, and says the place of those it finds. */
  readonly findBlobs: (hashes: ReadonlySet<BlobHash>) => Promise<unknown>
  /** Whether there is an account with this id. */
  readonly isAccount: (id: AccountId) => Promise<boolean>
  readonly progress: (messages: number) => void
}

export function mailCheck(o: MailCheckOptions): CheckUnit {
  const missingBlobs = new Set<BlobHash>()
  const unowned = new Map(o.unowned)
  const unit = unitOf(o, () => accountTroubles({ ...o, unowned }, missingBlobs))
  return {
    account: o.account,
    check: (found) => unit.check(found),
    async repair() {
      if (missingBlobs.size > 0) await o.findBlobs(missingBlobs)
      await unit.repair()
      await dropCutRows(o.db, o.account)
    },
  }
}

async function* accountTroubles(
  o: MailCheckOptions & Pick<MailScan, 'unowned'>,
  missingBlobs: Set<BlobHash>,
): AsyncGenerator<Trouble> {
  missingBlobs.clear()
  if ((await lastRow(o.db, accountPrefix(o.account))) === undefined) {
    yield notProvisioned(o.account, o.now)
    return
  }
  const { facts, troubles } = checkLog(o.db, o.account)
  yield* troubles
  const scan: MailScan = {
    ...o,
    log: facts,
    mailboxes: new Map(),
    recounts: new Map(),
    tally: new MailboxTally(0),
    total: { messages: 0, usedBytes: 0, highestId: 0 },
    missingBlobs,
    lost: new Map(),
    badThreads: new Map(),
  }
  yield* readMailboxes(scan)
  scan.tally = new MailboxTally(trashIn(scan.mailboxes))
  yield* checkShares(scan)
  yield* checkMessages(scan)
  yield* checkLists(scan)
  yield* checkExpunged(scan)
  yield* checkThreads(scan)
  yield* checkCounts(scan)
  yield* checkUploads(scan)
}
