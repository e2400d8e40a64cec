/** IMAP clients that say what no client may say: each gets one precise answer, and nothing else happens. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { startServer, type TestServer } from '../../harness/server.ts'
import type { Conversation } from '../../harness/conversation.ts'
import {
  assertNoDefect,
  assertStillServes,
  count,
  deliver,
  name,
  password,
  signedIn,
} from './still-serves.ts'

describe('hostile IMAP input', () => {
  let server: TestServer

  before(async () => {
    server = await startServer()
    await server.createAccount(name, password)
    await deliver(server, 'Subject: one\r\n\r\nbody')
  })
  after(() => server[Symbol.asyncDispose]())

  async function stranger(): Promise<Conversation> {
    const imap = await server.connect(server.imapsPort, { tls: true })
    await imap.expect('* OK ')
    return imap
  }

  async function inInbox(): Promise<Conversation> {
    const imap = await signedIn(server)
    imap.send('s2 SELECT INBOX')
    await imap.until('s2 OK ')
    return imap
  }

  describe('before sign-in', () => {
    for (const [what, line] of [
      ['a literal beyond the limit', 'a LOGIN {99999999}'],
      ['a literal of more digits than fit', `a LOGIN {${'9'.repeat(30)}}`],
    ] as const) {
      test(`${what} is not asked for`, async () => {
        await using imap = await stranger()
        imap.send(line)
        await imap.expect(/^a (?:NO|BAD) /)
        await imap.ask('b NOOP', 'b OK ')
      })
    }

    test('a literal beyond the limit that does not wait ends the session', async () => {
      await using imap = await stranger()
      imap.send('a LOGIN {99999999+}')
      imap.sendRaw('b NOOP\r\n'.repeat(100))
      await imap.expect('* BYE ')
      await imap.expectEnd()
    })

    test('a line beyond the limit ends the session', async () => {
      await using imap = await stranger()
      imap.send(`a LOGIN ${'x'.repeat(20_000)} y`)
      await imap.expect('* BYE ')
      await imap.expectEnd()
    })

    test('what needs an account is refused', async () => {
      await using imap = await stranger()
      for (const command of [
        'SELECT INBOX',
        'LIST "" *',
        'IDLE',
        'FETCH 1 FLAGS',
        'EXPUNGE',
        'APPEND INBOX {1+}\r\nx',
      ]) {
        await imap.ask(`a ${command}`, 'a BAD ')
      }
      await imap.ask('b NOOP', 'b OK ')
    })

    test('a few wrong passwords, then the end', async () => {
      await using imap = await stranger()
      await imap.ask('a LOGIN nobody@example.org x', 'a NO [AUTHENTICATIONFAILED] ')
      await imap.ask(`b LOGIN ${name} x`, 'b NO [AUTHENTICATIONFAILED] ')
      imap.send('c AUTHENTICATE PLAIN AGEAYg==')
      await imap.until('* BYE ')
    })

    test('commands behind STARTTLS do not survive it', async () => {
      await using imap = await server.connect(server.imapPort)
      await imap.expect('* OK ')
      imap.send('a STARTTLS', `b LOGIN ${name} "${password}"`, 'c SELECT INBOX')
      await imap.expect('a OK ')
      await imap.upgradeTls()
      await imap.ask('d SELECT INBOX', 'd BAD ')
    })

    test('no password in clear', async () => {
      await using imap = await server.connect(server.imapPort)
      await imap.expect(/^\* OK .*LOGINDISABLED/)
      await imap.ask(`a LOGIN ${name} "${password}"`, /^a (?:NO|BAD) /)
      await imap.ask('b AUTHENTICATE PLAIN', /^b (?:NO|BAD) /)
      await imap.ask('c NOOP', 'c OK ')
    })
  })

  describe('nonsense', () => {
    const bad: readonly string[] = [
      '',
      ' ',
      'a',
      'a ',
      'a  NOOP',
      '* NOOP',
      'a+b NOOP',
      'a XYZZY',
      'a NOOP now',
      'a UID',
      'a UID NOOP',
      'a SELECT',
      'a SELECT INBOX INBOX',
      'a FETCH',
      'a FETCH 0 FLAGS',
      'a FETCH 1:x FLAGS',
      'a FETCH 4294967296 FLAGS',
      'a FETCH 1 (FLAGS',
      'a FETCH 1 FLAGS)',
      'a FETCH 1 BODY[',
      'a FETCH 1 BODY[]<0.0>',
      'a FETCH 1 BODY[HEADER.FIELDS ()]',
      'a FETCH 1 BODY[1..2]',
      'a FETCH 1 COLOUR',
      'a STORE 1 FLAGS',
      'a STORE 1 +FLAGS (\\)',
      'a SEARCH',
      'a SEARCH NOT',
      'a SEARCH OR ALL',
      'a SEARCH BEFORE 31-Feb-x',
      'a SEARCH (',
      'a SEARCH CHARSET',
      'a COPY 1',
      'a APPEND',
      'a APPEND INBOX',
      'a APPEND INBOX "text"',
      'a LIST',
      'a STATUS INBOX',
      'a STATUS INBOX ()',
      'a STATUS INBOX (COLOUR)',
      'a LOGIN a',
      'a IDLE now',
      'a \0',
      'a NOOP\0',
      'a SELECT "INBOX',
      'a SELECT "IN\\BOX"',
      'a SELECT \xff\xfe',
      '\xff\xfe\xfd',
    ]
    for (const line of bad) {
      test(`${JSON.stringify(line)} is BAD, or NO`, async () => {
        await using imap = await inInbox()
        imap.send(line)
        await imap.expect(/^(?:a|\*) (?:BAD|NO) /)
        await imap.ask('z NOOP', 'z OK ')
      })
    }

    test('again and again, until it is enough', async () => {
      await using imap = await inInbox()
      for (let i = 0; i < 19; i++) await imap.ask(`a${i} XYZZY`, `a${i} BAD `)
      imap.send('b XYZZY')
      await imap.until('* BYE ')
      await imap.expectEnd()
    })
  })

  describe('names', () => {
    for (const [what, mailbox] of [
      ['invalid modified UTF-7', '"a&b"'],
      ['modified UTF-7 of an unpaired surrogate', '"&2AA-"'],
      ['8-bit bytes that are no UTF-8', '{2+}\r\n\xff\xfe'],
      ['a NUL', '{3+}\r\na\0b'],
      ['a line end', '{4+}\r\na\r\nb'],
      ['no parts', '"////"'],
      ['too many parts', `"${'a/'.repeat(30_000)}a"`],
      ['too many characters', `"${'a'.repeat(5000)}"`],
      ['dots that go up', '"../../../etc/passwd"'],
    ] as const) {
      test(`a mailbox name with ${what} harms nothing`, async () => {
        await using imap = await signedIn(server)
        imap.sendRaw(`a CREATE ${mailbox}\r\n`)
        const answer = await imap.line()
        if (what !== 'dots that go up') assert.match(answer, /^a (?:NO|BAD) /)
        await imap.ask('z NOOP', 'z OK ')
      })
    }
  })

  describe('too much', () => {
    test('a literal beyond the limit is not asked for, and one that does not wait ends the session', async () => {
      const before = await count(server)
      await using imap = await signedIn(server)
      await imap.ask('a APPEND INBOX {4294967295}', /^a (?:NO|BAD) /)
      await imap.ask('b SELECT {10000000}', /^b (?:NO|BAD) /)
      imap.send('c APPEND INBOX {4294967295+}')
      imap.sendRaw('d NOOP\r\n')
      await imap.until('* BYE ')
      await imap.expectEnd()
      assert.equal(await count(server), before)
    })

    test('a message beyond the limit that does not wait is taken in and refused', async () => {
      await using imap = await signedIn(server)
      const size = 60 << 20
      imap.send(`a APPEND INBOX {${size}+}`)
      for (let sent = 0; sent < size; sent += 1 << 20) imap.sendRaw(Buffer.alloc(1 << 20, 'x'))
      imap.sendRaw('\r\n')
      await imap.expect(/^a NO \[(?:TOOBIG|LIMIT)\] /)
      await imap.ask('b NOOP', 'b OK ')
    })

    test('parentheses and ORs without end', async () => {
      await using imap = await inInbox()
      await imap.ask(`a SEARCH ${'('.repeat(20_000)}ALL${')'.repeat(20_000)}`, /^a (?:NO|BAD) /)
      await imap.ask(`b SEARCH ${'NOT '.repeat(15_000)}ALL`, /^(?:b (?:NO|BAD)|\* SEARCH)/)
      imap.send(`c SEARCH ${'OR ALL '.repeat(9000)}ALL`)
      await imap.until(/^c (?:OK|NO|BAD) /)
      await imap.ask('z NOOP', 'z OK ')
    })

    test('sets of a thousand ranges over all numbers there are', async () => {
      await using imap = await inInbox()
      const ranges = Array.from({ length: 3000 }, (_, i) => `${i + 1}:4294967295`).join(',')
      imap.send(`a UID FETCH ${ranges} FLAGS`)
      const answers = await imap.until('a ')
      assert.ok(answers.length < 10, 'a message more than once')
      imap.send(`b UID FETCH 1:4294967295 (${'FLAGS '.repeat(5000)}UID)`)
      await imap.until(/^b /)
      await imap.ask('z NOOP', 'z OK ')
    })

    test('a flood of keywords', async () => {
      await using imap = await inInbox()
      const keywords = Array.from({ length: 4000 }, (_, i) => `keyword${i}`).join(' ')
      imap.send(`a STORE 1 +FLAGS.SILENT (${keywords})`)
      await imap.until(/^a /)
      imap.send(`b STORE 1 +FLAGS.SILENT (${'k'.repeat(5000)})`)
      await imap.until(/^b /)
      imap.send('c STORE 1 FLAGS.SILENT ()')
      await imap.until('c OK ')
    })

    test('a thousand commands in one write, answered in order', async () => {
      await using imap = await inInbox()
      imap.send(...Array.from({ length: 1000 }, (_, i) => `t${i} UID FETCH 1 (FLAGS)`))
      for (let i = 0; i < 1000; i++) await imap.until(`t${i} OK `)
    })
  })

  test('anything but DONE ends IDLE with BAD', async () => {
    for (const line of ['a NOOP', 'done now', 'x'.repeat(60), '']) {
      await using imap = await inInbox()
      await imap.ask('a IDLE', '+ ')
      imap.send(line)
      await imap.until('a BAD ')
      await imap.ask('b NOOP', 'b OK ')
    }
    await using imap = await inInbox()
    await imap.ask('a IDLE', '+ ')
    imap.send('x'.repeat(100_000))
    await imap.until(/^(?:a (?:BAD|NO)|\* BYE) /)
  })

  test('a literal whose command ends wrongly leaves nothing behind', async () => {
    const before = await count(server)
    await using imap = await signedIn(server)
    imap.sendRaw('a APPEND INBOX {12+}\r\nSubject: x\r\n and more\r\n')
    await imap.expect('a BAD ')
    imap.sendRaw('b APPEND nowhere {12+}\r\nSubject: x\r\n\r\n')
    await imap.expect('b NO [TRYCREATE] ')
    assert.equal(await count(server), before)
  })

  test('SMTP and HTTP spoken here', async () => {
    for (const lines of [
      ['EHLO x', 'MAIL FROM:<a@example.net>'],
      ['GET / HTTP/1.1', 'Host: x', ''],
    ]) {
      await using imap = await stranger()
      imap.send(...lines)
      await imap.expect(/^(?:\*|EHLO|GET) BAD /)
    }
  })

  test('afterwards the server serves, and nothing was a defect', async () => {
    await assertStillServes(server)
    assertNoDefect(server)
  })
})
