import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fixedClock } from '#base/clock.ts'
import { LocalBus } from '#bus/engines/local.ts'
import { json } from '#kv/codec.ts'
import { KvDb } from '#kv/db.ts'
import { MemoryEngine } from '#kv/engines/memory.ts'
import { text } from '#kv/key.ts'
import { globalTable } from '#kv/table.ts'
import { taskTable } from '#kv/task-rows.ts'
import { silentTelemetry } from '#telemetry/telemetry.ts'
import type { TaskContext, TaskKind } from './kind.ts'
import { TaskScheduler } from './scheduler.ts'

const results = globalTable({ name: 'result', letter: 'y', key: [text()], value: json<number>() })

function setUp(run: (payload: { n: number }, context: TaskContext) => Promise<void>): {
  db: KvDb
  clock: ReturnType<typeof fixedClock>
  kind: TaskKind<{ n: number }>
  open: () => TaskScheduler
} {
  const bus = new LocalBus({ onError: (error) => assert.fail(String(error)) })
  const db = new KvDb(new MemoryEngine(), bus)
  const clock = fixedClock(1_000_000)
  const kind: TaskKind<{ n: number }> = {
    name: 'count',
    leaseMs: 60_000,
    retry: { firstMs: 1000, mostMs: 8000 },
    run,
  }
  return {
    db,
    clock,
    kind,
    open: () => new TaskScheduler({ db, bus, clock, telemetry: silentTelemetry, kinds: [kind] }),
  }
}

const left = async (db: KvDb): Promise<number[]> =>
  (await db.read((tx) => tx.list(taskTable, []))).map(([[due]]) => due)

describe('task scheduler', () => {
  it('runs what is due, once, and leaves what is not', async () => {
    const ran: number[] = []
    const { db, clock, kind, open } = setUp(async ({ n }) => void ran.push(n))
    await db.write([], async (tx) => {
      for (const n of [1, 2]) tx.schedule(kind, { n }, clock.now())
      tx.schedule(kind, { n: 3 }, clock.now() + 500)
    })
    await using scheduler = open()
    await scheduler.kick()
    assert.deepEqual(ran.toSorted(), [1, 2])
    assert.deepEqual(await left(db), [1_000_500])
    clock.advance(500)
    await scheduler.kick()
    assert.deepEqual(ran.toSorted(), [1, 2, 3])
    assert.deepEqual(await left(db), [])
  })

  // Fault that turns it red: a lease holds however long it is.
  it('runs what was leased by a clock that was ahead, and waits for any other lease', async () => {
    const ran: number[] = []
    const { db, clock, kind, open } = setUp(async ({ n }) => void ran.push(n))
    const leases = { 1: 86_400_000, 2: kind.leaseMs }
    for (const [n, ms] of Object.entries(leases)) {
      await db.write([], async (tx) => tx.schedule(kind, { n: Number(n) }, clock.now()))
      const rows = await db.read((tx) => tx.list(taskTable, []))
      const [key, row] = rows.find(([, { payload }]) => (payload as { n: number }).n === Number(n))!
      await db.write([], async (tx) => tx.put(taskTable, key, { ...row, leasedUntil: clock.now() + ms }))
    }
    await using scheduler = open()
    await scheduler.kick()
    assert.deepEqual(ran, [1])
  })

  it('is woken by the commit that schedules', async () => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const { db, clock, kind, open } = setUp(async () => resolve())
    await using _scheduler = open()
    await db.write([], async (tx) => tx.schedule(kind, { n: 1 }, clock.now()))
    await promise
  })

  it('runs a failed task again, later and later, until it ends well', async () => {
    let failures = 3
    const { db, clock, kind, open } = setUp(async () => {
      if (failures-- > 0) throw new Error('not yet')
    })
    await db.write([], async (tx) => tx.schedule(kind, { n: 1 }, clock.now()))
    await using scheduler = open()
    const waits: number[] = []
    for (let i = 0; i < 3; i++) {
      await scheduler.kick()
      const [due] = await left(db)
      waits.push(due! - clock.now())
      clock.advance(due! - clock.now())
    }
    await scheduler.kick()
    assert.deepEqual(waits, [1000, 2000, 4000])
    assert.deepEqual(await left(db), [])
  })

  it('has its effect exactly once where the task says done in its own commit', async () => {
    let crashed = false
    const { db, clock, kind, open } = setUp(async (_payload, c) => {
      await c.db.write([], async (tx) => {
        tx.put(results, ['effect'], ((await tx.get(results, 'effect')) ?? 0) + 1)
        await c.done(tx)
      })
      crashed = true
      throw new Error('killed after the commit')
    })
    await db.write([], async (tx) => tx.schedule(kind, { n: 1 }, clock.now()))
    await using scheduler = open()
    await scheduler.kick()
    clock.advance(1e6)
    await scheduler.kick()
    assert.ok(crashed)
    assert.equal(await db.read((tx) => tx.get(results, 'effect')), 1)
    assert.deepEqual(await left(db), [])
  })

  // Fault that turns it red: `done` does not look whose lease it is.
  it('has its effect exactly once also where one that was late ends after another', async () => {
    let runs = 0
    const gate = Promise.withResolvers<void>()
    const { db, clock, kind, open } = setUp(async (_payload, c) => {
      if (runs++ === 0) await gate.promise
      await c.db.write([], async (tx) => {
        tx.put(results, ['effect'], ((await tx.get(results, 'effect')) ?? 0) + 1)
        await c.done(tx)
      })
    })
    await db.write([], async (tx) => tx.schedule(kind, { n: 1 }, clock.now()))
    await using one = open()
    await using two = open()
    const late = one.kick()
    while (runs === 0) await new Promise((resolve) => setImmediate(resolve))
    clock.advance(60_001)
    await two.kick()
    gate.resolve()
    await late
    assert.deepEqual([runs, await db.read((tx) => tx.get(results, 'effect'))], [2, 1])
    assert.deepEqual(await left(db), [])
  })

  // Fault that turns it red: after a failure it is only looked whether the row is there.
  it('leaves to another what that has begun when the one before was late and failed', async () => {
    let runs = 0
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const { db, clock, kind, open } = setUp(async () => {
      const run = runs++
      await gates[run]!.promise
      if (run === 0) throw new Error('late')
    })
    await db.write([], async (tx) => tx.schedule(kind, { n: 1 }, clock.now()))
    await using one = open()
    await using two = open()
    const late = one.kick()
    while (runs === 0) await new Promise((resolve) => setImmediate(resolve))
    clock.advance(60_001)
    const taken = two.kick()
    while (runs === 1) await new Promise((resolve) => setImmediate(resolve))
    gates[0]!.resolve()
    await late
    assert.deepEqual(await left(db), [1_000_000])
    gates[1]!.resolve()
    await taken
    assert.deepEqual(await left(db), [])
  })

  it('lets only one of two workers run a task, and another take over when a lease runs out', async () => {
    let runs = 0
    const gate = Promise.withResolvers<void>()
    const { db, clock, kind, open } = setUp(async () => {
      runs++
      if (runs === 1) await gate.promise
    })
    await db.write([], async (tx) => tx.schedule(kind, { n: 1 }, clock.now()))
    const [one, two] = [open(), open()]
    const stuck = one.kick()
    await two.kick()
    assert.equal(runs, 1)
    clock.advance(60_001)
    await two.kick()
    assert.equal(runs, 2)
    assert.deepEqual(await left(db), [])
    gate.resolve()
    await stuck
    await one[Symbol.asyncDispose]()
    await two[Symbol.asyncDispose]()
  })
})
