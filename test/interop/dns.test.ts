/** Our resolver against the name servers of Debian: every type of record, every transport, real signatures. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { systemClock } from '#base/clock.ts'
import { ConfiguredResolver } from '#dns/configured.ts'
import { addresses, mx, tlsa } from '#dns/look-up.ts'
import type { NameServerAddress } from '#dns/name-server.ts'
import { recordText } from '#dns/record-text.ts'
import type { RecordType } from '#dns/record.ts'
import { dnsResolver } from '#dns/settings.ts'
import { LiveSettings } from '#registry/live.ts'
import { silentTelemetry } from '#telemetry/telemetry.ts'
import { testCertificate } from '../harness/certificates.ts'
import { type NameServers, startNameServers } from './name-servers.ts'
import { needs } from './program.ts'

type Protocol = NameServerAddress['protocol']
const protocols: readonly Protocol[] = ['udp', 'tcp', 'tls', 'https']

function open(at: NameServers['bind'], protocol: Protocol, trusted = false): ConfiguredResolver {
  const port = protocol === 'tls' ? at.tls : protocol === 'https' ? at.https : at.port
  const authorities = JSON.stringify(testCertificate('root'))
  const settings = new LiveSettings([dnsResolver])
  settings.loadText(
    // A thousand questions at once take a busy machine its time.
    `DnsResolver.type = "custom"
DnsResolver.timeout = "10s"
DnsResolver.deadline = "60s"
DnsResolver.servers = [{ address = "127.0.0.1", port = ${port}, protocol = "${protocol}", trusted = ${trusted}, tlsName = "mail.example.com", tlsAuthorities = ${authorities} }]`,
    'test.toml',
  )
  return new ConfiguredResolver({ settings, telemetry: silentTelemetry, clock: systemClock })
}

async function texts(
  resolver: ConfiguredResolver,
  name: string,
  type: RecordType,
): Promise<readonly string[]> {
  const found = await resolver.resolve(name, type)
  assert.ok(found.kind === 'answer', `${name} ${type}: ${JSON.stringify(found)}`)
  return found.records.map(recordText).sort()
}

/** By name below the zone, type, and what zone files have. */
const wanted = (zone: string): readonly (readonly [string, RecordType, readonly string[]])[] => [
  [zone, 'A', ['192.0.2.1', '192.0.2.2']],
  [zone, 'AAAA', ['2001:db8::1']],
  [zone, 'MX', [`10 mx.${zone}`, '20 mx.elsewhere.example']],
  [zone, 'TXT', ['"a \\"quoted\\" \\\\ text\\195\\164"', '"v=spf1 " "-all"']],
  [zone, 'NS', [`ns.${zone}`]],
  [zone, 'CAA', ['0 issue "ca.example"']],
  [zone, 'TYPE65280', ['\\# 3 000102']],
  [`alias.${zone}`, 'A', ['192.0.2.25']],
  [`alias.${zone}`, 'CNAME', [`other.${zone}`]],
  [`_25._tcp.mx.${zone}`, 'TLSA', [`3 1 1 ${'0123456789abcdef'.repeat(4)}`]],
  [`_imaps._tcp.${zone}`, 'SRV', [`0 1 993 imap.${zone}`]],
  [`1.${zone}`, 'PTR', [`mx.${zone}`]],
  [`@odd\\.label.${zone}`, 'A', ['192.0.2.9']],
]

describe('name servers of Debian', needs('named', 'unbound', 'dnssec-keygen', 'dnssec-signzone'), () => {
  let servers: NameServers

  before(async () => {
    servers = await startNameServers()
  })
  after(() => servers[Symbol.asyncDispose]())

  for (const maker of ['bind', 'unbound'] as const)
    for (const protocol of protocols) {
      test(`${maker} over ${protocol}: every type of record`, async () => {
        using resolver = open(servers[maker], protocol)
        for (const zone of ['plain.example', 'signed.example'])
          for (const [name, type, data] of wanted(zone))
            assert.deepEqual(await texts(resolver, name, type), data)
        assert.equal((await texts(resolver, 'large.plain.example', 'TXT')).length, 40)
        assert.equal((await texts(resolver, 'signed.example', 'SOA')).length, 1)
      })

      test(`${maker} over ${protocol}: what there is not`, async () => {
        using resolver = open(servers[maker], protocol)
        const none = await resolver.resolve('nowhere.plain.example', 'A')
        assert.ok(none.kind === 'noName', JSON.stringify(none))
        // It may have been kept since another protocol asked.
        assert.ok(none.ttl > 0 && none.ttl <= 60)
        assert.equal((await resolver.resolve('mx.plain.example', 'AAAA')).kind, 'noData')
        assert.equal((await resolver.resolve('_tcp.plain.example', 'A')).kind, 'noData')
      })
    }

  for (const protocol of protocols)
    test(`unbound over ${protocol}: validated, not signed, and wrongly signed`, async () => {
      using resolver = open(servers.unbound, protocol, true)
      for (const [name, type] of wanted('signed.example')) {
        const found = await resolver.resolve(name, type)
        assert.ok(found.kind === 'answer' && found.authentic, `${name} ${type}`)
      }
      const none = await resolver.resolve('nowhere.signed.example', 'TLSA')
      assert.ok(none.kind === 'noName' && none.authentic)
      const plain = await mx(resolver, 'plain.example')
      assert.ok(plain.kind === 'answer' && !plain.authentic)
      const away = await resolver.resolve('away.signed.example', 'A')
      assert.ok(away.kind === 'answer' && !away.authentic, 'an alias to where nothing is signed')
      const bogus = await resolver.resolve('bogus.example', 'A')
      assert.ok(bogus.kind === 'failed', JSON.stringify(bogus))
      assert.equal(bogus.why, 'bogus', bogus.reason)
    })

  test('signatures are there to be had as bytes', async () => {
    using resolver = open(servers.unbound, 'tcp')
    for (const type of ['DNSKEY', 'RRSIG'] as const)
      assert.equal((await resolver.resolve('signed.example', type)).kind, 'answer', type)
  })

  test('what DANE asks', async () => {
    using resolver = open(servers.unbound, 'tls', true)
    const host = await addresses(resolver, 'mx.signed.example')
    assert.ok(host.kind === 'answer' && host.authentic)
    const certificates = await tlsa(resolver, 'mx.signed.example', 25)
    assert.ok(certificates.kind === 'answer' && certificates.authentic)
    assert.deepEqual(
      certificates.records.map(({ usage, selector, matching }) => [usage, selector, matching]),
      [[3, 1, 1]],
    )
  })

  for (const protocol of protocols)
    test(`unbound over ${protocol}: a thousand questions at once`, async () => {
      using resolver = open(servers.unbound, protocol)
      const names = Array.from({ length: 1000 }, (_, i) => `n${i}.plain.example`)
      const found = await Promise.all(names.map((name) => resolver.resolve(name, 'A')))
      const kinds = new Set(found.map(({ kind }) => kind))
      assert.deepEqual([...kinds], ['noName'])
    })
})
