import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { SyntaxFault } from '#base/fault.ts'
import {
  countPositions,
  eachPosition,
  formatSet,
  merge,
  type Numbered,
  pairUp,
  positionsOfNumbers,
  positionsOfUids,
  positionsWithin,
  star,
} from './sequence-set.ts'

const viewOf = (uids: readonly number[]): Numbered => ({
  count: uids.length,
  uidAt: (position) => uids[position]!,
  lowerBound: (uid) => {
    const at = uids.findIndex((one) => one >= uid)
    return at === -1 ? uids.length : at
  },
})

const set = (...ranges: number[]) => ({ ranges, saved: false })
const uidLists = fc
  .uniqueArray(fc.integer({ min: 1, max: 60 }), { maxLength: 25 })
  .map((uids) => uids.sort((a, b) => a - b))
const rangeLists = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 70 }), fc.integer({ min: 0, max: 70 })), {
    minLength: 1,
    maxLength: 6,
  })
  .map((pairs) => pairs.flat())

test('UIDs: a range takes what lies between its ends in either order, * is the highest', () => {
  fc.assert(
    fc.property(uidLists, rangeLists, (uids, ranges) => {
      const last = uids.at(-1) ?? 0
      const wanted = new Set<number>()
      for (let i = 0; i < ranges.length; i += 2) {
        const a = ranges[i]! === star ? last : ranges[i]!
        const b = ranges[i + 1]! === star ? last : ranges[i + 1]!
        for (const [at, uid] of uids.entries())
          if (uid >= Math.min(a, b) && uid <= Math.max(a, b)) wanted.add(at)
      }
      const positions = positionsOfUids({ ranges, saved: false }, viewOf(uids), [])
      assert.deepEqual(
        [...eachPosition(positions)],
        [...wanted].sort((a, b) => a - b),
      )
      assert.equal(countPositions(positions), wanted.size)
    }),
  )
})

test('message numbers beyond the last are an error, also * where there is none; SEARCH passes over them', () => {
  const view = viewOf([10, 20, 30])
  assert.deepEqual(positionsOfNumbers(set(3, star, 1, 1), view, []), [0, 0, 2, 2])
  assert.deepEqual(positionsOfNumbers(set(3, 1), view, []), [0, 2])
  for (const bad of [set(4, 4), set(1, 4), set(star, 9)]) {
    assert.throws(() => positionsOfNumbers(bad, view, []), SyntaxFault)
  }
  assert.throws(() => positionsOfNumbers(set(1, star), viewOf([]), []), SyntaxFault)
  assert.deepEqual(positionsWithin(set(2, 9), view, []), [1, 2])
  assert.deepEqual(positionsWithin(set(4, 9), view, []), [])
  assert.deepEqual(positionsWithin(set(1, star), viewOf([]), []), [])
  assert.deepEqual(positionsOfNumbers({ ranges: [1, 1], saved: true }, view, [1, 2]), [0, 2])
})

test('pairs merge to what they cover, and back', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(40), fc.nat(5)), { maxLength: 12 }), (runs) => {
      const covered = new Set(
        runs.flatMap(([at, more]) => Array.from({ length: more + 1 }, (_, i) => at + i)),
      )
      const ascending = [...covered].sort((a, b) => a - b)
      const merged = merge(runs.flatMap(([at, more]) => [at, at + more]))
      assert.deepEqual([...eachPosition(merged)], ascending)
      assert.deepEqual(pairUp(ascending), merged)
    }),
  )
})

test('sets are written with runs joined, in the order given', () => {
  assert.equal(formatSet([2, 4, 5, 6, 7, 9, 12, 13]), '2,4:7,9,12:13')
  assert.equal(formatSet([304, 319, 320]), '304,319:320')
  assert.equal(formatSet([5, 4, 3]), '5,4,3')
  assert.equal(formatSet([]), '')
})
