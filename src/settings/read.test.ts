import assert from 'node:assert/strict'
import { test } from 'node:test'
import { normaliseDomain } from '#base/domain-name.ts'
import { boolean, duration, integer, list, oneOf, secret, socketAddress, text } from './field.ts'
import { settingsObject, type AnySettingsObject } from './object.ts'
import { mergeLayers, type MergedSettings } from './merge.ts'
import { readDocument } from './read.ts'
import { parseToml } from './toml.ts'

const help = ''
const system: AnySettingsObject = settingsObject({
  name: 'SystemSettings',
  title: 'General',
  help,
  many: false,
  fields: {
    defaultHostname: text({
      fallback: 'localhost',
      help,
      classic: 'server.hostname',
      normalise: normaliseDomain,
      allowed: 'a host name',
    }),
    threadPoolSize: integer({ fallback: 1, help, min: 1 }),
  },
})
const listener: AnySettingsObject = settingsObject({
  name: 'NetworkListener',
  title: 'Listeners',
  help,
  many: true,
  classic: 'server.listener',
  fields: {
    bind: list(socketAddress({ fallback: undefined, help }), {
      fallback: [],
      help,
      classic: 'bind',
      min: 1,
      required: true,
    }),
    protocol: oneOf(['smtp', 'lmtp', 'imap', 'http'], { fallback: 'smtp', help }),
    tlsImplicit: boolean({ fallback: false, help, classic: 'tls.implicit' }),
  },
})
const stores = ['rocksdb', 'lmdb', 'sqlite'] as const
const storage: AnySettingsObject = settingsObject({
  name: 'Storage',
  title: 'Storage',
  help,
  many: false,
  fields: {
    data: oneOf(stores, { fallback: 'lmdb', help, classic: 'storage.data' }),
    blob: oneOf(stores, { fallback: 'lmdb', help, classic: 'storage.blob' }),
    lookup: oneOf(stores, { fallback: 'lmdb', help, classic: 'storage.lookup' }),
    fts: oneOf(stores, { fallback: 'lmdb', help, classic: 'storage.fts' }),
  },
})
const fallbackAdmin: AnySettingsObject = settingsObject({
  name: 'FallbackAdmin',
  title: 'Emergency sign-in',
  help,
  many: false,
  fields: {
    user: text({ fallback: undefined, help, classic: 'authentication.fallback-admin.user' }),
    secret: secret({ fallback: undefined, help, classic: 'authentication.fallback-admin.secret' }),
    expires: duration({ fallback: undefined, help }),
    tokens: list(secret({ fallback: undefined, help }), { fallback: [], help }),
  },
})

function read(toml: string, environment: Record<string, string> = {}): MergedSettings {
  const objects = [system, listener, storage, fallbackAdmin]
  const { layer, problems } = readDocument(parseToml(toml, 'postern.toml'), objects, (kind, name) =>
    kind === 'env' ? environment[name] : undefined,
  )
  const merged = mergeLayers(objects, [layer])
  return { ...merged, problems: [...problems, ...merged.problems] }
}
const texts = (result: MergedSettings): readonly string[] =>
  result.problems.map((p) => `${p.severity} ${p.text}`)

test('a classic configuration file reads as it was written', () => {
  const result = read(`[server]
hostname = "mail.example.com"
# SMTP listener (port 25 — inbound from internet)
[[server.listener]]
id = "smtp"
bind = ["0.0.0.0:25"]
protocol = "smtp"
tls.implicit = false # STARTTLS, not implicit TLS
# SMTP submission (port 587 — outbound from clients)
[[server.listener]]
id = "submission"
bind = ["0.0.0.0:587"]
protocol = "smtp"
tls.implicit = false
# IMAPS (port 993)
[[server.listener]]
id = "imaps"
bind = ["0.0.0.0:993"]
protocol = "imap"
tls.implicit = true
# HTTPS — JMAP + WebAdmin (port 443)
[[server.listener]]
id = "https"
bind = ["0.0.0.0:443"]
protocol = "http"
tls.implicit = true
[storage]
data = "rocksdb" # primary message store
blob = "rocksdb" # attachment/message body store
lookup = "rocksdb" # rate limiting, anti-spam lookups
fts = "rocksdb" # full-text search index
[authentication.fallback-admin]
user = "admin"
secret = "CHANGE_ME" # hashed with argon2 in WebAdmin
`)
  assert.deepEqual(result.problems, [])
  assert.equal(result.objects.get(system)![0]!.values['defaultHostname'], 'mail.example.com')
  assert.equal(result.objects.get(storage)![0]!.values['fts'], 'rocksdb')
  assert.deepEqual(
    result.objects.get(listener)!.map((l) => l.values),
    [
      { id: 'smtp', bind: [{ ip: '0.0.0.0', port: 25 }], protocol: 'smtp', tlsImplicit: false },
      { id: 'submission', bind: [{ ip: '0.0.0.0', port: 587 }], protocol: 'smtp', tlsImplicit: false },
      { id: 'imaps', bind: [{ ip: '0.0.0.0', port: 993 }], protocol: 'imap', tlsImplicit: true },
      { id: 'https', bind: [{ ip: '0.0.0.0', port: 443 }], protocol: 'http', tlsImplicit: true },
    ],
  )
  assert.equal(result.objects.get(listener)![2]!.origins.get('tlsImplicit'), 'postern.toml:20')
})

test('own names and classic names mean the same, with arrays, tables or dotted keys', () => {
  const forms = [
    '[[NetworkListener]]\nid = "a"\nbind = "[::]:25"\ntlsImplicit = true',
    '[server.listener.a]\nbind = ["[::]:25"]\ntls.implicit = "true"',
    'server.listener.a.bind = "[::]:25"\nNetworkListener.a.tlsImplicit = true',
  ]
  for (const form of forms) {
    const result = read(form)
    assert.deepEqual(texts(result), [])
    assert.deepEqual(
      result.objects.get(listener)!.map((l) => l.values),
      [{ id: 'a', bind: [{ ip: '::', port: 25 }], protocol: 'smtp', tlsImplicit: true }],
    )
  }
})

test('unknown keys are warnings with their line', () => {
  const result = read(
    '[server]\nhostnam = "x"\n[server.listener.a]\nbind = "[::]:1"\ntls.implict = true\n[other.part]\nx = []\n',
  )
  assert.deepEqual(texts(result), [
    'warning postern.toml:2: server.hostnam is not a known setting and has no effect; did you mean server.hostname?',
    'warning postern.toml:5: server.listener.a.tls.implict is not a known setting and has no effect; did you mean server.listener.a.tls.implicit?',
    'warning postern.toml:7: other.part.x is not a known setting and has no effect',
  ])
})

test('wrong values are errors that say what is allowed', () => {
  const result = read('[server]\nhostname = "a b"\n[server.listener.a]\nbind = "25"\nprotocol = "gopher"\n')
  assert.deepEqual(texts(result), [
    'error postern.toml:2: server.hostname must be a host name, not "a b"',
    'error postern.toml:4: server.listener.a.bind must be an address with a port such as "0.0.0.0:25" or "[::]:25", not "25"',
    'error postern.toml:5: server.listener.a.protocol must be one of "smtp", "lmtp", "imap", "http", not "gopher"',
  ])
})

test('a required field, and one setting under two names', () => {
  const result = read(
    '[server.listener.a]\nprotocol = "imap"\n[server]\nhostname = "a"\n[SystemSettings]\ndefaultHostname = "b"\n',
  )
  assert.deepEqual(texts(result), [
    'error postern.toml:4: server.hostname is the same setting as SystemSettings.defaultHostname at postern.toml:6: keep one',
    'error postern.toml:1: server.listener.a.bind is missing: it must be a list of at least 1, each an address with a port such as "0.0.0.0:25" or "[::]:25"',
  ])
})

test('macros give values of every kind, and what they gave is not shown', () => {
  const result = read(
    `SystemSettings.threadPoolSize = "%{env:THREADS}%"
server.hostname = "%{env:HOST}%.example"
server.listener.a.bind = ["%{env:ADDRESS}%:25"]
storage.data = "%{env:TOKEN}%"
storage.blob = "%{env:NOTHING}%"`,
    { THREADS: '4', HOST: 'mx', ADDRESS: '[::1]', TOKEN: 'hunter2' },
  )
  assert.equal(result.objects.get(system)![0]!.values['threadPoolSize'], 4)
  assert.equal(result.objects.get(system)![0]!.values['defaultHostname'], 'mx.example')
  assert.deepEqual(result.objects.get(listener)![0]!.values['bind'], [{ ip: '::1', port: 25 }])
  assert.deepEqual(texts(result), [
    'error postern.toml:4: storage.data must be one of "rocksdb", "lmdb", "sqlite"',
    'error postern.toml:5: storage.blob needs the environment variable NOTHING, which is not set',
  ])
})

test('secrets are not shown in messages', () => {
  const result = read(
    'authentication.fallback-admin.secret = ["hunter2"]\nFallbackAdmin.tokens = ["hunter2", 5]\n',
  )
  assert.equal(result.problems.length, 2)
  for (const line of texts(result)) assert(!line.includes('hunter2'), line)
})

test('without a document every object has its fallbacks', () => {
  const { objects, problems } = mergeLayers([system, listener], [])
  assert.deepEqual(problems, [])
  assert.deepEqual(objects.get(system)![0]!.values, { defaultHostname: 'localhost', threadPoolSize: 1 })
  assert.deepEqual(objects.get(listener), [])
})
