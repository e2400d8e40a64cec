/** Clients that read slowly, write slowly or do nothing: they cost little, wait for their time-out, and stop nobody. */
import assert from 'node:assert/strict'
import { connect as connectTcp, type Socket } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { startServer, type TestServer } from '../../harness/server.ts'
import { needsProc, residentBytes } from './resident-bytes.ts'
import {
  assertNoDefect,
  assertStillServes,
  count,
  deliver,
  greeted,
  name,
  password,
  signedIn,
} from './still-serves.ts'

const mib = 1 << 20

describe('clients that stop', { concurrency: true }, () => {
  let server: TestServer

  before(async () => {
    // Long enough for whoever does not stop, on a machine that is busy.
    const config = '[session]\ntimeout = "6s"\n[imap]\ntimeout.anonymous = "6s"\n'
    server = await startServer({ config })
    await server.createAccount(name, password)
  })
  after(() => server[Symbol.asyncDispose]())

  test('who says nothing is told why the connection ends', async () => {
    await using smtp = await server.connect(server.smtpPort)
    await smtp.expect('220 ')
    await using imap = await server.connect(server.imapPort)
    await imap.expect('* OK ')
    await smtp.expect('421 4.4.2 ')
    await smtp.expectEnd()
    await imap.expect('* BYE ')
    await imap.expectEnd()
  })

  test('who stops inside a command is not waited for', async () => {
    const before = await count(server)
    const starts = ['', 'MAIL FROM:<a@example.net>\r\n', `MAIL FROM:<a@example.net>\r\nRCPT TO:<${name}>\r\n`]
    const stops = ['NOO', 'DATA\r\nSubject: x\r\n\r\nhalf', 'BDAT 100\r\nabc']
    const waiting = starts.flatMap((start) =>
      stops.map(async (stop) => {
        await using smtp = await greeted(server)
        smtp.sendRaw(start + stop)
        for await (const _ of smtp.stream.iterator({ destroyOnReturn: true })) continue
      }),
    )
    await Promise.all(waiting)
    assert.equal(await count(server), before)
    assertNoDefect(server)
  })
})

describe('slow clients', () => {
  let server: TestServer

  before(async () => {
    server = await startServer({ config: '[imap]\nauth.allow-plain-text = true\n' })
    await server.createAccount(name, password)
  })
  after(() => server[Symbol.asyncDispose]())

  test('one byte at a time is understood, and others are served meanwhile', async () => {
    const text = `EHLO x\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<${name}>\r\nDATA\r\nSubject: slow\r\n\r\n..\r\nx\r\n.\r\nQUIT\r\n`
    const before = await count(server)
    const clients = Array.from({ length: 100 }, async () => {
      await using smtp = await server.connect(server.smtpPort)
      await smtp.expect('220 ')
      for (const byte of text) {
        smtp.sendRaw(byte)
        await new Promise((resolve) => setImmediate(resolve))
      }
      await smtp.until('221 ')
    })
    await assertStillServes(server)
    await Promise.all(clients)
    assert.equal(await count(server), before + clients.length + 1)
  })

  test('who asks for much and reads nothing is not given memory', needsProc, async () => {
    const large = `Subject: large\r\n\r\n${`${'x'.repeat(70)}\r\n`.repeat(60_000)}`
    await deliver(server, large)
    const before = residentBytes(server.process.pid)
    const readers = await Promise.all(Array.from({ length: 50 }, () => neverReading(server)))
    // As long as these wait, everybody else is served.
    for (let i = 0; i < 5; i++) await assertStillServes(server)
    const during = residentBytes(server.process.pid)
    const grown = during.now - before.now
    assert.ok(grown < 150 * mib, `${Math.round(grown / mib)} MiB more for 50 clients that do not read`)
    for (const socket of readers) socket.destroy()
    await assertStillServes(server)
  })

  test('commands without end whose answers are not read are not taken in', needsProc, async () => {
    const before = residentBytes(server.process.pid)
    const socket = connectTcp(server.smtpPort, '127.0.0.1')
    socket.on('error', () => {})
    socket.pause()
    const lines = Buffer.from('EHLO x\r\n'.repeat(8192))
    // Until the server stops reading; then what we write stays with us.
    while (socket.writableLength < 4 * mib && socket.bytesWritten < 64 * mib) {
      socket.write(lines)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await assertStillServes(server)
    const during = residentBytes(server.process.pid)
    assert.ok(during.now - before.now < 100 * mib)
    socket.destroy()
  })

  test('afterwards the server serves, and nothing was a defect', async () => {
    await assertStillServes(server)
    assertNoDefect(server)
    await using imap = await signedIn(server)
    await imap.ask('a NOOP', 'a OK ')
  })
})

/** Has asked for all messages twenty times, and does not read. */
async function neverReading(server: TestServer): Promise<Socket> {
  const socket = connectTcp(server.imapPort, '127.0.0.1')
  socket.on('error', () => {})
  socket.pause()
  const fetches = Array.from({ length: 20 }, (_, i) => `f${i} FETCH 1:* (BODY.PEEK[])\r\n`)
  socket.write(`a LOGIN ${name} "${password}"\r\nb SELECT INBOX\r\n${fetches.join('')}`)
  await new Promise((resolve) => setImmediate(resolve))
  return socket
}
