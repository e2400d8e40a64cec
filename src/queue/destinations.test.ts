import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Destinations } from './destinations.ts'
import { attemptAt } from './fixture.test.ts'
import type { RecipientResult } from './transport.ts'

const unreachable: RecipientResult = { kind: 'delayed', status: '4.4.1', attempt: attemptAt(0, 'refused') }
const key = 'remote.example'

test('failures of attempts that were under way together count as one, each later one doubles the pause', () => {
  const destinations = new Destinations()
  for (let i = 0; i < 10; i++) destinations.begin(key, 0)
  assert.equal(destinations.ask(key, 0, 10), 'wait')
  for (let i = 0; i < 10; i++) destinations.end(key, { begunAt: 0, now: 1000 + i, unreachable })
  assert.deepEqual(destinations.ask(key, 2000, 10), { until: 31_000, why: unreachable })
  assert.equal(destinations.ask(key, 31_000, 10), 'go')
  destinations.begin(key, 31_000)
  assert.equal(destinations.ask(key, 31_000, 10), 'wait')
  destinations.end(key, { begunAt: 31_000, now: 32_000, unreachable })
  assert.deepEqual(destinations.ask(key, 32_000, 10), { until: 92_000, why: unreachable })
  destinations.forgive(key)
  assert.equal(destinations.ask(key, 32_000, 10), 'go')
})

test('one answer ends the pause', () => {
  const destinations = new Destinations()
  destinations.begin(key, 0)
  destinations.begin(key, 0)
  destinations.end(key, { begunAt: 0, now: 1000, unreachable })
  destinations.end(key, { begunAt: 0, now: 1001, unreachable: undefined })
  assert.equal(destinations.ask(key, 1001, 10), 'go')
})

test('who finds no place looks again when the turn comes, not all at once', () => {
  const destinations = new Destinations()
  const turnsAt = (now: number) => Array.from({ length: 1000 }, () => destinations.turn(key, now, 10) - now)
  assert.equal(destinations.turn(key, 0, 10), 1000)
  destinations.begin(key, 0)
  for (let i = 0; i < 100; i++) {
    destinations.begin(key, 0)
    destinations.end(key, { begunAt: 0, now: 10_000, unreachable: undefined })
  }
  const turns = turnsAt(10_000)
  assert.ok(turns.every((turn, i) => i === 0 || turn >= turns[i - 1]!))
  // Attempts of ten seconds, ten at a time: one a second, and twice as often is looked.
  assert.ok(turns[100]! > 40_000 && turns[100]! < 60_000, String(turns[100]))
  assert.ok(turns[999]! > 400_000 && turns[999]! <= 601_000, String(turns[999]))
  for (const turn of turnsAt(10_000)) assert.ok(turn <= 601_000)
})

test('where nothing ends for long, nobody looks often', () => {
  const destinations = new Destinations()
  for (let i = 0; i < 10; i++) destinations.begin(key, 0)
  const first = destinations.turn(key, 100, 10)
  assert.ok(first < 2000)
  assert.ok(destinations.turn(key, 60_000, 10) >= first + 30_000)
})

test('after the pause of a destination that cannot be reached not all come back at once', () => {
  const destinations = new Destinations()
  destinations.begin(key, 0)
  destinations.end(key, { begunAt: 0, now: 0, unreachable })
  const turns = Array.from({ length: 1000 }, () => destinations.turn(key, 1, 10))
  assert.equal(turns[0], 30_005)
  assert.equal(turns[999], 35_000)
})

// Planted: what blocks is not held against how long any may.
test('a clock that goes back by a day makes no destination wait for a day', () => {
  const day = 86_400_000
  const destinations = new Destinations()
  destinations.begin(key, day)
  destinations.end(key, { begunAt: day, now: day + 1000, unreachable })
  assert.notEqual(destinations.ask(key, day + 1000, 10), 'go')
  assert.equal(destinations.ask(key, 2000, 10), 'go')
  assert.ok(destinations.turn(key, 2000, 10) <= 2000 + 10 * 60_000)
  // A failure counts again.
  destinations.begin(key, 2000)
  destinations.end(key, { begunAt: 2000, now: 3000, unreachable })
  assert.deepEqual(destinations.ask(key, 3000, 10), { until: 63_000, why: unreachable })
})
