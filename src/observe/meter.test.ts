import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { mergeSnapshots, Meter, type Snapshot } from './meter.ts'
import { writePrometheus } from './prometheus.ts'

function example(received: number, timesMs: readonly number[], sessions: number): Snapshot {
  const meter = new Meter()
  meter.counter('smtp_messages_received_total', 'Messages accepted.').value += received
  const histogram = meter.histogram('smtp_message_received_seconds', 'Time to accept.')
  for (const ms of timesMs) histogram.observe(ms)
  return meter.snapshot([
    { name: 'imap_connections_active', help: 'Sessions\nnow \\ here.', value: sessions, workers: 'sum' },
    { name: 'queue_messages_total', help: 'Waiting.', value: 7, workers: 'max' },
  ])
}

test('the text format', () => {
  const text = writePrometheus(example(3, [0.4, 1, 70_000], 2))
  assert.equal(
    text,
    `# HELP imap_connections_active Sessions\\nnow \\\\ here.
# TYPE imap_connections_active gauge
imap_connections_active 2
# HELP queue_messages_total Waiting.
# TYPE queue_messages_total gauge
queue_messages_total 7
# HELP smtp_message_received_seconds Time to accept.
# TYPE smtp_message_received_seconds histogram
smtp_message_received_seconds_bucket{le="0.0005"} 1
smtp_message_received_seconds_bucket{le="0.001"} 2
${['0.0025', '0.005', '0.01', '0.025', '0.05', '0.1', '0.25', '0.5', '1', '2.5', '5', '10', '30', '60'].map((le) => `smtp_message_received_seconds_bucket{le="${le}"} 2\n`).join('')}smtp_message_received_seconds_bucket{le="+Inf"} 3
smtp_message_received_seconds_sum 70.0014
smtp_message_received_seconds_count 3
# HELP smtp_messages_received_total Messages accepted.
# TYPE smtp_messages_received_total counter
smtp_messages_received_total 3
`,
  )
})

test('several workers make one server', () => {
  const workers = [example(3, [1], 2), example(4, [5, 50], 5)].map((s) => structuredClone(s))
  const merged = mergeSnapshots(workers)
  assert.deepEqual(
    merged.counters.map((c) => c.value),
    [7],
  )
  assert.deepEqual(
    merged.gauges.map((g) => g.value),
    [7, 7],
  )
  assert.equal(
    merged.histograms[0]!.counts.reduce((a, b) => a + b),
    3,
  )
  assert.equal(writePrometheus(mergeSnapshots([example(3, [1], 2)])), writePrometheus(example(3, [1], 2)))
  assert.equal(writePrometheus(mergeSnapshots([])), '')
})

test('a metric that only one worker has is kept, and the order of workers does not matter', () => {
  const lone = new Meter()
  lone.counter('auth_failures_total', 'Wrong passwords.').value = 2
  const parts = [lone.snapshot([]), example(1, [], 0)]
  assert.match(writePrometheus(mergeSnapshots(parts)), /^auth_failures_total 2$/m)
  assert.equal(writePrometheus(mergeSnapshots(parts)), writePrometheus(mergeSnapshots(parts.toReversed())))
})

test('a histogram counts each value once, below its bound', () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 100_000, noNaN: true })), (timesMs) => {
      const [histogram] = example(0, timesMs, 0).histograms
      let upTo = 0
      histogram!.boundsSeconds.forEach((bound, i) => {
        upTo += histogram!.counts[i]!
        assert.equal(upTo, timesMs.filter((ms) => ms / 1000 <= bound).length)
      })
      assert.equal(upTo + histogram!.counts.at(-1)!, timesMs.length)
    }),
  )
})

test('what is no time is not counted; what is no name is refused', () => {
  const [histogram] = example(0, [NaN, -1], 0).histograms
  assert.equal(histogram!.sumSeconds, 0)
  assert(histogram!.counts.every((count) => count === 0))
  assert.throws(() => new Meter().counter('a b', ''), /cannot be the name/)
})

test('numbers that are not finite', () => {
  const gauges = [NaN, Infinity, -Infinity].map((value, i) => ({
    name: `g${i}`,
    help: '',
    value,
    workers: 'sum' as const,
  }))
  const text = writePrometheus(new Meter().snapshot(gauges))
  assert.deepEqual(
    text.split('\n').filter((line) => line.startsWith('g')),
    ['g0 NaN', 'g1 +Inf', 'g2 -Inf'],
  )
})
