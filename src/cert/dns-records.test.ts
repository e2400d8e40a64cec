import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { recordText } from '#dns/record-text.ts'
import { authorityOf } from './authorities.ts'
import { newDkimKeyPair } from './dkim-key-pair.ts'
import { type DomainFacts, wantedRecords, zoneLine, zoneText } from './dns-records.ts'

const rsa = { ...(await newDkimKeyPair('rsa-sha256')), selector: 's1', stage: 'active' } as const

const facts: DomainFacts = {
  domain: 'example.org',
  hostname: 'mail.example.org',
  keys: [],
  reportUri: 'mailto:postmaster@example.org',
  services: [],
  certificateKeys: [],
  authorities: [],
  mtaSts: undefined,
  hasCertificate: () => false,
  hasWeb: false,
}

const lines = (change: Partial<DomainFacts> = {}): readonly string[] =>
  wantedRecords({ ...facts, ...change }).map(
    ({ record }) => `${record.name} ${record.type} ${recordText(record)}`,
  )

describe('the DNS records of a domain', () => {
  it('lead mail here, and say who sends it and what becomes of forged mail', () => {
    assert.deepEqual(lines(), [
      'example.org MX 10 mail.example.org.',
      'example.org TXT "v=spf1 mx -all"',
      'mail.example.org TXT "v=spf1 a -all"',
      '_dmarc.example.org TXT "v=DMARC1; p=reject; rua=mailto:postmaster@example.org"',
      '_smtp._tls.example.org TXT "v=TLSRPTv1; rua=mailto:postmaster@example.org"',
    ])
    assert.deepEqual(lines({ domain: 'example.com', reportUri: undefined }), [
      'example.com MX 10 mail.example.org.',
      'example.com TXT "v=spf1 mx -all"',
      '_dmarc.example.com TXT "v=DMARC1; p=reject"',
    ])
  })

  it('have the keys until they are retired, in strings of at most 255 octets', () => {
    const stages = ['pending', 'active', 'retiring', 'retired'] as const
    const keys = stages.map((stage) => ({ ...rsa, selector: stage, stage }))
    const found = lines({ keys }).filter((line) => line.includes('_domainkey'))
    assert.deepEqual(
      found.map((line) => line.split('.')[0]),
      ['pending', 'active', 'retiring'],
    )
    const strings = [...found[0]!.matchAll(/"([^"]*)"/g)].map(([, text]) => text!)
    assert.deepEqual(strings.map(({ length }) => length).slice(0, -1), [255])
    assert.equal(strings.join(''), `v=DKIM1; k=rsa; h=sha256; p=${rsa.publicKey}`)
  })

  it('name the services that there are, the encrypted ones first', () => {
    const services = [
      { name: 'submissions', port: 465 },
      { name: 'imap', port: 1143 },
    ] as const
    assert.deepEqual(lines({ services }).slice(-2), [
      '_submissions._tcp.example.org SRV 0 1 465 mail.example.org.',
      '_imap._tcp.example.org SRV 10 1 1143 mail.example.org.',
    ])
  })

  it('have the certificate where the server is of the domain', () => {
    const change = { certificateKeys: [Buffer.alloc(32, 0xab)], authorities: ['letsencrypt.org'] }
    assert.deepEqual(lines(change).slice(-2), [
      `_25._tcp.mail.example.org TLSA 3 1 1 ${'ab'.repeat(32)}`,
      'example.org CAA 0 issue "letsencrypt.org"',
    ])
    const elsewhere = lines({ ...change, domain: 'example.com' })
    assert.ok(!elsewhere.some((line) => line.includes('TLSA')))
    assert.equal(authorityOf("C=US\nO=Let's Encrypt\nCN=R11"), 'letsencrypt.org')
    assert.equal(authorityOf('CN=O=ZeroSSL'), undefined)
    assert.equal(authorityOf('O=constructor'), undefined)
  })

  it('are a text to publish, in which what is not for everybody is a comment', () => {
    const wanted = wantedRecords({ ...facts, keys: [rsa], authorities: ['letsencrypt.org'] })
    const text = zoneText('example.org', wanted.map(zoneLine))
    assert.match(
      text,
      /^; DNS records of example\.org\n\n; MX: where its mail goes\nexample\.org\. 3600 IN MX 10 mail/,
    )
    assert.match(text, /\n; DKIM: the key s1: signs\ns1\._domainkey\.example\.org\. 3600 IN TXT "v=DKIM1;/)
    assert.match(
      text,
      /\n; Only if nobody else [^\n]*:\n; example\.org\. 3600 IN CAA 0 issue "letsencrypt\.org"\n$/,
    )
  })

  it('say as a zone what of them nobody should publish yet', () => {
    const zone = (change: Partial<DomainFacts>): string =>
      zoneText('example.org', wantedRecords({ ...facts, keys: [rsa], ...change }).map(zoneLine))
    assert.doesNotMatch(zone({}), /Not yet/)
    assert.match(
      zone({ hostname: 'vm' }),
      /^; DNS.*\n; Not yet .*is called vm, which is no full name\.\n; {3}postern /,
    )
    assert.match(zone({ keys: [] }), /^; DNS.*\n; Not yet .*there is no DKIM key\..*\n\n; MX/)
  })
})

describe('what is answered over HTTPS', () => {
  const policy = { mode: 'enforce', mx: ['mail.example.org'], maxAgeSeconds: 86_400 } as const
  const web = { mtaSts: policy, hasWeb: true, services: [{ name: 'imaps', port: 993 }] } as const
  const found = (change: Partial<DomainFacts>): readonly string[] =>
    wantedRecords({ ...facts, ...web, ...change })
      .filter(({ purpose }) => purpose === 'MTA-STS' || purpose === 'AUTOCONFIG')
      .map(({ record, onlyIf }) =>
        `${record.name} ${record.type} ${recordText(record)} ${onlyIf ?? ''}`.trim(),
      )

  it('has names that lead here, and a record whose id is that of the policy', () => {
    const all = found({ hasCertificate: () => true })
    assert.deepEqual(
      all.map((line) => line.replace(/id=[0-9a-f]{20}/, 'id=x')),
      [
        '_mta-sts.example.org TXT "v=STSv1; id=x;"',
        'mta-sts.example.org CNAME mail.example.org.',
        'autoconfig.example.org CNAME mail.example.org.',
      ],
    )
    const [changed] = found({ hasCertificate: () => true, mtaSts: { ...policy, mode: 'testing' } })
    assert.notEqual(changed, all[0])
  })

  it('is for nobody without a certificate for the name, and not there without a policy or the web', () => {
    assert.match(found({})[0]!, / if there is a certificate for mta-sts\.example\.org$/)
    assert.deepEqual(found({ mtaSts: undefined }).length, 1)
    assert.deepEqual(found({ hasWeb: false }), [])
  })
})
