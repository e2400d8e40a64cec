import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import type { BlobHash } from '#base/id.ts'
import type { SegmentRow } from './manifest.ts'
import { mergeDue } from './merge-due.ts'

const kib = 1024
const segmentsOf = (sizes: readonly number[]): SegmentRow[] =>
  sizes.map((sizeBytes, id) => ({ id, blob: '' as BlobHash, sizeBytes, documents: 1 }))
const due = (...sizes: number[]) => mergeDue(segmentsOf(sizes))
const many = (count: number, sizeBytes: number): number[] => Array.from({ length: count }, () => sizeBytes)

test('eight of a size become one, with smaller ones behind them', () => {
  assert.equal(due(...many(7, 30 * kib)), undefined)
  assert.deepEqual(due(...many(8, 30 * kib)), [0, 8])
  assert.deepEqual(due(20_000 * kib, ...many(7, 900 * kib), ...many(7, 30 * kib)), [1, 15])
  assert.equal(due(20_000 * kib, ...many(4, 900 * kib), ...many(3, 30 * kib)), undefined)
})

test('one that is full stands in nobody\u2019s way', () => {
  assert.deepEqual(due(...many(33, 900 * kib), 24_000 * kib), [6, 33])
  assert.deepEqual(due(20_000 * kib, ...many(8, 30 * kib)), [1, 9])
})

test('with all that is due merged, few segments are left, and none is too large', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1 * kib, max: 3000 * kib }), { maxLength: 300 }), (sizes) => {
      let now = [...sizes]
      let written = 0
      for (let next = due(...now); next !== undefined; next = due(...now)) {
        const [from, to] = next
        const merged = now.slice(from, to).reduce((sum, size) => sum + size, 0)
        assert.ok(to - from >= 8 && merged <= 24 << 20)
        written += merged
        now = [...now.slice(0, from), merged, ...now.slice(to)]
      }
      const total = sizes.reduce((sum, size) => sum + size, 0)
      assert.ok(now.length <= 32 + (8 * total) / (24 << 20), `${now.length} of ${sizes.length} are left`)
      assert.ok(written <= 4 * total)
    }),
  )
})

test('mail that trickles in is not written again and again', () => {
  let now: number[] = []
  let written = 0
  let most = 0
  for (let i = 0; i < 2000; i++) {
    now.push(60 * kib)
    for (let next = due(...now); next !== undefined; next = due(...now)) {
      const merged = now.slice(...next).reduce((sum, size) => sum + size, 0)
      written += merged
      now = [...now.slice(0, next[0]), merged, ...now.slice(next[1])]
    }
    most = Math.max(most, now.length)
  }
  assert.ok(written <= 5 * 2000 * 60 * kib, `${written / (2000 * 60 * kib)} times`)
  assert.ok(most <= 40, `${most} segments`)
})
