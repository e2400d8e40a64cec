import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { composeFeedbackFields, type FeedbackFields, parseFeedbackFields } from './feedback-fields.ts'
import { composeFeedbackReport, type FeedbackReport } from './feedback-report.ts'
import { parseStructure } from './mime.ts'

const parse = (text: string) => parseFeedbackFields(Buffer.from(text))
const nothing = {
  originalRecipients: [],
  authResults: [],
  reportedDomains: [],
  reportedUris: [],
  spfRecords: [],
}

describe('fields', () => {
  test('the example of RFC 9991 Appendix A', () => {
    const text = `Feedback-Type: auth-failure
Version: 1
User-Agent: DMARC-Filter/1.2.3
Auth-Failure: dmarc
Authentication-Results: gen.example;
  dmarc=fail header.from=consumer.example
Identity-Alignment: dkim
DKIM-Domain: consumer.example
DKIM-Identity: @consumer.example
DKIM-Selector: epsilon
Original-Envelope-Id: 65E1A3F0A0
Original-Mail-From: author=gen.example@forwarder.example
Source-IP: 192.0.2.2
Source-Port: 12345
Reported-Domain: consumer.example
`
    assert.deepEqual(parse(text.replaceAll('\n', '\r\n')), {
      ...nothing,
      feedbackType: 'auth-failure',
      userAgent: 'DMARC-Filter/1.2.3',
      authFailure: 'dmarc',
      authResults: [
        {
          authservId: 'gen.example',
          results: [
            {
              method: 'dmarc',
              result: 'fail',
              properties: [{ ptype: 'header', property: 'from', value: 'consumer.example' }],
            },
          ],
        },
      ],
      identityAlignment: ['dkim'],
      dkimDomain: 'consumer.example',
      dkimIdentity: '@consumer.example',
      dkimSelector: 'epsilon',
      originalEnvelopeId: '65E1A3F0A0',
      originalMailFrom: 'author=gen.example@forwarder.example',
      sourceIp: '192.0.2.2',
      sourcePort: 12345,
      reportedDomains: ['consumer.example'],
    } satisfies FeedbackFields)
  })

  test('about abuse (RFC 5965 Appendix B.2)', () => {
    const text = `
Feedback-Type: Abuse (comment)
User-Agent: SomeGenerator/1.0
Version: 1
Original-Mail-From: <somespammer@example.net>
Original-Rcpt-To: <user@example.com>
Original-Rcpt-To: <other@example.com>
Received-Date: Thu, 8 Mar 2005 14:00:00 EDT
Source-IP: [IPv6:2001:DB8::1]
Authentication-Results: mail.example.com;
               spf=fail smtp.mail=somespammer@example.com
Authentication-Results: malformed
Reported-Domain: Example.NET
Reported-URI: http://example.net/earn_money.html
Reporting-MTA: dns; mail.example.com
Removal-Recipient: user@example.com
Incidents: 4294967296
Source-Port: 65536
Identity-Alignment: none
SPF-DNS: txt : Example.net : "v=spf1 a=\\"x\\" -all"
SPF-DNS: nonsense
`
    assert.deepEqual(parse(text), {
      ...nothing,
      feedbackType: 'abuse',
      userAgent: 'SomeGenerator/1.0',
      originalMailFrom: 'somespammer@example.net',
      originalRecipients: ['user@example.com', 'other@example.com'],
      arrivedAt: Date.UTC(2005, 2, 8, 18),
      sourceIp: '2001:db8::1',
      authResults: [
        {
          authservId: 'mail.example.com',
          results: [
            {
              method: 'spf',
              result: 'fail',
              properties: [{ ptype: 'smtp', property: 'mail', value: 'somespammer@example.com' }],
            },
          ],
        },
        { authservId: 'malformed', results: [] },
      ],
      reportedDomains: ['example.net'],
      reportedUris: ['http://example.net/earn_money.html'],
      reportingMta: 'mail.example.com',
      identityAlignment: [],
      spfRecords: [{ domain: 'example.net', record: 'v=spf1 a="x" -all' }],
    } satisfies FeedbackFields)
  })

  test('without a type it is no report', () => {
    assert.equal(parse(''), undefined)
    assert.equal(parse('User-Agent: x\r\nVersion: 1\r\n'), undefined)
    assert.equal(parse('\r\n\r\nUser-Agent: x\r\n\r\nFeedback-Type: abuse\r\n'), undefined)
  })

  test('as many values as are kept', () => {
    const read = parse(`Feedback-Type: abuse\r\n${'Reported-Domain: a.example\r\n'.repeat(5000)}`)
    assert.equal(read?.reportedDomains.length, 100)
  })

  const word = fc.stringMatching(/^[!-;=?-~]{1,20}$/)
  const domain = fc.domain().map((one) => one.toLowerCase())
  const fields = fc.record(
    {
      feedbackType: fc.constantFrom('abuse', 'auth-failure', 'not-spam'),
      userAgent: word,
      originalEnvelopeId: word,
      originalMailFrom: fc.oneof(word, fc.constant('')),
      originalRecipients: fc.array(word, { maxLength: 3 }),
      arrivedAt: fc.nat({ max: 2 ** 31 }).map((seconds) => seconds * 1000),
      reportingMta: domain,
      sourceIp: fc.oneof(fc.ipV4(), fc.constant('2001:db8::1')),
      sourcePort: fc.nat({ max: 65_535 }),
      incidents: fc.nat({ max: 0xffff_ffff }),
      authResults: fc.array(
        domain.map((authservId) => ({ authservId, results: [] })),
        { maxLength: 2 },
      ),
      reportedDomains: fc.array(domain, { maxLength: 3 }),
      reportedUris: fc.array(word, { maxLength: 3 }),
      authFailure: fc.constantFrom('dmarc' as const, 'spf' as const, 'bodyhash' as const),
      deliveryResult: fc.constantFrom('reject' as const, 'delivered' as const),
      identityAlignment: fc.constantFrom([], ['dkim' as const], ['dkim' as const, 'spf' as const]),
      dkimDomain: domain,
      dkimIdentity: word,
      dkimSelector: word,
      spfRecords: fc.array(fc.record({ domain, record: fc.constantFrom('v=spf1 -all', 'a "b" \\ c') }), {
        maxLength: 2,
      }),
    },
    {
      requiredKeys: [
        'feedbackType',
        'userAgent',
        'originalRecipients',
        'authResults',
        'reportedDomains',
        'reportedUris',
        'spfRecords',
      ],
    },
  )

  test('read back as they were', () => {
    fc.assert(
      fc.property(fields, (generated) => {
        const given = structuredClone(generated)
        assert.deepEqual(parse(composeFeedbackFields(given)), given)
      }),
      { numRuns: 1000 },
    )
  })

  test('any values: as many fields, in lines that may be sent', () => {
    const any = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 1500 }),
      fc.constantFrom('a\r\nFeedback-Type: fraud', 'x\r\n\r\n--b', '\\"'.repeat(800), ''),
    )
    fc.assert(
      fc.property(any, any, (a, b) => {
        const text = composeFeedbackFields({
          feedbackType: a,
          userAgent: b,
          originalMailFrom: a,
          originalRecipients: [a, b],
          reportingMta: b,
          authResults: [{ authservId: a, results: [] }],
          reportedDomains: [b],
          reportedUris: [a],
          dkimIdentity: b,
          spfRecords: [{ domain: a, record: b }],
        })
        const lines = text.split('\r\n')
        for (const line of lines) assert.match(line, /^[ -~]{0,998}$/)
        // One of them may be folded.
        assert.equal(lines.filter((line) => /^[A-Z][A-Za-z-]+:/.test(line)).length, 12)
        assert.ok(lines.slice(0, -1).every((line) => line.trim() !== ''))
      }),
      { numRuns: 500 },
    )
  })

  test('any bytes are read', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'Feedback-Type: abuse\r\n',
        'Source-IP: ',
        '1.2.3.4',
        '\r\n',
        '<',
        '>',
        'SPF-DNS: txt:a:"',
        '"',
        'Incidents: 1',
        '\0',
        ' ',
      ),
      fc.string({ unit: 'binary', maxLength: 6 }),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
        const read = parseFeedbackFields(Buffer.from(pieces.join(''), 'latin1'))
        if (read !== undefined) assert.ok(parse(composeFeedbackFields(read)) !== undefined)
      }),
      { numRuns: 1000 },
    )
  })
})

const report: FeedbackReport = {
  from: { name: 'DMARC Filter', address: 'dmarc@gen.example' },
  to: 'dmarcfail@consumer.example',
  messageId: '1@gen.example',
  subject: 'This is the original subject',
  at: 1_700_000_000_000,
  text: ['This is an authentication failure report.', 'A line\r\nwith a break'],
  fields: { ...nothing, feedbackType: 'auth-failure', userAgent: 'Postern', authFailure: 'dmarc' },
  original: { kind: 'header', bytes: Buffer.from('From: a@b.example\r\nSubject: x\r\n') },
  boundary: '=_b1',
}

describe('report', () => {
  test('has the three parts of RFC 5965 §2', () => {
    const { bytes, is8bit, needsUtf8 } = composeFeedbackReport(report)
    assert.deepEqual([is8bit, needsUtf8], [false, false])
    const { root } = parseStructure(bytes)
    assert.equal(`${root.type}/${root.subtype}`, 'multipart/report')
    assert.deepEqual(
      root.params.map(({ name, value }) => [name, value]),
      [
        ['report-type', 'feedback-report'],
        ['boundary', '=_b1'],
      ],
    )
    assert.deepEqual(
      root.children.map(({ type, subtype }) => `${type}/${subtype}`),
      ['text/plain', 'message/feedback-report', 'text/rfc822-headers'],
    )
    const [text, fields, original] = root.children.map((part) => bytes.subarray(part.bodyStart, part.bodyEnd))
    assert.equal(text?.toString(), 'This is an authentication failure report.\r\nA line with a break\r\n')
    assert.deepEqual(parseFeedbackFields(fields!), report.fields)
    assert.equal(original?.toString(), 'From: a@b.example\r\nSubject: x\r\n')
    assert.match(bytes.toString(), /\r\nSubject: FW: This is the original subject\r\n/)
  })

  test('of a message beyond ASCII', () => {
    const original = { kind: 'message' as const, bytes: Buffer.from('Subject: \u00fc\r\n\r\nx\r\n') }
    const made = composeFeedbackReport({ ...report, original })
    assert.deepEqual([made.is8bit, made.needsUtf8], [true, false])
    const part = parseStructure(made.bytes).root.children[2]
    assert.equal(`${part?.type}/${part?.subtype}`, 'message/global')
    assert.equal(composeFeedbackReport({ ...report, to: '\u00fc@b.example' }).needsUtf8, true)
  })
})
