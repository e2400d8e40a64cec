/** The conversations of RFC 9738 §3.1, with limits of a few messages. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Uid } from '#base/id.ts'
import { expungeMessages } from '#mail/expunge.ts'
import { account } from '../../../test/harness/memory-accounts.ts'
import { ask, ImapTestServer, inbox } from '../fixture.test.ts'

/** Messages with the UIDs 2 to 9, so that numbers and UIDs are not the same. */
async function limited(settings: Readonly<Record<string, unknown>> = {}): Promise<ImapTestServer> {
  const server = await ImapTestServer.start({ maxMessagesPerCommand: 3, ...settings })
  await server.fill(9)
  await remove(server, 1)
  return server
}

const remove = (server: ImapTestServer, ...uids: number[]) =>
  server.db.write([account], (tx) =>
    expungeMessages(tx, account, inbox, uids as Uid[], { onlyDeleted: false }),
  )

test('[MESSAGELIMIT] FETCH tells the last messages, from the highest, and how far it came', async () => {
  await using server = await limited()
  const client = await server.selected()
  assert.match((await ask(client, '01 CAPABILITY'))[0]!, / MESSAGELIMIT=3 (?!SAVELIMIT)/)
  await ask(client, '03 FETCH 2:7 (UID FLAGS)', [
    '* 7 FETCH (UID 8 FLAGS ())',
    '* 6 FETCH (UID 7 FLAGS ())',
    '* 5 FETCH (UID 6 FLAGS ())',
    '03 OK [MESSAGELIMIT 3 6] Done for the last 3 messages',
  ])
  await ask(client, '04 UID FETCH 1:5,7,8 BODY.PEEK[]<0.7>', [
    '* 7 FETCH (UID 8 BODY[]<0> {7}',
    'Subject)',
    '* 6 FETCH (UID 7 BODY[]<0> {7}',
    'Subject)',
    '* 4 FETCH (UID 5 BODY[]<0> {7}',
    'Subject)',
    '04 OK [MESSAGELIMIT 3 5] Done for the last 3 messages',
  ])
  await ask(client, '05 FETCH 6:8 UID', [
    '* 6 FETCH (UID 7)',
    '* 7 FETCH (UID 8)',
    '* 8 FETCH (UID 9)',
    '05 OK FETCH completed',
  ])
})

test('with CHANGEDSINCE only messages that changed count', async () => {
  await using server = await limited()
  const client = await server.selected()
  const [first] = await ask(client, 'a UID STORE 3,9 +FLAGS.SILENT (\\Seen)')
  assert.match(first!, /^a OK/)
  const lines = await ask(client, 'b UID FETCH 1:* FLAGS (CHANGEDSINCE 10)')
  assert.deepEqual(
    lines.filter((line) => line.includes('FETCH (')).map((line) => line.split(' ')[1]),
    ['2', '8'],
  )
  assert.match(lines.at(-1)!, /^b OK UID FETCH completed$/)
})

test('a PARTIAL beyond the limit is refused, with nothing done', async () => {
  await using server = await limited()
  const client = await server.selected()
  await ask(client, '10 UID FETCH 1:9 (UID FLAGS MODSEQ) (PARTIAL -1:-4)', [
    '* OK [HIGHESTMODSEQ 11] Told up to here',
    '10 NO [MESSAGELIMIT 3] Too many messages for one command, try fewer',
  ])
  await ask(client, '11 UID FETCH 1:9 UID (PARTIAL -2:-3)', [
    '* 6 FETCH (UID 7)',
    '* 7 FETCH (UID 8)',
    '11 OK UID FETCH completed',
  ])
})

test('SEARCH counts the messages that it looks at, and what it saves is cut too', async () => {
  await using server = await limited()
  const client = await server.selected()
  await ask(client, '04 UID SEARCH UID 3:8 UNDELETED', [
    '* SEARCH 6 7 8',
    '04 OK [MESSAGELIMIT 3 6] Done for the last 3 messages',
  ])
  await ask(client, '05 SEARCH ALL', [
    '* SEARCH 6 7 8',
    '05 OK [MESSAGELIMIT 3 7] Done for the last 3 messages',
  ])
  await ask(client, '06 SEARCH 2:5 (UID 1:5 SUBJECT number)', ['* SEARCH 2 3 4', '06 OK SEARCH completed'])
  await ask(client, '07 SEARCH OR 2 UID 5', [
    '* SEARCH',
    '07 OK [MESSAGELIMIT 3 7] Done for the last 3 messages',
  ])
  await ask(client, 'D0004 UID SEARCH RETURN (SAVE) SUBJECT number UID 2:8 UNDELETED', [
    'D0004 OK [MESSAGELIMIT 3 6] Done for the last 3 messages',
  ])
  await ask(client, 'D0005 FETCH $ UID', [
    '* 5 FETCH (UID 6)',
    '* 6 FETCH (UID 7)',
    '* 7 FETCH (UID 8)',
    'D0005 OK FETCH completed',
  ])
  await ask(client, 'D0006 UID SEARCH RETURN (UPDATE COUNT) ALL', [
    '* ESEARCH (TAG "D0006") UID COUNT 3',
    '* NO [NOUPDATE "D0006"] The result is not kept up to date',
    'D0006 OK [MESSAGELIMIT 3 7] Done for the last 3 messages',
  ])
  // A message that the client does not know yet takes no place.
  await server.fill(1)
  await ask(client, 'D0007 SEARCH ALL', [
    '* SEARCH 6 7 8',
    '* 9 EXISTS',
    'D0007 OK [MESSAGELIMIT 3 7] Done for the last 3 messages',
  ])
})

test('UIDAFTER and UIDBEFORE', async () => {
  await using server = await limited({ maxMessagesPerCommand: 1000 })
  const client = await server.selected()
  await ask(client, '12 UID SEARCH UIDAFTER 5 UNDELETED', ['* SEARCH 6 7 8 9', '12 OK UID SEARCH completed'])
  await ask(client, '13 UID SEARCH UIDBEFORE 5', ['* SEARCH 2 3 4', '13 OK UID SEARCH completed'])
  await ask(client, '14 UID SEARCH UIDAFTER 9', ['* SEARCH', '14 OK UID SEARCH completed'])
  await ask(client, '15 UID SEARCH UIDBEFORE 1', ['* SEARCH', '15 OK UID SEARCH completed'])
  await ask(client, '16 UID SEARCH UIDAFTER 4294967295', ['* SEARCH', '16 OK UID SEARCH completed'])
  await ask(client, '17 UID SEARCH UIDAFTER 3 UIDBEFORE 6', ['* SEARCH 4 5', '17 OK UID SEARCH completed'])
  await ask(client, '18 UID SEARCH UIDAFTER 0', ['18 BAD Expected a number above zero'])
  await ask(client, '19 UID SEARCH UIDAFTER *', ['19 BAD Expected a number'])
})

test('COPY does all or nothing', async () => {
  await using server = await limited()
  const client = await server.selected()
  await ask(client, '05 UID COPY 2:7 Trash', [
    '05 NO [MESSAGELIMIT 3 5] Too many messages for one command, try fewer',
  ])
  await ask(client, '06 STATUS Trash (MESSAGES)', ['* STATUS "Trash" (MESSAGES 0)', '06 OK STATUS completed'])
  const [copied] = await ask(client, '07 COPY 1:3 Trash')
  assert.match(copied!, /^07 OK \[COPYUID \d+ 2:4 1:3\]/)
})

test('MOVE moves the last, and can be said again', async () => {
  await using server = await limited()
  const client = await server.selected()
  const [first, ...rest] = await ask(client, '06 UID MOVE 2:8 Archive')
  assert.match(first!, /^\* OK \[COPYUID \d+ 6:8 1:3\] Moved$/)
  assert.deepEqual(rest, [
    '* 7 EXPUNGE',
    '* 6 EXPUNGE',
    '* 5 EXPUNGE',
    '* OK [HIGHESTMODSEQ 12] Told up to here',
    '06 OK [MESSAGELIMIT 3 6] Done for the last 3 messages',
  ])
  const again = await ask(client, '07 UID MOVE 2:8 Archive')
  assert.equal(again.at(-1), '07 OK [MESSAGELIMIT 3 3] Done for the last 3 messages')
  const last = await ask(client, '08 UID MOVE 2:8 Archive')
  assert.match(last.at(-1)!, /^08 OK \[HIGHESTMODSEQ \d+\] UID MOVE completed$/)
})

test('STORE changes the last', async () => {
  await using server = await limited()
  const client = await server.selected()
  await ask(client, '07 UID STORE 2:7 +FLAGS (\\Seen)', [
    '* 6 FETCH (UID 7 FLAGS (\\Seen))',
    '* 5 FETCH (UID 6 FLAGS (\\Seen))',
    '* 4 FETCH (UID 5 FLAGS (\\Seen))',
    '07 OK [MESSAGELIMIT 3 5] Done for the last 3 messages',
  ])
  await ask(client, '08 SEARCH 1:3 UNSEEN', ['* SEARCH 1 2 3', '08 OK SEARCH completed'])
  // What UNCHANGEDSINCE kept is told by the tagged line, so this is not.
  const lines = await ask(client, '09 UID STORE 2:7 (UNCHANGEDSINCE 1) +FLAGS.SILENT (\\Deleted)')
  assert.equal(lines.at(-2), '* NO [MESSAGELIMIT 3 5] Done for the last 3 messages')
  assert.match(lines.at(-1)!, /^09 OK \[MODIFIED 5:7\] /)
})

test('UID EXPUNGE removes the last of those that are marked, EXPUNGE and CLOSE all of them', async () => {
  await using server = await limited({ maxMessagesPerCommand: 1000 })
  const client = await server.selected()
  await ask(client, '01 UID STORE 2:6,8 +FLAGS.SILENT (\\Deleted)')
  await using strict = await ImapTestServer.start({ maxMessagesPerCommand: 2 })
  await strict.fill(7, { deleted: true })
  const other = await strict.selected()
  const lines = await ask(other, '08 UID EXPUNGE 1:6')
  assert.deepEqual(lines.slice(0, 2), ['* 6 EXPUNGE', '* 5 EXPUNGE'])
  assert.equal(lines.at(-1), '08 OK [MESSAGELIMIT 2 5] Done for the last 2 messages')
  const all = await ask(other, '09 EXPUNGE')
  assert.equal(all.filter((line) => line.endsWith(' EXPUNGE')).length, 5)
  assert.match(all.at(-1)!, /^09 OK \[HIGHESTMODSEQ \d+\] EXPUNGE completed$/)
  await strict.fill(4, { deleted: true })
  await ask(other, '10 CLOSE', ['10 OK CLOSE completed'])
  await ask(other, '11 STATUS INBOX (MESSAGES UNSEEN)', [
    '* STATUS INBOX (MESSAGES 0 UNSEEN 0)',
    '11 OK STATUS completed',
  ])
})

test('where messages are gone as well, the tagged line says that', async () => {
  await using server = await limited()
  const client = await server.selected()
  await remove(server, 8)
  await ask(client, '11 FETCH 2:7 UID', [
    '* 6 FETCH (UID 7)',
    '* 5 FETCH (UID 6)',
    '* NO [MESSAGELIMIT 3 6] Done for the last 3 messages',
    '11 OK [EXPUNGEISSUED] Some of the messages are gone',
  ])
})

test('[SAVELIMIT] COPY and APPEND have a limit of their own, where it is lower', async () => {
  await using server = await limited({ maxMessagesPerCommand: 5, maxMessagesPerSave: 2 })
  const client = await server.selected()
  assert.match((await ask(client, '01 CAPABILITY'))[0]!, / MESSAGELIMIT=5 SAVELIMIT=2 /)
  await ask(client, '02 COPY 1:3 Trash', [
    '02 NO [MESSAGELIMIT 2 3] Too many messages for one command, try fewer',
  ])
  client.sendRaw('03 APPEND Trash {4+}\r\nx: y {4+}\r\nx: y {4+}\r\nx: y\r\n')
  await client.expect('03 NO [MESSAGELIMIT 2] Too many messages for one command, try fewer')
  await ask(client, '04 STATUS Trash (MESSAGES)', ['* STATUS "Trash" (MESSAGES 0)', '04 OK STATUS completed'])
  client.sendRaw('05 APPEND Trash {4+}\r\nx: y {4+}\r\nx: y\r\n')
  await client.expect(`05 OK [APPENDUID `)
})

test('without a limit only that of COPY and APPEND is told', async () => {
  await using server = await limited({ maxMessagesPerCommand: 0xffff_ffff })
  const client = await server.selected()
  const [offered] = await ask(client, 'a CAPABILITY')
  assert.match(offered!, / SAVELIMIT=100000 /)
  assert.doesNotMatch(offered!, /MESSAGELIMIT/)
})
