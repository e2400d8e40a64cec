/** The search index of a real server: made by its thread, asked by every worker, whole again after a crash. */
import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { test } from 'node:test'
import type { Conversation } from '../../harness/conversation.ts'
import { apiOf, startServer, type TestServer } from '../../harness/server.ts'
import { temporaryDirectory } from '../../harness/store.ts'

const password = 'correct horse battery'

interface Status {
  readonly messages: number
  readonly behind: number
  readonly segments: number
}

async function signIn(server: TestServer): Promise<Conversation> {
  const client = await server.connect(server.imapsPort, { tls: true })
  await client.expect('* OK ')
  client.send(`a LOGIN alice@example.org "${password}"`)
  await client.until('a OK')
  client.send('b SELECT INBOX')
  await client.until('b OK')
  return client
}

/** In one command. Each has a word of its own, and one that it shares with every tenth. */
async function append(client: Conversation, from: number, count: number): Promise<void> {
  const messages = Array.from({ length: count }, (_, i) => {
    const text = `Subject: word${from + i} x\r\n\r\nTenth${(from + i) % 10} shellfish\r\n`
    return ` {${text.length}+}\r\n${text}`
  })
  client.send(`c APPEND INBOX${messages.join('')}`)
  await client.until('c OK')
}

async function search(client: Conversation, key: string): Promise<readonly string[]> {
  client.send(`d UID SEARCH ${key}`)
  const found = (await client.until('d OK')).find((line) => line.startsWith('* SEARCH'))
  return found!.split(' ').slice(2)
}

async function untilIndexed(api: TestServer['api'], messages: number): Promise<Status> {
  for (;;) {
    const answer = await api('GET', '/api/search/index?account=alice@example.org')
    const { data } = (await answer.json()) as { data: Status }
    if (data.behind === 0 && data.segments > 0 && data.messages === messages) return data
    await wait(100)
  }
}

async function buildBundle(): Promise<void> {
  const file = new URL('../../../bin/bundle.js', import.meta.url)
  const { build, isFresh } = (await import(file.href)) as {
    build: () => Promise<boolean>
    isFresh: (name: 'server') => boolean
  }
  assert.ok(isFresh('server') || (await build()))
}

const kinds = [
  { engine: 'sqlite' },
  // Libraries that are loaded when they are needed are other ones in the bundle.
  { engine: 'lmdb', isBundle: true },
] as const

for (const kind of kinds) {
  test(`${kind.engine}: an index is made, asked by two workers, and goes on after a crash`, async () => {
    if ('isBundle' in kind) await buildBundle()
    const directory = temporaryDirectory()
    let adminPassword = ''
    try {
      {
        await using server = await startServer({ ...kind, workers: 2, directory })
        await server.createAccount('alice@example.org', password)
        const client = await signIn(server)
        await append(client, 0, 300)
        adminPassword = server.adminPassword!
        await untilIndexed(apiOf(server.httpPort, adminPassword), 300)
        for (const one of [client, await signIn(server), await signIn(server)]) {
          assert.deepEqual(await search(one, 'SUBJECT ord217'), ['218'])
          assert.equal((await search(one, 'BODY tenth7')).length, 30)
          assert.equal((await search(one, 'BODY ellfi')).length, 300)
          assert.equal((await search(one, 'TEXT "tenth3 sh" SUBJECT 13')).length, 4)
          one.destroy()
        }
        const more = await signIn(server)
        await append(more, 300, 300)
        await server.process.stop('SIGKILL')
      }
      await using server = await startServer({ ...kind, directory })
      const api = apiOf(server.httpPort, adminPassword)
      const client = await signIn(server)
      assert.deepEqual(await search(client, 'SUBJECT ord477'), ['478'])
      assert.equal((await search(client, 'BODY tenth7')).length, 60)
      await untilIndexed(api, 600)
      assert.equal((await search(client, 'BODY tenth7')).length, 60)
      assert.deepEqual(await search(client, 'SUBJECT ord477'), ['478'])
      const again = await api('POST', '/api/search/reindex?account=alice@example.org')
      assert.equal(again.status, 200)
      assert.equal((await search(client, 'BODY tenth7')).length, 60)
      await untilIndexed(api, 600)
      assert.equal((await search(client, 'BODY tenth7')).length, 60)
      client.destroy()
      assert.deepEqual(await server.process.stop(), { code: 0, signal: null })
    } finally {
      await rm(directory, { recursive: true, force: true })
    }
  })
}
