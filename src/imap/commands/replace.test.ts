/** REPLACE and UID REPLACE (RFC 8508). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId, MailboxId, Uid } from '#base/id.ts'
import { expungeMessages } from '#mail/expunge.ts'
import { noLimits } from '#mail/limits.ts'
import { quotaUsage } from '#mail/mailbox.ts'
import type { Conversation } from '../../../test/harness/conversation.ts'
import { account } from '../../../test/harness/memory-accounts.ts'
import { ask, inbox, ImapTestServer, validity } from '../fixture.test.ts'

const drafts = (inbox + 1) as MailboxId
const draftsValidity = validity + 1
const anna = 8 as AccountId

const crlf = (text: string): string => text.replaceAll('\n', '\r\n')
const fireworks = crlf(`Date: Thu, 1 Jan 2015 00:05:00 -0500 (EST)
From: Fritz Schmidt <fritz.ze@example.org>
Subject: happy new year !!
To: miss.mitzy@example.org
Message-Id: <B238822388-0100000@example.org>
MIME-Version: 1.0
Content-Type: TEXT/PLAIN; CHARSET=US-ASCII

Just saw the best fireworks show. Wish you were here.
`)

async function start(): Promise<ImapTestServer> {
  const server = await ImapTestServer.start()
  await server.add(anna, 'anna@example.org')
  return server
}

const used = (server: ImapTestServer, of = account) => server.db.read((tx) => quotaUsage(tx, of))

/** `<what> (\Seen) {n+}` with a message that does not wait. */
const send = (client: Conversation, what: string, text = 'Subject: new\r\n\r\n'): void =>
  client.sendRaw(`${what} {${text.length}+}\r\n${text}\r\n`)

test('[REPLACE] a draft is replaced: the example of RFC 8508 §3.2', async () => {
  await using server = await start()
  await server.fill(4, { mailbox: drafts })
  const client = await server.selected('Drafts')
  client.send(`A003 REPLACE 4 Drafts (\\Seen \\Draft) {${fireworks.length}}`)
  await client.expect('+ ')
  client.sendRaw(`${fireworks}\r\n`)
  await client.expectLines([
    `* OK [APPENDUID ${draftsValidity} 5] Replacement message ready`,
    '* 4 EXPUNGE',
    '* 4 EXISTS',
    /^A003 OK \[HIGHESTMODSEQ \d+\] REPLACE completed$/,
  ])
  await ask(client, 'b1 UID FETCH 1:* (FLAGS RFC822.SIZE)', [
    ...[1, 2, 3].map((uid) => `* ${uid} FETCH (UID ${uid} FLAGS () RFC822.SIZE 27)`),
    `* 4 FETCH (UID 5 FLAGS (\\Draft \\Seen) RFC822.SIZE ${fireworks.length})`,
    'b1 OK UID FETCH completed',
  ])
})

test('by UID, with CATENATE: the examples of RFC 8508 §3.3 and §4.2', async () => {
  await using server = await start()
  await server.fill(3, { mailbox: drafts })
  await server.deliver(fireworks.replaceAll('\r\n', '\n'), { mailbox: drafts })
  const client = await server.selected('Drafts')
  client.send(`A004 UID REPLACE 4 Drafts (\\Seen \\Draft) {${fireworks.length}}`)
  await client.expect('+ ')
  client.sendRaw(`${fireworks}\r\n`)
  await client.expectLines([
    `* OK [APPENDUID ${draftsValidity} 5] Replacement message ready`,
    '* 4 EXPUNGE',
    '* 4 EXISTS',
    'A004 OK ',
  ])
  const header = crlf('To: Mitzy <miss.mitzy@example.org>\nSubject: My view of the fireworks\n')
  // RFC 8508 counts 71 with CRLF.
  assert.equal(header.length, 71)
  client.send('A011 UID REPLACE 5 Drafts CATENATE (TEXT {71}')
  await client.expect('+ ')
  client.sendRaw(`${header} URL "/Drafts/;UID=5")\r\n`)
  await client.expectLines([
    `* OK [APPENDUID ${draftsValidity} 6] Replacement message ready`,
    '* 4 EXPUNGE',
    '* 4 EXISTS',
    'A011 OK ',
  ])
  const size = fireworks.length + 71
  await ask(client, 'b1 FETCH 4 (UID RFC822.SIZE)', [
    `* 4 FETCH (UID 6 RFC822.SIZE ${size})`,
    'b1 OK FETCH completed',
  ])
})

test('into another mailbox; messages with \\Deleted beside it stay', async () => {
  await using server = await start()
  await server.fill(2, { mailbox: drafts, deleted: true })
  const client = await server.selected('Drafts')
  send(client, 'a1 REPLACE * Sent (\\Seen)')
  await client.expectLines([
    `* OK [APPENDUID ${validity + 2} 1] Replacement message ready`,
    '* 2 EXPUNGE',
    'a1 OK ',
  ])
  await ask(client, 'a2 STATUS Sent (MESSAGES UNSEEN)', [
    '* STATUS "Sent" (MESSAGES 1 UNSEEN 0)',
    'a2 OK STATUS completed',
  ])
  client.sendRaw('a3 REPLACE 1 {5+}\r\nTrash {3+}\r\nabc\r\n')
  await client.expectLines(['* OK [APPENDUID ', '* 1 EXPUNGE', 'a3 OK '])
  assert.equal((await used(server)).messages, 2)
})

test('only what is more counts against the quota', async () => {
  await using server = await start()
  await server.deliver(`${'x'.repeat(500)}`)
  const client = await server.selected()
  server.limits = { bytes: 600, messages: 1, mailboxes: 0 }
  send(client, 'a1 REPLACE 1 INBOX', 'y'.repeat(601))
  await client.expect('a1 NO [OVERQUOTA] Mailbox is full')
  send(client, 'a2 REPLACE 1 INBOX', 'y'.repeat(600))
  await client.expectLines(['* OK [APPENDUID ', '* 1 EXPUNGE', '* 1 EXISTS', 'a2 OK '])
  assert.deepEqual(await used(server), { usedBytes: 600, messages: 1 })
  // What is in another mailbox too takes its room still.
  server.limits = noLimits
  await ask(client, 'a3 COPY 1 Sent')
  server.limits = { bytes: 600, messages: 0, mailboxes: 0 }
  send(client, 'a4 REPLACE 1 INBOX')
  await client.expect('a4 NO [OVERQUOTA] Mailbox is full')
})

test('a message that is gone is not replaced, and then nothing comes', async () => {
  await using server = await start()
  await server.fill(3)
  const client = await server.selected()
  send(client, 'a1 UID REPLACE 9 INBOX')
  await client.expect('a1 NO [EXPUNGEISSUED] The message is gone')
  send(client, 'a2 REPLACE 4 INBOX')
  await client.expect('a2 BAD No message with that number')
  const expunge = (uid: number) =>
    server.db.write([account], (tx) =>
      expungeMessages(tx, account, inbox, [uid as Uid], { onlyDeleted: false }),
    )
  await expunge(1)
  send(client, 'a3 REPLACE 1 INBOX')
  await client.expectLines(['* 1 EXPUNGE', 'a3 NO [EXPUNGEISSUED] The message is gone'])
  // Gone while the new one arrives.
  client.send('a4 UID REPLACE 2 INBOX {3}')
  await client.expect('+ ')
  await expunge(2)
  client.send('abc')
  await client.expectLines(['* 1 EXPUNGE', 'a4 NO [EXPUNGEISSUED] The message is gone'])
  assert.equal((await used(server)).messages, 1)
})

test('rights of STORE and EXPUNGE here, of APPEND there', async () => {
  await using server = await start()
  const path = '"Other Users/fred@example.org/INBOX"'
  await server.fill(3)
  const refused = 'NO [NOPERM] You do not have the right to do that here'
  for (const rights of ['lri', 'lrit', 'lrie', 'lrte']) {
    await server.share(inbox, anna, rights)
    const client = await server.selected(path, { as: 'anna@example.org' })
    send(client, `a1 REPLACE 1 ${path}`)
    await client.expect(`a1 ${refused}`)
  }
  await server.share(inbox, anna, 'lrite')
  const client = await server.selected(path, { as: 'anna@example.org' })
  send(client, `a1 REPLACE 1 ${path} (\\Seen \\Flagged \\Deleted)`)
  await client.expectLines(['* OK [APPENDUID ', '* 1 EXPUNGE', '* 3 EXISTS', 'a1 OK'])
  // Flags that she may not set are left out.
  await ask(client, 'a2 FETCH 3 FLAGS', ['* 3 FETCH (FLAGS (\\Deleted))', 'a2 OK FETCH completed'])
  // From his account into hers.
  send(client, 'a3 REPLACE 1 Sent')
  await client.expectLines([`* OK [APPENDUID ${validity + 2} 1]`, '* 1 EXPUNGE', 'a3 OK'])
  assert.equal((await used(server, anna)).messages, 1)
  assert.equal((await used(server)).messages, 2)
  await ask(client, `a4 EXAMINE ${path}`)
  send(client, 'a5 REPLACE 1 Sent')
  await client.expect('a5 NO [CANNOT] The mailbox is selected read-only')
})

test('QRESYNC: the message that goes is told as VANISHED', async () => {
  await using server = await start()
  await server.fill(2)
  const client = await server.signedIn()
  await ask(client, 'a1 ENABLE QRESYNC')
  client.send('a2 SELECT INBOX')
  await client.until('a2 OK')
  send(client, 'a3 UID REPLACE 1 INBOX')
  await client.expectLines([
    `* OK [APPENDUID ${validity} 3] Replacement message ready`,
    '* VANISHED 1',
    '* 2 EXISTS',
    /^a3 OK \[HIGHESTMODSEQ \d+\]/,
  ])
})

test('hostile REPLACE', async () => {
  await using server = await start()
  await server.fill(1)
  const client = await server.selected()
  for (const [line, answer] of [
    ['REPLACE', 'BAD Expected a space'],
    ['REPLACE 1', 'BAD Expected a space'],
    ['REPLACE 1 INBOX', 'BAD Expected a space'],
    ['REPLACE 0 INBOX {3+}\r\nabc', 'BAD Expected a number above zero'],
    ['REPLACE 1:2 INBOX {3+}\r\nabc', 'BAD Expected a space'],
    ['REPLACE 99999999999 INBOX {3+}\r\nabc', 'BAD Number too large'],
    ['REPLACE 1 nowhere {3+}\r\nabc', 'NO [TRYCREATE] No such mailbox'],
    ['REPLACE 1 INBOX {0+}\r\n', 'NO [CANNOT] A message of no bytes is none'],
    ['REPLACE 1 INBOX {3+}\r\nabc {3+}\r\nabc', 'BAD Unexpected text after the arguments'],
    ['REPLACE 1 INBOX {3+}\r\nabc{3+}\r\nabc', 'BAD Only one message can come in the place of one'],
    ['REPLACE 1 INBOX {3+}\r\nabc more', 'BAD Unexpected text after the arguments'],
    ['REPLACE 1 INBOX CATENATE (URL "/Sent/;UID=1")', 'NO [BADURL "/Sent/;UID=1"]'],
    ['REPLACE 1 INBOX (\\Nonsense) {3+}\r\nabc', 'BAD No such system flag'],
    ['REPLACE \xff\0 INBOX {3+}\r\nabc', 'BAD Expected a number'],
    ['UID REPLACE 1 INBOX {4294967296}', 'NO [TOOBIG] Message too large'],
  ] as const) {
    client.sendRaw(Buffer.from(`a ${line}\r\n`, 'latin1'))
    await client.expect(`a ${answer}`)
  }
  await ask(client, 'b CLOSE')
  await ask(client, 'c REPLACE 1 INBOX {3}', ['c BAD Select a mailbox first'])
  assert.equal((await used(server)).messages, 1)
})
