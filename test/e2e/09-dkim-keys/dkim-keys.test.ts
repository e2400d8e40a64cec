/**
 * The keys of a new domain on the real server: there by themselves, signing nothing until whoever runs the DNS has
 * published what the server says, exchanged at a word, and the same after a restart.
 */
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { systemClock } from '#base/clock.ts'
import { Lru } from '#base/lru.ts'
import { ConfiguredResolver } from '#dns/configured.ts'
import { dnsResolver } from '#dns/settings.ts'
import { DkimVerifier } from '#mailauth/dkim-verify.ts'
import { LiveSettings } from '#registry/live.ts'
import { ScriptedServer } from '#smtp/client/fixture.test.ts'
import { silentTelemetry } from '#telemetry/telemetry.ts'
import { startDns, type TestDns } from '../../harness/dns.ts'
import { apiOf, startServer, type TestServer } from '../../harness/server.ts'
import { temporaryDirectory } from '../../harness/store.ts'

const password = 'correct horse battery'

interface Key {
  readonly id: string
  readonly stage: string
}

interface Shown {
  readonly purpose: string
  readonly name: string
  readonly content: string
  readonly result?: string
}

type Served = Pick<TestServer, 'api' | 'process'>

async function call<T>(server: Served, method: string, path: string, body?: unknown): Promise<T> {
  const response = await server.api(method, path, body)
  const text = await response.text()
  assert.ok(response.ok, `${method} ${path}: ${response.status} ${text}`)
  return (JSON.parse(text) as { data: T }).data
}

const keysOf = async (server: Served): Promise<readonly Key[]> => {
  const path = '/api/object/DkimSignature?domain=example.org'
  return (await call<{ items: readonly Key[] }>(server, 'GET', path)).items
}

async function until(isSo: () => boolean | Promise<boolean>, server: Served): Promise<void> {
  for (let tries = 0; !(await isSo()); tries++) {
    assert.ok(tries < 3000, server.process.output)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** The stages of the keys by name, once they are as wanted. */
async function waitForKeys(
  server: Served,
  isWanted: (stages: readonly string[]) => boolean,
): Promise<Readonly<Record<string, string>>> {
  let keys: readonly Key[] = []
  await until(async () => {
    keys = await keysOf(server)
    return isWanted(keys.map(({ stage }) => stage))
  }, server)
  return Object.fromEntries(keys.map(({ id, stage }) => [id, stage]))
}

async function submit(server: TestServer): Promise<void> {
  await using smtp = await server.connect(server.submissionsPort, { tls: true })
  await smtp.expect('220 ')
  smtp.send('EHLO client.example.net')
  await smtp.until('250 ')
  await smtp.ask(`AUTH PLAIN ${Buffer.from(`\0alice@example.org\0${password}`).toString('base64')}`, '235 ')
  await smtp.ask('MAIL FROM:<alice@example.org>', '250 ')
  await smtp.ask('RCPT TO:<bob@remote.example>', '250 ')
  await smtp.ask('DATA', '354 ')
  smtp.sendRaw('From: alice@example.org\r\nTo: bob@remote.example\r\nSubject: hello\r\n\r\nhello\r\n.\r\n')
  await smtp.expect('250 ')
}

/** `rsa-sha256 pass` for each signature. */
async function verified(dns: TestDns, message: string): Promise<readonly string[]> {
  const settings = new LiveSettings([dnsResolver])
  settings.loadText(dns.config, 'test.toml')
  using resolver = new ConfiguredResolver({ settings, telemetry: silentTelemetry, clock: systemClock })
  const verifier = new DkimVerifier({
    resolver,
    known: new Lru(10),
    nowMs: systemClock.now(),
    clockSkewMs: 60_000,
    maxSignatures: 10,
    strict: true,
  })
  const end = message.indexOf('\r\n\r\n') + 2
  verifier.header(Buffer.from(message.slice(0, end), 'latin1'))
  verifier.body(Buffer.from(message.slice(end + 2), 'latin1'))
  return (await verifier.end()).map(({ algorithm, result }) => `${algorithm} ${result}`)
}

const temporary = () => {
  const path = temporaryDirectory()
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}

const strings = (content: string): readonly string[] =>
  [...content.matchAll(/"([^"]*)"/g)].map(([, text]) => text!)

for (const workers of [1, 2])
  describe(`with ${workers} worker${workers === 1 ? '' : 's'}`, () => {
    test('keys come by themselves, sign when they are published, and are exchanged', async () => {
      await using dns = await startDns({
        'example.org': { MX: ['10 mail.example.org'], TXT: ['v=spf1 mx -all'] },
        'mail.example.org': { A: ['127.0.0.1'], TXT: ['v=spf1 a -all'] },
        'remote.example': { MX: ['10 mx.remote.example'] },
        'mx.remote.example': { A: ['127.0.0.1'] },
      })
      await using remote = await ScriptedServer.start()
      const config = `${dns.config}\n[MtaConnectionStrategy]\nport = ${remote.port}\n`
      /** Sends mail until its signatures are worth this to whoever gets it: other workers hear of a change soon. */
      const waitForResults = (server: TestServer, wanted: readonly string[]): Promise<void> =>
        until(async () => {
          const before = remote.messages.length
          await submit(server)
          await until(() => remote.messages.length > before, server)
          const found = await verified(dns, remote.messages.at(-1)!)
          return found.toSorted().join() === wanted.join()
        }, server)
      await using directory = temporary()
      const server = await startServer({ workers, config, directory: directory.path })
      const zone = (check: boolean) =>
        call<readonly Shown[]>(server, 'GET', `/api/dns/records/example.org?check=${check}`)
      let exchanged: readonly string[]
      try {
        await server.createAccount('alice@example.org', password)
        await waitForKeys(server, (stages) => stages.length === 2)
        const wanted = (await zone(false)).filter(({ purpose }) => purpose === 'DKIM')
        assert.equal(wanted.length, 2)
        const before = (await zone(true)).filter(({ purpose }) => purpose === 'DKIM')
        assert.deepEqual(
          before.map(({ result }) => result),
          ['missing', 'missing'],
        )
        assert.deepEqual(
          (await keysOf(server)).map(({ stage }) => stage),
          ['pending', 'pending'],
        )
        await waitForResults(server, [])

        for (const { name, content } of wanted) dns.set(name.slice(0, -1), { TXT: [strings(content)] })
        const after = await zone(true)
        assert.deepEqual(
          after.filter(({ purpose }) => purpose === 'DKIM').map(({ result }) => result),
          ['ok', 'ok'],
        )
        const active = await waitForKeys(server, (stages) => stages.every((stage) => stage === 'active'))
        await waitForResults(server, ['ed25519-sha256 pass', 'rsa-sha256 pass'])

        const { created, retired } = await call<{ created: string[]; retired: string[] }>(
          server,
          'POST',
          '/api/dkim/example.org/rotate?now=true',
        )
        exchanged = created
        assert.deepEqual(retired, Object.keys(active))
        await waitForResults(server, [])
        const left = (await zone(true)).filter(({ result }) => result === 'foreign')
        assert.deepEqual(
          left.map(({ name }) => name.slice(0, -1)),
          retired,
        )
        assert.ok(!server.process.output.includes('PRIVATE KEY'))
      } finally {
        await server[Symbol.asyncDispose]()
      }

      await using started = await startServer({ workers, config, directory: directory.path })
      // The password is printed at the first start only.
      const again = { ...started, api: apiOf(started.httpPort, server.adminPassword!) }
      const stages = await waitForKeys(again, (all) => all.length === 4)
      assert.deepEqual(
        exchanged.map((name) => stages[name]),
        ['pending', 'pending'],
      )
      await call(again, 'DELETE', '/api/object/Account/alice@example.org')
      await call(again, 'DELETE', '/api/object/Domain/example.org')
      assert.deepEqual(await keysOf(again), [])
    })
  })
