import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { digestOf } from '#report/dmarc-report-fields.ts'
import { addCounted } from '#report/pending.ts'
import { putReceived } from '#report/received.ts'
import { feedbackOf } from '#report/received-feedback.ts'
import { dmarcReceivedTable, feedbackReceivedTable, pendingReportTable } from '#report/tables.ts'
import { serve } from '../fixture.test.ts'

const day = 86_400_000

async function withReports(t: TestContext) {
  const served = await serve(t)
  const now = Date.now()
  const begin = Math.floor(now / day) * day
  const policy = { domain: 'example.org', p: 'reject', adkim: 's' } as const
  const record = {
    sourceIp: '192.0.2.1',
    count: 1200,
    disposition: 'reject',
    dkim: 'fail',
    spf: 'fail',
    reasons: [],
    headerFrom: 'example.org',
    envelopeFrom: '',
    dkimResults: [{ domain: 'odd\x1b[2J.example', result: 'fail' }],
    spfResults: [],
    extensions: [],
  } as const
  await served.db.write([], async (tx) => {
    const report = digestOf({
      orgName: 'Other',
      email: 'x@other.example',
      reportId: '1',
      begin: begin / 1000 - 86_400,
      end: begin / 1000 - 1,
      errors: ['odd'],
      policy,
      extensions: [],
      records: [record],
    })
    const mail = { from: 'x@other.example', to: ['postmaster@example.org'], subject: 'Report', dmarc: 'pass' }
    const received = { ...mail, receivedAt: now - 3_600_000, problems: [], report }
    await putReceived(tx, dmarcReceivedTable, received, now)
    const reported = { domain: 'other.example', policy: { domain: 'other.example', p: 'none' } as const }
    const period = { begin, end: begin + day }
    await addCounted(tx, [{ period, reported: { ...reported, rua: [], errors: [] }, records: [record] }])
  })
  const fields = {
    feedbackType: 'abuse',
    originalRecipients: [],
    authResults: [],
    reportedDomains: ['example.org'],
    reportedUris: [],
    spfRecords: [],
    sourceIp: '192.0.2.9',
    sourcePort: 99,
  }
  await served.db.write([], (tx) => {
    const mail = {
      from: 'fbl@other.example',
      to: ['postmaster@example.org'],
      subject: 'FW: x',
      dmarc: 'pass',
    }
    const report = feedbackOf(fields, Buffer.from('From: a@example.org\r\nSubject: \x1bx\r\n'))
    const received = { ...mail, receivedAt: now, problems: [], report }
    return putReceived(tx, feedbackReceivedTable, received, now)
  })
  return { ...served, waitingId: `other.example:${begin / 1000}` }
}

test('reports that came in are listed and shown', async (t) => {
  const { postern, json } = await withReports(t)
  const { items } = await json<{ items: { id: string }[] }>('report list')
  const { id } = items[0]!
  const { out } = await postern('report list', { columns: 80 })
  const lines = out.trimEnd().split('\n')
  assert.match(lines[0]!, /^ID +CAME +ABOUT +BY +MESSAGES +FAILED$/)
  assert.match(lines[1]!, new RegExp(`^${id} +1h ago +example\\.org +Other +1,200 +1,200$`))
  const shown = (await postern(`report show ${id}`, { columns: 120 })).out
  assert.match(shown, /^about: +example\.org$/m)
  assert.match(shown, /^by: +Other, x@other\.example$/m)
  assert.match(shown, /^policy: +p=reject adkim=s$/m)
  assert.match(shown, /^messages: +1,200, of which 0 passed$/m)
  assert.match(shown, /^errors: +odd$/m)
  assert.match(shown, /^1,200 +192\.0\.2\.1 +fail +fail +reject +example\.org +<> +odd/m)
  assert.doesNotMatch(shown, /\x1b/)
  assert.equal((await json<{ id: string }>(`report show ${id}`)).id, id)
  assert.equal((await postern('report list --search nothing')).out, 'No reports came in.\n')
})

test('feedback is listed, shown with the header of the message, and deleted', async (t) => {
  const { postern, json } = await withReports(t)
  const { items } = await json<{ items: { id: string }[] }>('report list --feedback')
  const { id } = items[0]!
  assert.match(
    (await postern('report list --feedback', { columns: 100 })).out,
    new RegExp(`\\n${id} +now +abuse +example\\.org +192\\.0\\.2\\.9 +fbl@other\\.example`),
  )
  const { out } = await postern(`report show ${id}`)
  assert.match(out, /^from address: +192\.0\.2\.9 port 99$/m)
  assert.match(out, /\n\n {2}From: a@example\.org\n {2}Subject: /)
  assert.doesNotMatch(out, /\x1b/)
  assert.equal((await postern('report list --feedback --waiting')).code, 64)
  assert.equal((await postern(`report delete ${id} --yes`)).code, 0)
  assert.equal((await postern('report list --feedback')).out, 'No feedback came in.\n')
})

test('reports that wait are listed, shown, and sent at a word', async (t) => {
  const { postern, waitingId, db } = await withReports(t)
  const { out } = await postern('report list --waiting', { columns: 80 })
  assert.match(out, new RegExp(`\\n${waitingId} +in \\S+( \\S+)? +1,200`))
  assert.match((await postern(`report show ${waitingId}`)).out, /^goes: +20\S+Z \(in /m)
  assert.equal((await postern(`report send ${waitingId}`)).code, 0)
  const [[, { deliverAt }] = assert.fail()] = await db.read((tx) => tx.list(pendingReportTable, []))
  assert.ok(deliverAt <= Date.now() + 1000)
  assert.match((await postern('report send nobody.example:1')).err, /there is no report nobody\.example:1/)
})

test('reports are deleted by id or all that match, once that is sure', async (t) => {
  const { postern, json, waitingId } = await withReports(t)
  const refused = await postern('report delete')
  assert.deepEqual([refused.code, refused.out], [64, ''])
  assert.equal((await postern(`report delete ${waitingId} --all`)).code, 64)
  assert.match((await postern(`report delete ${waitingId}`)).err, /--yes/)
  assert.match((await postern(`report delete ${waitingId} --yes`)).out, /^Deleted: 1 report\.$/m)
  assert.equal((await postern(`report delete ${waitingId} --yes`)).code, 1)
  const asked = await postern('report delete --search example.org', { typed: ['y'] })
  assert.deepEqual(asked.asked, ['Delete 1 report for good? [y/N] '])
  assert.deepEqual(await json('report list'), { items: [], total: 0 })
})
