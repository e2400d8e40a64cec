/** Turns alone, across threads, and as `KvDb` takes them. Planted fault, seen red: `KvDb` lets nobody pass. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { AccountId } from '#base/id.ts'
import { LocalBus } from '#bus/engines/local.ts'
import { json } from './codec.ts'
import { KvDb } from './db.ts'
import { MemoryEngine } from './engines/memory.ts'
import { u48 } from './key.ts'
import { accountTable } from './table.ts'
import { newTurnMemory, Turns } from './turns.ts'

const alice = 1 as AccountId
const bob = 2 as AccountId
const numbers = accountTable({ name: 'number', letter: 'y', key: [u48()], value: json<number>() })

describe('turns', () => {
  it('are waited for by who passes and who takes, and by nobody else', async () => {
    const memory = newTurnMemory()
    const [here, there] = [new Turns(memory), new Turns(memory)]
    assert.equal(there.pass([alice, bob]), undefined)
    const end = await here.take([alice])
    const order: string[] = []
    assert.equal(there.pass([bob]), undefined)
    const passed = there.pass([bob, alice])!.then(() => order.push('passed'))
    const taken = there.take([bob, alice]).then((endTheirs) => {
      order.push('taken')
      endTheirs()
    })
    await turn()
    order.push('ended')
    end()
    await Promise.all([passed, taken])
    assert.equal(order[0], 'ended')
    assert.equal(here.pass([alice, bob]), undefined)
  })

  it('of several accounts are taken by two without a deadlock', async () => {
    const memory = newTurnMemory()
    const take = async (accounts: readonly AccountId[]): Promise<void> => {
      const end = await new Turns(memory).take(accounts)
      await turn()
      end()
    }
    await Promise.all([take([alice, bob]), take([bob, alice]), take([alice, alice])])
    assert.equal(new Turns(memory).pass([alice, bob]), undefined)
  })

  it('end when the thread ends that had them', async () => {
    const memory = newTurnMemory()
    const module = new URL('./turns.ts', import.meta.url).href
    const program = `const { workerData } = await import('node:worker_threads')
      const { Turns } = await import(${JSON.stringify(module)})
      await new Turns(workerData).take([1])`
    const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`), {
      workerData: memory,
    })
    await once(worker, 'exit')
    const turns = new Turns(memory)
    assert.notEqual(turns.pass([alice]), undefined)
    const end = await turns.take([alice])
    end()
    assert.equal(turns.pass([alice]), undefined)
  })

  it('see to it that nobody who writes loses again and again', async () => {
    const engine = new MemoryEngine()
    const memory = newTurnMemory()
    const newBus = (): LocalBus => new LocalBus({ onError: (error) => assert.fail(String(error)) })
    const workers = Array.from({ length: 4 }, () => new KvDb(engine, newBus(), new Turns(memory)))
    let most = 0
    const add = async (db: KvDb): Promise<void> => {
      let runs = 0
      await db.write([alice], async (tx) => {
        runs++
        const before = (await tx.get(numbers, alice, 1)) ?? 0
        // Now and then what is to be done takes longer than all that the others do.
        if (before % 7 === 0) await turn()
        tx.put(numbers, [alice, 1], before + 1)
      })
      most = Math.max(most, runs)
    }
    const addOften = async (db: KvDb): Promise<void> => {
      for (let i = 0; i < 100; i++) await add(db)
    }
    await Promise.all(workers.flatMap((db) => [addOften(db), addOften(db)]))
    assert.equal(await workers[0]!.read((tx) => tx.get(numbers, alice, 1)), 800)
    // Once against nobody in particular, once against each that had begun before it took its turn, and then alone.
    assert.ok(most <= 1 + workers.length, `a body ran ${most} times`)
  })
})
