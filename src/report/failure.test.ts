import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type DkimCheck, dkimCheck } from '#mailauth/dkim-check.ts'
import { parseFeedbackFields } from '#message/feedback-fields.ts'
import { parseStructure } from '#message/mime.ts'
import { wantedFailure, reportedHeader } from './failure-report.ts'
import { trimFailureCounts } from './failure-reporter.ts'
import { checked, hour, makeReports, startedAt } from './fixture.test.ts'

const on = '[DmarcReportSettings]\nfailureSend = true\n'
const dmarc = (tags: string) => ({ '_dmarc.sender.example': [{ TXT: `v=DMARC1; p=reject; ${tags}` }] })
const ruf = dmarc('ruf=mailto:ruf@sender.example')
const forged = { ip: '192.0.2.66' }
type Made = ReturnType<typeof makeReports>

/** Tells of a message of that domain, and gives what is sent then. */
async function after(r: Made, from = 'eve@sender.example', o: Parameters<typeof checked>[2] = forged) {
  r.failures.record(await checked(r.resolver, from, o))
  await r.failures.settled()
  const { recipients, queued } = await r.rows()
  return {
    to: recipients.map(([, { address }]) => address),
    from: queued.map(([, row]) => row.from),
    texts: await r.sent(),
  }
}

test('a message that fails is told to its domain with its header, where that is switched on', async () => {
  assert.deepEqual((await after(makeReports({ zone: ruf }))).to, [])
  const r = makeReports({ zone: ruf, config: on })
  const { to, from, texts } = await after(r)
  assert.deepEqual([to, from], [['ruf@sender.example'], ['']])
  const [bytes] = texts
  const { root } = parseStructure(bytes!)
  assert.equal(`${root.type}/${root.subtype}`, 'multipart/report')
  const [, fields, original] = root.children.map((part) => bytes!.subarray(part.bodyStart, part.bodyEnd))
  assert.equal(original!.toString(), 'From: eve@sender.example\r\nSubject: hello\r\n')
  const read = parseFeedbackFields(fields!)!
  assert.deepEqual(
    read.authResults[0]!.results.map(({ method, result }) => `${method}=${result}`),
    ['spf=fail', 'dkim=none', 'dmarc=fail'],
  )
  assert.deepEqual(
    { ...read, authResults: [] },
    {
      feedbackType: 'auth-failure',
      userAgent: 'Postern/1',
      originalMailFrom: 'eve@sender.example',
      originalRecipients: [],
      arrivedAt: startedAt - (startedAt % 1000),
      reportingMta: 'mx.example.org',
      sourceIp: '192.0.2.66',
      authResults: [],
      reportedDomains: ['sender.example'],
      reportedUris: [],
      authFailure: 'dmarc',
      deliveryResult: 'delivered',
      identityAlignment: ['dkim', 'spf'],
      spfRecords: [{ domain: 'sender.example', record: 'v=spf1 ip4:192.0.2.1 -all' }],
    },
  )
  assert.match(bytes!.toString(), /\r\nSubject: FW: hello\r\n/)
})

test('so many a day for an address, over all workers', async () => {
  const r = makeReports({ zone: ruf, config: `${on}failuresPerDay = 2\n` })
  for (let i = 0; i < 5; i++) r.failures.record(await checked(r.resolver, 'eve@sender.example', forged))
  assert.equal((await after(r)).to.length, 2)
  assert.equal(r.told.filter(({ event }) => event === 'report.failure-rate-limited').length, 4)
  r.clock.advance(24 * hour)
  assert.equal((await after(r)).to.length, 3)
  const trim = () => r.db.write([], (tx) => trimFailureCounts(tx, r.clock.now(), 10))
  assert.deepEqual([await trim(), await trim()], [true, false])
  assert.equal((await after(r)).to.length, 4)
})

test('addresses of others only where they want it (RFC 9991 §5)', async () => {
  const r = makeReports({
    config: on,
    zone: {
      ...dmarc('ruf=mailto:a@elsewhere.example,mailto:b@willing.example,https://x.example/'),
      'sender.example._report._dmarc.willing.example': [{ TXT: 'v=DMARC1; ruf=mailto:c@willing.example' }],
    },
  })
  assert.deepEqual((await after(r)).to, ['c@willing.example'])
})

test('a flood is bounded', async () => {
  const r = makeReports({ zone: ruf, config: `${on}failuresPerDay = 1000\n` })
  const message = await checked(r.resolver, 'eve@sender.example', forged)
  for (let i = 0; i < 1000; i++) r.failures.record(message)
  await r.failures.settled()
  assert.equal((await r.rows()).recipients.length, 102)
})

test('trouble is told, and nothing is thrown', async () => {
  const r = makeReports({ zone: ruf, config: on })
  r.blobs.stager = () => {
    throw new Error('disk full')
  }
  await after(r)
  assert.deepEqual(
    r.told.map(({ event }) => event),
    ['report.failure-unsent'],
  )
})

describe('when a report is wanted (RFC 9989 §4.7)', () => {
  const signature = (reason: 'verified' | 'signature' | 'bodyHash', domain = 'sender.example'): DkimCheck =>
    dkimCheck(
      { domain, selector: 's', identity: `@${domain}`, algorithm: '', signatureStart: '' },
      reason,
      '',
    )
  for (const [fo, ip, dkim, expected] of [
    ['0', '192.0.2.66', [], 'dmarc'],
    ['0', '192.0.2.1', [], undefined],
    ['1', '192.0.2.1', [], 'dmarc'],
    ['d', '192.0.2.66', [], undefined],
    ['d', '192.0.2.1', [signature('signature')], 'signature'],
    ['d', '192.0.2.1', [signature('bodyHash', 'other.example')], 'bodyhash'],
    ['s', '192.0.2.66', [], 'spf'],
    ['s', '192.0.2.1', [signature('signature')], undefined],
    ['d:s', '192.0.2.66', [signature('signature')], 'signature'],
  ] as const)
    test(`fo=${fo}, from ${ip}, ${dkim.length} signatures`, async () => {
      const r = makeReports({ zone: dmarc(`fo=${fo}; ruf=mailto:ruf@sender.example`) })
      const message = await checked(r.resolver, 'eve@sender.example', { ip })
      const wanted = wantedFailure({ ...message, verdict: { ...message.verdict, dkim } })
      assert.equal(wanted?.failure, expected)
    })

  test('not about what is automatic, nor for a public suffix, nor without an address', async () => {
    const of = async (o: Parameters<typeof checked>[2], zone = ruf) => {
      const r = makeReports({ zone })
      return wantedFailure(await checked(r.resolver, 'eve@sender.example', { ...forged, ...o }))
    }
    assert.ok(await of({}))
    assert.ok(await of({ header: 'Auto-Submitted: no\r\n' }))
    for (const o of [
      { sender: '' },
      { header: 'Auto-Submitted: auto-generated\r\n' },
      { header: 'Content-Type: multipart/report; boundary=x\r\n' },
    ])
      assert.equal(await of(o), undefined, JSON.stringify(o))
    assert.equal(await of({}, dmarc('psd=y; ruf=mailto:ruf@sender.example')), undefined)
    assert.equal(await of({}, dmarc('rua=mailto:ruf@sender.example')), undefined)
    const r = makeReports({ zone: ruf })
    const message = await checked(r.resolver, 'eve@sender.example', forged)
    assert.equal(wantedFailure({ ...message, header: undefined }), undefined)
  })
})

test('of a long header only whole lines', () => {
  const line = `X: ${'x'.repeat(95)}\r\n`
  const cut = Buffer.from(reportedHeader(Buffer.from(line.repeat(1000) + '\r\n'))).toString()
  assert.ok(cut.length > 32_000 && cut.length <= 32_770 && cut.endsWith(line))
  assert.equal(Buffer.from(reportedHeader(Buffer.from('A: b\r\n\r\nbody'))).toString(), 'A: b\r\n')
})
