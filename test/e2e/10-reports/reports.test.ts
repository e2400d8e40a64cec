/**
 * Two servers and a name server on the loopback: one gets mail in the name of the other's domain, counts it, and
 * sends reports; the other takes them in, delivers them, and shows what they say.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import { zipSync } from 'fflate'
import { readAggregateReport } from '#mailauth/aggregate-report-reader.ts'
import { writeAggregateReport } from '#mailauth/aggregate-report-xml.ts'
import { startDns, type TestDns } from '../../harness/dns.ts'
import { startServer, type TestServer } from '../../harness/server.ts'

const password = 'correct horse battery'

const zones = {
  'remote.example': { MX: ['10 mx.remote.example'] },
  '_dmarc.remote.example': { TXT: ['v=DMARC1; p=reject'] },
  'example.org': { MX: ['10 mx.example.org'], TXT: ['v=spf1 ip4:127.0.0.1 -all'] },
  'mx.example.org': { A: ['127.0.0.1'] },
  '_dmarc.example.org': {
    TXT: [
      'v=DMARC1; p=quarantine; adkim=s; rua=mailto:postmaster@example.org,mailto:us@unwilling.example; ruf=mailto:abuse@example.org',
    ],
  },
} as const

/** A string of a record has 255 octets at most. */
const chunks = (text: string): readonly string[] => text.match(/.{1,255}/g)!

type Shown = Readonly<Record<string, unknown>> & { readonly id: string }

async function dataOf(answer: Response): Promise<never> {
  const text = await answer.text()
  assert.ok(answer.ok, text)
  return (JSON.parse(text) as { data: never }).data
}

/** Asks until there is what is waited for. */
async function until<T>(server: TestServer, look: () => Promise<T | undefined>): Promise<T> {
  for (let tries = 0; tries < 600; tries++) {
    const found = await look()
    if (found !== undefined) return found
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  return assert.fail(server.process.output)
}

describe('reports between servers', () => {
  let dns: TestDns
  let server: TestServer
  let remote: TestServer

  before(async () => {
    dns = await startDns(zones)
    server = await startServer({
      config: `${dns.config}\n[ReportSettings]\ninboundReportAddresses = ["postmaster@*", "abuse@*"]\n`,
    })
    await server.createAccount('abuse@example.org', password)
    await server.createAccount('postmaster@example.org', password)
    remote = await startServer({
      config: `${dns.config}
[SenderAuth]
dmarcVerify = "quarantine"
[ReportSettings]
outboundReportSubmitter = "mx.remote.example"
[DmarcReportSettings]
aggregateOrgName = "Remote & Sons"
aggregateContactInfo = "https://remote.example/contact"
failureSend = true
[MtaConnectionStrategy]
ehloHostname = "mx.remote.example"
port = ${server.smtpPort}
`,
    })
    await remote.createAccount('bob@remote.example', password)
    await publishKeys()
  })
  after(async () => {
    await remote[Symbol.asyncDispose]()
    await server[Symbol.asyncDispose]()
    await dns[Symbol.asyncDispose]()
  })

  const items = async (of: TestServer, object: string): Promise<readonly Shown[]> =>
    (await dataOf(await of.api('GET', `/api/object/${object}`)))['items']

  /** The records of the keys that the remote domain signs with, which are active then. */
  async function publishKeys(): Promise<void> {
    const keys = await until(remote, async () => {
      const all = await items(remote, 'DkimSignature')
      return all.length === 2 ? all : undefined
    })
    for (const { name, record } of keys as readonly Record<string, string>[]) {
      dns.set(name!, { TXT: [chunks(record!)] })
      await dataOf(await remote.api('PATCH', `/api/object/DkimSignature/${name}`, { stage: 'active' }))
    }
  }

  async function deliver(from: string): Promise<void> {
    await using smtp = await remote.connect(remote.smtpPort)
    await smtp.expect('220 ')
    smtp.send('EHLO client.example.net')
    await smtp.until('250 ')
    await smtp.ask(`MAIL FROM:<${from}>`, '250 ')
    await smtp.ask('RCPT TO:<bob@remote.example>', '250 ')
    await smtp.ask('DATA', '354 ')
    smtp.sendRaw('From: alice@example.org\r\nSubject: hello\r\n\r\nhello\r\n.\r\n')
    await smtp.expect('250 ')
  }

  /** The only message in the postmaster's mailbox, once it is there. */
  async function delivered(): Promise<string> {
    await using imap = await server.connect(server.imapsPort, { tls: true })
    await imap.expect('* OK ')
    await imap.ask(`s1 LOGIN postmaster@example.org "${password}"`, 's1 OK ')
    await until(remote, async () => {
      imap.send('r1 EXAMINE INBOX')
      return (await imap.until('r1 OK ')).includes('* 1 EXISTS') ? true : undefined
    })
    imap.send('r2 FETCH 1 (BODY.PEEK[])')
    const size = /\{(\d+)\}$/.exec(await imap.line())![1]
    return (await imap.bytes(Number(size))).toString('latin1')
  }

  test('mail is counted, reported, and the report is read', async () => {
    await deliver('forger@forger.example')
    await deliver('forger@forger.example')
    await deliver('alice@example.org')
    const waiting = await until(remote, async () => {
      const [report] = await items(remote, 'DmarcInternalReport')
      return report !== undefined && (report['report'] as { messages: number }).messages === 3
        ? report
        : undefined
    })
    assert.equal(waiting['domain'], 'example.org')
    const now = new Date().toISOString()
    const path = `/api/object/DmarcInternalReport/${encodeURIComponent(waiting.id)}`
    await dataOf(await remote.api('PATCH', path, { deliverAt: now }))

    const message = await delivered()
    assert.match(message, /\r\nFrom: Mail reports <noreply-dmarc@remote\.example>\r\n/)
    assert.match(message, /\r\nTo: postmaster@example\.org\r\n/)
    const results = /^Authentication-Results: [^]*?\r\n(?![ \t])/m.exec(message)![0]
    assert.match(results, /\sdmarc=pass header\.from=remote\.example /)
    const [, name, packed] =
      /Content-Type: application\/gzip;\s+name="([^"]+)"\r\n[^]*?\r\n\r\n([^]*?)\r\n--/.exec(message)!
    const { report, problems } = readAggregateReport(gunzipSync(Buffer.from(packed!, 'base64')))
    const { begin, end, reportId, generator, records, ...rest } = report
    assert.deepEqual(problems, [])
    assert.equal(name, `mx.remote.example!example.org!${begin}!${end}!${reportId}.xml.gz`)
    assert.equal(begin, Date.parse(String(waiting['createdAt'])) / 1000)
    assert.ok(end >= begin && end * 1000 <= Date.now())
    assert.match(generator!, /^Postern /)
    assert.deepEqual(rest, {
      orgName: 'Remote & Sons',
      email: 'noreply-dmarc@remote.example',
      extraContactInfo: 'https://remote.example/contact',
      errors: [],
      extensions: [],
      policy: {
        domain: 'example.org',
        discoveryMethod: 'treewalk',
        p: 'quarantine',
        adkim: 's',
        aspf: 'r',
        fo: '0',
        isTesting: false,
      },
    })
    const common = { sourceIp: '127.0.0.1', headerFrom: 'example.org', extensions: [] }
    const nothing = { dkim: 'fail', dkimResults: [], reasons: [] }
    assert.deepEqual(records, [
      {
        ...common,
        ...nothing,
        count: 2,
        disposition: 'quarantine',
        spf: 'fail',
        envelopeFrom: 'forger.example',
        spfResults: [{ domain: 'forger.example', scope: 'mfrom', result: 'none' }],
      },
      {
        ...common,
        ...nothing,
        count: 1,
        disposition: 'pass',
        spf: 'pass',
        envelopeFrom: 'example.org',
        spfResults: [{ domain: 'example.org', scope: 'mfrom', result: 'pass' }],
      },
    ])

    const [shown] = await until(server, async () => {
      const all = await items(server, 'DmarcExternalReport')
      return all.length === 1 ? all : undefined
    })
    assert.deepEqual(
      [shown!['from'], shown!['to'], shown!['dmarc'], shown!['problems']],
      ['noreply-dmarc@remote.example', ['postmaster@example.org'], 'pass', []],
    )
    const read = shown!['report'] as Readonly<Record<string, unknown>>
    assert.deepEqual(
      [read['reportId'], read['orgName'], read['policyDomain'], read['messages'], read['passed']],
      [reportId, 'Remote & Sons', 'example.org', 3, 1],
    )
    const failures = await until(server, async () => {
      const all = await items(server, 'ArfExternalReport')
      return all.length > 0 ? all : undefined
    })
    // One a day, however many failed.
    assert.equal(failures.length, 1)
    const failure = failures[0]!['report'] as Readonly<Record<string, unknown>>
    assert.deepEqual([failures[0]!['from'], failures[0]!['dmarc']], ['noreply-dmarc@remote.example', 'pass'])
    assert.deepEqual(
      [failure['feedbackType'], failure['authFailure'], failure['sourceIp'], failure['originalMailFrom']],
      ['auth-failure', 'dmarc', '127.0.0.1', 'forger@forger.example'],
    )
    assert.deepEqual(
      [failure['deliveryResult'], failure['reportedDomains'], failure['originalRcptTo']],
      ['spam', ['example.org'], []],
    )
    assert.equal(failure['headers'], 'From: alice@example.org\r\nSubject: hello\r\n')

    assert.match(remote.process.output, /report\.destination-refused .*mailto:us@unwilling\.example/)
    await server.process.printed('messages=3 passed=1')
    assert.match(server.process.output, /report\.dmarc-received .*messages=3 passed=1/)
  })

  test('reports in a zip archive and plain are read; what is too large stays a message', async () => {
    const before = await items(server, 'DmarcExternalReport')
    const xml = Buffer.from(
      writeAggregateReport({
        orgName: 'Third',
        email: 'noreply@third.example',
        reportId: 'r1',
        begin: 1_772_496_000,
        end: 1_772_582_399,
        errors: [],
        policy: { domain: 'example.org', p: 'reject' },
        extensions: [],
        records: [],
      }),
    )
    const files = [
      ['application/zip', zipSync({ 'report.xml': xml })],
      ['text/xml', xml],
      ['application/gzip', gzipSync(Buffer.alloc(40 << 20))],
    ] as const
    await using smtp = await server.connect(server.smtpPort)
    await smtp.expect('220 ')
    smtp.send('EHLO client.example.net')
    await smtp.until('250 ')
    for (const [type, bytes] of files) {
      await smtp.ask('MAIL FROM:<noreply@third.example>', '250 ')
      await smtp.ask('RCPT TO:<postmaster@example.org>', '250 ')
      await smtp.ask('DATA', '354 ')
      const lines = Buffer.from(bytes).toString('base64').replace(/.{76}/g, '$&\r\n')
      const head = `From: noreply@third.example\r\nContent-Type: ${type}\r\nContent-Transfer-Encoding: base64`
      smtp.sendRaw(`${head}\r\n\r\n${lines}\r\n.\r\n`)
      await smtp.expect('250 ')
    }
    await server.process.printed('report.unread')
    const all = await until(server, async () => {
      const found = await items(server, 'DmarcExternalReport')
      return found.length === before.length + 2 ? found : undefined
    })
    for (const one of all.slice(0, 2))
      assert.deepEqual(
        [one['from'], one['dmarc'], (one['report'] as Record<string, unknown>)['orgName']],
        ['noreply@third.example', 'none', 'Third'],
      )
    assert.match(server.process.output, /report\.unread .*over 26214400 bytes/)
    assert.equal(await dataOf(await server.api('DELETE', '/api/reports/dmarc?text=Third')), true)
    assert.equal((await items(server, 'DmarcExternalReport')).length, before.length)
  })
})
