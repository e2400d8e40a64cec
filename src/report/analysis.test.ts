import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { zipSync } from 'fflate'
import { Fault } from '#base/fault.ts'
import { writeAggregateReport } from '#mailauth/aggregate-report-xml.ts'
import type { AggregateReport } from '#mailauth/aggregate-report.ts'
import { makeReports, startedAt } from './fixture.test.ts'
import { receivedFeedback } from './received-feedback.ts'
import { ReceivedReportHandler } from './received-handler.ts'
import { dmarcReceivedTable, feedbackReceivedTable } from './tables.ts'

const given: AggregateReport = {
  orgName: 'Other',
  email: 'noreply@other.example',
  reportId: '1',
  begin: 1_772_496_000,
  end: 1_772_582_399,
  errors: [],
  policy: { domain: 'example.org', p: 'none' },
  extensions: [],
  records: [10, 7].map((count, i) => ({
    sourceIp: `192.0.2.${i}`,
    count,
    disposition: 'none',
    dkim: i === 0 ? 'pass' : 'fail',
    spf: 'fail',
    reasons: [],
    headerFrom: 'example.org',
    envelopeFrom: 'example.org',
    dkimResults: [],
    spfResults: [],
    extensions: [],
  })),
}
const xml = Buffer.from(writeAggregateReport(given))
const header = 'From: Other <noreply@other.example>\r\nSubject: Report Domain: =?utf-8?q?example.org?=\r\n'
const lines = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64').replace(/.{76}/g, '$&\r\n')

/** As one part, which is how many are sent. */
const alone = (type: string, name: string, bytes: Uint8Array): string =>
  `${header}Content-Type: ${type}; name="${name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n${lines(bytes)}\r\n`
const mixed = (...parts: readonly string[]): string =>
  `${header}Content-Type: multipart/mixed; boundary=b\r\n\r\n${parts.map((one) => `--b\r\n${one}\r\n`).join('')}--b--\r\n`

async function received(r: ReturnType<typeof makeReports>) {
  return r.db.read(async (tx) => (await tx.list(dmarcReceivedTable, [])).map(([, row]) => row))
}

for (const [what, message] of [
  ['gzip', alone('application/gzip', 'a!example.org!1!2.xml.gz', gzipSync(xml))],
  ['zip', alone('application/zip', 'a!example.org!1!2.zip', zipSync({ 'a.xml': xml }))],
  [
    'plain XML',
    mixed('Content-Type: text/plain\r\n\r\nhello', `Content-Type: text/xml\r\n\r\n${xml.toString()}`),
  ],
  ['a vague type', alone('application/octet-stream', 'a!example.org!1!2.xml.gz', gzipSync(xml))],
  ['the wrong type', alone('application/zip', 'a!example.org!1!2.xml.gz', gzipSync(xml))],
] as const)
  test(`a report as ${what} is kept`, async () => {
    const r = makeReports()
    assert.ok(await r.arrive(message, ['bob@example.org', 'PostMaster@example.org']))
    await r.pass(0)
    assert.deepEqual(await received(r), [
      {
        from: 'noreply@other.example',
        to: ['PostMaster@example.org'],
        subject: 'Report Domain: example.org',
        receivedAt: startedAt,
        dmarc: 'pass',
        report: { report: given, messages: 17, passed: 10, leftOut: 0 },
        problems: [],
      },
    ])
    assert.deepEqual(
      r.told.map(({ event, domain, messages, passed }) => [event, domain, messages, passed]),
      [['report.dmarc-received', 'example.org', 17, 10]],
    )
    assert.deepEqual((await r.rows()).tasks, [])
  })

test('what is for others, or is no report, is not even looked at', async () => {
  const r = makeReports({ config: '[ReportSettings]\ninboundReportAddresses = ["dmarc-*@example.org"]\n' })
  const report = alone('application/gzip', 'x', gzipSync(xml))
  assert.equal(await r.arrive(report), false)
  assert.equal(await r.arrive(report, ['dmarc-reports@example.net']), false)
  assert.equal(await r.arrive(report, ['dmarc-reports@example.org']), true)
  const other = [
    'Subject: hello\r\n\r\nhello\r\n',
    alone('application/octet-stream', 'x.zip', gzipSync(xml)),
    alone('application/pdf', 'a!b!1!2.gz', gzipSync(xml)),
    mixed(`Content-Type: message/rfc822\r\n\r\n${report}`),
  ]
  for (const one of other) assert.equal(await r.arrive(one, ['dmarc-reports@example.org']), false, one)
})

test('what cannot be read is told once, and is no reason to try again', async () => {
  const bomb = Buffer.alloc(30 << 20)
  const bad = [
    alone('application/gzip', 'x', gzipSync(bomb)),
    alone('application/zip', 'x', zipSync({ 'x.xml': bomb })),
    alone('application/zip', 'x', Buffer.from('PK\x03\x04nonsense')),
    alone('text/xml', 'x', Buffer.from('<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><feedback/>')),
    alone('text/xml', 'x', Buffer.from('<html/>')),
    alone('text/xml', 'x', Buffer.alloc(26 << 20, 'x')),
  ]
  const r = makeReports()
  for (const one of bad) assert.ok(await r.arrive(one))
  await r.pass(0)
  const { tasks } = await r.rows()
  assert.deepEqual(tasks, [])
  assert.deepEqual(await received(r), [])
  assert.deepEqual(
    r.told.map(({ event, error }) => [event, error]),
    bad.map(() => ['report.unread', undefined]),
  )
})

test('a message that was deleted meanwhile is not missed; one that is damaged is told', async () => {
  for (const [error, told] of [
    [new Fault('notFound', 'gone', { what: 'blob' }), []],
    [new Error('damaged'), ['report.unread']],
  ] as const) {
    const r = makeReports()
    await r.arrive(alone('application/gzip', 'x', gzipSync(xml)))
    r.blobs.readRange = () => {
      throw error
    }
    await r.pass(0)
    assert.deepEqual(
      r.told.map(({ event }) => event),
      told,
    )
    assert.deepEqual((await r.rows()).tasks, [])
  }
})

test('of a report with many records the largest are kept, and all are counted', async () => {
  const records = Array.from({ length: 3000 }, (_, i) => ({ ...given.records[0]!, count: 1 + (i % 2) }))
  const r = makeReports()
  await r.arrive(alone('application/gzip', 'x', gzipSync(writeAggregateReport({ ...given, records }))))
  await r.pass(0)
  const [{ report } = assert.fail()] = await received(r)
  assert.deepEqual([report.messages, report.passed, report.leftOut], [4500, 4500, 2500])
  assert.ok(report.report.records.length === 1000 && report.report.records.every(({ count }) => count === 2))
})

test('several reports in one message, and not more than some', async () => {
  const part = `Content-Type: text/xml\r\n\r\n${xml.toString()}`
  const r = makeReports()
  await r.arrive(mixed(part, 'Content-Type: text/xml\r\n\r\nnothing', ...Array<string>(20).fill(part)))
  await r.pass(0)
  assert.equal((await received(r)).length, 4)
})

test('whatever comes, the task ends and the server lives', async () => {
  const piece = fc.constantFrom(
    'Content-Type: text/xml\r\n\r\n',
    'Content-Type: application/gzip\r\nContent-Transfer-Encoding: base64\r\n\r\n',
    'Content-Type: message/feedback-report\r\n\r\n',
    'Content-Type: multipart/mixed; boundary=b\r\n\r\n',
    '--b\r\n',
    '--b--\r\n',
    xml.toString(),
    lines(gzipSync(xml)),
    '\x1f\x8b',
    'PK\x03\x04',
    'Feedback-Type: abuse\r\n',
    'x',
  )
  await fc.assert(
    fc.asyncProperty(fc.array(piece, { maxLength: 12 }), async (pieces) => {
      const r = makeReports()
      await r.arrive(Buffer.from(header + pieces.join(''), 'latin1'))
      await r.pass(0)
      assert.deepEqual((await r.rows()).tasks, [])
      assert.ok(r.told.every(({ error }) => error === undefined))
    }),
    { numRuns: 200 },
  )
})

const feedback = (fields: string, original: string): string =>
  `${header}Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n${[
    'Content-Type: text/plain\r\n\r\nThis is a report.',
    `Content-Type: message/feedback-report\r\n\r\n${fields}`,
    original,
  ]
    .map((one) => `--b\r\n${one}\r\n`)
    .join('')}--b--\r\n`

test('feedback about a message is kept with the header of the message', async () => {
  const r = makeReports()
  const fields = [
    'Feedback-Type: auth-failure',
    'User-Agent: Filter/1',
    'Auth-Failure: dmarc',
    'Identity-Alignment: dkim, spf',
    'Source-IP: 192.0.2.7',
    'Original-Mail-From: <eve@evil.example>',
    'Authentication-Results: mx.other.example; dmarc=fail header.from=example.org',
    ...Array.from({ length: 50 }, (_, i) => `Reported-Domain: d${i}.example`),
    '',
  ].join('\r\n')
  const original = 'From: alice@example.org\r\nSubject: forged\r\n\r\n'
  assert.ok(await r.arrive(feedback(fields, `Content-Type: message/rfc822\r\n\r\n${original}secret text`)))
  await r.pass(0)
  const handler = new ReceivedReportHandler(receivedFeedback, { db: r.db, keepReports: () => 1000 })
  const { ids } = await handler.query({ filter: { type: 'AUTH-failure' }, position: 0, limit: 10 })
  assert.deepEqual(await handler.query({ filter: { type: 'abuse' }, position: 0, limit: 10 }), {
    ids: [],
    total: 0,
  })
  assert.equal((await handler.query({ filter: { text: '192.0.2.7' }, position: 0, limit: 10 })).total, 1)
  const values = await r.db.read((tx) => handler.read(tx, ids[0]!))
  assert.match(ids[0]!, /^a/)
  assert.deepEqual([values!['from'], values!['dmarc']], ['noreply@other.example', 'pass'])
  assert.deepEqual(values!['report'], {
    feedbackType: 'auth-failure',
    userAgent: 'Filter/1',
    reportingMta: '',
    incidents: 1,
    sourceIp: '192.0.2.7',
    originalEnvelopeId: '',
    originalMailFrom: 'eve@evil.example',
    originalRcptTo: [],
    reportedDomains: Array.from({ length: 20 }, (_, i) => `d${i}.example`),
    reportedUris: [],
    authFailure: 'dmarc',
    authenticationResults: ['mx.other.example; dmarc=fail header.from=example.org'],
    deliveryResult: '',
    identityAlignment: ['dkim', 'spf'],
    dkimDomain: '',
    dkimIdentity: '',
    dkimSelector: '',
    spfDns: [],
    headers: 'From: alice@example.org\r\nSubject: forged\r\n',
  })
  assert.deepEqual(
    r.told.map(({ event, type, source }) => [event, type, source]),
    [['report.feedback-received', 'auth-failure', '192.0.2.7']],
  )
})

test('feedback that says nothing is told, and a header that is large is cut', async () => {
  const r = makeReports()
  await r.arrive(feedback('User-Agent: x\r\n', 'Content-Type: text/rfc822-headers\r\n\r\nSubject: x\r\n'))
  await r.arrive(
    feedback(
      'Feedback-Type: abuse\r\n',
      `Content-Type: text/rfc822-headers\r\n\r\nSubject: ${'x'.repeat(100_000)}\r\n`,
    ),
  )
  await r.pass(0)
  assert.deepEqual(r.told.map(({ event }) => event).toSorted(), ['report.feedback-received', 'report.unread'])
  const rows = await r.db.read((tx) => tx.list(feedbackReceivedTable, []))
  assert.deepEqual(
    rows.map(([, { report }]) => report.headers.length),
    [16_384],
  )
})
