/** CATENATE (RFC 4469): messages from text and from parts of messages that are here. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId, MailboxId } from '#base/id.ts'
import { noLimits } from '#mail/limits.ts'
import type { Conversation } from '../../../test/harness/conversation.ts'
import { ask, inbox, ImapTestServer, validity } from '../fixture.test.ts'

const drafts = (inbox + 1) as MailboxId
const draftsValidity = validity + 1

const crlf = (text: string): string => text.replaceAll('\n', '\r\n')

/** The message of UID 20: multipart/mixed with two parts. */
const draft = crlf(`From: Bob Ar <bar@example.org>
MIME-Version: 1.0
To: foo@example.net
Subject: About our holiday trip
Content-Type: multipart/mixed;
              boundary="------------030308070208000400050907"

--------------030308070208000400050907
Content-Type: text/plain; charset=us-ascii; format=flowed

Our travel agent has sent the schedule.
--------------030308070208000400050907
Content-Type: application/x-zip-compressed; name="a.zip"
Content-Transfer-Encoding: base64

UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==
--------------030308070208000400050907--
`)
const headerOf = (message: string): string => message.slice(0, message.indexOf('\r\n\r\n') + 4)
const partsOf = (message: string): { mime: string; body: string }[] =>
  message
    .split('\r\n--------------030308070208000400050907')
    .slice(1, -1)
    .map((part) => {
      const at = part.indexOf('\r\n\r\n') + 4
      return { mime: part.slice(2, at), body: part.slice(at) }
    })

/** A server whose Drafts have a message with this UID. */
async function withDraft(uid: number, text = draft): Promise<ImapTestServer> {
  const server = await ImapTestServer.start()
  await server.fill(uid - 1, { mailbox: drafts })
  await server.deliver(text, { mailbox: drafts })
  return server
}

/** Sends each piece and, but for the last, waits to be asked for its literal. */
async function sendPieces(client: Conversation, pieces: readonly string[]): Promise<void> {
  for (const [i, piece] of pieces.entries()) {
    client.sendRaw(piece)
    if (i < pieces.length - 1) await client.expect('+ ')
  }
}

async function bodyOf(client: Conversation, number: number): Promise<string> {
  client.send(`body FETCH ${number} BODY.PEEK[]`)
  const size = Number(/\{(\d+)\}$/.exec(await client.line())![1])
  const bytes = await client.bytes(size)
  await client.expectLines([')', 'body OK'])
  return bytes.toString('latin1')
}

test('[CATENATE] an attachment is replaced: example 1 of RFC 4469', async () => {
  await using server = await withDraft(20)
  await server.fill(9, { mailbox: drafts })
  const zip = 'Content-Type: application/x-zip-compressed\r\n\r\nanother one'
  await server.deliver(zip, { mailbox: drafts })
  const client = await server.selected('Drafts')
  const url = `/Drafts;UIDVALIDITY=${draftsValidity}`
  const boundary = '\r\n--------------030308070208000400050907\r\n'
  const last = '\r\n--------------030308070208000400050907--\r\n'
  await sendPieces(client, [
    `A003 APPEND Drafts (\\Seen \\Draft $MDNSent) CATENATE (URL "${url}/;UID=20/;section=HEADER" TEXT {42}\r\n`,
    `${boundary} URL "${url}/;UID=20/;section=1.MIME" URL "${url}/;UID=20/;section=1" TEXT {42}\r\n`,
    `${boundary} URL "${url}/;UID=30" TEXT {44}\r\n`,
    `${last})\r\n`,
  ])
  await client.expectLines(['* 31 EXISTS', `A003 OK [APPENDUID ${draftsValidity} 31] APPEND completed`])
  const text = partsOf(draft)[0]!
  const made = headerOf(draft) + boundary + text.mime + text.body + boundary + zip + last
  assert.equal(await bodyOf(client, 31), made)
  await ask(client, 'b1 FETCH 20,31 FLAGS', [
    // Nothing was marked as read by being copied.
    '* 20 FETCH (FLAGS ())',
    '* 31 FETCH (FLAGS (\\Draft \\Seen $MDNSent))',
    'b1 OK FETCH completed',
  ])
  // Its structure is that of the whole.
  assert.deepEqual(await ask(client, 'b2 FETCH 31 BODY'), [
    '* 31 FETCH (BODY (("TEXT" "PLAIN" ("CHARSET" "us-ascii" "FORMAT" "flowed") NIL NIL "7BIT" 39 0)("APPLICATION" "X-ZIP-COMPRESSED" NIL NIL NIL "7BIT" 11) "MIXED"))',
    'b2 OK FETCH completed',
  ])
})

test('text is edited and the old draft deleted: example 2 of RFC 4469', async () => {
  await using server = await withDraft(20)
  await server.fill(24, { mailbox: drafts })
  const client = await server.selected('Drafts')
  const url = `/Drafts;UIDVALIDITY=${draftsValidity}/;UID=20`
  const text = crlf(`Return-Path: <bar@example.org>
Received: from [127.0.0.2]
          by rufus.example.org via TCP (internal) with ESMTPA;
          Thu, 11 Nov 2004 16:57:07 +0000
Message-ID: <419399E1.6000505@example.org>
Date: Thu, 12 Nov 2004 16:57:05 +0000
From: Bob Ar <bar@example.org>
X-Accept-Language: en-us, en
MIME-Version: 1.0
To: foo@example.net
Subject: About our holiday trip
Content-Type: multipart/mixed;
              boundary="------------030308070208000400050907"

--------------030308070208000400050907
Content-Type: text/plain; charset=us-ascii; format=flowed
Content-Transfer-Encoding: 7bit

Our travel agent has sent the updated schedule.

Cheers,
Bob
--------------030308070208000400050907
`)
  const last = '\r\n--------------030308070208000400050907--\r\n'
  await sendPieces(client, [
    `A003 APPEND Drafts (\\Seen \\Draft $MDNSent) CATENATE (TEXT {${text.length}}\r\n`,
    `${text} URL "${url}/;Section=2.MIME" URL "${url}/;Section=2" TEXT {44}\r\n`,
    `${last})\r\n`,
  ])
  await client.expectLines(['* 45 EXISTS', `A003 OK [APPENDUID ${draftsValidity} 45] APPEND completed`])
  await ask(client, 'A004 UID STORE 20 +FLAGS.SILENT (\\Deleted)', ['A004 OK UID STORE completed'])
  const zip = partsOf(draft)[1]!
  assert.equal(await bodyOf(client, 45), text + zip.mime + zip.body + last)
})

test('an attachment is stripped: example 3 of RFC 4469', async () => {
  await using server = await withDraft(21)
  const client = await server.signedIn()
  const url = `/Drafts;UIDVALIDITY=${draftsValidity}/;UID=21`
  const boundary = '\r\n--------------030308070208000400050903\r\n'
  const note = crlf(`
--------------030308070208000400050903
Content-type: text/plain; charset="us-ascii"
Content-transfer-encoding: 7bit

This body part contained a Power Point presentation that was
deleted upon your request.
--------------030308070208000400050903--
`)
  // RFC 4469 counts 255.
  assert.equal(note.length, 255)
  await sendPieces(client, [
    `A003 APPEND Drafts (\\Seen \\Draft $MDNSent) CATENATE (URL "${url}/;section=HEADER" TEXT {42}\r\n`,
    `${boundary} URL "${url}/;section=1.MIME" URL "${url}/;section=1" TEXT {255}\r\n`,
    `${note})\r\n`,
  ])
  await client.expect(`A003 OK [APPENDUID ${draftsValidity} 22] APPEND completed`)
  await ask(client, 'b1 EXAMINE Drafts')
  const { mime, body } = partsOf(draft)[0]!
  assert.equal(await bodyOf(client, 22), headerOf(draft) + boundary + mime + body + note)
})

test('one of the parts is gone: example 4 of RFC 4469', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(2)
  const client = await server.signedIn()
  const text = 'Subject: Digest of the mailing list for today\r\n\r\n'
  const url = `/INBOX;UIDVALIDITY=${validity}`
  await sendPieces(client, [
    `A003 APPEND Sent (\\Seen $MDNSent) CATENATE (TEXT {${text.length}}\r\n`,
    `${text} URL "${url}/;UID=1" TEXT {2}\r\n`,
    `\r\n URL "${url}/;UID=113330/;section=1.5.9" TEXT {42}\r\n`,
  ])
  await client.expect(`A003 NO [BADURL "${url}/;UID=113330/;section=1.5.9"] No such message or part`)
  await ask(client, 'b1 STATUS Sent (MESSAGES)', ['* STATUS "Sent" (MESSAGES 0)', 'b1 OK STATUS completed'])
})

/** One message of these parts, none of which waits to be asked for. */
const catenating = (tag: string, parts: string): string => `${tag} APPEND Sent CATENATE (${parts})\r\n`
const text = (of: string): string => `TEXT {${of.length}+}\r\n${of}`

test('with MULTIAPPEND, with URLs in every form of a string, of the selected mailbox and of partial texts', async () => {
  await using server = await ImapTestServer.start()
  await server.deliver('Subject: one\n\n0123456789')
  const client = await server.selected()
  client.sendRaw(
    `a1 APPEND Sent (\\Seen) CATENATE (${text('A')} URL ;UID=1/;SECTION=TEXT/;PARTIAL=2.3) " 7-Feb-1994 21:52:25 -0800" {3+}\r\nabc ` +
      `CATENATE (URL {${'/INBOX/;UID=1/;SECTION=TEXT'.length}+}\r\n/INBOX/;UID=1/;SECTION=TEXT uRl /inbox/;uid=1/;section=header)\r\n`,
  )
  await client.expect(`a1 OK [APPENDUID ${validity + 2} 1:3] APPEND completed`)
  await ask(client, 'a2 EXAMINE Sent')
  assert.equal(await bodyOf(client, 1), 'A234')
  assert.equal(await bodyOf(client, 2), 'abc')
  assert.equal(await bodyOf(client, 3), '0123456789Subject: one\r\n\r\n')
})

test('URLs that lead nowhere, or where the user may not read, are all the same', async () => {
  await using server = await ImapTestServer.start()
  await server.add(8, 'jane@example.org')
  await server.deliver('Subject: hers\n\n', { to: 8 as AccountId })
  const client = await server.signedIn()
  const janes = '/Other%20Users/jane@example.org/INBOX'
  for (const url of [
    `${janes}/;UID=1`,
    '/INBOX/;UID=1',
    '/INBOX;UIDVALIDITY=1/;UID=1',
    '/nowhere/;UID=1',
    '/INBOX',
    ';UID=1',
    'imap://example.org/INBOX/;UID=1',
    'x',
  ]) {
    client.sendRaw(catenating('a1', `URL "${url}" ${text('abc')}`))
    await client.expect(`a1 NO [BADURL "${url}"] No such message or part`)
  }
  // Seen but not read.
  await server.share(inbox, 7 as AccountId, 'l', 8 as AccountId)
  client.sendRaw(catenating('a2', `URL "${janes}/;UID=1"`))
  await client.expect(`a2 NO [BADURL "${janes}/;UID=1"]`)
  await server.share(inbox, 7 as AccountId, 'lr', 8 as AccountId)
  client.sendRaw(catenating('a3', `URL "${janes}/;UID=1"`))
  await client.expect('a3 OK')
})

test('hostile parts of CATENATE', async () => {
  await using server = await ImapTestServer.start({ maxRequestSize: 1000 })
  await server.deliver(`Subject: big\n\n${'x'.repeat(600)}`)
  const client = await server.signedIn()
  const big = 'URL /INBOX/;UID=1'
  const refused: readonly (readonly [string, string])[] = [
    [catenating('a', `${big} ${big}`), 'a NO [TOOBIG] Message too large'],
    [catenating('a', `${text('x'.repeat(600))} ${text('x'.repeat(600))}`), 'a NO [TOOBIG] Message too large'],
    [catenating('a', Array<string>(1001).fill('TEXT {0+}\r\n').join(' ')), 'a NO [LIMIT] Too many parts'],
    [catenating('a', 'TEXT {0+}\r\n'), 'a NO [CANNOT]'],
    [catenating('a', ''), 'a BAD Expected an atom'],
    [catenating('a', 'TEXT "abc"'), 'a BAD Expected a literal'],
    [catenating('a', 'HTML {3+}\r\nabc'), 'a BAD Expected TEXT or URL'],
    ['a APPEND Sent CATENATE (TEXT {3+}\r\nabc\r\n', 'a BAD Expected ")"'],
    ['a APPEND Sent CATENATE (TEXT {3+}\r\nabc))\r\n', 'a BAD Expected a space'],
    ['a APPEND Sent CATENATE TEXT {3+}\r\nabc\r\n', 'a BAD Expected "("'],
    ['a APPEND Sent CATENATE\r\n', 'a BAD Expected a space'],
    ['a APPEND Sent CONCAT (TEXT {3+}\r\nabc)\r\n', 'a BAD Expected a literal or CATENATE'],
    ['a APPEND Sent CATENATE (URL {4097}\r\n', 'a NO [LIMIT] URL too long'],
    [catenating('a', 'URL {9+}\r\n/a\r\n"\0]\xff/'), 'a NO [BADURL "/a%0D%0A%22%00%5D%FF/"] No such'],
    [catenating('a', `URL "${'y'.repeat(3000)}"`), `a NO [BADURL "${'y'.repeat(1000)}"] No such`],
  ]
  for (const [line, answer] of refused) {
    client.sendRaw(Buffer.from(line, 'latin1'))
    await client.expect(answer)
  }
  client.sendRaw('a APPEND Sent CATENATE (TEXT {4294967296}\r\n')
  await client.expect('a NO [TOOBIG] Message too large')
  server.limits = { ...noLimits, bytes: 1230 }
  client.sendRaw(catenating('b', `${text('abc')} ${big} ${text('abc')}`))
  await client.expect('b NO [OVERQUOTA] Mailbox is full')
  await ask(client, 'c STATUS Sent (MESSAGES)', ['* STATUS "Sent" (MESSAGES 0)', 'c OK STATUS completed'])
})
