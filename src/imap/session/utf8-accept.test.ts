/** UTF8=ACCEPT (RFC 9755), and what clients may do that have not enabled it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Conversation } from '../../../test/harness/conversation.ts'
import { ask, ImapTestServer } from '../fixture.test.ts'

/** The conversation is in Latin-1, a byte a character. */
const utf8 = (text: string): string => Buffer.from(text).toString('latin1')

const bringing = (tag: string, bytes: string): string => `${tag} APPEND INBOX {${bytes.length}+}\r\n${bytes}`

const international = utf8('From: Łukasz <łukasz@example.org>\r\nSubject: Grüße\r\n\r\nGrüße\r\n')
const plain = utf8('Subject: hello\r\n\r\nGrüße\r\n')

const offered = async (client: Conversation): Promise<boolean> =>
  (await ask(client, 'c CAPABILITY'))[0]!.includes(' UTF8=ACCEPT')

test('[UTF8=ACCEPT] names and texts are UTF-8 in both directions once it is enabled', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.signedIn()
  assert.ok(await offered(client))
  await ask(client, 'a1 CREATE Entw&APw-rfe')
  await ask(client, 'a2 ENABLE UTF8=ACCEPT X-NONE', ['* ENABLED UTF8=ACCEPT', 'a2 OK ENABLE completed'])
  const name = utf8('Entwürfe')
  await ask(client, 'a3 LIST "" Ent*', [`* LIST (\\HasNoChildren) "/" "${name}"`, 'a3 OK LIST completed'])
  await ask(client, 'a4 LSUB "" INBOX', ['* LSUB () "/" INBOX', 'a4 OK LSUB completed'])
  await ask(client, `a5 STATUS "${name}" (MESSAGES)`, [
    `* STATUS "${name}" (MESSAGES 0)`,
    'a5 OK STATUS completed',
  ])
  await ask(client, `a6 GETACL "${name}"`, [
    `* ACL "${name}" "fred@example.org" lrswipkxtecda`,
    'a6 OK GETACL completed',
  ])
  // What modified UTF-7 would mean is a name of its own now.
  await ask(client, 'a7 CREATE "A&B"', ['a7 OK [MAILBOXID (F8)] CREATE completed'])
  await ask(client, 'a8 SELECT "Entw&APw-rfe"', ['a8 NO [NONEXISTENT] No such mailbox'])
  // It is not IMAP4rev2: that has no RECENT, and ESEARCH in place of SEARCH.
  const opened = await ask(client, `a9 SELECT "${name}"`)
  assert.ok(opened.includes('* 0 RECENT') && !opened.some((line) => line.startsWith('* LIST')))
  await ask(client, 'b1 SEARCH ALL', ['* SEARCH', 'b1 OK SEARCH completed'])
})

test('messages with UTF-8 in their headers come, are found and are read', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.selected()
  await ask(client, 'a1 ENABLE UTF8=ACCEPT')
  await ask(client, bringing('a2', international))
  assert.ok(await offered(client))
  await ask(client, `a3 SEARCH SUBJECT "${utf8('grüße')}"`, ['* SEARCH 1', 'a3 OK SEARCH completed'])
  await ask(client, `a4 SORT (DATE) UTF-8 SUBJECT "${utf8('Grüße')}"`, ['* SORT 1', 'a4 OK SORT completed'])
  client.send('a5 FETCH 1 BODY.PEEK[]')
  await client.expect(`* 1 FETCH (BODY[] {${international.length}}`)
  assert.equal((await client.bytes(international.length)).toString('latin1'), international)
  await client.until('a5 OK')
  const text = utf8('Grüße')
  const lines = await ask(client, 'a6 FETCH 1 PREVIEW')
  assert.equal(lines[0], `* 1 FETCH (PREVIEW "${text}")`)
})

test('a charset is UTF-8 then, or part of it', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.selected()
  await ask(client, 'a1 SEARCH CHARSET KOI8-R ALL', [
    'a1 NO [BADCHARSET (US-ASCII UTF-8)] That charset is not supported',
  ])
  await ask(client, 'a2 ENABLE UTF8=ACCEPT')
  for (const line of ['SEARCH CHARSET KOI8-R ALL', 'SORT (DATE) KOI8-R ALL', 'THREAD REFERENCES KOI8-R ALL'])
    await ask(client, `a3 ${line}`, ['a3 BAD With UTF8=ACCEPT the charset is UTF-8'])
  await ask(client, 'a4 SORT (DATE) US-ASCII ALL', ['* SORT', 'a4 OK SORT completed'])
})

test('quoted strings hold UTF-8 and nothing else beyond ASCII, also before', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.selected()
  for (const bytes of ['\xff', '\xc3', '\xc0\xaf', '\xed\xa0\x80', '\xf5\x80\x80\x80'])
    await ask(client, `a1 SEARCH SUBJECT "${bytes}"`, ['a1 BAD Quoted string that is not UTF-8'])
  await ask(client, `a2 SEARCH SUBJECT "${utf8('ü')}"`, ['* SEARCH', 'a2 OK SEARCH completed'])
  await ask(client, `a3 SEARCH SUBJECT ${utf8('ü')}`, ['a3 BAD Expected a string or an atom'])
  await ask(client, 'a4 CREATE Entw&APw-rfe')
  await ask(client, `a5 STATUS "${utf8('Entwürfe')}" (MESSAGES)`, [
    '* STATUS "Entw&APw-rfe" (MESSAGES 0)',
    'a5 OK STATUS completed',
  ])
  await ask(client, `a6 CREATE "${utf8('a\u0085b')}"`).then(([line]) =>
    assert.match(line!, /^a6 NO \[CANNOT\]/),
  )
  await ask(client, `a7 CREATE "${utf8('a\u2028b')}"`).then(([line]) =>
    assert.match(line!, /^a7 NO \[CANNOT\]/),
  )
})

test('to a client that brings UTF-8 in headers without it, it is offered no longer', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.signedIn()
  await ask(client, bringing('a1', plain)).then((lines) => assert.equal(lines.length, 1))
  assert.ok(await offered(client))
  const [withdrawn, done] = await ask(client, bringing('a2', international))
  assert.match(withdrawn!, /^\* CAPABILITY IMAP4rev1 /)
  assert.doesNotMatch(withdrawn!, /UTF8=/)
  assert.match(done!, /^a2 OK \[APPENDUID \d+ 2\] APPEND completed$/)
  await ask(client, 'a3 ENABLE UTF8=ACCEPT', ['* ENABLED', 'a3 OK ENABLE completed'])
  assert.equal(await offered(client), false)
  await ask(client, bringing('a4', international)).then((lines) => assert.equal(lines.length, 1))
  // The bytes are those that came, to whoever reads them.
  await ask(client, 'a5 SELECT INBOX')
  await ask(client, 'a6 FETCH 2:3 RFC822.SIZE', [
    `* 2 FETCH (RFC822.SIZE ${international.length})`,
    `* 3 FETCH (RFC822.SIZE ${international.length})`,
    'a6 OK FETCH completed',
  ])
  // Another session, or another user of this one, is offered it again.
  assert.ok(await offered(await server.signedIn()))
  await ask(client, 'a7 UNAUTHENTICATE')
  await ask(client, 'a8 LOGIN fred@example.org secret')
  assert.ok(await offered(client))
})

test('IMAP4rev2 takes such messages too', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.signedIn()
  await ask(client, 'a1 ENABLE IMAP4rev2')
  const lines = await ask(client, bringing('a2', international))
  assert.equal(lines.length, 1)
  assert.match(lines[0]!, /^a2 OK /)
  assert.ok(await offered(client))
})
