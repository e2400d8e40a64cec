import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FairQueue } from './fair-queue.ts'

test('sources take turns, each in its own order', () => {
  const queue = new FairQueue<string>({ most: 100, mostOfOne: 100 })
  for (const item of ['a1', 'a2', 'a3', 'a4', 'b1', 'c1', 'b2']) assert.ok(queue.push(item[0]!, item))
  assert.equal(queue.shift(), 'a1')
  assert.ok(queue.push('d', 'd1'))
  assert.deepEqual([...queue.drain()], ['b1', 'c1', 'a2', 'd1', 'b2', 'a3', 'a4'])
  assert.equal(queue.size, 0)
  assert.equal(queue.shift(), undefined)
})

test('one source has its share, all have the whole', () => {
  const queue = new FairQueue<number>({ most: 5, mostOfOne: 3 })
  const taken = (source: string, count: number) =>
    Array.from({ length: count }, (_, i) => queue.push(source, i)).filter((isIn) => isIn).length
  assert.equal(taken('a', 10), 3)
  assert.equal(taken('b', 10), 2)
  assert.equal(taken('c', 10), 0)
  queue.shift()
  assert.equal(taken('c', 10), 1)
})

test('nothing is lost and nothing doubled, and no source waits for more than one turn of the others', () => {
  const pushes = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat(3)), { maxLength: 100 })
  fc.assert(
    fc.property(pushes, (steps) => {
      const queue = new FairQueue<string>({ most: 50, mostOfOne: 20 })
      const held = new Map<string, string[]>()
      const take = () => {
        const item = queue.shift()
        if (item === undefined) return
        const own = held.get(item[0]!)!
        assert.equal(own.shift(), item)
      }
      for (const [i, [source, shifts]] of steps.entries()) {
        if (queue.push(source, `${source}${i}`))
          held.set(source, [...(held.get(source) ?? []), `${source}${i}`])
        for (let n = 0; n < shifts; n++) take()
      }
      while (queue.size > 0) take()
      assert.ok([...held.values()].every((own) => own.length === 0))
    }),
  )
})

test('who is not ready keeps the place, and may be taken out as a whole', () => {
  const queue = new FairQueue<string>({ most: 10, mostOfOne: 5 })
  for (const item of ['a1', 'a2', 'b1', 'c1']) queue.push(item[0]!, item)
  assert.equal(
    queue.shift((source) => source !== 'a'),
    'b1',
  )
  assert.equal(
    queue.shift((source) => source === 'd'),
    undefined,
  )
  assert.equal(queue.shift(), 'a1')
  assert.deepEqual(queue.remove('a'), ['a2'])
  assert.deepEqual(queue.remove('a'), [])
  assert.equal(queue.size, 1)
  assert.equal(queue.shift(), 'c1')
})
