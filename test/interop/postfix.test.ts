/**
 * Mail to Debian's Postfix and back: every kind of message arrives byte for byte, by TLS in both directions;
 * what Postfix refuses comes back in a report that Python's email package reads, and a report of Postfix's own
 * is delivered.
 *
 * POSTERN_EXCHANGE: messages, 500 by default; each goes both ways.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import path from 'node:path'
import { startDns } from '../harness/dns.ts'
import { freePorts } from '../harness/free-ports.ts'
import type { Conversation } from '../harness/conversation.ts'
import { startServer, type TestServer } from '../harness/server.ts'
import { type RunningPostfix, startPostfix } from './postfix.ts'
import { needs, run } from './program.ts'

const count = Number(process.env['POSTERN_EXCHANGE'] ?? 500)
const password = 'correct horse battery'
const alice = 'alice@example.org'

/** The kinds of messages, each with whether its header has UTF-8; `\n` stands for CRLF. */
const kinds: readonly ((n: number) => {
  readonly header?: string
  readonly body: string
  readonly isUtf8?: true
})[] = [
  (n) => ({ body: `plain text ${n}\n` }),
  (n) => ({ body: `.\n..\n.dots ${n}\n\n.\n` }),
  () => ({ body: '' }),
  (n) => ({
    header: 'MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n',
    body: `Grüße, 你好 ${n}\n`,
  }),
  (n) => ({ body: `${'long '.repeat(199)}${n % 10}\n`.repeat(3) }),
  (n) => ({ header: 'X-Folded: one\n\ttwo\n  three\n', body: `trailing blanks ${n} \t\n\n\n` }),
  (n) => ({
    header: 'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="=_b"\n',
    body: `preamble\n--=_b\n\ntext ${n}\n--=_b\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\nContent-Disposition: attachment; filename="a.bin"\n\n${Buffer.alloc(30_000, n).toString('base64').replace(/.{76}/g, '$&\n')}\n--=_b--\nepilogue\n`,
  }),
  (n) => ({ header: `X-Name: Grüße ${n}\n`, body: 'header in UTF-8\n', isUtf8: true }),
  (n) => ({ body: `From here\nFrom ${n} there\n>From\n` }),
  (n) => ({
    body: `lines of seventy-two characters, more or less, and more ${n}\n`.repeat(
      n % 50 === 9 ? 36_000 : 400,
    ),
  }),
]

interface Sent {
  readonly messageId: string
  readonly bytes: Buffer
  readonly isUtf8: boolean
}

function messageOf(n: number): Sent {
  const { header = '', body, isUtf8 = false } = kinds[n % kinds.length]!(n)
  const messageId = `<exchange-${n}@example.org>`
  const fixed = `From: Alice <${alice}>\nTo: bob@pf.example\nSubject: message ${n}\nDate: Sat, 28 Nov 2026 10:00:00 +0000\nMessage-ID: ${messageId}\n`
  return { messageId, isUtf8, bytes: Buffer.from(`${fixed}${header}\n${body}`.replaceAll('\n', '\r\n')) }
}

async function submit(smtp: Conversation, to: string, { bytes, isUtf8 }: Sent, more = ''): Promise<void> {
  const stuffed = bytes.toString('latin1').replace(/^\./gm, '..')
  await smtp.ask(`MAIL FROM:<${alice}> BODY=8BITMIME${isUtf8 ? ' SMTPUTF8' : ''}${more}`, '250 ')
  await smtp.ask(`RCPT TO:<${to}>`, '250 ')
  await smtp.ask('DATA', '354 ')
  smtp.sendRaw(`${stuffed}.\r\n`)
  await smtp.expect('250 ')
}

describe('Postfix', needs('postfix', 'python3'), () => {
  const stack = new AsyncDisposableStack()
  let server: TestServer
  let postfix: RunningPostfix
  let smtp: Conversation

  before(async () => {
    const dns = stack.use(
      await startDns({ 'pf.example': { MX: ['10 mx.pf.example'] }, 'mx.pf.example': { A: ['127.0.0.1'] } }),
    )
    const free = stack.use(await freePorts(1))
    const [port = 0] = free.ports
    const config = `${dns.config}
[MtaConnectionStrategy]
port = ${port}
startTls = "require"
[MtaOutboundStrategy]
maxRecipientsPerHour = 0
maxRecipientsPerDay = 0
`
    server = stack.use(await startServer({ workers: 2, config }))
    await server.createAccount(alice, password)
    postfix = stack.use(
      startPostfix({
        port,
        domain: 'pf.example',
        aliases: { 'bob@pf.example': alice, 'gone@pf.example': 'nobody@example.org' },
        next: server.smtpPort,
      }),
    )
    smtp = stack.use(await server.connect(server.submissionsPort, { tls: true }))
    await smtp.expect('220 ')
    smtp.send('EHLO client.example.net')
    await smtp.until('250 ')
    await smtp.ask(`AUTH PLAIN ${Buffer.from(`\0${alice}\0${password}`).toString('base64')}`, '235 ')
  })
  after(() => stack.disposeAsync())

  /** Messages of the Inbox from this sequence number on, once there are so many. */
  async function inbox(from: number, wanted: number): Promise<readonly Buffer[]> {
    await using imap = await server.connect(server.imapsPort, { tls: true })
    await imap.expect('* OK ')
    await imap.ask(`s1 LOGIN ${alice} "${password}"`, 's1 OK ')
    for (let tries = 0; ; tries++) {
      imap.send('e EXAMINE INBOX')
      const [, exists = '0'] = /\* (\d+) EXISTS/.exec((await imap.until('e OK')).join('\n')) ?? []
      if (Number(exists) >= from - 1 + wanted) break
      assert.ok(tries < 2000, `${exists} of ${wanted}\n${server.process.output}\n${postfix.log}`)
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    imap.send(`f FETCH ${from}:* (BODY.PEEK[])`)
    const all: Buffer[] = []
    for (;;) {
      const line = await imap.line()
      if (line.startsWith('f ')) return all
      const size = /\{(\d+)\}$/.exec(line)?.[1]
      if (size !== undefined) all.push(await imap.bytes(Number(size)))
    }
  }

  const reportOf = async (message: Buffer) =>
    JSON.parse(
      (
        await run('python3', ['-B', path.join(import.meta.dirname, 'python/read_report.py')], {
          input: message,
        })
      ).stdout.toString(),
    ) as Record<string, unknown> & { readonly message: object; readonly recipients: readonly object[] }

  test(`${count} messages of all kinds go there and back by TLS, byte for byte, each once`, async () => {
    const sent = Array.from({ length: count }, (_, n) => messageOf(n))
    for (const one of sent) await submit(smtp, 'bob@pf.example', one)
    const got = await inbox(1, count)
    const byId = new Map(got.map((one) => [/^Message-ID: (\S+)/im.exec(one.toString('latin1'))?.[1], one]))
    assert.deepEqual([got.length, byId.size], [count, count])
    for (const { messageId, bytes } of sent) {
      const one = byId.get(messageId)
      if (one === undefined)
        assert.fail(`${messageId} is not among ${[...byId.keys()].join(' ')}\n${postfix.log}`)
      const tail = one.subarray(one.length - bytes.length)
      assert.ok(tail.equals(bytes), `${messageId}\n${one.toString('latin1').slice(0, 3000)}`)
      const trace = one.toString('latin1', 0, one.length - bytes.length)
      assert.match(
        trace,
        /by mail\.example\.org [^]*\bwith (?:UTF8SMTPS|ESMTPS)\b[^]*using TLSv1\.3[^]*by mx\.pf\.example/,
      )
    }
  })

  test('what Postfix refuses comes back in a report that Python reads', async () => {
    const original = messageOf(0)
    await submit(smtp, 'nobody@pf.example', original, ' RET=FULL ENVID=E+2B1')
    const [message = assert.fail()] = await inbox(count + 1, 1)
    const report = await reportOf(message)
    assert.deepEqual(
      [report['type'], report['reportType'], report['parts'], report['to'], report['autoSubmitted']],
      [
        'multipart/report',
        'delivery-status',
        ['text/plain', 'message/delivery-status', 'message/rfc822'],
        alice,
        'auto-replied',
      ],
    )
    assert.deepEqual([report['original'], report['defects']], [original.messageId, []])
    const { 'Arrival-Date': arrived, ...about } = report.message as Record<string, string>
    assert.deepEqual(about, { 'Original-Envelope-Id': 'E+1', 'Reporting-MTA': 'dns; mail.example.org' })
    assert.ok(Date.parse(arrived!) > 0)
    const [recipient = {}] = report.recipients
    const {
      'Last-Attempt-Date': tried,
      'Diagnostic-Code': said,
      ...rest
    } = recipient as Record<string, string>
    assert.deepEqual(rest, {
      'Final-Recipient': 'rfc822; nobody@pf.example',
      Action: 'failed',
      Status: '5.1.1',
      'Remote-MTA': 'dns; mx.pf.example',
    })
    assert.ok(Date.parse(tried!) > 0)
    assert.match(said!, /^smtp; 550 5\.1\.1 <nobody@pf\.example>: Recipient address rejected: User unknown/)
    assert.match(String(report['text']), /nobody@pf\.example/)
  })

  test('a report of its own about what we refused reaches the sender', async () => {
    await submit(smtp, 'gone@pf.example', messageOf(0))
    const [message = assert.fail()] = await inbox(count + 2, 1)
    const report = await reportOf(message)
    assert.match(String(report['from']), /MAILER-DAEMON@mx\.pf\.example/)
    assert.match(JSON.stringify(report.recipients), /No such user here/)
    assert.match(message.toString('latin1'), /^Return-Path: <>\r\n/)
  })
})
