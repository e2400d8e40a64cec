import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fixedClock } from '#base/clock.ts'
import { LiveSettings } from '#registry/live.ts'
import { silentTelemetry, type Telemetry } from '#telemetry/telemetry.ts'
import { startDns, type TestDns } from '../../test/harness/dns.ts'
import { ConfiguredResolver } from './configured.ts'
import { publicServers } from './public-services.ts'
import { parseResolvConf, SystemServers } from './resolv-conf.ts'
import { dnsResolver } from './settings.ts'

const settingsOf = (text: string): LiveSettings => {
  const settings = new LiveSettings([dnsResolver])
  settings.loadText(text, 'test.toml')
  return settings
}

const open = (settings: LiveSettings) =>
  new ConfiguredResolver({
    settings,
    telemetry: silentTelemetry,
    clock: fixedClock(0),
    resolvConf: '/nonexistent/resolv.conf',
  })

const zone = (ip: string) => ({ 'example.org': { A: [ip] } })

async function look(resolver: ConfiguredResolver): Promise<string> {
  const found = await resolver.resolve('example.org', 'A')
  return found.kind === 'answer' ? found.records[0]!.ip : found.kind
}

test('when settings change the next question goes to the new servers', async () => {
  await using one = await startDns(zone('192.0.2.1'), { authentic: true })
  await using two = await startDns(zone('192.0.2.2'))
  const settings = settingsOf(one.config)
  using resolver = open(settings)
  assert.equal(await look(resolver), '192.0.2.1')
  settings.loadText(two.config, 'test.toml')
  assert.equal(await look(resolver), '192.0.2.2')
  assert.equal(await look(resolver), '192.0.2.2')
  assert.deepEqual([one.queries.length, two.queries.length], [1, 1])
})

test('a server of the settings is trusted where they say so', async () => {
  await using dns = await startDns(zone('192.0.2.1'), { authentic: true })
  using resolver = open(settingsOf(dns.config))
  const found = await resolver.resolve('example.org', 'A')
  assert.ok(found.kind === 'answer' && found.authentic)
})

test('ports and protocols', () => {
  const read = (server: string) =>
    settingsOf(`DnsResolver.type = "custom"\nDnsResolver.servers = [${server}]`).get(dnsResolver).servers[0]
  assert.equal(read('{ address = "2001:DB8::1" }')?.address, '2001:db8::1')
  assert.equal(read('{ address = "192.0.2.1", protocol = "tls" }')?.port, undefined)
  for (const wrong of [
    '{ address = "dns.example" }',
    '{ protocol = "sctp" }',
    '{ port = 0 }',
    '{ tlsName = "-" }',
    '{ tlsAuthorities = "x" }',
    '{ path = "x" }',
  ])
    assert.throws(() => read(wrong), wrong)
})

test('public services are trusted over TLS only', () => {
  assert.ok(publicServers('quad9', true).every(({ trusted, protocol }) => trusted && protocol === 'tls'))
  assert.ok(publicServers('quad9', false).every(({ trusted }) => !trusted))
})

test('resolv.conf', () => {
  const usual = { port: 53, protocol: 'udp' } as const
  assert.deepEqual(parseResolvConf(''), [{ address: '127.0.0.1', ...usual, trusted: false }])
  const text = `# a comment
search example.org
nameserver 192.0.2.53
nameserver\tfe80::1%eth0 # the router
;nameserver 192.0.2.54
nameserver nonsense
options edns0 trust-ad
`
  assert.deepEqual(parseResolvConf(text), [
    { address: '192.0.2.53', ...usual, trusted: true },
    { address: 'fe80::1%eth0', ...usual, trusted: true },
  ])
  assert.equal(parseResolvConf('nameserver 192.0.2.1\n'.repeat(100_000)).length, 8)
})

test('resolv.conf is read again when it has changed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'postern-dns-'))
  try {
    const path = join(folder, 'resolv.conf')
    const clock = fixedClock(0)
    const troubles: string[] = []
    const system = new SystemServers(path, clock, (reason) => troubles.push(reason))
    const early = new SystemServers(path, clock, () => {})
    writeFileSync(path, 'nameserver 192.0.2.9\n')
    const [first, second] = await Promise.all([early.current(), early.current()])
    assert.deepEqual([first[0]!.address, second], ['192.0.2.9', first], 'nobody has what was before the file')
    rmSync(path)
    const addresses = async () => (await system.current()).map(({ address }) => address)
    assert.deepEqual(await addresses(), ['127.0.0.1'])
    writeFileSync(path, 'nameserver 192.0.2.1\n')
    assert.deepEqual(await addresses(), ['127.0.0.1'], 'not looked at again so soon')
    clock.advance(5000)
    assert.deepEqual(await addresses(), ['192.0.2.1'])
    const before = await system.current()
    writeFileSync(path, 'nameserver 192.0.2.1\n# longer\n')
    clock.advance(5000)
    assert.equal(await system.current(), before, 'the same servers')
    rmSync(path)
    for (let i = 0; i < 3; i++) {
      clock.advance(5000)
      assert.equal(await system.current(), before)
    }
    assert.equal(troubles.length, 2)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('what is told: queries, failures, hits, memory', async () => {
  await using dns: TestDns = await startDns(zone('192.0.2.1'))
  const told: string[] = []
  let readBytes: () => number | Promise<number> = () => 0
  const telemetry: Telemetry = {
    ...silentTelemetry,
    emit: (kind) => void told.push(`${kind.level} ${kind.name}`),
    gauge: (_, read) => {
      readBytes = read
      return { [Symbol.dispose]: () => undefined }
    },
  }
  using resolver = new ConfiguredResolver({
    settings: settingsOf(dns.config),
    telemetry,
    clock: fixedClock(0),
  })
  await look(resolver)
  await look(resolver)
  dns.behave('example.org', 'servFail')
  await resolver.resolve('example.org', 'MX')
  assert.deepEqual(told, ['debug dns.query-answered', 'debug dns.cache-hit', 'debug dns.lookup-failed'])
  assert.ok((await readBytes()) > 100)
})
