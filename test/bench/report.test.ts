import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Timings } from './load/timings.ts'
import type { Measurement } from './measurement.ts'
import { cpuTimeMs, memoryUse } from './process-cost.ts'
import { disagreements, measurementRow, plainTable } from './report.ts'

function measured(target: string, more: Partial<Measurement>): Measurement {
  const none = { operations: 100, failures: 0, perSecond: 0, p50Ms: 1, p99Ms: 2, clientCpuMs: 0 }
  return { workload: 'w', target, ...none, ...more }
}

test('ratios say how many times as much the first server does', () => {
  const ours = measured('a', { perSecond: 4000, visiblePerSecond: 4000, serverCpuMs: 0.25 })
  const theirs = measured('b', { perSecond: 1000, visiblePerSecond: 400, serverCpuMs: 1 })
  assert.deepEqual(measurementRow('w', ['a', 'b'], [theirs, ours]), [
    'w',
    '4,000 (1.00/2.00) cpu 0.250 visible 4,000',
    '1,000 (1.00/2.00) cpu 1.000 visible 400',
    '4.00× visible 10.00× per cpu 4.00×',
  ])
})

test('a workload that failed has no ratio', () => {
  const row = measurementRow(
    'w',
    ['a', 'b'],
    [measured('a', { operations: 0 }), measured('b', { perSecond: 10 })],
  )
  assert.deepEqual(row, ['w', 'failed', '10.0 (1.00/2.00)', ''])
})

test('servers that found different things are named', () => {
  const all = [measured('a', { found: 20 }), measured('b', { found: 19 })]
  assert.deepEqual(disagreements(all), ['w: a found 20, b found 19'])
  assert.deepEqual(disagreements([measured('a', { found: 20 }), measured('b', { found: 20 })]), [])
})

test('columns are as wide as their widest cell', () => {
  assert.equal(
    plainTable([
      ['a', 'bb', 'c'],
      ['aaa', 'b', ''],
    ]),
    'a    bb  c\naaa  b',
  )
})

test('percentiles are values that were there', () => {
  const timings = new Timings()
  for (let ms = 3000; ms >= 1; ms--) timings.add(ms)
  assert.equal(timings.percentile(0.5), 1500)
  assert.equal(timings.percentile(0.99), 2970)
  assert.equal(new Timings().percentile(0.5), 0)
})

test('costs of this process are found', { skip: process.platform !== 'linux' }, () => {
  const before = cpuTimeMs([process.pid])
  assert.ok(before !== undefined && before > 0)
  const memory = memoryUse([process.pid])
  assert.ok(memory.processes >= 1 && memory.rssBytes >= memory.pssBytes && memory.pssBytes > 1e6)
})
