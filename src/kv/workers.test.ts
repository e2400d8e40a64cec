/**
 * What a write may rely on while another worker writes, as `WriteTx` promises it: two `KvDb` over one engine, whose
 * locks know nothing of each other. In each test another worker commits between the first run of a body and its commit.
 *
 * Faults in `transaction.ts` that turn some of it red, each planted by hand and seen: an account is checked only where
 * something of it changed; rows of no account are not checked, by `get`, by `getMany` or where they are not there; what
 * `list` found is not checked where it is put again, or as it is with what the body itself has put; `link` leaves a
 * condemned blob as it is.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Fault, isFault } from '#base/fault.ts'
import type { AccountId, BlobHash } from '#base/id.ts'
import { LocalBus } from '#bus/engines/local.ts'
import { blobTable, isLive, ownerKinds } from './blob-rows.ts'
import { json } from './codec.ts'
import { KvDb } from './db.ts'
import { MemoryEngine } from './engines/memory.ts'
import { text, u48 } from './key.ts'
import { dropMark, lookByMark, putMark } from './mark.ts'
import { accountTable, globalTable } from './table.ts'
import type { WriteTx } from './tx.ts'

const alice = 1 as AccountId
const bob = 2 as AccountId
const notes = accountTable({ name: 'note', letter: 'y', key: [u48()], value: json<string>() })
const names = globalTable({ name: 'name', letter: 'y', key: [text()], value: json<number>() })

class TwoWorkers {
  readonly #engine = new MemoryEngine()
  readonly here = this.#worker()
  readonly there = this.#worker()
  runs = 0

  #worker(): KvDb {
    return new KvDb(this.#engine, new LocalBus({ onError: (error) => assert.fail(String(error)) }))
  }

  /** `body` here, and after its first run `other` there. Returns what the body returned the last time. */
  async between<T>(
    accounts: readonly AccountId[],
    body: (tx: WriteTx) => Promise<T>,
    other: (tx: WriteTx) => Promise<void> | void,
  ): Promise<T> {
    this.runs = 0
    return this.here.write(accounts, async (tx) => {
      const result = await body(tx)
      if (this.runs++ === 0) await this.there.write([alice, bob], async (theirs) => other(theirs))
      return result
    })
  }

  number(name: string): Promise<number | undefined> {
    return this.here.read((tx) => tx.get(names, name))
  }

  async set(name: string, value: number): Promise<void> {
    await this.here.write([], async (tx) => tx.put(names, [name], value))
  }
}

describe('a write while another worker writes', () => {
  it('relies on accounts that it names and changes', async () => {
    const two = new TwoWorkers()
    await two.between(
      [alice],
      async (tx) => tx.put(notes, [alice, 1], `${(await tx.get(notes, alice, 1)) ?? ''}+here`),
      (tx) => tx.put(notes, [alice, 1], 'there'),
    )
    assert.equal(await two.here.read((tx) => tx.get(notes, alice, 1)), 'there+here')
  })

  it('relies on accounts that it names and only reads', async () => {
    const two = new TwoWorkers()
    const copied = await two.between(
      [alice, bob],
      async (tx) => {
        const text = (await tx.get(notes, alice, 1)) ?? 'nothing'
        tx.put(notes, [bob, 1], text)
        return text
      },
      (tx) => tx.put(notes, [alice, 1], 'there'),
    )
    assert.equal(copied, 'there')
  })

  it('relies on rows of no account that it read, there or not', async () => {
    const two = new TwoWorkers()
    const claim = async (tx: WriteTx, by: number): Promise<void> => {
      if ((await tx.get(names, 'a')) !== undefined) throw new Fault('exists', 'taken', { what: 'name' })
      tx.put(names, ['a'], by)
    }
    const mine = two.between(
      [],
      (tx) => claim(tx, 1),
      (tx) => claim(tx, 2),
    )
    await assert.rejects(mine, (error) => isFault(error, 'exists'))
    assert.equal(await two.number('a'), 2)
  })

  it('relies on rows of no account that it read and did not write', async () => {
    const two = new TwoWorkers()
    await two.set('a', 1)
    const read = [
      async (tx: WriteTx) => tx.get(names, 'a'),
      async (tx: WriteTx) => (await tx.getMany(names, [['b'], ['a']]))[1],
    ]
    for (const [i, one] of read.entries()) {
      await two.between(
        [],
        async (tx) => tx.put(names, ['copy'], (await one(tx))!),
        (tx) => tx.put(names, ['a'], 10 + i),
      )
      assert.deepEqual([await two.number('copy'), two.runs], [10 + i, 2])
    }
  })

  it('relies on rows of no account that list found where it puts them again', async () => {
    const two = new TwoWorkers()
    await two.set('a', 1)
    await two.between(
      [],
      async (tx) => {
        for (const [key, value] of await tx.list(names, [])) tx.put(names, key, value + 1)
      },
      (tx) => tx.put(names, ['a'], 10),
    )
    assert.equal(await two.number('a'), 11)
  })

  it('does not rely on what list found otherwise, nor on what it puts unread', async () => {
    const two = new TwoWorkers()
    await two.set('a', 1)
    await two.set('b', 1)
    await two.between(
      [],
      async (tx) => {
        const all = await tx.list(names, [])
        tx.delete(names, ['a'])
        tx.put(names, ['c'], all.length)
      },
      (tx) => {
        for (const name of ['a', 'b', 'c', 'd']) tx.put(names, [name], 10)
      },
    )
    assert.deepEqual([await two.number('a'), await two.number('c'), two.runs], [undefined, 2, 1])
  })

  it('checks what the store has, not what an attempt has put and taken back', async () => {
    const two = new TwoWorkers()
    await two.set('a', 1)
    await two.between(
      [],
      async (tx) => {
        await tx.attempt(async () => {
          tx.put(names, ['a'], 5)
          await tx.list(names, [])
          throw new Fault('invalid', 'no', {})
        })
        tx.put(names, ['a'], 6)
      },
      () => undefined,
    )
    assert.deepEqual([await two.number('a'), two.runs], [6, 1])
  })
})

describe('a blob that was condemned', () => {
  it('lives again with a new link, and is not deleted meanwhile', async () => {
    const two = new TwoWorkers()
    const hash = 'ab'.repeat(32) as BlobHash
    const condemned = { segment: 1, offset: 0, recordBytes: 9, sizeBytes: 5, condemnedAt: 7 }
    await two.here.write([], async (tx) => tx.put(blobTable, [hash], condemned))
    const outcome = await two.between(
      [],
      async (tx) => {
        const location = await tx.get(blobTable, hash)
        if (location !== undefined && !isLive(location)) tx.delete(blobTable, [hash])
        return location
      },
      (tx) => tx.link(hash, { account: alice, kind: ownerKinds.message, id: 1 }),
    )
    assert.equal(outcome?.condemnedAt, 0)
    assert.deepEqual(await two.here.read((tx) => tx.get(blobTable, hash)), { ...condemned, condemnedAt: 0 })
  })
})

describe('a mark', () => {
  const count = async (tx: WriteTx): Promise<number> => (await tx.list(names, [])).length
  const add = (tx: WriteTx, name: string): void => {
    putMark(tx, 'names')
    tx.put(names, [name], 1)
  }

  it('makes a conflict of rows that are added while somebody counts them', async () => {
    const two = new TwoWorkers()
    const addOneAtMost = async (tx: WriteTx): Promise<string> => {
      await lookByMark(tx, 'names')
      if ((await count(tx)) > 0) return 'full'
      add(tx, 'here')
      return 'added'
    }
    const outcome = await two.between([], addOneAtMost, (tx) => add(tx, 'there'))
    assert.equal(outcome, 'full')
    assert.equal(await two.number('here'), undefined)
  })

  it('is in the way of nobody who only adds, also where it is gone in between', async () => {
    const two = new TwoWorkers()
    await two.between(
      [],
      async (tx) => add(tx, 'here'),
      (tx) => add(tx, 'there'),
    )
    assert.equal(two.runs, 1)
    await two.between(
      [],
      async (tx) => add(tx, 'once more'),
      (tx) => dropMark(tx, 'names'),
    )
    assert.equal(two.runs, 1)
  })
})
