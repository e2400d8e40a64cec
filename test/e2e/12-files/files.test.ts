/** Files over JMAP: what was answered is there after a crash under the same id, and the store is whole. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { test } from 'node:test'
import { runLine } from '#cli/fixture.test.ts'
import { startServer, type TestServer } from '../../harness/server.ts'

const name = 'alice@example.org'
const password = 'correct horse battery'
const authorization = `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`

const ask = (server: TestServer, path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`http://127.0.0.1:${server.httpPort}${path}`, {
    ...init,
    headers: { authorization, ...init.headers },
  })

async function accountOf(server: TestServer): Promise<string> {
  const session = (await (await ask(server, '/jmap/session')).json()) as {
    primaryAccounts: Record<string, string>
  }
  return session.primaryAccounts['urn:ietf:params:jmap:blob']!
}

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

test('uploads are there after a crash, with their ids, and the store is whole', async () => {
  const files = [1, 1000, 70_000, 3_000_000].map((size) => randomBytes(size))
  await using first = await startServer()
  await first.createAccount(name, password)
  const account = await accountOf(first)
  const ids: string[] = []
  for (const body of files) {
    const response = await ask(first, `/jmap/upload/${account}/`, { method: 'POST', body })
    assert.equal(response.status, 201)
    ids.push(((await response.json()) as { blobId: string }).blobId)
  }
  await first.process.stop('SIGKILL')
  await using second = await startServer({ directory: first.directory })
  for (const [i, id] of ids.entries()) {
    const response = await ask(second, `/jmap/download/${account}/${id}/x`)
    assert.equal(response.status, 200)
    assert.equal(response.headers.get('content-length'), String(files[i]!.length))
    assert.equal(digest(Buffer.from(await response.arrayBuffer())), digest(files[i]!))
  }
  const ranged = await ask(second, `/jmap/download/${account}/${ids[3]}/x`, {
    headers: { range: 'bytes=100000-200000' },
  })
  assert.equal(ranged.status, 206)
  assert.deepEqual(Buffer.from(await ranged.arrayBuffer()), files[3]!.subarray(100_000, 200_001))
  await second.process.stop()
  const checked = await runLine(`--data ${join(first.directory, 'data')} check`, { columns: 80 })
  assert.equal(checked.code, 0, checked.out)
})
