/**
 * The keys of a new domain on the real server: there by themselves, signing nothing until whoever runs the DNS has
 * published what the server says, exchanged at a word, and the same after a restart.
 */
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { startDns } from '../../harness/dns.ts'
import { apiOf, startServer, type TestServer } from '../../harness/server.ts'
import { temporaryDirectory } from '../../harness/store.ts'

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

/** The stages of the keys by name, once they are as wanted. */
async function waitForKeys(
  server: Served,
  isWanted: (stages: readonly string[]) => boolean,
): Promise<Readonly<Record<string, string>>> {
  for (let tries = 0; ; tries++) {
    const keys = await keysOf(server)
    if (isWanted(keys.map(({ stage }) => stage)))
      return Object.fromEntries(keys.map(({ id, stage }) => [id, stage]))
    assert.ok(tries < 1500, `${JSON.stringify(keys)}\n${server.process.output}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
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
      })
      const config = dns.config
      await using directory = temporary()
      const server = await startServer({ workers, config, directory: directory.path })
      const zone = (check: boolean) =>
        call<readonly Shown[]>(server, 'GET', `/api/dns/records/example.org?check=${check}`)
      let exchanged: readonly string[]
      try {
        await call(server, 'POST', '/api/object/Domain', { name: 'example.org' })
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

        for (const { name, content } of wanted) dns.set(name.slice(0, -1), { TXT: [strings(content)] })
        const after = await zone(true)
        assert.deepEqual(
          after.filter(({ purpose }) => purpose === 'DKIM').map(({ result }) => result),
          ['ok', 'ok'],
        )
        const active = await waitForKeys(server, (stages) => stages.every((stage) => stage === 'active'))

        const { created, retired } = await call<{ created: string[]; retired: string[] }>(
          server,
          'POST',
          '/api/dkim/example.org/rotate?now=true',
        )
        exchanged = created
        assert.deepEqual(retired, Object.keys(active))
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
      await call(again, 'DELETE', '/api/object/Domain/example.org')
      assert.deepEqual(await keysOf(again), [])
    })
  })
