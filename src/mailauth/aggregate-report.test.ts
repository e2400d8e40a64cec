import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { SyntaxFault } from '#base/fault.ts'
import { type AggregateReport, reportFileName, reportSubject } from './aggregate-report.ts'
import { aggregateReportSteps, readAggregateReport } from './aggregate-report-reader.ts'
import { writeAggregateReport } from './aggregate-report-xml.ts'

const read = (xml: string) => readAggregateReport(Buffer.from(xml))

test('names (RFC 9990 §3.5.2)', () => {
  const name = {
    receiver: 'mail.receiver.example',
    policyDomain: 'example.com',
    begin: 1013662812,
    end: 1013749130,
  }
  assert.equal(
    reportFileName(name, 'xml.gz'),
    'mail.receiver.example!example.com!1013662812!1013749130.xml.gz',
  )
  assert.equal(
    reportFileName({ ...name, uniqueId: 'a1' }, 'xml'),
    'mail.receiver.example!example.com!1013662812!1013749130!a1.xml',
  )
  assert.equal(
    reportSubject('example.com', 'mail.receiver.example', 'x@example.com'),
    'Report Domain: example.com Submitter: mail.receiver.example Report-ID: <x@example.com>',
  )
})

describe('reading', () => {
  test('the sample of RFC 9990 Appendix B', () => {
    const { report, problems } = read(sample)
    assert.deepEqual(problems, [])
    assert.deepEqual(report, {
      orgName: 'Sample Reporter',
      email: 'report_sender@example-reporter.com',
      extraContactInfo: '...',
      reportId: '3v98abbp8ya9n3va8yr8oa3ya',
      begin: 302832000,
      end: 302918399,
      errors: [],
      generator: 'Example DMARC Aggregate Reporter v1.2',
      policy: {
        domain: 'example.com',
        discoveryMethod: 'treewalk',
        p: 'quarantine',
        sp: 'none',
        np: 'none',
        isTesting: false,
      },
      extensions: [],
      records: [
        {
          sourceIp: '192.0.2.123',
          count: 123,
          disposition: 'pass',
          dkim: 'pass',
          spf: 'fail',
          reasons: [],
          headerFrom: 'example.com',
          envelopeFrom: 'example.com',
          dkimResults: [{ domain: 'example.com', selector: 'abc123', result: 'pass' }],
          spfResults: [{ domain: 'example.com', result: 'fail' }],
          extensions: [],
        },
      ],
    } satisfies AggregateReport)
  })

  test('a report as RFC 7489 has them, with what occurs beside', () => {
    const { report, problems } = read(oldReport)
    assert.deepEqual(problems, [])
    assert.deepEqual(report.errors, ['first', 'second'])
    assert.deepEqual(report.policy, { domain: 'example.com', p: 'reject', adkim: 's', aspf: 'r', fo: '1:d' })
    assert.deepEqual([report.begin, report.end], [1400000000, 1400086399])
    assert.deepEqual(report.records, [
      {
        sourceIp: '2001:db8::1',
        count: 2,
        disposition: 'reject',
        dkim: 'fail',
        spf: 'fail',
        reasons: [
          { type: 'sampled_out' },
          { type: 'other', comment: 'arc=pass' },
          { type: 'forwarded', comment: 'x' },
        ],
        headerFrom: 'news.example.com',
        envelopeFrom: '',
        envelopeTo: 'receiver.example',
        dkimResults: [
          { domain: 'other.example', result: 'temperror' },
          { domain: 'example.com', selector: 's1', result: 'none', humanResult: 'no key' },
        ],
        spfResults: [
          { domain: 'mail.example.com', scope: 'helo', result: 'softfail' },
          { domain: 'x.example.com', scope: 'mfrom', result: 'permerror' },
        ],
        extensions: [],
      },
      {
        count: 1,
        disposition: 'none',
        dkim: 'fail',
        spf: 'fail',
        reasons: [],
        headerFrom: '',
        dkimResults: [],
        spfResults: [],
        extensions: [],
      },
    ])
  })

  test('extensions are named (RFC 9990 §5)', () => {
    const xml = sample
      .replace('dmarc-2.0">', 'dmarc-2.0" xmlns:ext="urn:example:ext">')
      .replace(
        '</policy_published>',
        '</policy_published><extension><ext:arc-override><a/>never</ext:arc-override></extension>',
      )
      .replace('</record>', '<ext:arc-results/><unknown:x/></record>')
    const { report } = read(xml)
    assert.deepEqual(report.extensions, [{ name: 'arc-override', definition: 'urn:example:ext' }])
    assert.deepEqual(report.records[0]?.extensions, [{ name: 'arc-results', definition: 'urn:example:ext' }])
  })

  test('prefixes, byte order marks and encodings', () => {
    const prefixed = sample.replace('xmlns=', 'xmlns:d=').replaceAll(/<(\/?)(\w)/g, '<$1d:$2')
    assert.equal(read(prefixed).report.records.length, 1)
    const named = sample.replace('Sample Reporter', 'B\u00fccher')
    const declared = (encoding: string) => `<?xml version="1.0" encoding="${encoding}"?>\n${named}`
    for (const bytes of [
      Buffer.from(`\ufeff${declared('utf-8')}`),
      Buffer.from(`\n ${named}`),
      Buffer.from(declared('ISO-8859-1'), 'latin1'),
      Buffer.from(named, 'latin1'),
      Buffer.from(declared('UTF-16')),
      Buffer.from(`\ufeff${declared('utf-16')}`, 'utf16le'),
      Buffer.from(`\ufeff${named}`, 'utf16le').swap16(),
    ]) {
      assert.equal(readAggregateReport(bytes).report.orgName, 'B\u00fccher')
    }
  })

  test('small faults of XML are passed over and said', () => {
    const { report, problems } = read(sample.replace('Sample Reporter', 'Fish & Chips&nbsp;'))
    assert.deepEqual([report.orgName, problems], ['Fish & Chips&nbsp;', ['an ampersand is not escaped']])
    const strays = read(sample.replace('</org_name>', '</org_name>]]>\x01'))
    assert.deepEqual([strays.report, strays.problems.length > 0], [read(sample).report, true])
    assert.throws(() => read(sample.replace('Sample Reporter', '&#0;'.repeat(50))), /too many faults/)
  })

  test('a record without its number is left out', () => {
    const { report, problems } = read(sample.replace('<count>123</count>', '<count>-1</count>'))
    assert.deepEqual([report.records.length, problems.length], [0, 1])
  })

  test('what is no report', () => {
    for (const xml of [
      '',
      'x',
      '<html></html>',
      '<feedback/>',
      '<feedback></feedback><feedback></feedback>',
      sample.slice(0, -20),
      sample.replace('<report_id>', '<x>').replace('</report_id>', '</x>'),
      sample.replace('<begin>302832000', '<begin>yesterday'),
      sample.replace('<domain>example.com', '<domain>not a domain'),
    ]) {
      assert.throws(() => read(xml), SyntaxFault, xml)
    }
  })
})

describe('hostile documents', () => {
  const inName = (name: string, before = '') => before + sample.replace('Sample Reporter', name)

  test('entities are not expanded', () => {
    const bomb = '<!DOCTYPE feedback [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
    assert.throws(() => read(inName('&b;', bomb)), SyntaxFault)
    const outside = '<!DOCTYPE feedback [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    assert.throws(() => read(inName('&a;', outside)), SyntaxFault)
    assert.throws(() => read(inName('x', '<!DOCTYPE feedback>')), SyntaxFault)
    assert.equal(read(inName('&b;')).report.orgName, '&b;')
  })

  test('depth, numbers of elements and lengths are bounded', () => {
    const inRecord = (xml: string) => sample.replace('</record>', `${xml}</record>`)
    assert.throws(() => read(inRecord('<a>'.repeat(100_000))), /nested too deeply/)
    assert.throws(() => read(inRecord('<a/>'.repeat(100_000))), /too many elements/)
    assert.throws(
      () => read(sample.replace('</policy_published>', `</policy_published>${'<a/>'.repeat(100_000)}`)),
      /too many elements/,
    )
    const long = read(inName('x'.repeat(1_000_000))).report
    assert.equal(long.orgName.length, 1000)
    const attributes = Array.from({ length: 50_000 }, (_, i) => ` xmlns:a${i}="x"`).join('')
    assert.equal(read(sample.replace('<feedback', `<feedback${attributes}`)).report.records.length, 1)
  })

  test('many records cost no more than they hold', () => {
    const [, record = ''] = /(<record>[^]*<\/record>)/.exec(sample) ?? []
    const { report } = read(sample.replace('</record>', `</record>${record.repeat(5000)}`))
    assert.equal(report.records.length, 5001)
  })

  test('a long one is read in many steps, as it is read at once', () => {
    const [, record = ''] = /(<record>[^]*<\/record>)/.exec(sample) ?? []
    const odd = record.replace('<row>', '<row><note>a & b &amp; c > d</note>')
    const long = sample.replace('</record>', `</record>${odd.repeat(3000)}`)
    const steps = [...aggregateReportSteps(Buffer.from(long))]
    assert.ok(steps.length > 10)
    const { report, problems } = read(long)
    assert.equal(report.records.length, 3001)
    assert.deepEqual(problems, ['an ampersand is not escaped'])
  })

  test('any bytes give a report or a SyntaxFault', () => {
    const tags = [...sample.matchAll(/<[^>]+>/g)].map(([tag]) => tag)
    const piece = fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(...tags) },
      {
        weight: 2,
        arbitrary: fc.constantFrom(
          '&',
          '&amp;',
          '&#0;',
          '&#x10ffff;',
          '<!--',
          '-->',
          '<![CDATA[',
          ']]>',
          '<?x',
          '?>',
          '1',
          'pass',
          '"',
          '<a b="',
          '\0',
        ),
      },
      { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 8 }) },
    )
    const insertion = fc.tuple(fc.nat({ max: sample.length }), piece)
    fc.assert(
      fc.property(
        fc.oneof(fc.array(piece, { maxLength: 60 }), fc.array(insertion, { maxLength: 3 })),
        (pieces) => {
          const xml = pieces.every((one) => typeof one === 'string')
            ? pieces.join('')
            : pieces.reduce((text, [at, one]) => text.slice(0, at) + one + text.slice(at), sample)
          try {
            assert.ok(read(xml).report.records.length <= 60)
          } catch (error) {
            assert.ok(error instanceof SyntaxFault, String(error))
          }
        },
      ),
      { numRuns: 2000 },
    )
  })
})

describe('writing', () => {
  const text = fc
    .string({ unit: 'binary', maxLength: 30 })
    .map((one) => one.replace(/[\s\p{Cc}\ufffe\uffff]+/gu, ' ').trim())
  const some = text.filter((one) => one !== '')
  const domain = fc
    .domain()
    .map((one) => one.toLowerCase())
    .filter((one) => one.length < 200)
  const policy = fc.constantFrom('none' as const, 'quarantine' as const, 'reject' as const)
  const verdict = fc.constantFrom('pass' as const, 'fail' as const)
  const result = fc.constantFrom(
    'none' as const,
    'pass' as const,
    'fail' as const,
    'softfail' as const,
    'temperror' as const,
  )
  const seconds = fc.nat({ max: 2 ** 31 })
  const record = fc.record(
    {
      sourceIp: fc.oneof(fc.ipV4(), fc.constantFrom('2001:db8::1', '::1')),
      count: fc.nat(),
      disposition: fc.oneof(policy, fc.constant('pass' as const)),
      dkim: verdict,
      spf: verdict,
      reasons: fc.array(
        fc.record(
          { type: fc.constantFrom('other' as const, 'policy_test_mode' as const), comment: some },
          { requiredKeys: ['type'] },
        ),
        { maxLength: 3 },
      ),
      headerFrom: domain,
      envelopeFrom: fc.oneof(domain, fc.constant('')),
      envelopeTo: domain,
      dkimResults: fc.array(
        fc.record(
          { domain, selector: some, result, humanResult: some },
          { requiredKeys: ['domain', 'result'] },
        ),
        { maxLength: 3 },
      ),
      spfResults: fc.array(
        fc.record(
          { domain, scope: fc.constant('mfrom' as const), result, humanResult: some },
          { requiredKeys: ['domain', 'result'] },
        ),
        { maxLength: 1 },
      ),
      extensions: fc.constant([]),
    },
    {
      requiredKeys: [
        'sourceIp',
        'count',
        'disposition',
        'dkim',
        'spf',
        'reasons',
        'headerFrom',
        'dkimResults',
        'spfResults',
        'extensions',
      ],
    },
  )
  const report = fc.record(
    {
      orgName: text,
      email: text,
      extraContactInfo: some,
      reportId: some,
      begin: seconds,
      end: seconds,
      errors: fc.array(some, { maxLength: 1 }),
      generator: some,
      policy: fc.record(
        {
          domain,
          discoveryMethod: fc.constantFrom('psl' as const, 'treewalk' as const),
          p: policy,
          sp: policy,
          np: policy,
          adkim: fc.constantFrom('r' as const, 's' as const),
          aspf: fc.constantFrom('r' as const, 's' as const),
          fo: fc.constantFrom('0', '1:d:s'),
          isTesting: fc.boolean(),
        },
        { requiredKeys: ['domain', 'p'] },
      ),
      extensions: fc.constant([]),
      records: fc.array(record, { maxLength: 4 }),
    },
    {
      requiredKeys: [
        'orgName',
        'email',
        'reportId',
        'begin',
        'end',
        'errors',
        'policy',
        'extensions',
        'records',
      ],
    },
  )

  test('reads back as it was', () => {
    fc.assert(
      fc.property(report, (generated) => {
        // Without the prototypes that the generator leaves out.
        const given = structuredClone(generated)
        assert.deepEqual(read(writeAggregateReport(given)), { report: given, problems: [] })
      }),
      { numRuns: 500 },
    )
  })

  test('the sample again, in the order of the schema', () => {
    const written = writeAggregateReport(read(sample).report)
    const order = [...written.matchAll(/<(\w+)[ >]/g)].map(([, name]) => name).join(' ')
    assert.equal(
      order,
      'feedback version report_metadata org_name email extra_contact_info report_id date_range begin end ' +
        'generator policy_published domain discovery_method p sp np testing record row source_ip count ' +
        'policy_evaluated disposition dkim spf identifiers header_from envelope_from auth_results ' +
        'dkim domain selector result spf domain result',
    )
    assert.match(
      written,
      /^<\?xml version="1.0" encoding="UTF-8"\?>\n<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2\.0">\n/,
    )
  })

  test('a row has a hundred signatures at most (RFC 9990 §3.1.3)', () => {
    const { report: given } = read(sample)
    const [first] = given.records
    const dkimResults = Array.from({ length: 300 }, () => first!.dkimResults[0]!)
    const written = writeAggregateReport({ ...given, records: [{ ...first!, dkimResults }] })
    assert.equal(read(written).report.records[0]?.dkimResults.length, 100)
  })
})

const sample = `<feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0">
  <version>1.0</version>
  <report_metadata>
    <org_name>Sample Reporter</org_name>
    <email>report_sender@example-reporter.com</email>
    <extra_contact_info>...</extra_contact_info>
    <report_id>3v98abbp8ya9n3va8yr8oa3ya</report_id>
    <date_range>
      <begin>302832000</begin>
      <end>302918399</end>
    </date_range>
    <generator>Example DMARC Aggregate Reporter v1.2</generator>
  </report_metadata>
  <policy_published>
    <domain>example.com</domain>
    <p>quarantine</p>
    <sp>none</sp>
    <np>none</np>
    <testing>n</testing>
    <discovery_method>treewalk</discovery_method>
  </policy_published>
  <record>
    <row>
      <source_ip>192.0.2.123</source_ip>
      <count>123</count>
      <policy_evaluated>
        <disposition>pass</disposition>
        <dkim>pass</dkim>
        <spf>fail</spf>
      </policy_evaluated>
    </row>
    <identifiers>
      <envelope_from>example.com</envelope_from>
      <header_from>example.com</header_from>
    </identifiers>
    <auth_results>
      <dkim>
        <domain>example.com</domain>
        <result>pass</result>
        <selector>abc123</selector>
      </dkim>
      <spf>
        <domain>example.com</domain>
        <result>fail</result>
      </spf>
    </auth_results>
  </record>
</feedback>
`

const oldReport = `<?xml version="1.0" encoding="UTF-8" ?>
<feedback>
  <report_metadata>
    <org_name>receiver.example</org_name>
    <email>noreply@receiver.example</email>
    <report_id>1</report_id>
    <date_range><begin>1400000000.5</begin><end> 1400086399 </end></date_range>
    <error>first</error>
    <error></error>
    <error>second</error>
  </report_metadata>
  <policy_published>
    <domain>Example.COM.</domain><adkim>S</adkim><aspf>r</aspf><p>Reject</p><sp></sp><pct>100</pct><fo>1:d</fo>
  </policy_published>
  <record>
    <row>
      <source_ip>2001:DB8:0::1</source_ip>
      <count>2</count>
      <policy_evaluated>
        <disposition>REJECT</disposition><dkim>fail</dkim><spf></spf>
        <reason><type>sampled_out</type><comment></comment></reason>
        <reason><type>local</type><comment>arc=pass</comment></reason>
        <reason><comment><![CDATA[x]]></comment><type>forwarded</type></reason>
        <reason/>
      </policy_evaluated>
    </row>
    <identifiers>
      <envelope_to>receiver.example</envelope_to><envelope_from/><header_from>News.Example.com</header_from>
    </identifiers>
    <auth_results>
      <dkim><domain>other.example</domain><result>unknown</result></dkim>
      <dkim><domain>example.com</domain><selector>s1</selector><result>strange</result><human_result>no
        key</human_result></dkim>
      <dkim><result>pass</result></dkim>
      <spf><domain>mail.example.com</domain><scope>helo</scope><result>SoftFail</result></spf>
      <spf><domain>x.example.com</domain><scope>mfrom</scope><result>error</result></spf>
    </auth_results>
  </record>
  <record><row><source_ip></source_ip><count>1</count></row></record>
</feedback>`
