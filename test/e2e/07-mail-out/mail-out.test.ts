/**
 * Two servers and a name server on the loopback: what a user of one submits reaches users of the other, or
 * comes back with a reason; a restart in between loses nothing.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Conversation } from '../../harness/conversation.ts'
import { startDns, type TestDns } from '../../harness/dns.ts'
import { startServer, type TestServer } from '../../harness/server.ts'

const password = 'correct horse battery'

async function signedIn(server: TestServer, name: string): Promise<Conversation> {
  const imap = await server.connect(server.imapsPort, { tls: true })
  await imap.expect('* OK ')
  await imap.ask(`s1 LOGIN ${name} "${password}"`, 's1 OK ')
  return imap
}

/** The messages of an Inbox, once they are as wanted. */
async function waitFor(
  server: TestServer,
  name: string,
  isWanted: (all: readonly string[]) => boolean,
): Promise<readonly string[]> {
  await using imap = await signedIn(server, name)
  for (let tries = 0; ; tries++) {
    const all = await readAll(imap)
    if (isWanted(all)) return all
    assert.ok(tries < 3000, `${all.length} messages\n${server.process.output}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

async function readAll(imap: Conversation): Promise<readonly string[]> {
  imap.send('r1 EXAMINE INBOX')
  const opened = await imap.until('r1 OK ')
  if (opened.includes('* 0 EXISTS')) return []
  imap.send('r2 FETCH 1:* (BODY.PEEK[])')
  const all: string[] = []
  for (;;) {
    const line = await imap.line()
    if (line.startsWith('r2 ')) return all
    const size = /\{(\d+)\}$/.exec(line)?.[1]
    if (size !== undefined) all.push((await imap.bytes(Number(size))).toString('latin1'))
  }
}

/** That one of the messages has all of these in it. */
const having =
  (...patterns: readonly RegExp[]) =>
  (all: readonly string[]): boolean =>
    patterns.every((pattern) => all.some((one) => pattern.test(one)))

async function submit(
  server: TestServer,
  to: readonly string[],
  message: string,
  mail = 'MAIL FROM:<alice@example.org>',
): Promise<void> {
  await using smtp = await server.connect(server.submissionsPort, { tls: true })
  await smtp.expect('220 ')
  smtp.send('EHLO client.example.net')
  await smtp.until('250 ')
  await smtp.ask(`AUTH PLAIN ${Buffer.from(`\0alice@example.org\0${password}`).toString('base64')}`, '235 ')
  await smtp.ask(mail, '250 ')
  for (const recipient of to)
    await smtp.ask(recipient.startsWith('RCPT') ? recipient : `RCPT TO:<${recipient}>`, '250 ')
  await smtp.ask('DATA', '354 ')
  smtp.sendRaw(`${message}\r\n.\r\n`)
  await smtp.expect('250 ')
}

const zones = {
  'remote.example': { MX: ['10 mx.remote.example'] },
  'mx.remote.example': { A: ['127.0.0.1'] },
  'null.example': { MX: ['0 .'] },
} as const

describe('mail to other servers', () => {
  let dns: TestDns
  let remote: TestServer
  let server: TestServer
  const config = (): string => `
${dns.config}
[MtaConnectionStrategy]
ehloHostname = "out.example.org"
port = ${remote.smtpPort}
[MtaDeliverySchedule.remote]
retry = ["1s"]
`

  before(async () => {
    dns = await startDns(zones)
    remote = await startServer({ workers: 2 })
    await remote.createAccount('bob@remote.example', password)
    await remote.createAccount('carol@remote.example', password)
    server = await startServer({ workers: 2, config: config() })
    await server.createAccount('alice@example.org', password)
  })
  after(async () => {
    await server[Symbol.asyncDispose]()
    await remote[Symbol.asyncDispose]()
    await dns[Symbol.asyncDispose]()
  })

  test('a message reaches the other server by TLS, with its bytes as they were', async () => {
    const message =
      'From: alice@example.org\r\nSubject: caf\xc3\xa9\r\nMessage-ID: <1@x>\r\nDate: Sat, 28 Nov 2026 00:00:00 +0000\r\n\r\n..\r\n.dot\r\n\r\nend'
    await submit(server, ['bob@remote.example'], message.replaceAll('\n.', '\n..'))
    const [got = ''] = await waitFor(remote, 'bob@remote.example', (all) => all.length === 1)
    assert.ok(got.endsWith(`\r\n${message}\r\n`), got)
    assert.match(got, /Received: from out\.example\.org [^]*with ESMTPS\s/)
    await server.process.printed('queue.delivered')
  })

  test('local and remote recipients of one message each get it once', async () => {
    await submit(
      server,
      ['carol@remote.example', 'alice@example.org', 'bob@remote.example'],
      'Subject: all\r\n\r\nall',
    )
    for (const [where, name] of [
      [remote, 'carol@remote.example'],
      [remote, 'bob@remote.example'],
      [server, 'alice@example.org'],
    ] as const) {
      const all = await waitFor(where, name, having(/Subject: all/))
      assert.equal(all.filter((one) => one.includes('Subject: all')).length, 1)
    }
  })

  test('who is not there comes back, in words and for programs, with what the other server said', async () => {
    await submit(server, ['nobody@remote.example'], 'Subject: lost\r\nMessage-ID: <lost@x>\r\n\r\nlost')
    const all = await waitFor(server, 'alice@example.org', having(/could not be delivered: lost/))
    const bounce = all.at(-1)!
    assert.match(bounce, /^Return-Path: <>\r\n/)
    assert.match(bounce, /Subject: Your message could not be delivered: lost\r\n/)
    assert.match(bounce, /In-Reply-To: <lost@x>\r\n/)
    assert.match(
      bounce,
      /Remote-MTA: dns; mx\.remote\.example\r\nDiagnostic-Code: smtp; 550 5\.1\.1 No such user here/,
    )
    assert.match(bounce, /Look for a mistake in the address/)
  })

  test('a domain that takes no mail, one that is not there, and a success that was asked for', async () => {
    await submit(server, ['x@null.example', 'y@absent.example'], 'Subject: nowhere\r\n\r\nx')
    await waitFor(server, 'alice@example.org', having(/Status: 5\.1\.10/, /Status: 5\.1\.2/))
    await submit(
      server,
      ['RCPT TO:<alice@example.org> NOTIFY=SUCCESS ORCPT=rfc822;Alice@example.org'],
      'Subject: told\r\n\r\nx',
      'MAIL FROM:<alice@example.org> RET=HDRS ENVID=E1',
    )
    const wanted =
      /Original-Envelope-Id: E1[^]*Original-Recipient: rfc822; Alice@example\.org[^]*Action: delivered/
    await waitFor(server, 'alice@example.org', having(wanted))
  })

  test('the other server is away: it waits, over a restart too, and goes when it is back', async () => {
    await remote.process.stop()
    await submit(server, ['bob@remote.example'], 'Subject: later\r\n\r\nlater')
    await server.process.printed('queue.delayed')
    await server.process.stop()
    remote = await startServer({ workers: 2, directory: remote.directory })
    server = await startServer({ workers: 2, directory: server.directory, config: config() })
    const all = await waitFor(remote, 'bob@remote.example', having(/Subject: later/))
    assert.equal(all.filter((one) => one.includes('Subject: later')).length, 1)
  })
})
