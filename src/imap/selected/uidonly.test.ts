import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MailboxId, Uid } from '#base/id.ts'
import { expungeMessages } from '#mail/expunge.ts'
import { storeFlags } from '#mail/flags.ts'
import type { Conversation } from '../../../test/harness/conversation.ts'
import { account } from '../../../test/harness/memory-accounts.ts'
import { ask, ImapTestServer, inbox, validity } from '../fixture.test.ts'

const required = 'BAD [UIDREQUIRED] Message numbers are not used once UIDONLY is enabled'

async function enabled(server: ImapTestServer, more = ''): Promise<Conversation> {
  const client = await server.signedIn()
  client.send(`en ENABLE UIDONLY${more}`)
  await client.until('en OK')
  client.send('sel SELECT INBOX')
  await client.until('sel OK')
  return client
}

const remove = (server: ImapTestServer, uids: readonly number[]) =>
  server.db.write([account], (tx) =>
    expungeMessages(tx, account, inbox, uids as Uid[], { onlyDeleted: false }),
  )

const flag = (server: ImapTestServer, uid: number, keyword: string) =>
  server.db.write([account], (tx) =>
    storeFlags(tx, account, inbox, [uid as Uid], { how: 'add', keywords: [keyword] }),
  )

test('[UIDONLY] UIDFETCH in place of FETCH, and message numbers are refused', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(5)
  await remove(server, [1, 2])
  await flag(server, 3, '$seen')
  await flag(server, 4, '$flagged')
  await flag(server, 4, '$answered')
  const client = await server.signedIn()
  await ask(client, '1 ENABLE UIDONLY', ['* ENABLED UIDONLY', '1 OK ENABLE completed'])
  client.send('2 SELECT INBOX')
  const lines = await client.until('2 OK')
  // That would be a message number.
  assert.ok(!lines.some((line) => line.includes('UNSEEN')), client.transcript)
  await ask(client, '3 UID FETCH 3:900 (FLAGS)', [
    '* 3 UIDFETCH (FLAGS (\\Seen))',
    '* 4 UIDFETCH (FLAGS (\\Answered \\Flagged))',
    '* 5 UIDFETCH (FLAGS ())',
    '3 OK UID FETCH completed',
  ])
  await ask(client, '4 UID FETCH 4:* (UID RFC822.SIZE)', [
    '* 4 UIDFETCH (UID 4 RFC822.SIZE 27)',
    '* 5 UIDFETCH (UID 5 RFC822.SIZE 27)',
    '4 OK UID FETCH completed',
  ])
  for (const wrong of [
    'FETCH 1:* FLAGS',
    'FETCH * FLAGS',
    'STORE 1 +FLAGS (\\Seen)',
    'COPY 1 Drafts',
    'MOVE 1 Drafts',
    'SEARCH ALL',
    'SEARCH RETURN (COUNT) ALL',
    'SORT (DATE) UTF-8 ALL',
    'THREAD REFERENCES UTF-8 ALL',
    'REPLACE 1 INBOX {1+}\r\nx',
    'UID SEARCH 1',
    'UID SEARCH NOT OR 1:* SEEN',
    'UID SEARCH *',
    'UID SORT (DATE) UTF-8 2',
    'UID THREAD REFERENCES UTF-8 2',
    'ESEARCH IN (personal) 1',
  ])
    await client.ask(`5 ${wrong}`, `5 ${required}`)
  await ask(client, '6 UID SEARCH UID 4:*', ['* SEARCH 4 5', '6 OK UID SEARCH completed'])
})

test('UIDONLY: STORE, COPY, MOVE and EXPUNGE by UID', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(4)
  await remove(server, [1])
  const client = await enabled(server)
  await ask(client, 'a UID STORE 2 +FLAGS (\\Flagged)', [
    '* 2 UIDFETCH (FLAGS (\\Flagged))',
    'a OK UID STORE completed',
  ])
  await ask(client, 'b UID MOVE 3 Drafts', [
    `* OK [COPYUID ${validity + 1} 3 1] Moved`,
    '* VANISHED 3',
    'b OK [HIGHESTMODSEQ 8] UID MOVE completed',
  ])
  await ask(client, 'c UID STORE 4 +FLAGS.SILENT (\\Deleted)', ['c OK UID STORE completed'])
  const [vanished, done] = await ask(client, 'd EXPUNGE')
  assert.equal(vanished, '* VANISHED 4')
  assert.match(done!, /^d OK /)
  await ask(client, 'e UID FETCH 2 BODY[TEXT]', [
    '* 2 UIDFETCH (BODY[TEXT] {6}',
    'body',
    ' FLAGS (\\Flagged \\Seen))',
    'e OK UID FETCH completed',
  ])
  await ask(client, 'f UID COPY 2 INBOX', ['* 2 EXISTS', `f OK [COPYUID ${validity} 2 5] UID COPY completed`])
})

test('UIDONLY: what others change, with CONDSTORE and QRESYNC too', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(4)
  const client = await enabled(server)
  client.send('a IDLE')
  await client.expect('+ idling')
  await flag(server, 3, '$seen')
  await client.expect('* 3 UIDFETCH (FLAGS (\\Seen))')
  await remove(server, [1, 2])
  await client.expect('* VANISHED 1:2')
  await server.fill(1)
  await client.expect('* 3 EXISTS')
  client.send('DONE')
  await client.expect('a OK')
  await ask(client, 'b NOTIFY SET (selected (MessageNew (flags) MessageExpunge FlagChange))')
  await server.fill(1)
  await client.expectLines(['* 4 EXISTS', '* 6 UIDFETCH (FLAGS ())'])
  await ask(client, 'c ENABLE QRESYNC')
  await flag(server, 4, '$seen')
  await client.expect(/^\* 4 UIDFETCH \(MODSEQ \(\d+\) FLAGS \(\\Seen\)\)$/)
  await ask(client, `d SELECT INBOX (QRESYNC (${validity} 5 1:6 (1:2 1:2)))`, [`d ${required}`])
  client.send(`e SELECT INBOX (QRESYNC (${validity} 5 1:6))`)
  const lines = await client.until('e OK')
  assert.ok(lines.includes('* VANISHED (EARLIER) 1:2'), client.transcript)
  assert.equal(lines.filter((line) => / UIDFETCH \(MODSEQ/.test(line)).length, 4)
  await client.ask(
    'f UID FETCH 1:* (FLAGS) (CHANGEDSINCE 9)',
    /^\* 4 UIDFETCH \(MODSEQ \(\d+\) FLAGS \(\\Seen\)\)$|^\* 5/,
  )
})

test('UIDONLY: filters with message numbers, and results that are kept up to date', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(3)
  await remove(server, [1])
  const client = await server.selected()
  await ask(client, 'a SETMETADATA "" (/private/filters/values/first "NOT 1")')
  await ask(client, 'b SEARCH RETURN (UPDATE) SEEN')
  await ask(client, 'c SEARCH RETURN (SAVE) ALL')
  await ask(client, 'd ENABLE UIDONLY', ['* ENABLED UIDONLY', 'd OK ENABLE completed'])
  await ask(client, 'e UID SEARCH FILTER first', [`e ${required}`])
  await ask(client, 'f UID SEARCH $', ['* SEARCH 2 3', 'f OK UID SEARCH completed'])
  await flag(server, 3, '$seen')
  await ask(client, 'g NOOP', [
    '* 3 UIDFETCH (FLAGS (\\Seen))',
    '* ESEARCH (TAG "b") UID ADDTO (0 3)',
    'g OK NOOP completed',
  ])
})

test('UIDONLY ends with UNAUTHENTICATE', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(1, { mailbox: 2 as MailboxId })
  const client = await enabled(server)
  await client.ask('a UNAUTHENTICATE', 'a OK')
  await client.ask('b LOGIN fred@example.org secret', 'b OK')
  client.send('c SELECT Drafts')
  await client.until('c OK')
  await ask(client, 'd FETCH 1 UID', ['* 1 FETCH (UID 1)', 'd OK FETCH completed'])
})
