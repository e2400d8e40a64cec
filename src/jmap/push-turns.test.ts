import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId } from '#base/id.ts'
import { PushTurns } from './push-turns.ts'

test('so many requests go on at once, few of one account, and all have their turn', async () => {
  const turns = new PushTurns()
  const running = new Map<number, number>()
  let [most, mostOfOne, done] = [0, 0, 0]
  const all = Array.from({ length: 600 }, (_, i) => {
    // The first account has half of them.
    const account = i < 300 ? 1 : i
    return turns.run(account as AccountId, async () => {
      running.set(account, (running.get(account) ?? 0) + 1)
      most = Math.max(
        most,
        [...running.values()].reduce((a, b) => a + b, 0),
      )
      mostOfOne = Math.max(mostOfOne, running.get(account)!)
      await new Promise((resolve) => setImmediate(resolve))
      running.set(account, running.get(account)! - 1)
      done++
      if (i % 7 === 0) throw new Error('it failed')
    })
  })
  const results = await Promise.allSettled(all)
  assert.equal(done, 600)
  assert.equal(results.filter(({ status }) => status === 'rejected').length, Math.ceil(600 / 7))
  assert.deepEqual([most, mostOfOne], [64, 4])
})

test('one account that waits for all of its own does not keep others from theirs', async () => {
  const turns = new PushTurns()
  const gate = Promise.withResolvers<void>()
  const stuck = Array.from({ length: 100 }, () => turns.run(1 as AccountId, () => gate.promise))
  assert.equal(await turns.run(2 as AccountId, async () => 'quick'), 'quick')
  gate.resolve()
  await Promise.all(stuck)
})
