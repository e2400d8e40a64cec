/**
 * Large files go up and down over JMAP in memory that does not depend on their size, also where they are decoded
 * on the way; clients that stop half-way, or read nothing, cost little and leave nothing behind.
 */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { type IncomingMessage, request } from 'node:http'
import { once } from 'node:events'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { after, before, describe, test } from 'node:test'
import { startServer, type TestServer } from '../../harness/server.ts'
import { growth, needsProc } from './resident-bytes.ts'
import { assertNoDefect, assertStillServes, name, password } from './still-serves.ts'

const mib = 1 << 20
/** Three times what is usual, so that a copy of it would show. */
const largest = 150_000_000

describe('large files over JMAP', needsProc, () => {
  let server: TestServer
  let accountId: string

  before(async () => {
    server = await startServer({
      config: `[Search]\nindexEmail = false\n[Jmap]\nmaxUploadSize = ${largest}\n`,
    })
    await server.createAccount(name, password)
    const session = JSON.parse((await body(await ask('GET', '/jmap/session'))).toString())
    accountId = session.primaryAccounts['urn:ietf:params:jmap:blob']
    // What is loaded and compiled once.
    for (let i = 0; i < 20; i++) await download(await upload(Readable.from([randomBytes(100_000)])))
  })
  after(() => server[Symbol.asyncDispose]())

  const authorization = `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`

  function begin(method: string, path: string, headers: Record<string, string | number> = {}) {
    return request({
      host: '127.0.0.1',
      port: server.httpPort,
      method,
      path,
      headers: { authorization, ...headers },
    })
  }

  async function ask(
    method: string,
    path: string,
    o: { content?: Readable; headers?: Record<string, string | number> } = {},
  ): Promise<IncomingMessage> {
    const sent = begin(method, path, o.headers)
    const answered = once(sent, 'response') as Promise<[IncomingMessage]>
    if (o.content === undefined) sent.end()
    else o.content.pipe(sent)
    const [response] = await answered
    return response
  }

  async function body(response: IncomingMessage): Promise<Buffer> {
    const pieces: Buffer[] = []
    for await (const piece of response) pieces.push(piece as Buffer)
    return Buffer.concat(pieces)
  }

  async function upload(content: Readable, headers: Record<string, string | number> = {}): Promise<string> {
    const response = await ask('POST', `/jmap/upload/${accountId}/`, { content, headers })
    const text = (await body(response)).toString()
    assert.equal(response.statusCode, 201, text)
    return JSON.parse(text).blobId as string
  }

  /** The digest of what comes. */
  async function download(blobId: string): Promise<string> {
    const response = await ask('GET', `/jmap/download/${accountId}/${blobId}/x`)
    assert.equal(response.statusCode, 200)
    const hash = createHash('sha256')
    for await (const piece of response) hash.update(piece as Buffer)
    return hash.digest('hex')
  }

  const assertBelow = async (bound: number, work: () => Promise<void>): Promise<void> => {
    const grown = await growth(server.process.pid, work)
    assert.ok(grown < bound, `${Math.round(grown / mib)} MiB more, at most ${bound / mib}`)
  }

  /** As many bytes as a file may have, which do not compress, and their digest when they have passed. */
  function large(head = Buffer.alloc(0), block = randomBytes(64 * 1024)) {
    const hash = createHash('sha256')
    async function* pieces(): AsyncGenerator<Buffer> {
      hash.update(head)
      yield head
      for (let left = largest - head.length; left > 0; left -= block.length) {
        const piece = block.subarray(0, Math.min(left, block.length))
        hash.update(piece)
        yield piece
      }
    }
    return { content: Readable.from(pieces()), digest: () => hash.digest('hex') }
  }

  test('150 MB go up and come down', async () => {
    for (const headers of [{ 'content-length': largest }, {}] as Record<string, number>[]) {
      const { content, digest } = large()
      await assertBelow(110 * mib, async () => {
        const blobId = await upload(content, headers)
        assert.equal(await download(blobId), digest())
      })
    }
  })

  test('a part of 110 MB is decoded from a message of 150 MB as it is downloaded', async () => {
    const head =
      'Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\n'
    const line = `${randomBytes(57).toString('base64')}\r\n`
    const { content } = large(Buffer.from(head), Buffer.from(line.repeat(800)))
    await assertBelow(110 * mib, async () => {
      const blobId = await upload(content)
      const decoded = await download(`${blobId}-1`)
      assert.notEqual(decoded, createHash('sha256').digest('hex'))
    })
  })

  test('uploads that break off leave no file, and readers that read nothing cost little', async () => {
    const staging = join(server.directory, 'data', 'blobs', 'staging')
    const { content } = large()
    const blobId = await upload(content)
    await assertBelow(110 * mib, async () => {
      for (let i = 0; i < 10; i++) {
        const sent = begin('POST', `/jmap/upload/${accountId}/`, { 'content-length': largest })
        sent.on('error', () => {})
        await new Promise<void>((resolve) => sent.write(randomBytes(2_000_000), () => resolve()))
        const closed = new Promise((resolve) => sent.once('close', resolve))
        sent.destroy()
        await closed
      }
      const readers = await Promise.all(
        Array.from({ length: 20 }, () => ask('GET', `/jmap/download/${accountId}/${blobId}/x`)),
      )
      await assertStillServes(server)
      for (const reader of readers) reader.destroy()
    })
    await assertStillServes(server)
    assert.deepEqual(readdirSync(staging), [])
    const { content: again } = large()
    await upload(again)
  })

  test('afterwards nothing was a defect', () => {
    assertNoDefect(server)
  })
})
