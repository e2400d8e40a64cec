import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId } from '#base/id.ts'
import { VerificationLimit } from './verification-limit.ts'

const [alice, bob] = [1, 2] as [AccountId, AccountId]

test('RFC 8620 §8.6: one URL is asked once in a while, and an account asks so often in all', () => {
  const limit = new VerificationLimit()
  const at = (nowMs: number) => ({ nowMs, periodMs: 1000, most: 3 })
  assert.equal(limit.take(alice, 'a', at(0)), 0)
  assert.equal(limit.take(alice, 'a', at(10)), 1000)
  assert.equal(limit.take(alice, 'b', at(20)), 20)
  assert.equal(limit.take(bob, 'a', at(20)), 20)
  // Three were asked for in the last second, one of which is still to come.
  const fourth = limit.take(alice, 'c', at(30))
  assert.ok(fourth >= 1000 && fourth <= 2000)
  assert.equal(limit.take(alice, 'd', at(10_000)), 10_000)
})

test('an account that asks again and again waits longer and longer', () => {
  const limit = new VerificationLimit()
  let last = 0
  for (let i = 0; i < 100; i++) last = limit.take(alice, `u${i}`, { nowMs: 0, periodMs: 1000, most: 2 })
  assert.ok(last >= 49_000)
})
