import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { readAggregateReport } from '#mailauth/aggregate-report-reader.ts'
import { createHash, generateKeyPairSync } from 'node:crypto'
import { queuedMessageTable } from '#queue/tables.ts'
import { aggregateRecord, reportedDomain } from './aggregate-record.ts'
import { addCounted } from './pending.ts'
import { checked, hour, makeReports, startedAt } from './fixture.test.ts'

const midnight = Date.UTC(2026, 2, 4)

/** The report that is in a message. */
function reportIn(message: Buffer) {
  const [, head, body] = /(Content-Type: application\/gzip[^]*?)\r\n\r\n([^]*?)\r\n--/.exec(
    message.toString(),
  )!
  const { report, problems } = readAggregateReport(gunzipSync(Buffer.from(body!, 'base64')))
  assert.deepEqual(problems, [])
  return { report, head: head!.replaceAll('\r\n\t', ' ') }
}

test('a day of mail becomes one report, sent once', async () => {
  const r = makeReports()
  const good = await checked(r.resolver, 'alice@sender.example')
  const forged = await checked(r.resolver, 'eve@sub.sender.example', {
    ip: '2001:db8::7',
    sender: '',
    applied: 'none',
  })
  for (let i = 0; i < 3; i++) r.recorder.record(good)
  r.recorder.record(forged)
  await r.recorder.flush()
  r.recorder.record(good)
  await r.recorder.flush()
  const before = await r.rows()
  assert.equal(before.reports.length, 1)
  assert.deepEqual(before.reports[0]![0], [midnight, 'sender.example'])
  assert.equal(before.tasks.length, 1)
  const dueAt = before.tasks[0]![0]
  assert.equal(dueAt, before.reports[0]![1].deliverAt)
  assert.ok(dueAt > midnight + 24 * hour && dueAt < midnight + 25 * hour + 60_001)

  await r.pass(dueAt - startedAt - 1)
  assert.equal((await r.sent()).length, 0)
  await r.pass(1)
  const after = await r.rows()
  for (const name of ['reports', 'records', 'periods', 'tasks'] as const) assert.deepEqual(after[name], [])
  assert.deepEqual(
    after.recipients.map(([, { address, queue, notify }]) => [address, queue, notify]),
    [['dmarc@sender.example', 'report', []]],
  )
  assert.deepEqual(
    after.queued.map(([, { from, source, account }]) => [from, source, account]),
    [['noreply-dmarc@example.org', 'report', 0]],
  )
  const [message] = await r.sent()
  const { report, head } = reportIn(message!)
  const { reportId } = report
  assert.match(reportId, /^[0-9a-f]{32}$/)
  const [begin, end] = [midnight / 1000, midnight / 1000 + 86_399]
  assert.equal(
    head,
    [
      `Content-Type: application/gzip; name="mx.example.org!sender.example!${begin}!${end}!${reportId}.xml.gz"`,
      'Content-Transfer-Encoding: base64',
      `Content-Disposition: attachment; filename="mx.example.org!sender.example!${begin}!${end}!${reportId}.xml.gz"`,
    ].join('\r\n'),
  )
  const header = message!.toString().split('\r\n\r\n', 1)[0]!.replaceAll('\r\n ', ' ')
  for (const field of [
    'From: Mail reports <noreply-dmarc@example.org>',
    'To: dmarc@sender.example',
    `Subject: Report Domain: sender.example Submitter: mx.example.org Report-ID: <${reportId}>`,
    'Auto-Submitted: auto-generated',
  ])
    assert.ok(header.split('\r\n').includes(field), `${field}\n${header}`)
  assert.deepEqual(report, {
    orgName: 'example.org',
    email: 'noreply-dmarc@example.org',
    reportId,
    begin,
    end,
    errors: [],
    generator: 'Postern 1',
    policy: {
      domain: 'sender.example',
      discoveryMethod: 'treewalk',
      p: 'reject',
      sp: 'quarantine',
      adkim: 'r',
      aspf: 'r',
      fo: '0',
      isTesting: false,
    },
    extensions: [],
    records: [
      {
        sourceIp: '192.0.2.1',
        count: 4,
        disposition: 'pass',
        dkim: 'fail',
        spf: 'pass',
        reasons: [],
        headerFrom: 'sender.example',
        envelopeFrom: 'sender.example',
        dkimResults: [],
        spfResults: [{ domain: 'sender.example', scope: 'mfrom', result: 'pass' }],
        extensions: [],
      },
      {
        sourceIp: '2001:db8::7',
        count: 1,
        disposition: 'none',
        dkim: 'fail',
        spf: 'fail',
        reasons: [{ type: 'local_policy' }],
        headerFrom: 'sub.sender.example',
        envelopeFrom: '',
        dkimResults: [],
        spfResults: [{ domain: 'client.example', scope: 'mfrom', result: 'none' }],
        extensions: [],
      },
    ],
  })
  await r.pass(48 * hour)
  assert.equal((await r.sent()).length, 1)
})

const dmarcOf = (rua: string) => ({ '_dmarc.sender.example': [{ TXT: `v=DMARC1; p=none; ${rua}` }] })
const day = 24 * hour

/** Counts a message, lets a day pass, and gives the addresses of what was sent. */
async function addressesAfter(r: ReturnType<typeof makeReports>, ms = day): Promise<readonly string[]> {
  r.recorder.record(await checked(r.resolver, 'alice@sender.example'))
  await r.recorder.flush()
  await r.pass(ms)
  return (await r.rows()).recipients.map(([, { address }]) => address)
}

test('addresses of others only where they want it (RFC 9990 §4)', async () => {
  const rua =
    'rua=mailto:a@sender.example,mailto:b@elsewhere.example,mailto:c@willing.example,https://d.example/'
  const r = makeReports({
    zone: {
      ...dmarcOf(rua),
      'sender.example._report._dmarc.willing.example': [{ TXT: 'v=DMARC1' }],
    },
  })
  assert.deepEqual(await addressesAfter(r), ['a@sender.example', 'c@willing.example'])
  assert.deepEqual(
    r.told.filter(({ event }) => event === 'report.destination-refused').map(({ to }) => to),
    ['mailto:b@elsewhere.example'],
  )
})

test('nothing is kept of a domain without an address, or with none that wants reports', async () => {
  const nobody = makeReports({ zone: dmarcOf('ruf=mailto:a@sender.example') })
  nobody.recorder.record(await checked(nobody.resolver, 'alice@sender.example'))
  nobody.recorder.record(await checked(nobody.resolver, 'alice@without-record.example'))
  await nobody.recorder.flush()
  assert.deepEqual((await nobody.rows()).reports, [])

  const unwilling = makeReports({ zone: dmarcOf('rua=mailto:b@elsewhere.example') })
  assert.deepEqual(await addressesAfter(unwilling), [])
  const { reports, records, periods, tasks } = await unwilling.rows()
  assert.deepEqual([reports, records, periods, tasks], [[], [], [], []])
})

test('a DNS that does not answer is asked again for a day', async () => {
  const r = makeReports({
    zone: {
      ...dmarcOf('rua=mailto:a@sender.example,mailto:b@elsewhere.example'),
      'sender.example._report._dmarc.elsewhere.example': ['TIMEOUT'],
    },
  })
  assert.deepEqual(await addressesAfter(r), [])
  for (let i = 0; i < 36; i++) await r.pass(0.5 * hour)
  assert.equal((await r.rows()).tasks.length, 1)
  assert.deepEqual((await r.rows()).recipients, [])
  for (let i = 0; i < 10; i++) await r.pass(0.5 * hour)
  assert.deepEqual(
    (await r.rows()).recipients.map(([, { address }]) => address),
    ['a@sender.example'],
  )
  assert.ok(!r.told.some(({ event }) => event === 'tasks.failed'))
})

test('a report is signed by the keys of its sender', async () => {
  const { privateKey } = generateKeyPairSync('ed25519')
  const key = {
    domain: 'example.org',
    selector: 's1',
    algorithm: 'ed25519-sha256' as const,
    privateKey,
    canonicalization: 'relaxed/relaxed' as const,
    headers: [],
    expireSeconds: undefined,
  }
  const r = makeReports({ keysOf: (domain) => (domain === 'example.org' ? [key] : []) })
  await addressesAfter(r)
  const [message] = await r.sent()
  const text = message!.toString()
  assert.match(text, /^DKIM-Signature: v=1; a=ed25519-sha256; [^]*?d=example\.org;/)
  // RFC 6376 §3.4.4: this body has nothing that relaxed canonicalization changes but spaces.
  const body = text.slice(text.indexOf('\r\n\r\n') + 4).replace(/[\t ]+/g, ' ')
  const bodyHash = createHash('sha256').update(body).digest('base64')
  assert.ok(text.replace(/\r\n\s+/g, '').includes(`bh=${bodyHash}`), text)
})

test('a report that would be too large has what most messages have in common', async () => {
  const r = makeReports({ config: '[DmarcReportSettings]\naggregateMaxReportSize = "64 KiB"\n' })
  const message = await checked(r.resolver, 'alice@sender.example')
  for (let i = 0; i < 400; i++) {
    const origin = { ...message.origin, ip: Buffer.from([10, 0, i >> 8, i & 255]) }
    r.recorder.record({ ...message, origin })
    if (i < 5) r.recorder.record({ ...message, origin })
  }
  await r.recorder.flush()
  await r.pass(day)
  const [sent] = await r.sent()
  const { report } = reportIn(sent!)
  const shown = report.records.reduce((sum, { count }) => sum + count, 0)
  assert.ok(report.records.length > 50 && report.records.length < 400)
  assert.deepEqual(report.errors, [`${405 - shown} more messages are left out`])
  assert.deepEqual(
    report.records.slice(0, 6).map(({ count }) => count),
    [2, 2, 2, 2, 2, 1],
  )
})

test('never: nothing is counted', async () => {
  const r = makeReports({ config: '[DmarcReportSettings]\naggregateSendFrequency = "never"\n' })
  assert.deepEqual(await addressesAfter(r), [])
  assert.deepEqual((await r.rows()).reports, [])
})

test('a commit that fails leaves everything, and the report is sent once later', async () => {
  const r = makeReports()
  r.recorder.record(await checked(r.resolver, 'alice@sender.example'))
  await r.recorder.flush()
  const before = await r.rows()
  const write = r.db.write.bind(r.db)
  let failures = 0
  r.db.write = (accounts, body, o) =>
    write(
      accounts,
      async (tx) => {
        const result = await body(tx)
        const isSending = (await tx.list(queuedMessageTable, [])).length > 0
        if (isSending && failures++ < 2) throw new Error('the disk is full')
        return result
      },
      o,
    )
  await r.pass(day)
  const { tasks, queued, ...rest } = await r.rows()
  assert.deepEqual([tasks.length, queued], [1, []])
  assert.deepEqual(
    [rest.reports, rest.records, rest.periods],
    [before.reports, before.records, before.periods],
  )
  for (let i = 0; i < 5; i++) await r.pass(2 * hour)
  assert.equal(failures, 3)
  const done = await r.rows()
  assert.deepEqual([done.tasks, done.reports, done.records, done.queued.length], [[], [], [], 1])
})

test('what is counted while a report is made is not lost', async () => {
  const r = makeReports()
  const message = await checked(r.resolver, 'alice@sender.example')
  r.recorder.record(message)
  await r.recorder.flush()
  const reporter = r.outbox.reporter.bind(r.outbox)
  let isLate = true
  r.outbox.reporter = async () => {
    if (isLate) {
      isLate = false
      // Of another worker, which was slow.
      const reported = reportedDomain(message.verdict.dmarc)!
      const record = aggregateRecord(message, message.verdict.dmarc!)
      const period = { begin: midnight, end: midnight + day }
      await r.db.write([], (tx) => addCounted(tx, [{ period, reported, records: [record] }]))
    }
    return reporter()
  }
  for (let i = 0; i < 3; i++) await r.pass(day)
  const [sent] = await r.sent()
  assert.equal(reportIn(sent!).report.records[0]!.count, 2)
  assert.equal((await r.sent()).length, 1)
})
