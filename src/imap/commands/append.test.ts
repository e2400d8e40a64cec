import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noLimits } from '#mail/limits.ts'
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
  await client.expect('a8 BAD Unexpected text')
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
