/**
 * Memory does not depend on the size of messages, and on the number of sessions only by fixed buffers. The bounds
 * here are far above what was measured and far below what a copy of the message, or an object for each of its
 * lines, would take.
 */
import assert from 'node:assert/strict'
import { createHash, type Hash } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { after, before, describe, test } from 'node:test'
import type { Conversation } from '../../harness/conversation.ts'
import { startServer, type TestServer } from '../../harness/server.ts'
import { growth, needsProc } from './resident-bytes.ts'
import { assertNoDefect, assertStillServes, count, deliver, greeted, name, password } from './still-serves.ts'

const mib = 1 << 20
/** The largest message that is taken. */
const largest = 100 * mib

describe('memory', needsProc, () => {
  let server: TestServer

  before(async () => {
    // The search index is made on a thread that comes and goes when it likes: it has a test of its own below.
    server = await startServer({ config: '[Search]\nindexEmail = false\n' })
    await server.createAccount(name, password)
    // What is loaded and compiled once.
    for (let i = 0; i < 50; i++) await deliver(server, 'Subject: warm\r\n\r\nx')
  })
  after(() => server[Symbol.asyncDispose]())

  const assertBelow = async (bound: number, work: () => Promise<void>): Promise<void> => {
    const grown = await growth(server.process.pid, work)
    assert.ok(grown < bound, `${Math.round(grown / mib)} MiB more, at most ${bound / mib}`)
  }

  /** Sends `head` and then `unit` again and again, up to the largest size; the digest of all of it. */
  async function sendLargest(head: string, unit: string, port = server.smtpPort): Promise<string> {
    await using smtp = await greeted(server, port)
    smtp.send(`MAIL FROM:<a@example.net> SIZE=${largest}`, `RCPT TO:<${name}>`, 'DATA')
    await smtp.expectLines(['250 ', '250 ', '354 '])
    const hash = createHash('sha256')
    const block = Buffer.from(unit.repeat(Math.ceil(200_000 / unit.length)), 'latin1')
    await put(smtp, hash, Buffer.from(head))
    for (let sent = head.length; sent + block.length + 2 <= largest; sent += block.length)
      await put(smtp, hash, block)
    await put(smtp, hash, Buffer.from('\r\n'))
    smtp.sendRaw('.\r\n')
    await smtp.expect('250 ')
    return hash.digest('hex')
  }

  test('a message of 100 MiB comes in and goes out', async () => {
    await assertBelow(120 * mib, async () => {
      const sent = await sendLargest('Subject: large\r\n\r\n', `${'y'.repeat(70)}\r\n`)
      assert.equal(await fetchNewest(server, 'BODY.PEEK[]'), sent)
    })
  })

  const parts = 'Content-Type: multipart/mixed; boundary=b\r\n\r\n'
  const nested = 'Content-Type: message/rfc822\r\n\r\n'
  for (const [what, head, unit, how] of [
    ['parts', parts, '--b\r\n\r\n', 'SMTP'],
    ['messages in messages', nested, nested, 'SMTP'],
    // From outside headers are not that large: see smtp-input.test.ts.
    ['header fields', '', 'X:y\r\n', 'LMTP'],
    ['a header field', 'Subject: x', '\r\n xxxx', 'LMTP'],
    ['recipients in a field', 'To: ', 'a@b,\r\n ', 'LMTP'],
  ] as const) {
    test(`a message of 100 MiB of nothing but ${what}`, async () => {
      await assertBelow(200 * mib, async () => {
        const sent = await sendLargest(head, unit, how === 'LMTP' ? server.lmtpPort : server.smtpPort)
        assert.equal(await fetchNewest(server, 'BODY.PEEK[]'), sent)
        // What every client asks for.
        await fetchNewest(server, 'FLAGS UID ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER.FIELDS (SUBJECT TO X)]')
      })
    })
  }

  /** So many sessions that are all within a message at the same time; then all of them finish. */
  async function crowd(sessions: number, half: Buffer): Promise<void> {
    const before = await count(server)
    const all = await Promise.all(Array.from({ length: sessions }, () => greeted(server)))
    try {
      const each = async (step: (smtp: Conversation) => Promise<unknown>) =>
        void (await Promise.all(all.map(step)))
      await each(async (smtp) => {
        smtp.send('MAIL FROM:<a@example.net>', `RCPT TO:<${name}>`, 'DATA')
        await smtp.expectLines(['250 ', '250 ', '354 '])
      })
      for (const smtp of all) smtp.sendRaw(half)
      // Nobody who is only half-way has delivered, and everybody else is served.
      await assertStillServes(server)
      assert.equal(await count(server), before + 1)
      await each(async (smtp) => {
        smtp.sendRaw('\r\nthe end\r\n.\r\n')
        await smtp.expect('250 ')
      })
      assert.equal(await count(server), before + 1 + sessions)
    } finally {
      for (const smtp of all) smtp.destroy()
    }
  }

  const lines = (unit: string, bytes: number): Buffer =>
    Buffer.from(`Subject: crowd\r\n\r\n${unit.repeat(Math.floor(bytes / unit.length))}`)

  test('a thousand sessions at once, and once more without more memory', async () => {
    const half = lines(`${'y'.repeat(70)}\r\n`, 4096)
    await assertBelow(250 * mib, () => crowd(1000, half))
    await assertBelow(80 * mib, () => crowd(1000, half))
  })

  test('sessions whose lines all begin with a dot', async () => {
    await assertBelow(250 * mib, () => crowd(400, lines('..\r\n', 60_000)))
  })

  test('afterwards the server serves, and nothing was a defect', async () => {
    await assertStillServes(server)
    assertNoDefect(server)
  })
})

test('the search index of large and small mail is made in bounded memory', needsProc, async () => {
  await using server = await startServer()
  await server.createAccount(name, password)
  const words = Array.from({ length: 4000 }, (_, i) => `word${i}\r\n`).join('')
  const large = `Subject: large\r\n\r\n${words.repeat(400)}`
  const grown = await growth(server.process.pid, async () => {
    for (let i = 0; i < 5; i++) await deliver(server, large)
    for (let i = 0; i < 100; i++) await deliver(server, 'Subject: small\r\n\r\nx')
    await untilIndexed(server)
  })
  // 70 MB of text, the thread with its libraries, and what the rest of the server needs for the first time.
  assert.ok(grown < 250 * mib, `${Math.round(grown / mib)} MiB more`)
})

async function untilIndexed(server: TestServer): Promise<void> {
  for (;;) {
    const { data } = (await (await server.api('GET', '/api/search/index')).json()) as {
      data: { segments: number; behind: number }
    }
    if (data.segments > 0 && data.behind === 0) return
    await wait(100)
  }
}

async function put(smtp: Conversation, hash: Hash, bytes: Buffer): Promise<void> {
  hash.update(bytes)
  if (!smtp.stream.write(bytes)) await once(smtp.stream, 'drain')
}

/** Asks for something of the newest message; the digest of what was sent of it, without its trace fields. */
async function fetchNewest(server: TestServer, items: string): Promise<string> {
  const socket = connectTls({ port: server.imapsPort, host: '127.0.0.1', rejectUnauthorized: false })
  const hash = createHash('sha256')
  let left = 0
  let line = ''
  let isTrace = true
  socket.write(`a LOGIN ${name} "${password}"\r\nb SELECT INBOX\r\nc FETCH * (${items})\r\nd LOGOUT\r\n`)
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    let at = 0
    while (at < chunk.length) {
      if (left > 0 && !isTrace) {
        const piece = chunk.subarray(at, at + left)
        hash.update(piece)
        left -= piece.length
        at += piece.length
        continue
      }
      const lf = chunk.indexOf(0x0a, at)
      const end = lf === -1 ? chunk.length : lf + 1
      line += chunk.toString('latin1', at, end)
      if (left > 0) left -= end - at
      at = end
      if (lf === -1) continue
      const size = /\{(\d+)\}\r\n$/.exec(line)?.[1]
      if (size !== undefined) left = Number(size)
      // The last of the trace fields ends with the date.
      else if (left > 0 && /^\t.*; .* [+-]\d{4}\r\n$/.test(line)) isTrace = false
      if (line.startsWith('c ')) assert.match(line, /^c OK /)
      line = ''
    }
  }
  return hash.digest('hex')
}
