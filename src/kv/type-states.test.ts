import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId, DataType } from '#base/id.ts'
import { MemoryBlobs } from '#blob/engines/memory.ts'
import { LocalBus } from '#bus/engines/local.ts'
import { Random } from '../../test/harness/random.ts'
import { changesSince } from './change-log.ts'
import { KvDb } from './db.ts'
import { MemoryEngine } from './engines/memory.ts'
import { TypeStates } from './type-states.ts'

const account = 7 as AccountId
const types: readonly DataType[] = ['Mailbox', 'Email', 'Thread', 'Identity']

test('a type has the number of its last change, also after a restart and with writers that share a commit', async () => {
  const db = new KvDb(
    new MemoryEngine(new MemoryBlobs()),
    new LocalBus({
      onError: (error) => {
        throw error
      },
    }),
  )
  const random = new Random()
  const last = new Map<DataType, number>(types.map((type) => [type, 0]))
  const kept = new TypeStates()
  let id = 0
  for (let round = 0; round < 60; round++) {
    const writes = Array.from({ length: 1 + random.below(4) }, async () => {
      const changed = types.filter(() => random.below(3) === 0)
      let number = 0
      await db.write(
        [account],
        async (tx) => {
          for (const type of types) {
            const before = await kept.before(tx, account, type)
            const found = await changesSince(tx, account, type, before, 100)
            assert.ok(found !== 'tooOld' && found.created.length === 0, `round ${round}: ${type}`)
          }
          for (const type of changed) tx.changed(account, type, ++id, 'created')
        },
        { onCommit: (numbers) => (number = numbers.get(account) ?? 0) },
      )
      for (const type of changed) last.set(type, Math.max(last.get(type)!, number))
    })
    await Promise.all(writes)
    const fresh = new TypeStates()
    for (const type of types) {
      assert.equal(await db.read((tx) => kept.read(tx, account, type)), last.get(type), type)
      assert.equal(await db.read((tx) => fresh.read(tx, account, type)), last.get(type), type)
    }
  }
  assert.ok(id > 20)
})

test('RFC 8621 §1.5: EmailDelivery has the number of the last message that came, and of nothing else', async () => {
  const db = new KvDb(
    new MemoryEngine(new MemoryBlobs()),
    new LocalBus({
      onError: (error) => {
        throw error
      },
    }),
  )
  const kept = new TypeStates()
  const read = async (): Promise<readonly number[]> =>
    Promise.all(
      [kept, new TypeStates()].map((states) => db.read((tx) => states.read(tx, account, 'EmailDelivery'))),
    )
  assert.deepEqual(await read(), [0, 0])
  await db.write([account], async (tx) => tx.changed(account, 'Email', 1, 'created'))
  assert.deepEqual(await read(), [1, 1])
  await db.write([account], async (tx) => tx.changed(account, 'Email', 1, 'updated'))
  await db.write([account], async (tx) => tx.changed(account, 'Mailbox', 2, 'created'))
  assert.deepEqual(await read(), [1, 1])
  await db.write([account], async (tx) => {
    tx.changed(account, 'Email', 1, 'destroyed')
    tx.changed(account, 'Email', 2, 'created')
  })
  assert.deepEqual(await read(), [4, 4])
  // Planted: what is restored is logged as created.
  await db.write([account], async (tx) => tx.changed(account, 'Email', 1, 'restored'))
  assert.deepEqual(await read(), [4, 4])
})

test('RFC 9425 §6: Quota has the number of the last change by which there was more or less', async () => {
  const db = new KvDb(
    new MemoryEngine(new MemoryBlobs()),
    new LocalBus({
      onError: (error) => {
        throw error
      },
    }),
  )
  const states = new TypeStates()
  const read = (): Promise<number> => db.read((tx) => states.read(tx, account, 'Quota'))
  for (const [type, how, expected] of [
    ['Email', 'created', 1],
    ['Email', 'updated', 1],
    ['Mailbox', 'counts', 1],
    ['Identity', 'created', 1],
    ['Mailbox', 'created', 5],
    ['Email', 'destroyed', 6],
  ] as const) {
    await db.write([account], async (tx) => tx.changed(account, type, 1, how))
    assert.equal(await read(), expected, `${type} ${how}`)
  }
})
