/** SMTP clients that say what no client may say: each gets one precise answer, and nothing else happens. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startServer, type TestServer } from '../../harness/server.ts'
import { assertNoDefect, assertStillServes, count, greeted, name, password, readAll } from './still-serves.ts'

describe('hostile SMTP input', () => {
  let server: TestServer

  before(async () => {
    server = await startServer()
    await server.createAccount(name, password)
  })
  after(() => server[Symbol.asyncDispose]())

  test('a line over the limit gets 500, and the next one is understood', async () => {
    await using smtp = await greeted(server)
    await smtp.ask(`NOOP ${'x'.repeat(2048)}`, '500 5.5.2 ')
    await smtp.ask(`MAIL FROM:<${'a'.repeat(100_000)}@example.net>`, '500 5.5.2 ')
    await smtp.ask('NOOP', '250 ')
  })

  test('a line without an end is not waited for', async () => {
    await using smtp = await greeted(server)
    const piece = Buffer.alloc(1 << 20, 'x')
    for (let sent = 0; sent < 5; sent++) smtp.sendRaw(piece)
    await smtp.expectEnd()
  })

  test('unknown commands, until it is enough', async () => {
    await using smtp = await greeted(server)
    for (let i = 1; i <= 10; i++) await smtp.ask(`XYZZY${i}`, '500 5.5.1 ')
    await smtp.expect('421 4.7.0 ')
    await smtp.expectEnd()
  })

  test('a browser that was tricked into speaking here is shown the door', async () => {
    await using smtp = await server.connect(server.smtpPort)
    await smtp.expect('220 ')
    smtp.send('POST / HTTP/1.1', 'Host: mail.example.org', '', 'MAIL FROM:<a@example.net>')
    await smtp.expect('554 5.5.1 ')
    await smtp.expectEnd()
  })

  const wrongStates: readonly (readonly [string, readonly string[], string])[] = [
    ['MAIL before EHLO', ['MAIL FROM:<a@example.net>'], '503 '],
    ['RCPT without MAIL', ['EHLO x', `RCPT TO:<${name}>`], '503 '],
    ['DATA without MAIL', ['EHLO x', 'DATA'], '503 '],
    ['DATA without RCPT', ['EHLO x', 'MAIL FROM:<a@example.net>', 'DATA'], '503 '],
    [
      'MAIL inside a transaction',
      ['EHLO x', 'MAIL FROM:<a@example.net>', 'MAIL FROM:<b@example.net>'],
      '503 ',
    ],
    ['STARTTLS with an argument', ['EHLO x', 'STARTTLS now'], '501 '],
    ['AUTH without TLS', ['EHLO x', 'AUTH PLAIN AGEAYg=='], '5'],
    ['LHLO to SMTP', ['LHLO x'], '5'],
    ['BDAT outside a transaction', ['EHLO x', 'BDAT 4 LAST\r\nabcd'], '503 '],
    ['RSET with an argument', ['EHLO x', 'RSET all'], '501 '],
  ]
  for (const [what, lines, answer] of wrongStates) {
    test(`${what} is refused, and the session goes on`, async () => {
      await using smtp = await server.connect(server.smtpPort)
      await smtp.expect('220 ')
      for (const line of lines.slice(0, -1)) {
        smtp.send(line)
        await smtp.until('250 ')
      }
      smtp.sendRaw(`${lines.at(-1)}${lines.at(-1)!.startsWith('BDAT') ? '' : '\r\n'}`)
      await smtp.expect(answer)
      await smtp.ask('NOOP', '250 ')
    })
  }

  for (const [what, line, answer] of [
    ['invalid UTF-8 in an address', 'MAIL FROM:<\xff\xfe@example.net> SMTPUTF8', /^5\d\d /],
    ['an over-long form in UTF-8', 'MAIL FROM:<\xc0\xaf@example.net> SMTPUTF8', /^5\d\d /],
    ['8-bit text without SMTPUTF8', 'MAIL FROM:<j\xc3\xb6rg@example.net>', /^5\d\d /],
    ['NUL in a command', 'MAIL FROM:<a\0@example.net>', /^500 5\.5\.2 /],
    ['a bare CR in a command', 'MAIL FROM:<a@example.net>\rRCPT TO:<b@example.net>', /^500 5\.5\.2 /],
    ['a bare LF in a command', 'NOOP\nNOOP', /^500 5\.5\.2 /],
    ['an address without an end', 'MAIL FROM:<a@example.net', /^501 /],
    ['a quoted part without an end', 'MAIL FROM:<"a@example.net>', /^501 /],
    ['a parameter nobody knows', 'MAIL FROM:<a@example.net> COLOUR=BLUE', /^555 /],
    ['a size that is no number', 'MAIL FROM:<a@example.net> SIZE=-1', /^501 /],
    ['a size of many digits', `MAIL FROM:<a@example.net> SIZE=${'9'.repeat(40)}`, /^5/],
    ['a source route of many hosts', `MAIL FROM:<${'@a.example,'.repeat(100)}@b.example:c@d.example>`, /^/],
    ['a domain of dots', 'MAIL FROM:<a@....>', /^501 /],
  ] as const) {
    test(`${what} gets one answer`, async () => {
      await using smtp = await greeted(server)
      smtp.sendRaw(`${line}\r\n`)
      assert.match(await smtp.line(), answer)
      await smtp.ask('RSET', '250 ')
      await smtp.ask('NOOP', '250 ')
    })
  }

  test('nothing is smuggled behind a line end that is none', async () => {
    const before = await count(server)
    for (const end of ['\n.\n', '\n.\r\n', '\r\n.\n', '\r.\r', '\r\n.\r', '\r.\r\n', '\0\r\n.\n\r\n']) {
      await using smtp = await greeted(server)
      smtp.send('MAIL FROM:<a@example.net>', `RCPT TO:<${name}>`, 'DATA')
      await smtp.expectLines(['250 ', '250 ', '354 '])
      const second = `MAIL FROM:<b@example.net>\r\nRCPT TO:<${name}>\r\nDATA\r\nSubject: smuggled\r\n\r\nx`
      smtp.sendRaw(`Subject: one\r\n\r\nx${end}${second}\r\n.\r\n`)
      await smtp.expect('5')
      await smtp.ask('NOOP', '250 ')
    }
    assert.equal(await count(server), before)
  })

  for (const [what, line] of [
    ['of no number', 'BDAT many'],
    ['below zero', 'BDAT -1'],
    ['beyond all bounds', 'BDAT 99999999999999999999 LAST'],
  ] as const) {
    test(`BDAT with a size ${what} ends the session: what follows cannot be understood`, async () => {
      await using smtp = await greeted(server)
      smtp.send('MAIL FROM:<a@example.net>', `RCPT TO:<${name}>`)
      await smtp.expectLines(['250 ', '250 '])
      smtp.send(line, 'RSET', 'MAIL FROM:<b@example.net>')
      await smtp.expect('501 5.5.4 ')
      await smtp.expectEnd()
    })
  }

  test('commands behind STARTTLS do not survive it', async () => {
    const before = await count(server)
    await using smtp = await greeted(server)
    smtp.sendRaw(
      `STARTTLS\r\nEHLO x\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<${name}>\r\nDATA\r\nSubject: injected\r\n\r\nx\r\n.\r\n`,
    )
    await smtp.expect('220 ')
    await smtp.upgradeTls()
    await smtp.ask('MAIL FROM:<a@example.net>', '503 ')
    await smtp.ask('QUIT', '221 ')
    assert.equal(await count(server), before)
  })

  test('guessing passwords is slow and soon over', async () => {
    await using smtp = await server.connect(server.submissionsPort, { tls: true })
    await smtp.expect('220 ')
    smtp.send('EHLO client.example.net')
    await smtp.until('250 ')
    for (const bad of ['====', '\xff', Buffer.from('no nul').toString('base64'), '*']) {
      smtp.send(`AUTH PLAIN ${bad}`)
      await smtp.expect(/^5[03][015] /)
    }
    await smtp.ask('NOOP', '250 ')
  })

  for (const [what, unit] of [
    ['fields', 'X: y\r\n'],
    ['folded lines', ' x\r\n'],
  ] as const) {
    test(`a header of far too many ${what} is refused when all of it was sent`, async () => {
      const before = await count(server)
      await using smtp = await greeted(server)
      smtp.send('MAIL FROM:<a@example.net>', `RCPT TO:<${name}>`, 'DATA')
      await smtp.expectLines(['250 ', '250 ', '354 '])
      smtp.sendRaw(`Subject: x\r\n${unit.repeat(1_000_000)}\r\nbody\r\n.\r\n`)
      await smtp.expect('552 5.3.4 ')
      assert.equal(await count(server), before)
    })
  }

  test('absurd headers and nesting are kept as they are', async () => {
    const nested = Array.from(
      { length: 2000 },
      (_, i) => `--b${i}\r\nContent-Type: multipart/mixed; boundary=b${i + 1}\r\n\r\n`,
    )
    const bodies = [
      `Content-Type: multipart/mixed; boundary=b0\r\n\r\n${nested.join('')}`,
      `${'X: y\r\n'.repeat(20_000)}\r\nbody`,
      `Subject: ${'=?utf-8?q?a?= '.repeat(5000)}\r\n\r\nbody`,
      `To: ${'('.repeat(50_000)}\r\nReferences: ${'<a@b> '.repeat(20_000)}\r\n\r\nbody`,
      `\xff\xfe\x80\r\n\r\n\x00\x01\x02`,
      '\r\n'.repeat(50_000),
    ]
    for (const body of bodies) {
      await using smtp = await greeted(server)
      smtp.send('MAIL FROM:<a@example.net>', `RCPT TO:<${name}>`, 'DATA')
      await smtp.expectLines(['250 ', '250 ', '354 '])
      smtp.sendRaw(`${body}\r\n.\r\n`)
      await smtp.expect('250 ')
      const newest = (await readAll(server)).at(-1)!
      // RFC 9051 §4.3.1: a literal has no NUL.
      assert.ok(newest.endsWith(`${body.replaceAll('\0', '\x80')}\r\n`), 'other bytes came out')
    }
  })

  test('afterwards the server serves, and nothing was a defect', async () => {
    await assertStillServes(server)
    assertNoDefect(server)
  })
})
