import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatDuration, parseDuration } from './duration.ts'

test('durations as people write them', () => {
  const cases: [string | number, number][] = [
    ['5m', 300_000],
    ['30s', 30_000],
    ['1h 30m', 5_400_000],
    ['1h30m', 5_400_000],
    ['250ms', 250],
    ['1.5h', 5_400_000],
    [' 2 Days ', 172_800_000],
    ['1w', 604_800_000],
    ['60000', 60_000],
    [60_000, 60_000],
    [0, 0],
    ['0s', 0],
  ]
  for (const [text, ms] of cases) assert.equal(parseDuration(text), ms, String(text))
})

test('what is no duration', () => {
  const wrong = [
    '',
    ' ',
    '5x',
    'm',
    '-5m',
    '5m 1h',
    '5m 5m',
    '1e3s',
    '5m,',
    '1.s',
    '.5s',
    '5 parsecs',
    'constructor',
    '1constructor',
    '9'.repeat(30),
    '99999999999999999w',
    '5m' + ' '.repeat(100) + '1s',
  ]
  for (const text of wrong) assert.equal(parseDuration(text), undefined, text)
  for (const n of [-1, 1.5, NaN, Infinity]) assert.equal(parseDuration(n), undefined)
})

test('what is written reads back as the same number', () => {
  fc.assert(
    fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (ms) => parseDuration(formatDuration(ms)) === ms),
  )
  assert.equal(formatDuration(5_400_000), '1h 30m')
  assert.equal(formatDuration(0), '0s')
  assert.equal(formatDuration(86_400_250), '1d 250ms')
})

test('no text makes it throw or give anything but a whole number', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'0123456789. msdhwx-'.split('')) }), (text) => {
      const ms = parseDuration(text)
      return ms === undefined || (Number.isSafeInteger(ms) && ms >= 0)
    }),
  )
})
