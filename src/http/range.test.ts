import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readRange } from './range.ts'

test('RFC 9110 §14.1.2: byte ranges', () => {
  const size = 10_000
  for (const [field, range] of [
    ['bytes=0-499', { start: 0, end: 500 }],
    ['bytes=500-999', { start: 500, end: 1000 }],
    ['bytes=-500', { start: 9500, end: 10_000 }],
    ['bytes=9500-', { start: 9500, end: 10_000 }],
    ['BYTES=0-0', { start: 0, end: 1 }],
    ['bytes=9999-20000', { start: 9999, end: 10_000 }],
    ['bytes=-20000', { start: 0, end: 10_000 }],
    [`bytes=0-${'9'.repeat(400)}`, { start: 0, end: 10_000 }],
    [`bytes=${'9'.repeat(400)}-`, 'unsatisfiable'],
    ['bytes=10000-', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
  ] as const)
    assert.deepEqual(readRange(field, size), range, field)
  assert.equal(readRange('bytes=-5', 0), 'unsatisfiable')
})

test('RFC 9110 §14.2: what is no range, of other units, or several, is not regarded', () => {
  const others = [
    'bytes=5-4',
    'bytes=-',
    'bytes=',
    'bytes=a-b',
    'items=0-5',
    'bytes=0-1,5-6',
    'bytes 0-5',
    '',
  ]
  for (const field of [...others, undefined]) assert.equal(readRange(field, 10_000), undefined, field)
})
