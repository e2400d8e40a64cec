/** DMARC aggregate reports of ours as Python's modules for mail, gzip and XML read them, and theirs as we do. */
import assert from 'node:assert/strict'
import path from 'node:path'
import { describe, test } from 'node:test'
import { writeAggregateReport } from '#mailauth/aggregate-report-xml.ts'
import { checked, hour, makeReports } from '#report/fixture.test.ts'
import { dmarcReceivedTable } from '#report/tables.ts'
import { needs, run } from './program.ts'

const script = path.join(import.meta.dirname, 'python', 'dmarc_report.py')

async function python(command: 'read' | 'write', input: string): Promise<unknown> {
  const { stdout } = await run('/usr/bin/python3', ['-B', script, command], { input })
  return JSON.parse(stdout.toString('utf8'))
}

describe('Python', needs('python3'), () => {
  test('reads a report of ours', async () => {
    const r = makeReports({
      config: '[DmarcReportSettings]\naggregateOrgName = "Ü & <Sons>"\naggregateFromName = "Ü, reports"\n',
    })
    const good = await checked(r.resolver, 'alice@sender.example')
    const forged = await checked(r.resolver, 'eve@sub.sender.example', { ip: '2001:db8::7', sender: '' })
    for (const message of [good, good, forged]) r.recorder.record(message)
    await r.recorder.flush()
    await r.pass(24 * hour)
    const [message] = await r.sent()
    const read = (await python('read', message!.toString('latin1'))) as {
      fields: Record<string, string>
      files: readonly { type: string; name: string; report: Record<string, never> }[]
      defects: unknown
    }
    assert.deepEqual(read.defects, [])
    const { type, name, report } = read.files[0]!
    const metadata = report['report_metadata']![0] as Record<string, unknown[]>
    const id = metadata['report_id']![0] as string
    // A line is folded at a tab, which Python keeps.
    const fields = Object.fromEntries(
      Object.entries(read.fields).map(([field, value]) => [field, value.replaceAll('\t', ' ')]),
    )
    assert.deepEqual(fields, {
      From: '"Ü, reports" <noreply-dmarc@example.org>',
      To: 'dmarc@sender.example',
      Subject: `Report Domain: sender.example Submitter: mx.example.org Report-ID: <${id}>`,
      'Message-ID': `<${id}@mx.example.org>`,
      'Auto-Submitted': 'auto-generated',
    })
    assert.equal(type, 'application/gzip')
    assert.equal(name, `mx.example.org!sender.example!1772582400!1772668799!${id}.xml.gz`)
    assert.deepEqual(metadata['org_name'], ['Ü & <Sons>'])
    assert.deepEqual(metadata['date_range'], [{ begin: ['1772582400'], end: ['1772668799'] }])
    assert.deepEqual(report['policy_published'], [
      {
        domain: ['sender.example'],
        discovery_method: ['treewalk'],
        p: ['reject'],
        sp: ['quarantine'],
        fo: ['0'],
        adkim: ['r'],
        aspf: ['r'],
        testing: ['n'],
      },
    ])
    assert.deepEqual(report['record'], [
      {
        row: [
          {
            source_ip: ['192.0.2.1'],
            count: ['2'],
            policy_evaluated: [{ disposition: ['pass'], dkim: ['fail'], spf: ['pass'] }],
          },
        ],
        identifiers: [{ header_from: ['sender.example'], envelope_from: ['sender.example'] }],
        auth_results: [{ spf: [{ domain: ['sender.example'], scope: ['mfrom'], result: ['pass'] }] }],
      },
      {
        row: [
          {
            source_ip: ['2001:db8::7'],
            count: ['1'],
            policy_evaluated: [
              { disposition: ['none'], dkim: ['fail'], spf: ['fail'], reason: [{ type: ['local_policy'] }] },
            ],
          },
        ],
        identifiers: [{ header_from: ['sub.sender.example'], envelope_from: [''] }],
        auth_results: [{ spf: [{ domain: ['client.example'], scope: ['mfrom'], result: ['none'] }] }],
      },
    ])
  })

  test('writes reports that are read: gzip, zip with its sizes behind, plain', async () => {
    const report = {
      orgName: 'Other',
      email: 'noreply@other.example',
      reportId: '1',
      begin: 1,
      end: 2,
      errors: [],
      policy: { domain: 'example.org', p: 'none' },
      extensions: [],
      records: [],
    } as const
    const messages = (await python('write', writeAggregateReport(report))) as readonly string[]
    assert.equal(messages.length, 3)
    const r = makeReports()
    for (const message of messages) assert.ok(await r.arrive(Buffer.from(message, 'latin1')))
    await r.pass(0)
    const rows = await r.db.read((tx) => tx.list(dmarcReceivedTable, []))
    assert.deepEqual(
      rows.map(([, row]) => row.report.report),
      messages.map(() => report),
      JSON.stringify(r.told),
    )
  })
})
