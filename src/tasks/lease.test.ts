import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it, mock } from 'node:test'
import { systemClock } from '#base/clock.ts'
import { LocalBus } from '#bus/engines/local.ts'
import { type Db, KvDb } from '#kv/db.ts'
import { MemoryEngine } from '#kv/engines/memory.ts'
import { LeasedWork, leaseTable } from './lease.ts'

/** Time is what the tests say it is: no machine is too slow for a minute of it. */
const leaseMs = 60_000

interface Setup {
  readonly db: KvDb
  /** What happened, in order. */
  readonly events: string[]
  /** Who wants to work, over its own way to the store. */
  readonly holder: (name: string, db?: Db) => LeasedWork
  readonly until: (event: string) => Promise<void>
}

function setUp(): Setup {
  const db = new KvDb(new MemoryEngine(), new LocalBus({ onError: (error) => assert.fail(String(error)) }))
  const events: string[] = []
  const happened = (event: string): void => void events.push(event)
  return {
    db,
    events,
    holder: (name, own = db) =>
      new LeasedWork('work', { db: own, clock: systemClock, holder: name, leaseMs }, () => {
        happened(`${name} begins`)
        return { [Symbol.asyncDispose]: async () => happened(`${name} ends`) }
      }),
    until: async (event) => {
      while (!events.includes(event)) await pass(leaseMs / 60)
    },
  }
}

/** Lets time pass, and all be done that is due then. */
async function pass(ms: number): Promise<void> {
  mock.timers.tick(ms)
  for (let turns = 0; turns < 10; turns++) await new Promise(setImmediate)
}

/** A way to the store that can be cut: what is written then is never answered, as by a machine that hangs. */
function cuttable(db: Db): { readonly db: Db; cut(): void } {
  let isCut = false
  return {
    db: {
      read: (body) => db.read(body),
      write: (accounts, body, o) => (isCut ? new Promise(() => {}) : db.write(accounts, body, o)),
    },
    cut: () => {
      isCut = true
    },
  }
}

describe('work under a lease', () => {
  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'Date'], now: Date.UTC(2026, 10, 21) })
  })
  afterEach(() => mock.timers.reset())

  it('is done by one at a time, and taken over at once from one that ends in order', async () => {
    const { db, events, holder, until } = setUp()
    await using one = holder('one')
    await until('one begins')
    await using _two = holder('two')
    // As long as it renews the lease, however long that is.
    for (let i = 0; i < 20; i++) await pass(leaseMs / 10)
    assert.deepEqual(events, ['one begins'])
    await one[Symbol.asyncDispose]()
    const row = await db.read((tx) => tx.get(leaseTable, 'work'))
    assert.notEqual(row?.holder, 'one')
    await until('two begins')
    assert.deepEqual(events, ['one begins', 'one ends', 'two begins'])
  })

  // Faults that turn it red: no guard, so that it works on; a guard as long as twice the lease.
  it('ends before another begins with it, where nothing can be written any more', async () => {
    const { db, events, holder, until } = setUp()
    const way = cuttable(db)
    void holder('one', way.db)
    await until('one begins')
    await using _two = holder('two')
    way.cut()
    await until('two begins')
    assert.deepEqual(events, ['one begins', 'one ends', 'two begins'])
  })

  it('is not taken from another before its time, and then it is', async () => {
    const { db, events, holder, until } = setUp()
    const end = Date.now() + leaseMs
    await db.write([], async (tx) => tx.put(leaseTable, ['work'], { holder: 'killed', until: end }))
    await using _one = holder('one')
    await until('one begins')
    assert.ok(Date.now() >= end)
    assert.deepEqual(events, ['one begins'])
  })

  // Fault that turns it red: it is another's however far its end is.
  it('is taken at once from one that was killed, and had it by a clock that was ahead', async () => {
    const { db, holder, until } = setUp()
    const began = Date.now()
    const far = began + 86_400_000
    await db.write([], async (tx) => tx.put(leaseTable, ['work'], { holder: 'killed', until: far }))
    await using _one = holder('one')
    await until('one begins')
    assert.ok(Date.now() < began + leaseMs)
  })

  it('is begun again at once by the one that had it and was killed', async () => {
    const { db, holder, until } = setUp()
    const far = Date.now() + 3_600_000
    await db.write([], async (tx) => tx.put(leaseTable, ['work'], { holder: 'one', until: far }))
    await using _one = holder('one')
    await until('one begins')
    const row = await db.read((tx) => tx.get(leaseTable, 'work'))
    assert.ok(row!.until < far)
  })
})
