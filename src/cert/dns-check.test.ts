import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DnsRecord, RecordType } from '#dns/record.ts'
import { resolverOf, type Zone } from '#smtp/client/fixture.test.ts'
import { newDkimKeyPair } from './dkim-key-pair.ts'
import { checkRecords, type CheckedRecord, isSeenFirst } from './dns-check.ts'
import { type DomainFacts, wantedRecords } from './dns-records.ts'

const pair = await newDkimKeyPair('ed25519-sha256')
const facts: DomainFacts = {
  domain: 'example.org',
  hostname: 'mail.example.org',
  keys: [{ ...pair, selector: 's1', stage: 'active' }],
  reportUri: 'mailto:postmaster@example.org',
  services: [{ name: 'imaps', port: 993 }],
  certificateKeys: [Buffer.alloc(32, 0xab)],
  authorities: ['letsencrypt.org'],
  mtaSts: { mode: 'testing', mx: ['mail.example.org'], maxAgeSeconds: 604_800 },
  hasCertificate: () => true,
  hasWeb: true,
}

const wanted = wantedRecords(facts)
/** As answers have names: without their final dot. */
const answered = (record: DnsRecord): object =>
  Object.fromEntries(
    Object.entries(record).map(([key, value]) => [
      key,
      typeof value === 'string' ? value.replace(/\.$/, '') : (value as unknown),
    ]),
  )
const host = { type: 'A', name: 'mail.example.org', ttl: 60, ip: '192.0.2.1' } as const
const own: Zone = Object.fromEntries(
  [...wanted.map(({ record }) => record), host].map((record: DnsRecord) => [
    `${record.type} ${record.name}`,
    [answered(record)],
  ]),
)

const txt = (...texts: readonly string[]): readonly object[] =>
  texts.map((text) => ({ type: 'TXT', strings: [Buffer.from(text)] }))
const mx = (...names: readonly string[]): readonly object[] =>
  names.map((exchange) => ({ type: 'MX', preference: 5, exchange }))

async function check(zone: Zone, change: Partial<DomainFacts> = {}): Promise<readonly CheckedRecord[]> {
  const now = { ...facts, ...change }
  return checkRecords(wantedRecords(now), {
    facts: now,
    resolver: resolverOf(zone),
    nowMs: 0,
    signal: new AbortController().signal,
  })
}

/** What is not as it should be, each as `MX wrong: found | said`. */
const troubles = (all: readonly CheckedRecord[]): readonly string[] =>
  all
    .filter(({ result }) => result !== 'ok')
    .map(({ purpose, result, found, said }) =>
      `${purpose} ${result}: ${[...found, ...(said === undefined ? [] : [said])].join(' | ')}`.trim(),
    )

const without = (type: RecordType, name: string): Zone =>
  Object.fromEntries(Object.entries(own).filter(([key]) => key !== `${type} ${name}`))

describe('the comparison with the DNS', () => {
  it('finds that all is well', async () => {
    assert.deepEqual(troubles(await check(own)), [])
  })

  it('tells what is missing, and what cannot be known', async () => {
    for (const { purpose, record } of wanted) {
      const found = troubles(await check(without(record.type, record.name)))
      assert.ok(found.includes(`${purpose} missing:`), `${purpose}: ${found.join()}`)
      const silent = await check({ ...own, [`${record.type} ${record.name}`]: 'fail' })
      const unknown = silent.filter((one) => one.wanted?.record === undefined || one.result === 'unknown')
      assert.ok(
        unknown.some((one) => one.name === record.name),
        purpose,
      )
      assert.ok(!silent.some(({ result }) => result === 'missing'), purpose)
    }
  })

  it('tells mail that goes elsewhere from other names of this server', async () => {
    const at = (records: readonly object[], more: Zone = {}): Zone => ({
      ...own,
      'MX example.org': records,
      'TXT example.org': txt('v=spf1 ip4:192.0.2.1 -all'),
      ...more,
    })
    assert.deepEqual(troubles(await check(at(mx('old.example.net')))), [
      'MX wrong: 5 old.example.net | mail goes to servers that are not known to be this one',
    ])
    assert.deepEqual(troubles(await check(at(mx('MAIL.example.org', 'old.example.net')))), [
      'MX foreign: 5 old.example.net',
    ])
    const alias = { 'A mx.example.com': [{ type: 'A', ip: '192.0.2.1' }] }
    assert.deepEqual(troubles(await check(at(mx('mx.example.com'), alias))), [])
  })

  it('tries what SPF says of the addresses of this server, through whatever it includes', async () => {
    const spf = async (texts: readonly string[], more: Zone = {}) =>
      troubles(await check({ ...own, 'TXT example.org': txt(...texts), ...more }))
    const include = { 'TXT spf.example.net': txt('v=spf1 ip4:192.0.2.0/24 -all') }
    assert.deepEqual(
      await spf(['google-site-verification=x', 'v=spf1 include:spf.example.net ~all'], include),
      [],
    )
    assert.deepEqual(await spf(['google-site-verification=x']), ['SPF missing:'])
    assert.deepEqual(await spf(['v=spf1 ip4:198.51.100.1 -all']), [
      'SPF wrong: "v=spf1 ip4:198.51.100.1 -all" | mail from 192.0.2.1: fail',
    ])
    assert.deepEqual(await spf(['v=spf1 mx -all', 'v=spf1 a -all']), [
      'SPF wrong: "v=spf1 mx -all" | "v=spf1 a -all" | of several none counts',
    ])
    assert.deepEqual(await spf(['v=spf1 include:spf.example.net ~all'], { 'TXT spf.example.net': 'fail' }), [
      'SPF unknown: "v=spf1 include:spf.example.net ~all" | mail from 192.0.2.1: temperror',
    ])
  })

  it('tells another key from the right one, and what is left of keys that are over', async () => {
    const key = 'TXT s1._domainkey.example.org'
    const other = await newDkimKeyPair('ed25519-sha256')
    const text = `v=DKIM1; k=ed25519; p=${other.publicKey}`
    assert.deepEqual(troubles(await check({ ...own, [key]: txt(text) })), [`DKIM wrong: "${text}"`])
    const spaced = `k=ed25519;  p=${pair.publicKey.slice(0, 9)} ${pair.publicKey.slice(9)}; t=y`
    assert.deepEqual(troubles(await check({ ...own, [key]: txt(spaced) })), [])
    const pending = await check(own, { keys: [{ ...facts.keys[0]!, stage: 'pending' }] })
    assert.deepEqual(
      pending.filter(isSeenFirst).map(({ result, name }) => [result, name]),
      [['ok', 's1._domainkey.example.org']],
    )
    const keys = [{ ...facts.keys[0]!, stage: 'retired' } as const]
    assert.deepEqual(troubles(await check({ ...own, [key]: txt(text) }, { keys })), [
      `DKIM foreign: "${text}" | this key is over: remove its record`,
    ])
    assert.deepEqual(troubles(await check(without('TXT', 's1._domainkey.example.org'), { keys })), [])
  })

  it('takes a policy of DMARC that is another and right, and no other', async () => {
    const dmarc = async (...texts: readonly string[]) =>
      troubles(await check({ ...own, 'TXT _dmarc.example.org': txt(...texts) }))
    assert.deepEqual(await dmarc('v=DMARC1; p=none'), [])
    assert.deepEqual(await dmarc('v=DMARC1; rua=mailto:a@example.org'), [
      'DMARC wrong: "v=DMARC1; rua=mailto:a@example.org" | p is missing',
    ])
    assert.match((await dmarc('v=DMARC1; p=none', 'v=DMARC1; p=reject'))[0]!, /of several none counts$/)
  })

  it('tells services, certificates and authorities of others', async () => {
    const srv = (port: number, target: string) => ({ type: 'SRV', priority: 0, weight: 1, port, target })
    const found = troubles(
      await check({
        ...own,
        'SRV _imaps._tcp.example.org': [srv(993, 'mail.example.org'), srv(993, 'old.example.net')],
        'TLSA _25._tcp.mail.example.org': [
          { type: 'TLSA', usage: 3, selector: 1, matching: 1, association: Buffer.alloc(2, 1) },
        ],
        'CAA example.org': [{ type: 'CAA', flags: 0, tag: 'issue', value: Buffer.from('other.example') }],
      }),
    )
    assert.deepEqual(found, [
      'SRV foreign: 0 1 993 old.example.net',
      'TLSA wrong: 3 1 1 0101',
      'CAA wrong: 0 issue "other.example"',
    ])
  })
})

describe('names for what is answered over HTTPS', () => {
  const name = 'mta-sts.example.org'
  const bare = without('CNAME', name)

  it('may be aliases or have addresses of their own, and must lead here', async () => {
    const at = (ip: string): Zone => ({ ...bare, [`A ${name}`]: [{ type: 'A', ip }] })
    assert.deepEqual(troubles(await check(at('192.0.2.1'))), [])
    assert.deepEqual(troubles(await check(at('192.0.2.9'))), [
      'MTA-STS wrong: 192.0.2.9 | it leads elsewhere',
    ])
    const alias = { ...own, [`CNAME ${name}`]: [{ type: 'CNAME', target: 'old.example.net' }] }
    assert.deepEqual(troubles(await check(alias)), ['MTA-STS wrong: old.example.net | it leads elsewhere'])
  })

  it('a policy without an id is wrong', async () => {
    const zone = { ...own, 'TXT _mta-sts.example.org': txt('v=STSv1;') }
    assert.match(troubles(await check(zone)).join(), /^MTA-STS wrong: .* \| it has no id$/)
  })
})
