import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { test } from 'node:test'
import fc from 'fast-check'
import { isFault } from '#base/fault.ts'
import { connectionPair } from '../../test/harness/pipe.ts'

const text = async (line: unknown): Promise<string | undefined> => {
  const settled = await line
  return Buffer.isBuffer(settled) ? settled.toString('latin1') : undefined
}

/** Everything the client reads until the end. */
async function readAll(client: Duplex): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of client) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString('latin1')
}

const firstChunk = async (client: Duplex): Promise<string> => String((await once(client, 'data'))[0])

test('lines, a message and lines again come the same however the client cuts them', async () => {
  const whole = 'MAIL\r\nDATA 10\r\n0123\r\n6789QUIT\r\n'
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(whole.length), { maxLength: 10 }), async (cuts) => {
      const { server, client } = connectionPair()
      const places = [...cuts, 0, whole.length].sort((a, b) => a - b)
      const sending = (async () => {
        for (let i = 1; i < places.length; i++) {
          client.write(whole.slice(places[i - 1], places[i]))
          if (i % 2 === 0) await new Promise(setImmediate)
        }
        client.end()
      })()
      assert.equal(await text(server.readLine(100)), 'MAIL')
      assert.equal(await text(server.readLine(100)), 'DATA 10')
      const chunks: Buffer[] = []
      for await (const chunk of server.readExact(10)) chunks.push(chunk)
      assert.equal(Buffer.concat(chunks).toString(), '0123\r\n6789')
      assert.equal(await text(server.readLine(100)), 'QUIT')
      assert.equal(await server.readLine(100), undefined)
      assert.equal(server.ended, 'peer')
      await sending
      server.destroy()
    }),
    { numRuns: 50 },
  )
})

test('a buffered line is there at once, without a promise', async () => {
  const { server, client } = connectionPair()
  client.write('ONE\r\nTWO\r\n')
  assert.equal(await text(server.readLine(100)), 'ONE')
  assert.equal(server.buffered, 5)
  const line = server.readLine(100)
  assert.ok(Buffer.isBuffer(line))
  assert.equal(line.toString(), 'TWO')
  server.destroy()
})

test('answers to pipelined commands leave together, when the session waits for more', async () => {
  const { server, client } = connectionPair()
  const packets: string[] = []
  client.on('data', (chunk: Buffer) => packets.push(String(chunk)))
  client.write('A\r\nB\r\nC\r\n')
  for (const name of ['A', 'B', 'C']) {
    assert.equal(await text(server.readLine(100)), name)
    void server.write(Buffer.from(`ok ${name}\r\n`))
    await new Promise(setImmediate)
    assert.deepEqual(packets, [])
  }
  const next = server.readLine(100)
  await new Promise(setImmediate)
  assert.deepEqual(packets, ['ok A\r\nok B\r\nok C\r\n'])
  client.write('D\r\n')
  assert.equal(await text(next), 'D')
  server.destroy()
})

test('what is written while a read waits leaves without being asked', async () => {
  const { server, client } = connectionPair()
  const waiting = server.readLine(100)
  void server.write(Buffer.from('* 1 EXISTS\r\n'))
  void server.write(Buffer.from('* 1 RECENT\r\n'))
  assert.equal(await firstChunk(client), '* 1 EXISTS\r\n* 1 RECENT\r\n')
  server.destroy()
  assert.equal(await waiting, undefined)
  assert.equal(server.ended, 'closed')
})

test('an over-long line is a Fault with the limit, and the next command is read', async () => {
  const { server, client } = connectionPair()
  client.write(`${'x'.repeat(600)}\r\nNOOP\r\n`)
  await assert.rejects(
    async () => server.readLine(512),
    (error) => isFault(error, 'tooLarge') && error.detail.limit === 512,
  )
  assert.equal(await text(server.readLine(512)), 'NOOP')
  server.destroy()
})

test('a line without end is cut off after a while, with bounded memory', async () => {
  const { server, client } = connectionPair()
  const line = server.readLine(512)
  const chunk = Buffer.alloc(64 * 1024, 0x61)
  client.on('error', () => {})
  client.resume()
  while (!client.closed && server.ended === undefined) {
    client.write(chunk)
    assert.ok(server.buffered <= 2 * chunk.length)
    await new Promise(setImmediate)
  }
  assert.equal(await line, undefined)
  assert.equal(server.ended, 'flood')
  assert.ok(server.signal.aborted)
})

test('input that nobody takes is not read beyond a fixed amount', async () => {
  const { server, client } = connectionPair()
  const chunk = Buffer.alloc(16 * 1024, 0x61)
  let accepted = 0
  const pump = (): void => {
    client.write(chunk, (error) => {
      if (error) return
      accepted += chunk.length
      pump()
    })
  }
  client.on('error', () => {})
  pump()
  for (let i = 0; i < 200; i++) await new Promise(setImmediate)
  assert.ok(server.buffered <= 128 * 1024, String(server.buffered))
  const before = accepted
  assert.ok(before <= 256 * 1024, String(before))
  let taken = 0
  while (taken < 1024 * 1024) taken += (await server.read())!.length
  assert.ok(accepted > before)
  server.destroy()
})

test('tiny chunks that nobody takes stop at a fixed number of them', async () => {
  const { server, client } = connectionPair()
  client.on('error', () => {})
  const pump = (): void => {
    client.write('x', (error) => {
      if (!error) pump()
    })
  }
  pump()
  for (let i = 0; i < 2000; i++) await new Promise(setImmediate)
  assert.ok(server.buffered < 200, String(server.buffered))
  server.destroy()
})

test('unread puts the rest of a chunk back for the next line', async () => {
  const { server, client } = connectionPair()
  client.write('body\r\n.\r\nQUIT\r\n')
  const chunk = (await server.read())!
  const end = chunk.indexOf('.\r\n') + 3
  server.unread(chunk.subarray(end))
  assert.equal(await text(server.readLine(100)), 'QUIT')
  server.destroy()
})

test('readExact throws where the client leaves early', async () => {
  const { server, client } = connectionPair()
  client.end('short')
  const chunks: string[] = []
  await assert.rejects(
    async () => {
      for await (const chunk of server.readExact(10)) chunks.push(String(chunk))
    },
    (error) => isFault(error, 'unavailable'),
  )
  assert.deepEqual(chunks, ['short'])
  assert.equal(server.ended, 'peer')
  server.destroy()
})

test('a half-closed client still gets its answers', async () => {
  const { server, client } = connectionPair()
  client.end('NOOP\r\nQUIT\r\n')
  for (
    let line = await text(server.readLine(100));
    line !== undefined;
    line = await text(server.readLine(100))
  ) {
    void server.write(Buffer.from(`250 ${line}\r\n`))
  }
  assert.ok(!server.signal.aborted)
  const all = readAll(client)
  await server.close()
  assert.equal(await all, '250 NOOP\r\n250 QUIT\r\n')
})

test('an idle client gets a goodbye', async () => {
  const { server, client } = connectionPair({ idleTimeoutMs: 1 })
  const all = readAll(client)
  assert.equal(await server.readLine(100), undefined)
  assert.equal(server.ended, 'idle')
  assert.equal(await server.read(), undefined)
  void server.write(Buffer.from('421 idle\r\n'))
  await server.close()
  assert.equal(await all, '421 idle\r\n')
})

test('a line that comes in drops does not start the idle time again', async () => {
  const { server, client } = connectionPair({ idleTimeoutMs: 5 })
  client.on('error', () => {})
  const drip = setInterval(() => client.write('x'), 1)
  assert.equal(await server.readLine(1_000_000), undefined)
  assert.equal(server.ended, 'idle')
  clearInterval(drip)
  server.destroy()
})

test('the idle time can be changed while a read waits', async () => {
  const { server } = connectionPair({ idleTimeoutMs: 60_000 })
  const line = server.readLine(100)
  server.setIdleTimeout(1)
  assert.equal(await line, undefined)
  assert.equal(server.ended, 'idle')
  server.destroy()
})

test('a slow reader holds the writer back, and gets everything in order', async () => {
  const { server, client } = connectionPair()
  const pieces = Array.from({ length: 3000 }, (_, i) => Buffer.alloc(i % 3 === 0 ? 10_000 : 50, i % 251))
  let waits = 0
  const writing = (async () => {
    for (const piece of pieces) {
      const wait = server.write(piece)
      if (wait !== undefined) {
        waits++
        await wait
      }
    }
    await server.close()
  })()
  const received: Buffer[] = []
  for await (const chunk of client) {
    received.push(chunk as Buffer)
    await new Promise(setImmediate)
  }
  client.end()
  await writing
  assert.ok(waits > 0)
  assert.ok(Buffer.concat(received).equals(Buffer.concat(pieces)))
})

test('one huge piece is written in slices', async () => {
  const { server, client } = connectionPair()
  const huge = Buffer.alloc(1_000_000, 'postern ')
  const all = readAll(client)
  await server.write(huge, Buffer.from('\r\n'))
  await server.close()
  assert.equal(await all, `${huge.toString('latin1')}\r\n`)
})

test('a client that does not read is cut off, and the writer is told', async () => {
  const { server } = connectionPair({ writeTimeoutMs: 1 })
  await assert.rejects(
    async () => {
      for (;;) await server.write(Buffer.alloc(50_000))
    },
    (error) => isFault(error, 'unavailable'),
  )
  assert.equal(server.ended, 'stalled')
  assert.ok(server.signal.aborted)
  assert.throws(
    () => server.write(Buffer.from('x')),
    (error) => isFault(error, 'unavailable'),
  )
})

test('a disconnect ends a pending read, aborts the signal and fails writes', async () => {
  const { server, client } = connectionPair()
  const line = server.readLine(100)
  const aborted = once(server.signal, 'abort')
  client.on('error', () => {})
  server.destroy()
  await aborted
  assert.equal(await line, undefined)
  await assert.rejects(
    async () => server.flush(),
    (error) => isFault(error, 'unavailable'),
  )
  await server.close()
})

test('a shutdown ends the wait for a command, not what was begun', async () => {
  const { server, client } = connectionPair()
  client.write('APPEND {5}\r\n')
  assert.equal(await text(server.readLine(100)), 'APPEND {5}')
  const literal = (async () => {
    const chunks: string[] = []
    for await (const chunk of server.readExact(5)) chunks.push(String(chunk))
    return chunks.join('')
  })()
  server.shutdown()
  assert.ok(!server.signal.aborted)
  client.write('hello)\r\nNOOP\r\n')
  assert.equal(await literal, 'hello')
  assert.equal(await text(server.readLine(100, { continues: true })), ')')
  assert.equal(server.readLine(100), undefined)
  assert.equal(server.ended, 'shutdown')
  server.destroy()
})

test('a second read while one waits is an error of the caller', async () => {
  const { server } = connectionPair()
  const first = server.readLine(100)
  await assert.rejects(async () => server.read(), /second read/)
  server.destroy()
  assert.equal(await first, undefined)
})
