import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import type { Db } from '#kv/db.ts'
import type { CheckedMessage } from './aggregate-record.ts'
import { checked, hour, makeReports, startedAt } from './fixture.test.ts'
import { mostRecords } from './pending.ts'
import { periodOf, ReportRecorder } from './recorder.ts'

describe('periods', () => {
  const at = Date.UTC(2026, 2, 4, 5, 6, 7)
  for (const [frequency, begin, end] of [
    ['hourly', Date.UTC(2026, 2, 4, 5), Date.UTC(2026, 2, 4, 6)],
    ['daily', Date.UTC(2026, 2, 4), Date.UTC(2026, 2, 5)],
    // A Monday.
    ['weekly', Date.UTC(2026, 2, 2), Date.UTC(2026, 2, 9)],
  ] as const)
    test(frequency, () => {
      assert.deepEqual(periodOf(frequency, at), { begin, end })
      assert.deepEqual(periodOf(frequency, begin), { begin, end })
      assert.deepEqual(periodOf(frequency, end - 1), { begin, end })
      assert.equal(periodOf(frequency, end).begin, end)
    })
})

type Made = ReturnType<typeof makeReports>
const zone = (domains: readonly string[]) =>
  Object.fromEntries(
    domains.map((domain) => [`_dmarc.${domain}`, [{ TXT: `v=DMARC1; p=none; rua=mailto:r@${domain}` }]]),
  )

/** A message as another client would send it. */
const from = (message: CheckedMessage, n: number): CheckedMessage => ({
  ...message,
  origin: { ...message.origin, ip: Buffer.from([10, n >> 16, (n >> 8) & 255, n & 255]) },
})

/** Messages in records, left out, and told as dropped. */
async function accountOf({ rows, told }: Made) {
  const { reports, records } = await rows()
  const inRecords = records.reduce((sum, [, { count }]) => sum + count, 0)
  assert.equal(
    reports.reduce((sum, [, { messages }]) => sum + messages, 0),
    inRecords,
  )
  for (const [key, report] of reports) {
    const own = records.filter(([[period, domain]]) => period === key[0] && domain === key[1])
    assert.equal(own.length, report.records)
    const passed = own.filter(([, { spf }]) => spf === 'pass')
    assert.equal(
      report.passed,
      passed.reduce((sum, [, { count }]) => sum + count, 0),
    )
  }
  return {
    inRecords,
    leftOut: reports.reduce((sum, [, { leftOut }]) => sum + leftOut, 0),
    dropped: told.reduce((sum, { messages }) => sum + Number(messages ?? 0), 0),
  }
}

test('every message is counted once, by several workers, over hours, with a store that fails', async () => {
  const domains = ['a.example', 'b.example', 'c.example']
  const base = makeReports({ zone: zone(domains) })
  const messages = await Promise.all(domains.map((domain) => checked(base.resolver, `x@${domain}`)))
  const step = fc.oneof(
    { weight: 8, arbitrary: fc.record({ of: fc.nat(2), ip: fc.nat(5), worker: fc.nat(1) }) },
    { weight: 2, arbitrary: fc.record({ flush: fc.nat(1) }) },
    { weight: 1, arbitrary: fc.record({ wait: fc.constantFrom(hour, 7 * hour) }) },
    { weight: 1, arbitrary: fc.record({ breaks: fc.nat(2) }) },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const r = makeReports({ config: '[DmarcReportSettings]\naggregateSendFrequency = "hourly"\n' })
      let broken = 0
      const db: Db = {
        read: (body) => r.db.read(body),
        write: (accounts, body, o) =>
          broken-- > 0 ? Promise.reject(new Error('disk full')) : r.db.write(accounts, body, o),
      }
      const workers = [0, 1].map(() => new ReportRecorder({ ...r, db }))
      let sent = 0
      for (const one of steps) {
        if ('of' in one) {
          workers[one.worker]!.record(from(messages[one.of]!, one.ip))
          sent++
        } else if ('flush' in one) void workers[one.flush]!.flush()
        else if ('wait' in one) r.clock.advance(one.wait)
        else broken = one.breaks
      }
      broken = 0
      for (let i = 0; i < 2; i++) await Promise.all(workers.map((worker) => worker.flush()))
      for (const worker of workers) await worker[Symbol.asyncDispose]()
      assert.deepEqual(await accountOf(r), { inRecords: sent, leftOut: 0, dropped: 0 })
    }),
    { numRuns: 100 },
  )
})

test('memory is bounded while the store is slow; what has no place is told', async () => {
  const r = makeReports()
  const message = await checked(r.resolver, 'x@sender.example')
  for (let n = 0; n < 7000; n++) r.recorder.record(from(message, n))
  await r.recorder.flush()
  const { inRecords, leftOut, dropped } = await accountOf(r)
  assert.deepEqual([inRecords, leftOut, dropped], [5000, 0, 2000])
})

test('so many records of a report, and the rest is counted', async () => {
  const r = makeReports()
  const message = await checked(r.resolver, 'x@sender.example')
  for (let n = 0; n < mostRecords + 300; n++) {
    r.recorder.record(from(message, n))
    if (n % 2000 === 0) await r.recorder.flush()
  }
  // One that has a record already.
  r.recorder.record(from(message, 5))
  await r.recorder.flush()
  assert.deepEqual(await accountOf(r), { inRecords: mostRecords + 1, leftOut: 300, dropped: 0 })
})

test('hostile names stay within their bounds', async () => {
  const r = makeReports()
  const message = await checked(r.resolver, 'x@sender.example')
  const long = 'x'.repeat(100_000)
  const dkim = Array.from({ length: 50 }, (_, i) => ({
    domain: `${long}${i}`,
    selector: long,
    identity: '',
    algorithm: '',
    signatureStart: '',
    result: 'fail' as const,
    reason: 'signature' as const,
    text: long,
    isTesting: false,
    keyBits: undefined,
    names: [],
  }))
  const { dmarc } = message.verdict
  const verdict = { ...message.verdict, dkim, dmarc: { ...dmarc!, dkim: dkim.map(() => 'none' as const) } }
  r.recorder.record({ ...message, verdict })
  await r.recorder.flush()
  const { records } = await r.rows()
  assert.ok(JSON.stringify(records[0]![1]).length < 15_000)
})

test('what the disk refuses is written later', async () => {
  const r = makeReports()
  assert.equal(r.clock.now(), startedAt)
  const message = await checked(r.resolver, 'x@sender.example')
  let isBroken = true
  const db: Db = {
    read: (body) => r.db.read(body),
    write: (accounts, body) =>
      isBroken ? Promise.reject(new Error('disk full')) : r.db.write(accounts, body),
  }
  await using recorder = new ReportRecorder({ ...r, db })
  recorder.record(message)
  await recorder.flush()
  assert.deepEqual(
    r.told.map(({ event }) => event),
    ['report.counts-unwritten'],
  )
  isBroken = false
  await recorder.flush()
  assert.deepEqual(await accountOf(r), { inRecords: 1, leftOut: 0, dropped: 0 })
})
