/**
 * Clients that vanish: whole conversations are cut after every single byte, once in order and once with a reset.
 * Whatever was not finished is not there, whatever is there is whole, and nothing is held for who has gone.
 */
import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { connect as connectTcp, type Socket } from 'node:net'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { basicAuth, startServer, type TestServer } from '../../harness/server.ts'
import {
  assertNoDefect,
  assertStillServes,
  count,
  name,
  password,
  readAll,
  signedIn,
} from './still-serves.ts'

/** How many clients there are at a time. */
const atOnce = 24
/** A guard against a server that does not hang up; no test depends on how long it is. */
const hangMs = 120_000

type Cut = 'end' | 'reset'

/** Sends bytes at once, then ends in that way; resolves when the connection is gone. */
function sendAndVanish(
  socket: Socket,
  bytes: Buffer,
  cut: Cut,
  ready: 'connect' | 'secureConnect',
): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      socket.destroy()
      reject(new Error(`the server kept the connection after ${bytes.length} bytes`))
    }, hangMs)
    socket.on('error', () => {}) // a reset of ours or of theirs
    socket.on('close', () => {
      clearTimeout(timer)
      resolve()
    })
    socket.resume()
    socket.once(ready, () => {
      if (cut === 'end') socket.end(bytes)
      else socket.write(bytes, () => (ready === 'connect' ? socket.resetAndDestroy() : socket.destroy()))
    })
  })
}

async function eachPrefix(bytes: Buffer, vanish: (prefix: Buffer) => Promise<void>): Promise<void> {
  let next = 0
  const client = async (): Promise<void> => {
    while (next <= bytes.length) await vanish(bytes.subarray(0, next++))
  }
  await Promise.all(Array.from({ length: atOnce }, client))
}

describe('clients that vanish', () => {
  let server: TestServer

  before(async () => {
    server = await startServer({ config: '[imap.auth]\nallow-plain-text = true\n' })
    await server.createAccount(name, password)
  })
  after(() => server[Symbol.asyncDispose]())

  /** The endings of the messages that the mailbox has. */
  async function assertWhole(expected: RegExp): Promise<void> {
    for (const message of await readAll(server)) assert.match(message, expected)
  }

  const staged = (): readonly string[] =>
    readdirSync(path.join(server.directory, 'data'), { recursive: true, encoding: 'utf8' }).filter((file) =>
      file.endsWith('.staged'),
    )

  const body = `Subject: whole\r\n\r\n..${'text '.repeat(20)}\r\nthe end\r\n`
  const smtp = Buffer.from(
    [
      'EHLO client.example.net',
      'NOOP',
      'MAIL FROM:<a@example.net> SIZE=100',
      `RCPT TO:<${name}>`,
      'RSET',
      'MAIL FROM:<a@example.net>',
      `RCPT TO:<${name}>`,
      'DATA',
      `${body}.`,
      'MAIL FROM:<a@example.net>',
      `RCPT TO:<${name}>`,
      `BDAT 10\r\n${body.slice(0, 10)}BDAT ${body.length - 10} LAST\r\n${body.slice(10)}VRFY ${name}`,
      'HELP',
      'QUIT',
      '',
    ].join('\r\n'),
  )
  const lmtp = Buffer.from(
    [
      'LHLO client.example.net',
      'MAIL FROM:<a@example.net>',
      `RCPT TO:<${name}>`,
      `RCPT TO:<${name}>`,
      'DATA',
      `${body}.`,
      'QUIT',
      '',
    ].join('\r\n'),
  )
  const sent = `${body.slice(0, 24)}`
  const wholeMessage = /Subject: whole\r\n\r\n\.{1,2}(?:text ){20}\r\nthe end\r\n$/

  for (const cut of ['end', 'reset'] as const) {
    for (const [protocol, port, bytes] of [
      ['SMTP', 'smtpPort', smtp],
      ['LMTP', 'lmtpPort', lmtp],
    ] as const) {
      test(`${protocol}, cut after every byte by ${cut}`, async () => {
        assert.ok(bytes.includes(sent))
        const before = await count(server)
        await eachPrefix(bytes, (prefix) =>
          sendAndVanish(connectTcp(server[port], '127.0.0.1'), prefix, cut, 'connect'),
        )
        const firstEnd = bytes.indexOf('\r\n.\r\n') + 5
        const possible = (bytes.length - firstEnd + 1) * 2
        const there = (await count(server)) - before
        assert.ok(there <= possible, `${there} messages of at most ${possible}`)
        // One that ends in order gets what it has finished.
        if (cut === 'end') assert.ok(there >= bytes.length - firstEnd, `only ${there} messages`)
        await assertWhole(wholeMessage)
      })
    }
  }

  const message = 'Subject: appended\r\n\r\nwith an end\r\n'
  const imap = Buffer.from(
    [
      'a CAPABILITY',
      `b LOGIN ${name} "${password}"`,
      'c NAMESPACE',
      'd LIST "" "*" RETURN (STATUS (MESSAGES))',
      'e STATUS {5+}',
      'Drafts (MESSAGES)',
      `f APPEND Drafts (\\Seen) {${message.length}+}`,
      message,
      'g SELECT Drafts',
      'h FETCH 1:5 (FLAGS ENVELOPE BODYSTRUCTURE BODY.PEEK[])',
      'i STORE 1 +FLAGS (\\Flagged)',
      'j SEARCH TEXT {3+}',
      'end',
      'k COPY 1 Sent',
      'l IDLE',
      'DONE',
      'm LOGOUT',
      '',
    ].join('\r\n'),
  )

  for (const cut of ['end', 'reset'] as const) {
    test(`IMAP, cut after every byte by ${cut}`, async () => {
      const before = await count(server, 'Drafts')
      await eachPrefix(imap, (prefix) =>
        sendAndVanish(connectTcp(server.imapPort, '127.0.0.1'), prefix, cut, 'connect'),
      )
      const appendEnd = imap.indexOf(message) + message.length + 2
      const there = (await count(server, 'Drafts')) - before
      const possible = imap.length - appendEnd + 1
      assert.ok(there <= possible, `${there} messages of at most ${possible}`)
      if (cut === 'end') assert.equal(there, possible)
      for (const found of await readAll(server, 'Drafts')) assert.equal(found, message)
      for (const found of await readAll(server, 'Sent')) assert.equal(found, message)
    })
  }

  for (const [how, framed] of [
    ['a length', (body: string) => `Content-Length: ${body.length}\r\n\r\n${body}`],
    ['chunks', (body: string) => `Transfer-Encoding: chunked\r\n\r\n5\r\n${body.slice(0, 5)}\r\n`],
  ] as const) {
    for (const cut of ['end', 'reset'] as const) {
      test(`HTTP with ${how}, cut after every byte by ${cut}`, async () => {
        const authorization = basicAuth('admin', server.adminPassword!)
        const head = `POST /api/principal HTTP/1.1\r\nHost: x\r\nAuthorization: ${authorization}\r\n`
        const whole = head + framed('{"type":"domain","name":"unfinished.example"}')
        await eachPrefix(Buffer.from(whole.slice(0, -1)), (prefix) =>
          sendAndVanish(connectTcp(server.httpPort, '127.0.0.1'), prefix, cut, 'connect'),
        )
        assert.equal((await server.api('GET', '/api/principal/unfinished.example')).status, 404)
        assertNoDefect(server)
      })
    }
  }

  test('TLS that is cut off inside a message', async () => {
    const before = await count(server)
    const half = smtp.subarray(0, smtp.indexOf('the end'))
    for (let i = 0; i < 30; i++) {
      const socket = connectTls({
        port: server.submissionsPort,
        host: '127.0.0.1',
        rejectUnauthorized: false,
      })
      await sendAndVanish(socket, half, i % 2 === 0 ? 'end' : 'reset', 'secureConnect')
    }
    assert.equal(await count(server), before)
  })

  test('a large message that stops half-way leaves no file behind', async () => {
    const before = await count(server)
    const start = Buffer.from(
      `EHLO x\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<${name}>\r\nDATA\r\nSubject: half\r\n\r\n`,
    )
    const large = Buffer.concat([start, Buffer.alloc(2 << 20, `${'x'.repeat(70)}\r\n`)])
    for (let i = 0; i < 10; i++) {
      const socket = connectTcp(server.smtpPort, '127.0.0.1')
      await sendAndVanish(socket, large, i % 2 === 0 ? 'end' : 'reset', 'connect')
    }
    await using imapSession = await signedIn(server)
    imapSession.send('a APPEND INBOX {5000000+}')
    imapSession.sendRaw(Buffer.alloc(2_000_000, 'x'))
    imapSession.destroy()
    assert.equal(await count(server), before)
    // A session that has ended has removed its file; those of the last ones may take a moment.
    while (staged().length > 0) await assertStillServes(server)
  })

  test('afterwards the server serves, and nothing was a defect', async () => {
    await assertStillServes(server)
    assertNoDefect(server)
  })
})
