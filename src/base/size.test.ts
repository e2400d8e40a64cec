import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { approximateSize, formatSize, parseSize } from './size.ts'

const mib = 1024 * 1024

test('sizes as people write them', () => {
  const cases: [string | number, number][] = [
    ['100 MiB', 100 * mib],
    ['50mb', 50 * mib],
    ['64k', 65_536],
    ['4096', 4096],
    ['12 bytes', 12],
    ['1 B', 1],
    ['1.5 GiB', 1536 * mib],
    ['0', 0],
    [25_000_000, 25_000_000],
  ]
  for (const [text, bytes] of cases) assert.equal(parseSize(text), bytes, String(text))
})

test('what is no size', () => {
  for (const text of [
    '',
    'MiB',
    '-1',
    '5 bits',
    '1 mbit',
    '1,5 MiB',
    '1e3',
    '1..5k',
    '5 5',
    '99999999999999999',
    '9999999p',
  ])
    assert.equal(parseSize(text), undefined, text)
  for (const n of [-1, 0.5, NaN]) assert.equal(parseSize(n), undefined)
})

test('what is written reads back as the same number', () => {
  fc.assert(
    fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (bytes) => parseSize(formatSize(bytes)) === bytes),
  )
  fc.assert(
    fc.property(
      fc.nat({ max: 4095 }),
      fc.nat({ max: 4 }),
      (n, step) => parseSize(formatSize(n * 1024 ** step)) === n * 1024 ** step,
    ),
  )
  assert.equal(formatSize(100 * mib), '100 MiB')
  assert.equal(formatSize(1500), '1500 B')
})

test('short texts are within five per cent of the truth', () => {
  assert.equal(approximateSize(4096), '4.0KiB')
  assert.equal(approximateSize(512), '512B')
  assert.equal(approximateSize(17.4 * mib), '17MiB')
  assert.equal(approximateSize(1024 * 1024 - 1), '1.0MiB')
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 52 }), (bytes) => {
      const text = approximateSize(bytes)
      return text.length <= 7 && Math.abs(parseSize(text)! - bytes) <= bytes * 0.05
    }),
  )
})
