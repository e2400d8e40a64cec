/**
 * QRESYNC (RFC 7162 §3.2), by the examples of the standard. Mod-sequences of the tests: 1 made the mailboxes, every
 * delivery and every command that changes something has the next one.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Uid } from '#base/id.ts'
import { trimLog } from '#kv/trim-log.ts'
import { expungeMessages } from '#mail/expunge.ts'
import { storeFlags } from '#mail/flags.ts'
import type { Conversation } from '../../../test/harness/conversation.ts'
import { account } from '../../../test/harness/memory-accounts.ts'
import { ask, ImapTestServer, inbox, validity } from '../fixture.test.ts'

const mark = (server: ImapTestServer, uids: readonly number[], ...keywords: string[]): Promise<unknown> =>
  server.db.write([account], (tx) => storeFlags(tx, account, inbox, uids as Uid[], { how: 'add', keywords }))

const expunge = (server: ImapTestServer, ...uids: readonly number[]): Promise<unknown> =>
  server.db.write([account], (tx) =>
    expungeMessages(tx, account, inbox, uids as Uid[], { onlyDeleted: false }),
  )

/** So that nothing is left of what was expunged. */
async function cutLog(server: ImapTestServer): Promise<void> {
  await trimLog(server.db, account, 0)
}

/** A client that knows QRESYNC. */
async function knowing(server: ImapTestServer): Promise<Conversation> {
  const client = await server.signedIn()
  await ask(client, 'en ENABLE QRESYNC', ['* ENABLED CONDSTORE QRESYNC', 'en OK ENABLE completed'])
  return client
}

/** What SELECT says of what changed. */
async function changes(client: Conversation, parameters: string): Promise<readonly string[]> {
  const lines = await ask(client, `s1 SELECT INBOX (QRESYNC (${parameters}))`)
  assert.equal(lines.at(-1), 's1 OK [READ-WRITE] SELECT completed')
  const from = lines.findIndex((line) => line.startsWith('* OK [MAILBOXID'))
  return lines.slice(from + 1, -1)
}

const range = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i)

test('[QRESYNC] it must be enabled first, in any order with CONDSTORE', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(1)
  const client = await server.signedIn()
  assert.match(
    (await ask(client, `a1 SELECT INBOX (QRESYNC (${validity} 1))`)).at(-1)!,
    /^a1 BAD QRESYNC must be enabled first/,
  )
  await ask(client, 'a2 CHECK', ['a2 BAD Select a mailbox first'])
  await ask(client, 'a3 SELECT INBOX')
  await ask(client, 'a4 UID FETCH 1:* FLAGS (CHANGEDSINCE 1 VANISHED)', ['a4 BAD No such modifier here'])
  await ask(client, 'a5 ENABLE CONDSTORE QRESYNC', [
    '* OK [HIGHESTMODSEQ 2] Told up to here',
    '* ENABLED CONDSTORE QRESYNC',
    'a5 OK ENABLE completed',
  ])
  await ask(client, 'a6 ENABLE QRESYNC CONDSTORE X', [
    '* ENABLED CONDSTORE QRESYNC',
    'a6 OK ENABLE completed',
  ])
  await ask(client, 'a7 FETCH 1:* FLAGS (CHANGEDSINCE 1 VANISHED)', ['a7 BAD No such modifier here'])
  await ask(client, 'a8 UID FETCH 1:* FLAGS (VANISHED)', ['a8 BAD VANISHED needs CHANGEDSINCE'])
  await ask(client, 'a9 UID FETCH 1:* FLAGS (VANISHED CHANGEDSINCE 2)', ['a9 OK UID FETCH completed'])
})

test('[QRESYNC] what is no parameter of SELECT is refused, and nothing is selected', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(1)
  const client = await knowing(server)
  for (const parameters of [
    'QRESYNC',
    'QRESYNC ()',
    'QRESYNC (1)',
    'QRESYNC (0 1)',
    'QRESYNC (1 x)',
    'QRESYNC (1 1 *)',
    'QRESYNC (1 1 1:*)',
    'QRESYNC (1 1 $)',
    'QRESYNC (1 1 1:2 )',
    'QRESYNC (1 1 (1))',
    'QRESYNC (1 1 (1 1) 1)',
    'QRESYNC (1 1 1 (1,2 3))',
    'QRESYNC (1 1 1 (2,1 3,4))',
    'QRESYNC (1 1 1 (1:2 4:3))',
    'QRESYNC (1 1 1 (1:2 3,3))',
    'QRESYNC (1 1 1 (1:* 3:*))',
    'QRESYNC (1 1) QRESYNC (1 1)',
    'CONDSTORE QRESYNC (1 1',
  ]) {
    assert.match((await ask(client, `a1 SELECT INBOX (${parameters})`)).at(-1)!, /^a1 BAD /, parameters)
    await ask(client, 'a2 CHECK', ['a2 BAD Select a mailbox first'])
    await ask(client, 'a3 NOOP', ['a3 OK NOOP completed'])
  }
  // Sets that could not be written out.
  assert.deepEqual(await changes(client, `${validity} 1 1:4294967295 (1:4294967295 1:4294967295)`), [
    '* 1 FETCH (UID 1 MODSEQ (2) FLAGS ())',
  ])
})

test('[QRESYNC] another UIDVALIDITY: nothing is said of changes', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(5)
  await expunge(server, 2)
  const client = await knowing(server)
  assert.deepEqual(await changes(client, `${validity - 1} 1 41,43:211,214:541`), [])
})

test('[QRESYNC] SELECT says what is gone and what changed among the known UIDs, after CLOSED and the usual', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(60)
  const client = await knowing(server)
  await ask(client, 'a1 SELECT Archive')
  await expunge(server, ...range(4, 11), ...range(13, 20), 22, 24)
  await mark(server, [21], '$seen')
  await mark(server, [54], '$forwarded')
  await mark(server, [56], '$flagged')
  await server.fill(1)
  await ask(client, `a2 SELECT INBOX (QRESYNC (${validity} 61 4:21,24:54))`, [
    '* OK [CLOSED] Previous mailbox is now closed',
    '* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Forwarded)',
    '* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft $Forwarded \\*)] Flags permitted',
    '* 43 EXISTS',
    '* 0 RECENT',
    '* OK [UNSEEN 1] First unseen',
    `* OK [UIDVALIDITY ${validity}] UIDs valid`,
    '* OK [UIDNEXT 62] Predicted next UID',
    '* OK [HIGHESTMODSEQ 66] Highest mod-sequence',
    '* OK [URLMECH INTERNAL] URLs can be authorised',
    '* OK [MAILBOXID (F1)] Object identifier',
    '* VANISHED (EARLIER) 4:11,13:20,24',
    '* 5 FETCH (UID 21 MODSEQ (63) FLAGS (\\Seen))',
    '* 36 FETCH (UID 54 MODSEQ (64) FLAGS ($Forwarded))',
    'a2 OK [READ-WRITE] SELECT completed',
  ])
  // Without a set it is all that there were.
  assert.deepEqual(
    (await changes(client, `${validity} 61`)).map((line) => line.slice(0, 30)),
    [
      '* VANISHED (EARLIER) 4:11,13:20,22,24'.slice(0, 30),
      '* 5 FETCH (UID 21 MODSEQ (63) ',
      '* 36 FETCH (UID 54 MODSEQ (64)',
      '* 38 FETCH (UID 56 MODSEQ (65)',
      '* 43 FETCH (UID 61 MODSEQ (66)',
    ],
  )
  assert.deepEqual(await changes(client, `${validity} 66`), [])
  // A number that no message can have yet.
  assert.deepEqual(await changes(client, `${validity} 9223372036854775807`), [])
})

test('[QRESYNC] a mailbox that never had a message has nothing to say', async () => {
  await using server = await ImapTestServer.start()
  const client = await knowing(server)
  assert.deepEqual(await changes(client, `${validity} 1`), [])
  assert.deepEqual(await changes(client, `${validity} 1 1:100 (1:3 1:3)`), [])
  await cutLog(server)
  assert.deepEqual(await changes(client, `${validity} 1 1:100 (1:3 1:3)`), [])
})

test('[QRESYNC] where the log was cut, all known UIDs that are not there are gone', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(32)
  await expunge(server, ...range(1, 32).filter((uid) => uid % 3 > 0 && uid < 30))
  await mark(server, [3], '$important')
  await server.fill(1)
  await cutLog(server)
  const client = await knowing(server)
  const told = [
    '* VANISHED (EARLIER) 1:2,4:5,7:8,10:11,13:14,16:17,19:20,22:23,25:26,28:29',
    '* 1 FETCH (UID 3 MODSEQ (35) FLAGS ($Important))',
    '* 13 FETCH (UID 33 MODSEQ (36) FLAGS ())',
  ]
  assert.deepEqual(await changes(client, `${validity} 33`), told)
  assert.deepEqual(await changes(client, `${validity} 33 1:4000000000`), told)
  assert.deepEqual(await changes(client, `${validity} 33 27:31`), ['* VANISHED (EARLIER) 28:29'])
  // Where nothing happened since, the log is not needed.
  assert.deepEqual(await changes(client, `${validity} 36`), [])
})

test('[QRESYNC] numbers and UIDs that still match say up to where nothing is missing', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(32)
  await expunge(server, ...range(1, 32).filter((uid) => uid % 3 > 0 && uid < 30))
  const client = await knowing(server)
  // The client missed nothing, but its number is old.
  const all = range(1, 10)
  const pairs = `(${all.join()} ${all.map((n) => 3 * n).join()})`
  for (const isCut of [false, true]) {
    if (isCut) await cutLog(server)
    const gone = async (parameters: string): Promise<string | undefined> =>
      (await changes(client, `${validity} 33 ${parameters}`)).find((line) => line.startsWith('* VANISHED'))
    assert.equal(await gone(`1:29 ${pairs}`), undefined)
    assert.equal(await gone(pairs), undefined)
    assert.equal(await gone('1:29 (8 24)'), '* VANISHED (EARLIER) 25:26,28:29')
    assert.equal(await gone('1:29 (3,8:9 9,24,28)'), '* VANISHED (EARLIER) 25:26,28:29')
    assert.equal(
      await gone('1:29 (2,7 6,22)'),
      '* VANISHED (EARLIER) 7:8,10:11,13:14,16:17,19:20,22:23,25:26,28:29',
    )
    assert.equal(await gone('20:23 (1 1)'), '* VANISHED (EARLIER) 20,22:23')
    assert.equal(await gone('1:29 (10:13 30:33)'), undefined)
  }
})

test('[QRESYNC] UID FETCH VANISHED says what is gone of the set before what changed', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(13)
  await expunge(server, 2)
  const client = await knowing(server)
  await ask(client, 'a1 SELECT INBOX')
  await expunge(server, 1, 5, 11)
  await mark(server, [4], '$seen')
  await mark(server, [8], '$mdnsent')
  await ask(client, 'a2 NOOP')
  const flags = [
    '* 2 FETCH (UID 4 MODSEQ (17) FLAGS (\\Seen))',
    '* 5 FETCH (UID 8 MODSEQ (18) FLAGS ($MDNSent))',
  ]
  await ask(client, 'a3 UID FETCH 3:12 (FLAGS) (CHANGEDSINCE 15 VANISHED)', [
    '* VANISHED (EARLIER) 5,11',
    ...flags,
    'a3 OK UID FETCH completed',
  ])
  await ask(client, 'a4 UID FETCH 1:* (FLAGS) (CHANGEDSINCE 15 VANISHED)', [
    '* VANISHED (EARLIER) 1,5,11',
    ...flags,
    'a4 OK UID FETCH completed',
  ])
  await cutLog(server)
  await ask(client, 'a5 UID FETCH 1:* (FLAGS) (CHANGEDSINCE 15 VANISHED)', [
    '* VANISHED (EARLIER) 1:2,5,11',
    ...flags,
    'a5 OK UID FETCH completed',
  ])
  await ask(client, 'a6 UID FETCH 8 (FLAGS) (CHANGEDSINCE 18 VANISHED)', ['a6 OK UID FETCH completed'])
})

test('[QRESYNC] what the client still counts is told as gone once, and not as gone before', async () => {
  for (const isCut of [false, true]) {
    await using server = await ImapTestServer.start()
    await server.fill(6)
    const client = await knowing(server)
    await ask(client, 'a1 SELECT INBOX')
    await expunge(server, 3, 6)
    if (isCut) await cutLog(server)
    await ask(client, 'a2 UID FETCH 1:* (FLAGS) (CHANGEDSINCE 5 VANISHED)', [
      '* 5 FETCH (UID 5 MODSEQ (6) FLAGS ())',
      '* VANISHED 3,6',
      'a2 OK [HIGHESTMODSEQ 8] UID FETCH completed',
    ])
    await ask(client, 'a3 UID FETCH 1:* (FLAGS) (CHANGEDSINCE 7 VANISHED)', [
      '* VANISHED (EARLIER) 3,6',
      'a3 OK UID FETCH completed',
    ])
  }
})

test('[QRESYNC] EXPUNGE and UID EXPUNGE say VANISHED and the new number, CLOSE says nothing', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(11)
  await mark(server, [1], 'x')
  const client = await knowing(server)
  await ask(client, 'a1 SELECT INBOX')
  await ask(client, 'a2 UID STORE 3,4,7,11 +FLAGS.SILENT (\\Deleted)')
  await ask(client, 'a3 EXPUNGE', ['* VANISHED 3:4,7,11', 'a3 OK [HIGHESTMODSEQ 15] EXPUNGE completed'])
  await ask(client, 'a4 EXPUNGE', ['a4 OK EXPUNGE completed'])
  await ask(client, 'a5 UID STORE 5,9 +FLAGS.SILENT (\\Deleted)')
  await ask(client, 'a6 UID EXPUNGE 3:5', ['* VANISHED 5', 'a6 OK [HIGHESTMODSEQ 17] UID EXPUNGE completed'])
  await ask(client, 'a7 CLOSE', ['a7 OK CLOSE completed'])
  assert.deepEqual(await changes(client, `${validity} 17`), ['* VANISHED (EARLIER) 9'])
  await ask(client, 'a8 UNSELECT', ['a8 OK UNSELECT completed'])
})

test('[QRESYNC] MOVE says VANISHED after COPYUID', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(4)
  const client = await knowing(server)
  await ask(client, 'a1 SELECT INBOX')
  await ask(client, 'a2 MOVE 2:3 Archive', [
    `* OK [COPYUID ${validity + 5} 2:3 1:2] Moved`,
    '* VANISHED 2:3',
    'a2 OK [HIGHESTMODSEQ 6] MOVE completed',
  ])
})

test('[QRESYNC] a message that came and went unseen is not told, but EXPUNGE of it has a number', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(1)
  const client = await knowing(server)
  await ask(client, 'a1 SELECT INBOX')
  await server.deliver('a: b\n', { deleted: true })
  await ask(client, 'a2 EXPUNGE', ['a2 OK [HIGHESTMODSEQ 4] EXPUNGE completed'])
})

test('[QRESYNC] what is gone is told by number to who does not know it, in IDLE as well', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(4)
  const client = await knowing(server)
  await ask(client, 'a1 SELECT INBOX')
  const plain = await server.selected()
  await client.ask('a2 IDLE', '+ idling')
  await expunge(server, 2, 3)
  await client.expectLines(['* VANISHED 2:3', '* OK [HIGHESTMODSEQ 6] '])
  await client.ask('DONE', 'a2 OK IDLE terminated')
  await ask(plain, 'b1 NOOP', ['* 3 EXPUNGE', '* 2 EXPUNGE', 'b1 OK NOOP completed'])
})

test('[QRESYNC] while VANISHED waits, the number stays below it (§6)', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(8)
  const client = await knowing(server)
  await ask(client, 'a1 SELECT INBOX')
  await expunge(server, 5)
  await mark(server, [3], '$answered')
  await ask(client, 'a2 STORE 1:3 (UNCHANGEDSINCE 9) FLAGS.SILENT (\\Seen)', [
    '* 1 FETCH (UID 1 MODSEQ (12))',
    '* 2 FETCH (UID 2 MODSEQ (12))',
    '* 3 FETCH (UID 3 MODSEQ (11) FLAGS (\\Answered))',
    '* OK [HIGHESTMODSEQ 9] Told up to here',
    'a2 OK [MODIFIED 3] Some of the messages were changed before',
  ])
  await ask(client, 'a3 STORE 3 +FLAGS.SILENT (\\Seen)', [
    '* 3 FETCH (UID 3 MODSEQ (13))',
    '* OK [HIGHESTMODSEQ 9] Told up to here',
    'a3 OK STORE completed',
  ])
  // A UID command that has message numbers among its criteria (§3.2.10.2).
  await ask(client, 'a4 UID SEARCH 4:5', [
    '* SEARCH 4',
    '* OK [HIGHESTMODSEQ 9] Told up to here',
    'a4 OK UID SEARCH completed',
  ])
  await ask(client, 'a5 UID SEARCH UID 4:5', [
    '* SEARCH 4',
    '* VANISHED 5',
    'a5 OK [HIGHESTMODSEQ 13] UID SEARCH completed',
  ])
})

test('[QRESYNC] very many UIDs are told in several responses', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(1300)
  const client = await knowing(server)
  const odd = range(1, 1300).filter((uid) => uid % 2 === 1)
  await expunge(server, ...odd)
  const lines = await changes(client, `${validity} 1301`)
  assert.equal(lines.length, 2)
  const told = lines.flatMap((line) => line.replace('* VANISHED (EARLIER) ', '').split(',').map(Number))
  assert.deepEqual(told, odd)
})

test('[QRESYNC] the whole of a stay away: the last example of §6', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(20)
  const client = await knowing(server)
  await expunge(server, ...range(1, 5), 7, 8, ...range(10, 15))
  await mark(server, [6], '$flagged')
  await mark(server, [9], '$mdnsent', '$notjunk')
  await server.fill(2)
  assert.deepEqual(await changes(client, `${validity} 21 1:19`), [
    '* VANISHED (EARLIER) 1:5,7:8,10:15',
    '* 1 FETCH (UID 6 MODSEQ (23) FLAGS (\\Flagged))',
    '* 2 FETCH (UID 9 MODSEQ (24) FLAGS ($MDNSent $NotJunk))',
  ])
  await ask(client, 'a1 UID FETCH 21:* FLAGS', [
    '* 8 FETCH (UID 21 FLAGS ())',
    '* 9 FETCH (UID 22 FLAGS ())',
    'a1 OK UID FETCH completed',
  ])
})
