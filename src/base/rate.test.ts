import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatRate, newRateMemory, noRate, parseRate, type Rate, RateLimiter } from './rate.ts'

const perMinute: Rate = { count: 100, periodMs: 60_000 }

test('rates as people write them', () => {
  assert.deepEqual(parseRate('1000/1m'), { count: 1000, periodMs: 60_000 })
  assert.deepEqual(parseRate(' 5 / 1h 30m '), { count: 5, periodMs: 5_400_000 })
  for (const off of ['off', 'OFF', 'false', 'none', 'disable', '0/1m']) assert.equal(parseRate(off)?.count, 0)
  for (const wrong of ['', '5', '5/', '/1m', '-1/1m', '1.5/1m', '5/1m/1m', '5/10ms', '9999999/1m', '5/60d'])
    assert.equal(parseRate(wrong), undefined, wrong)
})

test('what is written reads back as the same rate', () => {
  const rates = fc.record({
    count: fc.integer({ min: 1, max: 1_000_000 }),
    periodMs: fc.integer({ min: 1000, max: 86_400_000 }),
  })
  fc.assert(fc.property(rates, (rate) => assert.deepEqual(parseRate(formatRate(rate)), { ...rate })))
  assert.deepEqual(parseRate(formatRate(noRate)), noRate)
})

// Planted: what nobody used is saved up, beyond the count.
test('the whole count may be used at once, and comes back evenly over the period', () => {
  const limiter = new RateLimiter<string>()
  let now = 1_000_000
  for (let i = 0; i < 100; i++) {
    assert.equal(limiter.left('a', perMinute, now), 100 - i)
    assert.equal(limiter.take('a', perMinute, now), 0)
  }
  assert.equal(limiter.left('a', perMinute, now), 0)
  assert.equal(limiter.take('a', perMinute, now), 600)
  assert.equal(limiter.nextMs('a', perMinute, now), 600)
  now += 599
  assert.equal(limiter.take('a', perMinute, now), 1)
  now += 1
  assert.equal(limiter.take('a', perMinute, now), 0)
  assert.equal(limiter.take('a', perMinute, now), 600)
  now += 6000
  assert.equal(limiter.left('a', perMinute, now), 10)
  now += 60_000
  assert.equal(limiter.left('a', perMinute, now), 100)
  assert.equal(limiter.nextMs('a', perMinute, now), 0)
})

test('each key has its own count, and what is refused costs nothing', () => {
  const limiter = new RateLimiter<number>()
  const twice: Rate = { count: 2, periodMs: 1000 }
  assert.deepEqual(
    [1, 1, 1, 2, 2, 2].map((key) => limiter.take(key, twice, 0) > 0),
    [false, false, true, false, false, true],
  )
  for (let i = 0; i < 50; i++) limiter.take(1, twice, 0)
  assert.equal(limiter.take(1, twice, 500), 0)
})

test('what is given back can be taken again', () => {
  const limiter = new RateLimiter<number>()
  const once: Rate = { count: 1, periodMs: 1000 }
  assert.equal(limiter.take(1, once, 0), 0)
  limiter.giveBack(1, once, 0)
  assert.equal(limiter.take(1, once, 0), 0)
  assert.equal(limiter.take(1, once, 0), 1000)
  limiter.giveBack(2, once, 0)
  assert.equal(limiter.left(2, once, 0), 1)
})

// Planted: a key is forgotten when others come.
test('memory has its size from the start on, whoever comes, and nobody has more for it', () => {
  const memory = newRateMemory()
  const limiter = new RateLimiter<number>(memory)
  for (let i = 0; i < 100; i++) limiter.take(-1, perMinute, 0)
  for (let key = 0; key < 100_000; key++) limiter.take(key, perMinute, 0)
  assert.ok(limiter.take(-1, perMinute, 0) > 0)
  assert.ok(memory.byteLength < 2 ** 21)
  // What is not used for a period is forgotten, also where very many shared slots a period later.
  for (const key of [-1, 0, 99_999]) assert.equal(limiter.left(key, perMinute, 120_000), 100)
})

// Planted: two rows have the same slots.
test('of thousands that come at once, hardly one has less than its own', () => {
  for (const keyOf of [(i: number) => i, (i: number) => `192.0.${i >> 8}.${i & 255}`]) {
    const limiter = new RateLimiter<number | string>()
    for (let i = 0; i < 5000; i++) limiter.take(keyOf(i), perMinute, 0)
    let wrong = 0
    for (let i = 0; i < 5000; i++) if (limiter.left(keyOf(i), perMinute, 0) !== 99) wrong++
    // Two are to be expected.
    assert.ok(wrong < 25, String(wrong))
  }
})

// Planted: what was used does not come back by itself.
test('each key has its bucket as if it were the only one, whenever others come', () => {
  const requests = fc.array(fc.record({ key: fc.nat(3), waitMs: fc.nat(400) }), { maxLength: 300 })
  const rates = fc.record({ count: fc.constantFrom(1, 2, 4, 5), periodMs: fc.constantFrom(1000, 2000) })
  fc.assert(
    fc.property(requests, rates, (asked, rate) => {
      const limiter = new RateLimiter<number>()
      const eachMs = rate.periodMs / rate.count
      const model = new Map<number, { creditMs: number; at: number }>()
      let now = 5000
      for (const { key, waitMs } of asked) {
        now += waitMs
        const { creditMs, at } = model.get(key) ?? { creditMs: rate.periodMs, at: now }
        const credit = Math.min(rate.periodMs, creditMs + now - at)
        const isRoom = credit >= eachMs
        assert.equal(limiter.left(key, rate, now), Math.floor(credit / eachMs))
        assert.equal(limiter.take(key, rate, now), isRoom ? 0 : eachMs - credit)
        model.set(key, { creditMs: isRoom ? credit - eachMs : credit, at: now })
      }
    }),
  )
})

// Planted: what a slot says holds, however far off it is.
test('a clock that is put back, and a rate that is another now, lock nobody out for long', () => {
  const limiter = new RateLimiter<number>()
  const once: Rate = { count: 1, periodMs: 1000 }
  limiter.take(1, once, 9_000_000)
  assert.equal(limiter.take(1, once, 8_999_500), 1500)
  assert.equal(limiter.left(1, once, 8_999_500), 0)
  assert.equal(limiter.take(1, once, 0), 0)
  const long: Rate = { count: 1, periodMs: 3_600_000 }
  limiter.take(2, long, 0)
  assert.equal(limiter.take(2, once, 10), 0)
})
