/**
 * What the server does for itself: once a day it removes stored bytes that nothing uses any more, cuts the change
 * logs and the audit log and removes old reports; and it removes the mail of accounts that were deleted.
 *
 * A durable task whose row has a fixed key per day, so however often the server starts there is one, and a
 * server that was off at that time does it when it is back.
 */
import type { Clock } from '#base/clock.ts'
import { purgeAccountName } from '#account/objects/account-handler.ts'
import { accountRowTable } from '#account/tables.ts'
import type { AccountId } from '#base/id.ts'
import { sweepBlobs } from '#blob/sweep.ts'
import type { Db } from '#kv/db.ts'
import { type TaskName, taskRow, taskTable } from '#kv/task-rows.ts'
import { trimLog } from '#kv/trim-log.ts'
import type { WriteTx } from '#kv/tx.ts'
import { purgeAccount } from '#mail/purge.ts'
import { recountUsage } from '#mail/recount.ts'
import { dropOldVerdicts } from '#mail/smime-status.ts'
import { expireUploads } from '#mail/upload-expiry.ts'
import { trimFailureCounts } from '#report/failure-reporter.ts'
import { trimReceived } from '#report/received.ts'
import { dmarcReceivedTable, feedbackReceivedTable } from '#report/tables.ts'
import { trimAudit } from '#registry/audit.ts'
import type { TaskKind } from '#tasks/kind.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import { accountPurged, sweepDone, usageRecounted } from '../events.ts'

const dayMs = 86_400_000
/** At night in Europe, in the evening in America. */
const sweepAtMs = 3 * 3_600_000
/** How long a blob without an owner stays: longer than any reader or delivery needs. */
const graceMs = 3_600_000
const sweepName = { name: 'server.sweep-blobs' }
const sweepKey = 'sweep'

const idOf = (text: string): string => Buffer.from(text.padEnd(8, '.')).toString('hex')

/** The next time of day at which it is done, after `nowMs`. */
export const nextSweep = (nowMs: number): number =>
  Math.floor((nowMs - sweepAtMs) / dayMs + 1) * dayMs + sweepAtMs

async function put(tx: WriteTx, nowMs: number): Promise<void> {
  const key = [nextSweep(nowMs), idOf(sweepKey)] as const
  if ((await tx.get(taskTable, ...key)) === undefined) tx.put(taskTable, key, taskRow(sweepName, {}))
}

/** Makes sure that the next sweep will be. */
export const scheduleSweep = (db: Db, clock: Clock): Promise<void> =>
  db.write([], (tx) => put(tx, clock.now()))

/**
 * Removes what was uploaded before this, of every account, and what is known of messages that went. Uploads have a
 * task of their own but those of releases that knew none.
 */
async function dropLeftovers(db: Db, uploadedBefore: number, signal: AbortSignal): Promise<void> {
  for await (const account of everyAccount(db)) {
    await expireUploads(db, account, { uploadedBefore, signal })
    await dropOldVerdicts(db, account, signal)
  }
}

/** Cuts the change log of every account, one after the other. Returns how many rows were removed. */
async function trimLogs(db: Db, keep: number, signal: AbortSignal): Promise<number> {
  let rows = 0
  for await (const account of everyAccount(db)) {
    signal.throwIfAborted()
    rows += await trimLog(db, account, keep)
  }
  return rows
}

export async function* everyAccount(db: Db): AsyncGenerator<AccountId> {
  for (let after: readonly [AccountId] | undefined; ;) {
    const from = after
    const page = await db.read((tx) =>
      tx.list(accountRowTable, [], { limit: 100, ...(from === undefined ? {} : { after: from }) }),
    )
    for (const [[account]] of page) yield account
    after = page.at(-1)?.[0]
    if (after === undefined) return
  }
}

/** Removes the mail of an account that was deleted. */
export const purgeAccountTask = (o: { telemetry: Telemetry }): TaskKind<{ readonly account: AccountId }> => ({
  ...purgeAccountName,
  leaseMs: 3_600_000,
  retry: { firstMs: 10_000, mostMs: 3_600_000 },
  async run({ account }, task) {
    const messages = await purgeAccount(task.db, account, task.signal)
    await task.db.write([], (tx) => task.done(tx))
    o.telemetry.emit(accountPurged, { account, messages })
  },
})

export const recountName: TaskName<{ readonly account?: AccountId }> = { name: 'account.recount' }

/** Counts anew what an account holds; without one, what all do, one after the other. */
export const recountTask = (o: { telemetry: Telemetry }): TaskKind<{ readonly account?: AccountId }> => ({
  ...recountName,
  leaseMs: 6 * 3_600_000,
  retry: { firstMs: 10_000, mostMs: 3_600_000 },
  async run({ account }, task) {
    for await (const one of account === undefined ? everyAccount(task.db) : [account]) {
      task.signal.throwIfAborted()
      const found = await recountUsage(task.db, one)
      if (found !== undefined) o.telemetry.emit(usageRecounted, { account: one, ...found })
    }
    await task.db.write([], (tx) => task.done(tx))
  },
})

/** Removes audit entries that are older than they need to be. */
async function trimAuditLog(db: Db, beforeMs: number, signal: AbortSignal): Promise<void> {
  while (await db.write([], (tx) => trimAudit(tx, beforeMs, 1000))) signal.throwIfAborted()
}

/** Removes reports of others that are older than they need to be. */
async function trimReports(db: Db, nowMs: number, keepMs: number, signal: AbortSignal): Promise<void> {
  const beforeMs = nowMs - keepMs
  while (await db.write([], (tx) => trimReceived(tx, dmarcReceivedTable, beforeMs, 1000)))
    signal.throwIfAborted()
  while (await db.write([], (tx) => trimReceived(tx, feedbackReceivedTable, beforeMs, 1000)))
    signal.throwIfAborted()
  // Of days that are over.
  while (await db.write([], (tx) => trimFailureCounts(tx, nowMs, 1000))) signal.throwIfAborted()
}

export const sweepTask = (o: {
  /** Commits of each account that clients can ask for. */
  keepChanges: () => number
  /** Milliseconds. */
  keepAudit: () => number
  keepReports: () => number
  keepUploads: () => number
  blobDirectory: string
  clock: Clock
  telemetry: Telemetry
}): TaskKind<object> => ({
  ...sweepName,
  leaseMs: 6 * 3_600_000,
  retry: { firstMs: 60_000, mostMs: 3_600_000 },
  async run(_payload, task) {
    const startedAt = o.clock.now()
    await dropLeftovers(task.db, startedAt - o.keepUploads(), task.signal)
    const result = await sweepBlobs({
      db: task.db,
      directory: o.blobDirectory,
      now: startedAt,
      graceMs,
      signal: task.signal,
    })
    const logRows = await trimLogs(task.db, o.keepChanges(), task.signal)
    await trimAuditLog(task.db, startedAt - o.keepAudit(), task.signal)
    await trimReports(task.db, startedAt, o.keepReports(), task.signal)
    await task.db.write([], async (tx) => {
      await task.done(tx)
      await put(tx, o.clock.now())
    })
    o.telemetry.emit(sweepDone, { ...result, logRows, elapsed: o.clock.now() - startedAt })
  },
})
