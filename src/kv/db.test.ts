import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { MemoryBlobs } from '#blob/engines/memory.ts'
import type { BusMessage } from '#bus/bus.ts'
import { LocalBus } from '#bus/engines/local.ts'
import { Fault, isFault } from '#base/fault.ts'
import type { AccountId, BlobHash, MailboxId, MessageId, Modseq, Uid } from '#base/id.ts'
import type { Batch } from './backend.ts'
import { blobLinkTable, blobTable, ownerKinds } from './blob-rows.ts'
import { changesSince, entriesSince, expungedSince, logFloorTable, modseqOf, stateOf } from './change-log.ts'
import { json, nothing } from './codec.ts'
import { KvDb } from './db.ts'
import { MemoryEngine } from './engines/memory.ts'
import { u48 } from './key.ts'
import { accountTable } from './table.ts'
import { taskTable } from './task-rows.ts'
import type { WriteTx } from './tx.ts'

const alice = 1 as AccountId
const bob = 2 as AccountId
const inbox = 1 as MailboxId
const notes = accountTable({ name: 'note', letter: 'y', key: [u48()], kind: 0, value: json<string>() })
const marks = accountTable({ name: 'mark', letter: 'y', key: [u48()], kind: 1, value: nothing })

function open(): {
  db: KvDb
  engine: MemoryEngine
  blobs: MemoryBlobs
  messages: BusMessage[]
  batches: Batch[]
} {
  const blobs = new MemoryBlobs()
  const engine = new MemoryEngine(blobs)
  const messages: BusMessage[] = []
  const batches: Batch[] = []
  const bus = new LocalBus({ onError: (error) => assert.fail(String(error)) })
  bus.on('state', (message) => messages.push(message))
  const commit = engine.commit.bind(engine)
  engine.commit = (batch) => {
    batches.push(batch)
    return commit(batch)
  }
  return { db: new KvDb(engine, bus), engine, blobs, messages, batches }
}

async function staged(
  blobs: MemoryBlobs,
  content: string,
): Promise<ReturnType<ReturnType<MemoryBlobs['stager']>['finish']>> {
  const stager = blobs.stager({ maxBytes: 1000 })
  await stager.write(Buffer.from(content))
  return stager.finish()
}

describe('db', () => {
  it('tells a writer the numbers of what it changed, before it has its result', async () => {
    const { db } = open()
    const told: (readonly [string, number[][]])[] = []
    const write = async (name: string, body: (tx: WriteTx) => Promise<void>): Promise<void> => {
      const numbers: number[][] = []
      const onCommit = (found: ReadonlyMap<AccountId, Modseq>): void => void numbers.push(...found)
      await db.write([alice], body, { onCommit })
      told.push([name, numbers])
    }
    const change = async (tx: WriteTx): Promise<void> => tx.changed(alice, 'Mailbox', 1, 'updated')
    await write('alone', change)
    // These share a commit.
    await Promise.all([write('first', change), write('nothing', async () => {}), write('second', change)])
    assert.deepEqual(told, [
      ['alone', [[alice, 1]]],
      ['first', [[alice, 2]]],
      ['nothing', []],
      ['second', [[alice, 3]]],
    ])
  })

  it('commits rows, change log and hint together, and raises the sequence by one', async () => {
    const { db, messages } = open()
    const modseq = await db.write([alice], async (tx) => {
      tx.put(notes, [alice, 7], 'hello')
      tx.changed(alice, 'Email', 7, 'created')
      return tx.modseq(alice)
    })
    assert.equal(modseq, 1)
    assert.deepEqual(messages, [{ kind: 'state', account: alice, modseq: 1, types: ['Email'] }])
    await db.read(async (tx) => {
      assert.equal(await tx.get(notes, alice, 7), 'hello')
      assert.equal(await tx.sequence(alice), 1)
      assert.equal(await tx.sequence(bob), 0)
    })
  })

  it('writes nothing for a body that only reads', async () => {
    const { db, batches } = open()
    assert.equal(await db.write([alice], async (tx) => tx.get(notes, alice, 1)), undefined)
    assert.equal(batches.length, 0)
  })

  it('refuses rows of an account that is not locked', async () => {
    const { db } = open()
    await assert.rejects(
      db.write([alice], async (tx) => tx.put(notes, [bob, 1], 'x')),
      /not locked/,
    )
  })

  it('shares one commit between writers that wait for the same account, each with a number of its own', async () => {
    const { db, batches, messages } = open()
    const write = (i: number): Promise<Modseq> =>
      db.write([alice], async (tx) => {
        tx.put(notes, [alice, i], String(i))
        tx.changed(alice, 'Email', i, 'created')
        if (i % 10 === 9) throw new Fault('overQuota', 'full', { limit: 1 })
        tx.expunged(alice, inbox, [i as Uid])
        return tx.modseq(alice)
      })
    const outcomes = await Promise.allSettled(Array.from({ length: 50 }, (_, i) => write(i)))
    const modseqs = outcomes.filter((one) => one.status === 'fulfilled').map((one) => one.value)
    assert.ok(batches.length <= 2, `${batches.length} commits`)
    assert.deepEqual(
      modseqs,
      Array.from({ length: 45 }, (_, i) => i + 1),
    )
    await db.read(async (tx) => {
      assert.equal(await tx.sequence(alice), 45)
      assert.equal((await tx.list(notes, [alice])).length, 45)
      const entries = await entriesSince(tx, alice, 10 as Modseq, 3)
      assert.ok(entries !== 'tooOld')
      assert.deepEqual(
        entries.map(([modseq, entry]) => [modseq, [...entry.get('Email')!.keys()]]),
        [
          [11, [11]],
          [12, [12]],
          [13, [13]],
        ],
      )
      assert.deepEqual(await expungedSince(tx, alice, inbox, 43 as Modseq), [47, 48])
    })
    assert.deepEqual(messages.at(-1), { kind: 'state', account: alice, modseq: 45, types: ['Email'] })
  })

  it('drops the writes of the one body that fails and keeps those of its neighbours', async () => {
    const { db, messages } = open()
    const first = db.write([alice], async (tx) => tx.put(notes, [alice, 1], 'first'))
    const bad = db.write([alice], async (tx) => {
      tx.put(notes, [alice, 1], 'overwritten')
      tx.put(notes, [alice, 2], 'lost')
      tx.changed(alice, 'Email', 2, 'created')
      throw new Fault('overQuota', 'full', { limit: 1 })
    })
    const crash = db.write([alice], async (tx) => {
      tx.put(notes, [alice, 3], 'lost')
      throw new TypeError('bug')
    })
    const last = db.write([alice], async (tx) => tx.get(notes, alice, 1))
    await first
    await assert.rejects(bad, (error) => isFault(error, 'overQuota'))
    await assert.rejects(crash, TypeError)
    assert.equal(await last, 'first')
    assert.deepEqual(await db.read((tx) => tx.list(notes, [alice])), [[[alice, 1], 'first']])
    assert.deepEqual(messages, [])
  })

  it('runs a body again after a conflict, and gives up in the end', async () => {
    const { db, engine } = open()
    const other = new KvDb(engine, new LocalBus({ onError: (error) => assert.fail(String(error)) }))
    let runs = 0
    await db.write([alice], async (tx) => {
      const before = (await tx.get(notes, alice, 1)) ?? ''
      if (runs++ < 2)
        await other.write([alice], async (theirs) => theirs.put(notes, [alice, 1], `${before}+theirs`))
      tx.put(notes, [alice, 1], `${before}+mine`)
    })
    assert.equal(runs, 3)
    assert.equal(await db.read((tx) => tx.get(notes, alice, 1)), '+theirs+theirs+mine')
  })

  it('takes back only the failed attempt of one object', async () => {
    const { db } = open()
    const results = await db.write([alice], async (tx) => {
      const set = (i: number, fail: boolean): Promise<unknown> =>
        tx.attempt(async () => {
          tx.put(notes, [alice, i], 'kept')
          tx.changed(alice, 'Email', i, 'updated')
          tx.expunged(alice, 5 as MailboxId, [i as Uid])
          if (fail) throw new Fault('invalid', 'no', {})
          return 'ok'
        })
      return [await set(1, false), await set(2, true), await set(3, false)]
    })
    assert.deepEqual([results[0], isFault(results[1], 'invalid'), results[2]], ['ok', true, 'ok'])
    await db.read(async (tx) => {
      assert.deepEqual(
        (await tx.list(notes, [alice])).map(([[, i]]) => i),
        [1, 3],
      )
      assert.deepEqual(await changesSince(tx, alice, 'Email', 0 as Modseq, 10), {
        created: [],
        updated: [1, 3],
        destroyed: [],
        countsOnly: false,
        to: 1,
        more: false,
      })
      assert.deepEqual(await expungedSince(tx, alice, 5 as MailboxId, 0 as Modseq), [1, 3])
    })
  })

  it('stores a blob once however many own it, and refuses a link to one that is gone', async () => {
    const { db, blobs } = open()
    const one = await staged(blobs, 'same bytes')
    const two = await staged(blobs, 'same bytes')
    await db.write(
      [alice],
      async (tx) => void tx.attach(one, { account: alice, kind: ownerKinds.message, id: 1 }),
    )
    await db.write(
      [bob],
      async (tx) => void tx.attach(two, { account: bob, kind: ownerKinds.message, id: 9 }),
    )
    await db.write([bob], (tx) => tx.link(one.hash, { account: bob, kind: ownerKinds.message, id: 10 }))
    assert.equal((await db.read((tx) => tx.list(blobTable, []))).length, 1)
    assert.equal((await db.read((tx) => tx.list(blobLinkTable, [one.hash]))).length, 3)
    await db.write([bob], async (tx) =>
      tx.unlink(one.hash, { account: bob, kind: ownerKinds.message, id: 10 }),
    )
    assert.equal((await db.read((tx) => tx.list(blobLinkTable, [one.hash]))).length, 2)
    const gone = 'ff'.repeat(32) as BlobHash
    await assert.rejects(
      db.write([bob], (tx) => tx.link(gone, { account: bob, kind: ownerKinds.message, id: 11 })),
      (error) => isFault(error, 'notFound'),
    )
  })

  it('keeps a task with the commit that schedules it', async () => {
    const { db } = open()
    await db.write([], async (tx) => tx.schedule({ name: 'later' }, { n: 1 }, 5000))
    const [[key, row]] = (await db.read((tx) => tx.list(taskTable, []))) as [[[number, string], unknown]]
    assert.equal(key[0], 5000)
    assert.deepEqual(row, { task: 'later', payload: { n: 1 }, attempts: 0, leasedUntil: 0 })
  })

  it('settles every writer when the engine fails', async () => {
    const { db, engine } = open()
    engine.full = true
    const writes = [1, 2, 3].map((i) => db.write([alice], async (tx) => tx.put(notes, [alice, i], 'x')))
    for (const result of await Promise.allSettled(writes))
      assert.ok(result.status === 'rejected' && isFault(result.reason, 'unavailable'))
    engine.full = false
    await db.write([alice], async (tx) => tx.put(notes, [alice, 1], 'x'))
  })

  it('lists through its own writes exactly as a map would', async () => {
    const id = fc.integer({ min: 0, max: 20 })
    const change = fc.record({ id, how: fc.constantFrom('put', 'delete', 'mark') })
    await fc.assert(
      fc.asyncProperty(
        fc.array(change),
        fc.array(change),
        id,
        fc.integer({ min: 1, max: 8 }),
        fc.boolean(),
        async (before, during, after, limit, reverse) => {
          const { db } = open()
          const model = new Set<number>()
          const apply = (tx: WriteTx, changes: typeof before): void => {
            for (const { id: i, how } of changes) {
              if (how === 'put') tx.put(notes, [alice, i], String(i))
              else if (how === 'delete') tx.delete(notes, [alice, i])
              else tx.put(marks, [alice, i], true)
              if (how === 'put') model.add(i)
              if (how === 'delete') model.delete(i)
            }
          }
          await db.write([alice], async (tx) => apply(tx, before))
          await db.write([alice], async (tx) => {
            apply(tx, during)
            const rows = await tx.list(notes, [alice], { after: [alice, after], limit, reverse })
            const all = [...model]
              .sort((a, b) => (reverse ? b - a : a - b))
              .filter((i) => (reverse ? i < after : i > after))
            assert.deepEqual(
              rows.map(([[, i]]) => i),
              all.slice(0, limit),
            )
          })
        },
      ),
    )
  })
})

describe('change log', () => {
  it('folds what happened to an object into at most one list', async () => {
    const { db } = open()
    const step = (id: number, how: 'created' | 'updated' | 'destroyed' | 'counts'): Promise<void> =>
      db.write([alice], async (tx) => tx.changed(alice, 'Mailbox', id as MessageId, how))
    await step(1, 'created')
    await step(1, 'updated')
    await step(2, 'counts')
    await step(3, 'created')
    await step(3, 'destroyed')
    await step(4, 'updated')
    await step(4, 'destroyed')
    await db.read(async (tx) => {
      const since = (from: number, limit = 100): ReturnType<typeof changesSince> =>
        changesSince(tx, alice, 'Mailbox', from as Modseq, limit)
      assert.deepEqual(await since(0), {
        created: [1],
        updated: [2],
        destroyed: [4],
        countsOnly: true,
        to: 7,
        more: false,
      })
      assert.deepEqual(await since(2, 1), {
        created: [],
        updated: [2],
        destroyed: [],
        countsOnly: true,
        to: 3,
        more: true,
      })
      assert.deepEqual(await since(7), {
        created: [],
        updated: [],
        destroyed: [],
        countsOnly: false,
        to: 7,
        more: false,
      })
    })
  })

  it('says tooOld where the log was cut', async () => {
    const { db } = open()
    for (let i = 1; i <= 3; i++)
      await db.write([alice], async (tx) => tx.changed(alice, 'Email', i, 'created'))
    await db.write([alice], async (tx) => tx.put(logFloorTable, [alice], 2 as Modseq))
    await db.read(async (tx) => {
      assert.equal(await entriesSince(tx, alice, 1 as Modseq, 10), 'tooOld')
      assert.equal(await changesSince(tx, alice, 'Email', 1 as Modseq, 10), 'tooOld')
      assert.notEqual(await changesSince(tx, alice, 'Email', 2 as Modseq, 10), 'tooOld')
    })
  })

  it('reads its own states back and no others', () => {
    for (const n of [0, 1, 35, 36, 2 ** 47]) assert.equal(modseqOf(stateOf(n as Modseq)), n)
    for (const bad of ['', '-1', '01', 'A', 'zzzzzzzzzzzzz', '1.5', ' 1', '\u0661'])
      assert.equal(modseqOf(bad), undefined, bad)
  })
})
