import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noLimits } from '#mail/limits.ts'
import { quotaUsage } from '#mail/mailbox.ts'
import { account } from '../../../test/harness/memory-accounts.ts'
import { ask, ImapTestServer, validity } from '../fixture.test.ts'

const message = 'Subject: appended\r\n\r\nHello\r\n'

test('[UIDPLUS] APPEND with flags and a date, literal asked for: the example of RFC 9051 §6.3.12', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.selected()
  client.send(
    `A003 APPEND INBOX (\\Seen $Forwarded \\Deleted) " 7-Feb-1994 21:52:25 -0800" {${message.length}}`,
  )
  await client.expect('+ ')
  client.sendRaw(`${message}\r\n`)
  await client.expectLines([
    /^\* 1 EXISTS$/,
    new RegExp(`^A003 OK \\[APPENDUID ${validity} 1\\] APPEND completed$`),
  ])
  await ask(client, 'a4 FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[TEXT])', [
    `* 1 FETCH (FLAGS (\\Seen \\Deleted $Forwarded) INTERNALDATE " 8-Feb-1994 05:52:25 +0000" RFC822.SIZE ${message.length} BODY[TEXT] {7}`,
    'Hello',
    ')',
    'a4 OK FETCH completed',
  ])
})

test('[LITERAL+] APPEND without waiting, with the name as a literal, several in one go', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.signedIn()
  client.sendRaw(
    `a1 APPEND {7+}\r\nArchive {${message.length}+}\r\n${message}\r\n` +
      `a2 APPEND Archive ~{${message.length}+}\r\n${message}\r\n` +
      `a3 STATUS Archive (MESSAGES)\r\n`,
  )
  await client.expectLines([
    `a1 OK [APPENDUID ${validity + 5} 1] APPEND completed`,
    `a2 OK [APPENDUID ${validity + 5} 2] APPEND completed`,
    '* STATUS "Archive" (MESSAGES 2)',
    'a3 OK',
  ])
})

test('a refused APPEND consumes its literal and leaves nothing behind', async () => {
  await using server = await ImapTestServer.start({ maxRequestSize: 2000 })
  const client = await server.signedIn()
  client.send('a1 APPEND nowhere {100}')
  await client.expect('a1 NO [TRYCREATE] No such mailbox')
  client.sendRaw(`a2 APPEND nowhere {5+}\r\nA B\r\n\r\n`)
  await client.expect('a2 NO [TRYCREATE] No such mailbox')
  client.send('a3 APPEND INBOX {2001}')
  await client.expect('a3 NO [TOOBIG] Message too large')
  client.sendRaw(`a4 APPEND INBOX {2001+}\r\n${'x'.repeat(2001)}\r\na5 NOOP\r\n`)
  await client.expectLines(['a4 NO [TOOBIG] Message too large', 'a5 OK'])
  client.sendRaw('a6 APPEND INBOX (\\Nonsense) {3+}\r\nabc\r\na7 APPEND INBOX "no date" {3+}\r\nabc\r\n')
  await client.expectLines(['a6 BAD No such system flag', 'a7 BAD Expected a digit'])
  client.sendRaw('a8 APPEND INBOX {3+}\r\nabc more\r\n')
  await client.expect('a8 BAD Expected a literal')
  client.send('a9 APPEND INBOX {0}')
  await client.expect('a9 NO [CANNOT]')
  await ask(client, 'b1 APPEND INBOX', ['b1 BAD Expected a space'])
  await ask(client, 'b2 APPEND INBOX ()', ['b2 BAD Expected a space'])
  await ask(client, 'b3 STATUS INBOX (MESSAGES)', ['* STATUS INBOX (MESSAGES 0)', 'b3 OK STATUS completed'])
})

test('[APPENDLIMIT] the largest message is told by CAPABILITY, STATUS and LIST: the examples of RFC 7889 §2 and §3', async () => {
  await using server = await ImapTestServer.start({ maxRequestSize: 257_890 })
  const stranger = server.connect()
  await stranger.expect(/^\* OK \[CAPABILITY .* APPENDLIMIT=257890[\] ]/)
  const client = await server.signedIn()
  const [words] = await ask(client, 't1 CAPABILITY')
  assert.match(words!, / APPENDLIMIT=257890( |$)/)
  await ask(client, 't2 STATUS INBOX (APPENDLIMIT)', [
    '* STATUS INBOX (APPENDLIMIT 257890)',
    't2 OK STATUS completed',
  ])
  await ask(client, 't3 LIST "" INBOX RETURN (STATUS (appendlimit messages))', [
    '* LIST (\\HasNoChildren) "/" INBOX',
    '* STATUS INBOX (APPENDLIMIT 257890 MESSAGES 0)',
    't3 OK LIST completed',
  ])
  await ask(client, 't4 APPEND INBOX {257891}', ['t4 NO [TOOBIG] Message too large'])
  client.send('t5 APPEND INBOX {257890}')
  await client.expect('+ ')
})

test('over quota, and a full disk', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.signedIn()
  server.limits = { ...noLimits, bytes: 10 }
  client.sendRaw(`a1 APPEND INBOX {${message.length}+}\r\n${message}\r\n`)
  await client.expect('a1 NO [OVERQUOTA] Mailbox is full')
  server.limits = noLimits
  server.engine.full = true
  client.sendRaw(`a2 APPEND INBOX {${message.length}+}\r\n${message}\r\n`)
  await client.expect('a2 NO [UNAVAILABLE]')
  server.engine.full = false
  client.sendRaw(`a3 APPEND INBOX {${message.length}+}\r\n${message}\r\n`)
  await client.expect('a3 OK [APPENDUID ')
})

test('a message of 2 MiB comes back byte for byte', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.selected()
  const big = Buffer.from(`Subject: big\r\n\r\n${'0123456789abcdef\r\n'.repeat(116_000)}`)
  client.send(`a1 APPEND INBOX {${big.length}}`)
  await client.expect('+ ')
  client.sendRaw(big)
  client.send('')
  await client.expectLines([/^\* 1 EXISTS$/, 'a1 OK'])
  client.send('a2 FETCH 1 BODY.PEEK[]')
  await client.expect(`* 1 FETCH (BODY[] {${big.length}}`)
  assert.ok((await client.bytes(big.length)).equals(big))
  await client.expectLines([')', 'a2 OK'])
})

test('a connection that ends inside a literal appends nothing', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.signedIn()
  client.send('a1 APPEND INBOX {1000}')
  await client.expect('+ ')
  client.sendRaw('Subject: half')
  client.end()
  await client.expectEnd()
  const other = await server.signedIn()
  await ask(other, 'b1 STATUS INBOX (MESSAGES)', ['* STATUS INBOX (MESSAGES 0)', 'b1 OK STATUS completed'])
})

/** The messages of the example of RFC 3502. */
const afternoon = `Date: Mon, 7 Feb 1994 21:52:25 -0800 (PST)
From: Fred Foobar <foobar@Blurdybloop.example.COM>
Subject: afternoon meeting
To: mooch@owatagu.example.net
Message-Id: <B27397-0100000@Blurdybloop.example.COM>
MIME-Version: 1.0
Content-Type: TEXT/PLAIN; CHARSET=US-ASCII

Hello Joe, do you think we can meet at 3:30 tomorrow?
`.replaceAll('\n', '\r\n')
const answer = `Date: Mon, 7 Feb 1994 22:43:04 -0800 (PST)
From: Joe Mooch <mooch@OWaTaGu.example.net>
Subject: Re: afternoon meeting
To: foobar@blurdybloop.example.com
Message-Id: <a0434793874930@OWaTaGu.example.net>
MIME-Version: 1.0
Content-Type: TEXT/PLAIN; CHARSET=US-ASCII

3:30 is fine with me.
`.replaceAll('\n', '\r\n')

test('[MULTIAPPEND] two messages in one command: the example of RFC 3502', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.selected('Archive')
  client.send(`A003 APPEND Archive (\\Seen) {${afternoon.length}}`)
  await client.expect('+ ')
  client.sendRaw(`${afternoon} (\\Seen) " 7-Feb-1994 22:43:04 -0800" {${answer.length}}\r\n`)
  await client.expect('+ ')
  client.sendRaw(`${answer}\r\n`)
  await client.expectLines([
    /^\* 2 EXISTS$/,
    new RegExp(`^A003 OK \\[APPENDUID ${validity + 5} 1:2\\] APPEND completed$`),
  ])
  await ask(client, 'b1 FETCH 1:2 (FLAGS INTERNALDATE RFC822.SIZE)', [
    `* 1 FETCH (FLAGS (\\Seen) INTERNALDATE " 1-Jan-2026 00:01:00 +0000" RFC822.SIZE ${afternoon.length})`,
    `* 2 FETCH (FLAGS (\\Seen) INTERNALDATE " 8-Feb-1994 06:43:04 +0000" RFC822.SIZE ${answer.length})`,
    'b1 OK FETCH completed',
  ])
  await ask(client, 'A004 APPEND bogusname (\\Flagged) {1023}', ['A004 NO [TRYCREATE] No such mailbox'])
  server.limits = { ...noLimits, bytes: 20_000 }
  client.send('A005 APPEND Archive (\\Flagged) {99}')
  await client.expect('+ ')
  client.sendRaw(`${'Subject: hmm...\r\n\r\n'.padEnd(99, '.')} {35403}\r\n`)
  await client.expect('A005 NO [OVERQUOTA] Mailbox is full')
  await ask(client, 'b2 NOOP', ['b2 OK NOOP completed'])
})

/** `APPEND INBOX` with these messages, in literals that do not wait. */
const appending = (tag: string, messages: readonly string[]): string =>
  `${tag} APPEND INBOX${messages.map((one) => ` {${one.length}+}\r\n${one}`).join('')}\r\n`

test('of several messages all come or none', async () => {
  await using server = await ImapTestServer.start({ maxRequestSize: 1000 })
  const client = await server.signedIn()
  const refused: readonly (readonly [string, string])[] = [
    // Cancelled by the client.
    [appending('a1', [message, '']), 'a1 NO [CANNOT]'],
    [appending('a2', [message, 'x'.repeat(1001)]), 'a2 NO [TOOBIG] Message too large'],
    [`a3 APPEND INBOX {3+}\r\nabc (\\Nonsense) {3+}\r\nabc\r\n`, 'a3 BAD No such system flag'],
    [`a4 APPEND INBOX {3+}\r\nabc (\\Seen)\r\n`, 'a4 BAD Expected a space'],
    [`a5 APPEND INBOX {3+}\r\nabc{3+}\r\nabc\r\n`, 'a5 BAD Expected a space'],
    [`a6 APPEND INBOX {3+}\r\nabc {3+}\r\nabc \r\n`, 'a6 BAD Expected a literal'],
    [`a7 APPEND INBOX {3+}\r\nabc {3+}\r\nabc \0\xff {3+}\r\nabc\r\n`, 'a7 BAD'],
    [appending('a8', [message, 'x'.repeat(900), 'x'.repeat(900)]), 'a8 NO [OVERQUOTA] Mailbox is full'],
  ]
  for (const [sent, answered] of refused) {
    server.limits = answered.includes('OVERQUOTA') ? { ...noLimits, bytes: 1800 } : noLimits
    client.sendRaw(sent)
    await client.expect(answered)
  }
  // Only the commit knows what came meanwhile.
  server.limits = { ...noLimits, messages: 2 }
  client.sendRaw(`b1 APPEND INBOX {3+}\r\nabc {3}\r\n`)
  await client.expect('+ ')
  await server.fill(1)
  client.sendRaw('abc\r\n')
  await client.expect('b1 NO [OVERQUOTA] Mailbox has too many messages')
  await ask(client, 'b2 STATUS INBOX (MESSAGES)', ['* STATUS INBOX (MESSAGES 1)', 'b2 OK STATUS completed'])
  assert.equal((await server.db.read((tx) => quotaUsage(tx, account))).messages, 1)
})

test('a literal of 4 GiB is not asked for, nor read where it comes anyway', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.signedIn()
  await ask(client, 'a1 APPEND INBOX {4294967296}', ['a1 NO [TOOBIG] Message too large'])
  client.sendRaw(`a2 APPEND INBOX {3+}\r\nabc {4294967296+}\r\nx`)
  await client.expectLines(['* BYE [TOOBIG] Literal too large'])
  await client.expectEnd()
})

test('messages of one command are bounded in number and in memory', async () => {
  await using server = await ImapTestServer.start({ maxMessagesPerSave: 1000 })
  const client = await server.signedIn()
  client.sendRaw(appending('a1', Array<string>(1001).fill('x')))
  await client.expect('a1 NO [MESSAGELIMIT 1000] Too many messages for one command, try fewer')
  client.sendRaw(appending('a2', Array<string>(200).fill('x'.repeat(60_000))))
  await client.expect('a2 NO [LIMIT] Too many messages in one command')
  client.sendRaw(appending('a3', Array<string>(1000).fill('x')))
  await client.expect(`a3 OK [APPENDUID ${validity} 1:1000] APPEND completed`)
})
