/**
 * When the keys of domains are looked after: at once and then for an hour where something about them changed, and
 * those of all domains once an hour. What was lost or left undone is done in that round.
 */
import { followDkimName } from '#account/dkim-tables.ts'
import { domainTable } from '#account/tables.ts'
import type { Clock } from '#base/clock.ts'
import type { Db } from '#kv/db.ts'
import { type TaskName, taskRow, taskTable } from '#kv/task-rows.ts'
import type { WriteTx } from '#kv/tx.ts'
import type { TaskKind } from '#tasks/kind.ts'
import type { DkimKeys } from './dkim-keys.ts'

const minuteMs = 60_000
const hourMs = 3_600_000
/** Looks for a new record after 1, 2, 4 ... minutes; then the round of all domains does. */
const mostTries = 6
/** A key that nobody publishes is looked for once a day after so long. */
const soonMs = 48 * hourMs
/** A round does not wait longer than that for a DNS that does not answer: other tasks wait for it. */
const mostLookingMs = minuteMs
const atOnce = 8
const leaseMs = 10 * minuteMs
const retry = { firstMs: 10_000, mostMs: hourMs } as const
const roundName: TaskName<object> = { name: 'cert.round-of-dkim-keys' }
const roundId = Buffer.from('dkimkeys').toString('hex')

/** Whether a key that waits so long is looked for in this round. */
const isDue = (waitedMs: number): boolean => waitedMs < soonMs || Math.floor(waitedMs / hourMs) % 24 === 0

export const followDkimTask = (o: {
  keys: DkimKeys
  clock: Clock
}): TaskKind<{ readonly domain: string; readonly tries?: number }> => ({
  ...followDkimName,
  leaseMs,
  retry,
  async run({ domain, tries = 0 }, task) {
    // One that was made just now cannot be there, and that it is not would be remembered on the way.
    const look = (waitedMs: number): boolean => waitedMs > 0
    const step = await o.keys.step(domain, { look, signal: task.signal })
    await task.db.write([], async (tx) => {
      await task.done(tx)
      if (step?.waitsSince === undefined || tries >= mostTries) return
      tx.schedule(followDkimName, { domain, tries: tries + 1 }, o.clock.now() + minuteMs * 2 ** tries)
    })
  },
})

async function put(tx: WriteTx, nowMs: number): Promise<void> {
  const key = [(Math.floor(nowMs / hourMs) + 1) * hourMs, roundId] as const
  if ((await tx.get(taskTable, ...key)) === undefined) tx.put(taskTable, key, taskRow(roundName, {}))
}

/** Makes sure that the next round will be. */
export const scheduleDkimRound = (db: Db, clock: Clock): Promise<void> =>
  db.write([], (tx) => put(tx, clock.now()))

export const dkimRoundTask = (o: { keys: DkimKeys; clock: Clock }): TaskKind<object> => ({
  ...roundName,
  leaseMs: 6 * hourMs,
  retry,
  async run(_payload, task) {
    const { signal } = task
    const lookUntil = o.clock.now() + mostLookingMs
    const look = (waitedMs: number): boolean => isDue(waitedMs) && o.clock.now() < lookUntil
    const failures: unknown[] = []
    for await (const some of domains(task.db)) {
      signal.throwIfAborted()
      const steps = await Promise.allSettled(some.map((domain) => o.keys.step(domain, { look, signal })))
      // One that fails does not keep the others waiting.
      for (const step of steps) if (step.status === 'rejected') failures.push(step.reason)
    }
    if (failures.length > 0) throw failures[0]
    await task.db.write([], async (tx) => {
      await task.done(tx)
      await put(tx, o.clock.now())
    })
  },
})

/** Also aliases, some at a time. */
async function* domains(db: Db): AsyncGenerator<readonly string[]> {
  for (let after: readonly [string] | undefined; ;) {
    const from = after === undefined ? {} : { after }
    const page = await db.read((tx) => tx.list(domainTable, [], { limit: atOnce, ...from }))
    if (page.length === 0) return
    yield page.map(([[domain]]) => domain)
    after = page.at(-1)![0]
  }
}
