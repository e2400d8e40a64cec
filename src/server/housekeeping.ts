/**
 * What the server does for itself once a day: removing stored bytes that nothing uses any more.
 *
 * A durable task whose row has a fixed key per day, so however often the server starts there is one, and a
 * server that was off at that time does it when it is back.
 */
import type { Clock } from '#base/clock.ts'
import { sweepBlobs } from '#blob/sweep.ts'
import type { Db } from '#kv/db.ts'
import { taskRow, taskTable } from '#kv/task-rows.ts'
import type { WriteTx } from '#kv/tx.ts'
import type { TaskKind } from '#tasks/kind.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import { sweepDone } from './events.ts'

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
  if ((await tx.getForUpdate(taskTable, ...key)) === undefined) tx.put(taskTable, key, taskRow(sweepName, {}))
}

/** Makes sure that the next sweep will be. */
export const scheduleSweep = (db: Db, clock: Clock): Promise<void> =>
  db.write([], (tx) => put(tx, clock.now()))

export const sweepTask = (o: {
  blobDirectory: string
  clock: Clock
  telemetry: Telemetry
}): TaskKind<object> => ({
  ...sweepName,
  leaseMs: 6 * 3_600_000,
  retry: { firstMs: 60_000, mostMs: 3_600_000 },
  async run(_payload, task) {
    const startedAt = o.clock.now()
    const result = await sweepBlobs({
      db: task.db,
      directory: o.blobDirectory,
      now: startedAt,
      graceMs,
      signal: task.signal,
    })
    await task.db.write([], async (tx) => {
      task.done(tx)
      await put(tx, o.clock.now())
    })
    o.telemetry.emit(sweepDone, { ...result, elapsed: o.clock.now() - startedAt })
  },
})
