import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InHand } from './in-hand.ts'
import type { QueueId } from './tables.ts'

test('what was let go of while rows are read counts as in hand until they are read', () => {
  const inHand = new InHand()
  const id = 7 as QueueId
  inHand.take(id, [0, 1], 'trying')
  inHand.remember()
  inHand.release(id, [0])
  assert.deepEqual([inHand.has(id, 0), inHand.isTrying(id, 0), inHand.has(id, 1)], [true, false, true])
  inHand.release(id, [1])
  assert.deepEqual([inHand.has(id, 0), inHand.has(id, 1)], [true, true])
  inHand.forget()
  assert.deepEqual([inHand.has(id, 0), inHand.has(id, 1)], [false, false])
})
