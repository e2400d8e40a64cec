import assert from 'node:assert/strict'
import { duplexPair } from 'node:stream'
import { test } from 'node:test'
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib'
import fc from 'fast-check'
import { connectionPair } from '../../test/harness/pipe.ts'
import { DeflateStream } from './deflate-stream.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('lines come through both ways however they are cut, and what follows the end is as it came', async () => {
  const line = fc.string({ unit: 'grapheme-ascii', maxLength: 50 }).map((text) => text.replace(/\r|\n/g, ''))
  await fc.assert(
    fc.asyncProperty(fc.array(line, { minLength: 1 }), fc.integer({ min: 1, max: 9 }), async (lines, cut) => {
      const { server, client } = connectionPair()
      await server.startDeflate()
      const sent = Buffer.concat([
        deflateRawSync(lines.map((text) => `${text}\r\n`).join(''), { finishFlush: constants.Z_SYNC_FLUSH }),
        Buffer.from('clear\r\n'),
      ])
      for (let at = 0; at < sent.length; at += cut) client.write(sent.subarray(at, at + cut))
      for (const text of lines) {
        assert.equal((await server.readLine(100))?.toString(), text)
        void server.write(Buffer.from(`${text}\r\n`))
      }
      await server.stopDeflate()
      assert.equal((await server.readLine(100))?.toString(), 'clear')
      const got = client.read() as Buffer
      const back = inflateRawSync(got, { finishFlush: constants.Z_SYNC_FLUSH })
      assert.equal(back.toString(), lines.map((text) => `${text}\r\n`).join(''))
      server.destroy()
    }),
    { numRuns: 40 },
  )
})

test('a gigabyte in a few bytes is inflated as far as it is read', async () => {
  const [lower, client] = duplexPair()
  const stream = new DeflateStream(lower, [])
  client.write(deflateRawSync(Buffer.alloc(64 << 20, 'x'), { finishFlush: constants.Z_SYNC_FLUSH }))
  let read = 0
  stream.on('data', (chunk: Buffer) => {
    read += chunk.length
    stream.pause()
  })
  while (read === 0) await turn()
  for (let i = 0; i < 50; i++) await turn()
  assert.ok(read > 0 && read <= 64 << 10, `${read}`)
  assert.equal(stream.readableLength, 0)
  while (read < 1 << 20) {
    stream.resume()
    await turn()
  }
  assert.ok(read < 2 << 20)
  stream.destroy()
  assert.ok(lower.destroyed)
})

test('a peer that does not read holds up who writes', async () => {
  const { server, client } = connectionPair({ writeTimeoutMs: 60_000 })
  await server.startDeflate()
  let written = 0
  let isFull = false
  const random = Buffer.from(Array.from({ length: 16 << 10 }, () => Math.random() * 256))
  for (let i = 0; i < 200 && !isFull; i++) {
    const full = server.write(random)
    written += random.length
    if (full !== undefined)
      isFull =
        (await Promise.race([
          full,
          turn()
            .then(turn)
            .then(() => 'full'),
        ])) === 'full'
  }
  assert.ok(isFull && written < 1 << 20, `${written}`)
  client.resume()
  await server.flush()
  server.destroy()
})
