import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeQueue, startedAt } from './fixture.test.ts'
import { putRecipient } from './enqueue.ts'
import { putOff } from './put-off.ts'
import { type BuiltInQueue, scheduleOf } from './settings.ts'
import { queuedRecipientTable } from './tables.ts'

const minute = 60_000

test('what somebody has put at another time, or taken out, is not put off', async () => {
  const q = makeQueue()
  const id = await q.put(['a@remote.example', 'b@remote.example', 'c@remote.example'])
  const row = (n: number) => q.db.read((tx) => tx.get(queuedRecipientTable, id, n))
  await q.db.write([], async (tx) => {
    const [b, c] = [await tx.get(queuedRecipientTable, id, 1), await tx.get(queuedRecipientTable, id, 2)]
    putRecipient(tx, id, 1, b, { ...b!, dueAt: startedAt + 60 * minute })
    putRecipient(tx, id, 2, c, undefined)
  })
  const all = [{ id, numbers: [0, 1, 2], until: startedAt + 5 * minute }]
  const o = { now: startedAt, scheduleOf: (queue: string) => scheduleOf(q.settings, queue as BuiltInQueue) }
  assert.equal(await q.db.write([], (tx) => putOff(tx, all, o)), startedAt + 5 * minute)
  assert.deepEqual(
    [(await row(0))?.dueAt, (await row(1))?.dueAt, await row(2)],
    [startedAt + 5 * minute, startedAt + 60 * minute, undefined],
  )
})
