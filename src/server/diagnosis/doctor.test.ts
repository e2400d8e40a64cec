import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DkimKeyRow, dkimKeyTable } from '#account/dkim-tables.ts'
import { makeStore } from '#account/fixture.test.ts'
import type { Finding } from '#admin/doctor.ts'
import { newDkimKeyPair } from '#cert/dkim-key-pair.ts'
import { unsaid } from '#cert/dkim-keys.ts'
import { dkimRecordText } from '#cert/dkim-record.ts'
import { createSelfSigned } from '#cert/self-signed.ts'
import { LiveSettings } from '#registry/live.ts'
import { auditTable } from '#registry/audit.ts'
import { resolverOf, ScriptedServer, type Zone } from '#smtp/client/fixture.test.ts'
import { settingsObjects } from '../catalog.ts'
import { doctor } from './doctor.ts'
import { zoneOf } from './zone.ts'

const never = new AbortController().signal

const txt = (text: string): readonly object[] => [
  { type: 'TXT', name: 'example.org', ttl: 60, strings: [Buffer.from(text)] },
]
const pair = await newDkimKeyPair('ed25519-sha256')
const signing: DkimKeyRow = {
  ...unsaid,
  ...pair,
  stage: 'active',
  isAutomatic: true,
  stageSince: 0,
  createdAt: 0,
}
const keyName = 's1._domainkey.example.org'
const good: Zone = {
  'A mail.example.org': [{ ip: '192.0.2.1' }],
  'PTR 1.2.0.192.in-addr.arpa': [{ target: 'mail.example.org.' }],
  'MX example.org': [{ type: 'MX', preference: 10, exchange: 'mail.example.org' }],
  'TXT example.org': txt('v=spf1 mx -all'),
  [`TXT ${keyName}`]: txt(dkimRecordText(pair)),
  'TXT _dmarc.example.org': txt('v=DMARC1; p=none'),
  'MX far.example': [{ preference: 10, exchange: 'mx.far.example' }],
  'A mx.far.example': [{ ip: '127.0.0.1' }],
}

async function examine(
  zone: Zone,
  o: {
    config?: string
    hostname?: string
    port?: number
    auditedAt?: number
    reserve?: string
    key?: Partial<DkimKeyRow>
    /** Somebody who is there. */
    who?: { roles?: readonly string[]; emails?: readonly string[] }
  } = {},
) {
  const store = makeStore()
  await store.accounts.createDomain({ name: 'example.org' })
  if (o.who !== undefined) await store.accounts.createAccount({ name: 'alice@example.org', ...o.who })
  const key = { ...signing, ...o.key }
  await store.db.write([], async (tx) => tx.put(dkimKeyTable, ['example.org', 's1'], key))
  const settings = new LiveSettings(settingsObjects)
  settings.loadText(
    `SystemSettings.defaultHostname = "${o.hostname ?? 'mail.example.org'}"\nDataStore.reserve = ${o.reserve ?? 1}\nMtaConnectionStrategy.port = ${o.port ?? 9}\n${o.config ?? ''}`,
    'test.toml',
  )
  if (o.auditedAt !== undefined) {
    const at = o.auditedAt
    await store.db.write([], async (tx) => tx.put(auditTable, [at, '00000001'], {} as never))
  }
  const selfSigned = createSelfSigned(['mail.example.org'], store.clock.now())
  const resolver = resolverOf(zone)
  const zones = zoneOf({
    ...store,
    settings,
    resolver,
    hostname: () => 'mail.example.org',
    listeners: () => [],
    certificates: () => undefined,
  })
  const run = doctor({ ...store, settings, resolver, directory: '/tmp', selfSigned, zoneOf: zones })
  const findings = await run({ domain: 'far.example', signal: never })
  const of = (check: string): Finding => findings.find((one) => one.check === check)!
  return { findings, of }
}

test('a server that is as it should be, but for its certificate and the people', async () => {
  await using far = await ScriptedServer.start()
  const { findings } = await examine(good, { port: far.port })
  assert.deepEqual(
    findings.map(({ check, result }) => `${check} ${result}`),
    [
      'DNS ok',
      `port ${far.port} ok`,
      'name ok',
      'reverse DNS ok',
      'certificate problem',
      'MX ok',
      'SPF ok',
      'DKIM ok',
      'DMARC ok',
      'postmaster problem',
      'disk ok',
      'clock ok',
    ],
  )
})

test('what is wrong is told, with what to do', async () => {
  const cases: readonly [Zone, string, Finding['result'], RegExp][] = [
    [
      { 'PTR 1.2.0.192.in-addr.arpa': [{ target: 'host1.provider.example' }] },
      'reverse DNS',
      'problem',
      /host1/,
    ],
    [{ 'PTR 1.2.0.192.in-addr.arpa': 'fail' }, 'reverse DNS', 'skipped', /does not answer/],
    [
      { 'MX example.org': [{ type: 'MX', preference: 1, exchange: 'old.example.net' }] },
      'MX',
      'problem',
      /old\.example\.net/,
    ],
    [{ 'MX example.org': 'fail' }, 'MX', 'skipped', /does not answer/],
    [{ 'TXT example.org': txt('hello') }, 'SPF', 'problem', /no SPF record/],
    [{ 'TXT example.org': [...txt('v=spf1 mx'), ...txt('v=spf1 -all')] }, 'SPF', 'problem', /2 SPF records/],
    [{ 'TXT example.org': txt('v=spf1 ip4:198.51.100.0/24 -all') }, 'SPF', 'problem', /does not name/],
    [{ 'TXT example.org': txt('v=spf1 ip4:192.0.2.0/24 -all') }, 'SPF', 'ok', /names this server/],
    [{ 'TXT example.org': txt('v=spf1 include:spf.example.net -all') }, 'SPF', 'note', /by way of others/],
    [{ [`TXT ${keyName}`]: txt('v=DKIM1; p=') }, 'DKIM', 'problem', /nobody can check it/],
    [{ [`TXT ${keyName}`]: 'fail' }, 'DKIM', 'skipped', /does not answer/],
    [{ 'TXT _dmarc.example.org': txt('v=DMARC1; p=perhaps') }, 'DMARC', 'problem', /does not count/],
    [{ 'TXT _dmarc.example.org': txt('hello') }, 'DMARC', 'problem', /no DMARC record/],
    [{ 'TXT _dmarc.example.org': 'fail' }, 'DMARC', 'skipped', /does not answer/],
    [{ 'MX far.example': 'fail', 'NS example': [{}] }, 'DNS', 'ok', /answer/],
    [{ 'MX far.example': 'fail', 'NS example': [{}] }, 'port 9', 'skipped', /did not say/],
  ]
  for (const [change, check, result, said] of cases) {
    const found = (await examine({ ...good, ...change })).of(check)
    assert.equal(found.result, result, JSON.stringify(found))
    assert.match(found.said, said)
    if (result === 'problem') assert.ok((found.advice ?? '') !== '')
  }
})

test('without the DNS that is said, once, and whatever does not need it is looked at', async () => {
  const offline = ['DNS problem', 'port 9 skipped', 'name skipped']
  const rest = ['certificate problem', 'postmaster problem', 'disk ok', 'clock ok']
  const cases: readonly (readonly [Zone, RegExp])[] = [
    [{ 'MX far.example': 'fail', 'NS example': 'fail' }, /^no name server answers in time \(timed out\)$/],
    [{}, /know neither far\.example nor anything else in example, so they are not in touch/],
  ]
  for (const [zone, said] of cases) {
    const { findings, of } = await examine(zone)
    assert.deepEqual(
      findings.map(({ check, result }) => `${check} ${result}`),
      [...offline, ...rest],
    )
    assert.match(of('DNS').said, said)
    assert.match(of('DNS').advice!, /online.*resolv\.conf.*DnsResolver/)
    const text = JSON.stringify(findings.slice(0, 3))
    assert.doesNotMatch(text, /no domain|no MX|no SPF/)
  }
  const unnamed = await examine({}, { hostname: 'vm' })
  assert.deepEqual([unnamed.of('name').result, unnamed.findings.length], ['problem', 7])
  const named = (await examine(good, { hostname: 'vm' })).of('name')
  assert.match(`${named.said} ${named.advice}`, /vm is no full name.*update SystemSettings defaultHostname=/)
  const config = '[MtaRoute.out]\naddress = "127.0.0.1"\n'
  assert.match((await examine({}, { config })).of('port 9').said, /by the route "out"/)
})

test('RFC 5321 §4.5.1: whether somebody is the postmaster of each domain', async () => {
  const nobody = (await examine(good)).of('postmaster')
  assert.deepEqual([nobody.result, nobody.of], ['problem', 'example.org'])
  assert.match(nobody.advice!, /postern alias add alice@example\.org postmaster@example\.org/)
  for (const who of [{ roles: ['admin'] }, { emails: ['alice@example.org', 'postmaster@example.org'] }])
    assert.equal((await examine(good, { who })).of('postmaster').result, 'ok')
})

test('whether mail is signed, by the stage of the keys and what the DNS has', async () => {
  const record = `TXT ${keyName}`
  const none = Object.fromEntries(Object.entries(good).filter(([name]) => name !== record))
  const cases: readonly [Zone, DkimKeyRow['stage'], Finding['result'], RegExp][] = [
    [none, 'active', 'problem', /nobody can check it/],
    [none, 'pending', 'problem', /not signed: its keys wait/],
    [good, 'pending', 'ok', /is signed/],
    [good, 'retired', 'problem', /not signed: it has no key/],
  ]
  for (const [zone, stage, result, said] of cases) {
    const found = (await examine(zone, { key: { stage } })).of('DKIM')
    assert.equal(found.result, result, JSON.stringify(found))
    assert.match(found.said, said)
  }
})

test('nobody answers on the port, a name without address, a clock that was later already, a full disk', async () => {
  const closed = await ScriptedServer.start()
  const { port } = closed
  await closed[Symbol.asyncDispose]()
  const { of } = await examine(
    { 'MX far.example': good['MX far.example']!, 'A mx.far.example': [{ ip: '127.0.0.1' }] },
    {
      port,
      auditedAt: Date.UTC(2090, 0, 1),
      reserve: '"1000000GB"',
    },
  )
  for (const [check, said] of [
    [`port ${port}`, /connection refused/],
    ['name', /has no address/],
    ['clock', /written down at 2090/],
    ['disk', /no mail is taken/],
  ] as const) {
    assert.equal(of(check).result, 'problem')
    assert.match(of(check).said, said)
  }
})

test('a route for all is tried in another way', async () => {
  const config = '[MtaRoute.all]\naddress = "relay.example.net"\n'
  const found = (await examine(good, { config })).of('port 9')
  assert.equal(found.result, 'skipped')
  assert.match(found.said, /route "all"/)
})
