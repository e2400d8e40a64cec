/**
 * CONDSTORE (RFC 7162 §3.1), by the examples of the standard. Mod-sequences of the tests: 1 made the mailboxes,
 * every delivery and every command that changes something has the next one.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Fault } from '#base/fault.ts'
import type { Uid } from '#base/id.ts'
import { copyMessages } from '#mail/copy.ts'
import { expungeMessages } from '#mail/expunge.ts'
import { storeFlags } from '#mail/flags.ts'
import { account } from '../../../test/harness/memory-accounts.ts'
import { ask, ImapTestServer, inbox } from '../fixture.test.ts'
import { SessionView } from '../session/view.ts'

/** Somebody else changes flags. */
const mark = (server: ImapTestServer, uids: readonly number[], ...keywords: string[]): Promise<unknown> =>
  server.db.write([account], (tx) => storeFlags(tx, account, inbox, uids as Uid[], { how: 'add', keywords }))

const expunge = (server: ImapTestServer, ...uids: readonly number[]): Promise<unknown> =>
  server.db.write([account], (tx) =>
    expungeMessages(tx, account, inbox, uids as Uid[], { onlyDeleted: false }),
  )

test('[CONDSTORE] examples 1 and 18: SELECT says HIGHESTMODSEQ, with CONDSTORE or without', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(3)
  const client = await server.signedIn()
  assert.ok((await ask(client, 'a1 SELECT INBOX')).includes('* OK [HIGHESTMODSEQ 4] Highest mod-sequence'))
  const lines = await ask(client, 'a2 SELECT INBOX (CONDSTORE)')
  assert.deepEqual(
    lines.filter((line) => line.includes('MODSEQ')),
    ['* OK [HIGHESTMODSEQ 4] Highest mod-sequence'],
  )
  await mark(server, [2], '$seen')
  await ask(client, 'a3 NOOP', ['* 2 FETCH (UID 2 MODSEQ (5) FLAGS (\\Seen))', 'a3 OK NOOP completed'])
  assert.ok((await ask(client, 'a4 EXAMINE INBOX')).includes('* OK [HIGHESTMODSEQ 5] Highest mod-sequence'))
  for (const bad of ['(CONDSTOR)', '()', '(CONDSTORE', 'CONDSTORE', '(CONDSTORE) '])
    assert.match((await ask(client, `a5 SELECT INBOX ${bad}`)).at(-1)!, /^a5 BAD /, bad)
})

test('[CONDSTORE] each command that needs it enables it, and says so once', async () => {
  for (const command of [
    'ENABLE CONDSTORE',
    'STATUS INBOX (HIGHESTMODSEQ)',
    'FETCH 1 (MODSEQ)',
    'FETCH 1 (FLAGS) (CHANGEDSINCE 1)',
    'SEARCH MODSEQ 1',
    'SEARCH NOT MODSEQ 1',
    'STORE 1 (UNCHANGEDSINCE 100) +FLAGS (work)',
  ]) {
    await using server = await ImapTestServer.start()
    await server.fill(2)
    const client = await server.selected()
    await mark(server, [2], 'other')
    const first = await ask(client, `a1 ${command}`)
    // What the client was told of last: what changed since then follows.
    assert.equal(first[0], '* OK [HIGHESTMODSEQ 3] Told up to here', command)
    assert.equal(first.at(-2), '* 2 FETCH (UID 2 MODSEQ (4) FLAGS (other))', command)
    assert.ok(!(await ask(client, `a2 ${command}`)).some((line) => line.includes('HIGHESTMODSEQ]')))
  }
  await using server = await ImapTestServer.start()
  await server.fill(1)
  const client = await server.selected()
  await mark(server, [1], 'other')
  await ask(client, 'a1 STATUS INBOX (MESSAGES)', [
    '* STATUS INBOX (MESSAGES 1)',
    '* 1 FETCH (UID 1 FLAGS (other))',
    'a1 OK STATUS completed',
  ])
})

test('[CONDSTORE] examples 3 to 5: a conditional STORE says the new MODSEQ of each message', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(8)
  await expunge(server, 1, 2, 3)
  const client = await server.selected('INBOX')
  await ask(client, 'a0 ENABLE CONDSTORE')
  await ask(client, 'a1 UID STORE 6,4,8 (UNCHANGEDSINCE 10) +FLAGS.SILENT (\\Deleted)', [
    '* 1 FETCH (UID 4 MODSEQ (11))',
    '* 3 FETCH (UID 6 MODSEQ (11))',
    '* 5 FETCH (UID 8 MODSEQ (11))',
    'a1 OK UID STORE completed',
  ])
  await ask(client, 'a2 STORE * (UNCHANGEDSINCE 11) +FLAGS.SILENT (\\Deleted $Processed)', [
    '* 5 FETCH (UID 8 MODSEQ (12))',
    'a2 OK STORE completed',
  ])
  await ask(client, 'a3 STORE 5 (UNCHANGEDSINCE 12) -FLAGS (\\Deleted)', [
    '* 5 FETCH (UID 8 MODSEQ (13) FLAGS ($processed))',
    'a3 OK STORE completed',
  ])
  // RFC 7162 §3.1.11: nothing changed, so neither did the number.
  await ask(client, 'a4 STORE 5 (UNCHANGEDSINCE 13) -FLAGS.SILENT (\\Deleted)', [
    '* 5 FETCH (UID 8 MODSEQ (13))',
    'a4 OK STORE completed',
  ])
})

test('[CONDSTORE] examples 6 and 7: messages that changed are left alone and shown', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(9)
  await mark(server, [7], '$seen')
  await mark(server, [9], '$answered')
  const client = await server.selected()
  await ask(client, 'a1 STORE 7,5,9 (UNCHANGEDSINCE 10) +FLAGS.SILENT (\\Deleted)', [
    '* OK [HIGHESTMODSEQ 12] Told up to here',
    '* 5 FETCH (UID 5 MODSEQ (13))',
    '* 7 FETCH (UID 7 MODSEQ (11) FLAGS (\\Seen))',
    '* 9 FETCH (UID 9 MODSEQ (12) FLAGS (\\Answered))',
    'a1 OK [MODIFIED 7,9] Some of the messages were changed before',
  ])
  await ask(client, 'a2 UID STORE 5:8 (UNCHANGEDSINCE 10) FLAGS (work)', [
    '* 5 FETCH (UID 5 MODSEQ (13) FLAGS (\\Deleted))',
    '* 6 FETCH (UID 6 MODSEQ (14) FLAGS (work))',
    '* 7 FETCH (UID 7 MODSEQ (11) FLAGS (\\Seen))',
    '* 8 FETCH (UID 8 MODSEQ (14) FLAGS (work))',
    'a2 OK [MODIFIED 5,7] Some of the messages were changed before',
  ])
})

test('[CONDSTORE] example 8: UNCHANGEDSINCE 0 always fails', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(12)
  const client = await server.selected()
  await ask(client, 'a1 STORE 12 (UNCHANGEDSINCE 0) +FLAGS.SILENT ($MDNSent)', [
    '* OK [HIGHESTMODSEQ 13] Told up to here',
    '* 12 FETCH (UID 12 MODSEQ (13) FLAGS ())',
    'a1 OK [MODIFIED 12] Some of the messages were changed before',
  ])
})

test('[CONDSTORE] examples 9 and 10: who wants another flag than was changed is not refused (§3.1.12)', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(4)
  const client = await server.selected('INBOX')
  await ask(client, 'a0 ENABLE CONDSTORE')
  await mark(server, [2], '$deleted-by-me', '$answered')
  await mark(server, [3], '$processed')
  await ask(client, 'a1 STORE 1:4 (UNCHANGEDSINCE 5) +FLAGS.SILENT ($Processed)', [
    '* 1 FETCH (UID 1 MODSEQ (8))',
    '* 2 FETCH (UID 2 MODSEQ (8) FLAGS (\\Answered $deleted-by-me $processed))',
    '* 3 FETCH (UID 3 MODSEQ (7) FLAGS ($processed))',
    '* 4 FETCH (UID 4 MODSEQ (8))',
    'a1 OK [MODIFIED 3] Some of the messages were changed before',
  ])
  await ask(client, 'a2 NOOP', ['a2 OK NOOP completed'])
  // Replacing them wants all flags.
  await mark(server, [1], '$flagged')
  await ask(client, 'a3 STORE 1 (UNCHANGEDSINCE 8) FLAGS (work)', [
    '* 1 FETCH (UID 1 MODSEQ (9) FLAGS (\\Flagged $processed))',
    'a3 OK [MODIFIED 1] Some of the messages were changed before',
  ])
  // What the client was told after the number that it gives, it cannot have known with it.
  await ask(client, 'a4 STORE 1 (UNCHANGEDSINCE 8) +FLAGS (work)', [
    '* 1 FETCH (UID 1 MODSEQ (9) FLAGS (\\Flagged $processed))',
    'a4 OK [MODIFIED 1] Some of the messages were changed before',
  ])
  await ask(client, 'a5 STORE 1 (UNCHANGEDSINCE 9) +FLAGS (work)', [
    '* 1 FETCH (UID 1 MODSEQ (10) FLAGS (\\Flagged $processed work))',
    'a5 OK STORE completed',
  ])
})

test('[CONDSTORE] example 11: some are gone and some were changed', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(7)
  const client = await server.selected()
  await ask(client, 'a0 ENABLE CONDSTORE')
  await mark(server, [2], '$seen')
  await expunge(server, 4, 5, 6, 7)
  await ask(client, 'b1 STORE 1:7 (UNCHANGEDSINCE 8) +FLAGS (\\Seen)', [
    '* 1 FETCH (UID 1 MODSEQ (11) FLAGS (\\Seen))',
    '* 2 FETCH (UID 2 MODSEQ (9) FLAGS (\\Seen))',
    '* 3 FETCH (UID 3 MODSEQ (11) FLAGS (\\Seen))',
    // What waits has number 10: a client that went away now must ask from before it.
    '* OK [HIGHESTMODSEQ 8] Told up to here',
    'b1 NO [MODIFIED 2] Some of the messages are gone',
  ])
  await ask(client, 'b2 NOOP', [
    '* 7 EXPUNGE',
    '* 6 EXPUNGE',
    '* 5 EXPUNGE',
    '* 4 EXPUNGE',
    'b2 OK [HIGHESTMODSEQ 11] NOOP completed',
  ])
  await ask(client, 'b3 STORE 2 (UNCHANGEDSINCE 9) +FLAGS (\\Flagged)', [
    '* 2 FETCH (UID 2 MODSEQ (12) FLAGS (\\Flagged \\Seen))',
    'b3 OK STORE completed',
  ])
})

test('[CONDSTORE] a message that is named twice, or that is there twice, is not refused by itself', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(9)
  const at = { account, mailbox: inbox }
  await server.db.write([account], (tx) =>
    copyMessages(tx, { from: at, uids: [7 as Uid], to: at }, { savedAt: 1 }),
  )
  const client = await server.selected()
  const lines = await ask(client, 'a1 STORE 7,3:10 (UNCHANGEDSINCE 11) +FLAGS.SILENT (work)')
  assert.deepEqual(lines.slice(1), [
    ...[3, 4, 5, 6, 7, 8, 9, 10].map((n) => `* ${n} FETCH (UID ${n} MODSEQ (12))`),
    'a1 OK STORE completed',
  ])
})

test('[CONDSTORE] what is no modifier of STORE is refused', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(1)
  const client = await server.selected()
  for (const modifier of [
    '(UNCHANGEDSINCE)',
    '(UNCHANGEDSINCE -1)',
    '(UNCHANGEDSINCE 9223372036854775808)',
    '(UNCHANGEDSINCE 1 UNCHANGEDSINCE 1)',
    '(CHANGEDSINCE 1)',
    '()',
    'UNCHANGEDSINCE 1',
  ])
    assert.match((await ask(client, `a1 STORE 1 ${modifier} FLAGS (work)`)).at(-1)!, /^a1 BAD /, modifier)
  await ask(client, 'a2 STORE 1 (unchangedsince 09223372036854775807) FLAGS (work)', [
    '* OK [HIGHESTMODSEQ 2] Told up to here',
    '* 1 FETCH (UID 1 MODSEQ (3) FLAGS (work))',
    'a2 OK STORE completed',
  ])
})

test('[CONDSTORE] examples 12 and 13: FETCH MODSEQ, and CHANGEDSINCE', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(4)
  await mark(server, [1], '$seen')
  await mark(server, [4], '$mdnsent')
  const client = await server.selected()
  await ask(client, 'a1 FETCH 1:3 (MODSEQ)', [
    '* OK [HIGHESTMODSEQ 7] Told up to here',
    '* 1 FETCH (MODSEQ (6))',
    '* 2 FETCH (MODSEQ (3))',
    '* 3 FETCH (MODSEQ (4))',
    'a1 OK FETCH completed',
  ])
  await ask(client, 'a2 UID FETCH 1:* (FLAGS) (CHANGEDSINCE 5)', [
    '* 1 FETCH (UID 1 MODSEQ (6) FLAGS (\\Seen))',
    '* 4 FETCH (UID 4 MODSEQ (7) FLAGS ($MDNSent))',
    'a2 OK UID FETCH completed',
  ])
  await ask(client, 'a3 FETCH 1:4 FLAGS (CHANGEDSINCE 6)', [
    '* 4 FETCH (MODSEQ (7) FLAGS ($MDNSent))',
    'a3 OK FETCH completed',
  ])
  // Only those are read, and marked.
  await ask(client, 'a4 FETCH 3:4 BODY[TEXT] (CHANGEDSINCE 6)', [
    '* 4 FETCH (MODSEQ (8) BODY[TEXT] {6}',
    'body',
    ' UID 4 FLAGS (\\Seen $MDNSent))',
    'a4 OK FETCH completed',
  ])
  await ask(client, 'a5 FETCH 1:4 FLAGS (CHANGEDSINCE 8)', ['a5 OK FETCH completed'])
  for (const modifier of [
    '(CHANGEDSINCE)',
    '(CHANGEDSINCE x)',
    '(VANISHED)',
    '()',
    '(CHANGEDSINCE 1 VANISHED)',
  ])
    assert.match((await ask(client, `a6 UID FETCH 1 FLAGS ${modifier}`)).at(-1)!, /^a6 BAD /, modifier)
})

test('[CONDSTORE] example 14: what one session changes, the others are told with UID and MODSEQ', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(7, { keywords: ['$answered'] })
  const [one, two, plain] = [await server.selected(), await server.selected(), await server.selected()]
  await ask(one, 'a0 ENABLE CONDSTORE')
  await ask(two, 'c0 STATUS INBOX (HIGHESTMODSEQ)')
  await ask(one, 'a1 STORE 7 +FLAGS.SILENT (\\Deleted)', [
    '* 7 FETCH (UID 7 MODSEQ (9))',
    'a1 OK STORE completed',
  ])
  await ask(two, 'c1 NOOP', [
    '* 7 FETCH (UID 7 MODSEQ (9) FLAGS (\\Answered \\Deleted))',
    'c1 OK NOOP completed',
  ])
  await ask(plain, 'd1 NOOP', ['* 7 FETCH (UID 7 FLAGS (\\Answered \\Deleted))', 'd1 OK NOOP completed'])
  await ask(one, 'a2 STORE 7 +FLAGS.SILENT (\\Seen)', [
    '* 7 FETCH (UID 7 MODSEQ (10))',
    'a2 OK STORE completed',
  ])
  await ask(one, 'a3 STORE 7 -FLAGS.SILENT (\\Seen)')
  // The flags are as they were told, the number is not.
  await ask(two, 'c2 NOOP', [
    '* 7 FETCH (UID 7 MODSEQ (11) FLAGS (\\Answered \\Deleted))',
    'c2 OK NOOP completed',
  ])
  await ask(plain, 'd2 NOOP', ['d2 OK NOOP completed'])
  // A FETCH of flags alone does not tell the number.
  await ask(one, 'a4 STORE 7 FLAGS.SILENT (work)', ['* 7 FETCH (UID 7 MODSEQ (12))', 'a4 OK STORE completed'])
  await ask(two, 'c3 FETCH 7 FLAGS', [
    '* 7 FETCH (FLAGS (work))',
    '* 7 FETCH (UID 7 MODSEQ (12) FLAGS (work))',
    'c3 OK FETCH completed',
  ])
  // Nothing new: nothing to say.
  await ask(one, 'a5 STORE 7 FLAGS.SILENT (work)', ['a5 OK STORE completed'])
})

test('[CONDSTORE] examples 15 and 16: SEARCH MODSEQ, whose result has the highest of those found', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(5)
  await mark(server, [2], '$draft')
  await mark(server, [4], '$seen')
  const client = await server.selected()
  await ask(client, 'a0 ENABLE CONDSTORE')
  await ask(client, 'a1 SEARCH MODSEQ "/flags/\\\\draft" all 6', [
    '* SEARCH 2 4 5 (MODSEQ 8)',
    'a1 OK SEARCH completed',
  ])
  await ask(client, 'a2 UID SEARCH MODSEQ 7 SEEN', ['* SEARCH 4 (MODSEQ 8)', 'a2 OK UID SEARCH completed'])
  await ask(client, 'a3 SEARCH OR NOT MODSEQ 1 LARGER 50000', ['* SEARCH', 'a3 OK SEARCH completed'])
  await ask(client, 'a4 SEARCH NOT MODSEQ 6', ['* SEARCH 1 3 (MODSEQ 4)', 'a4 OK SEARCH completed'])
  await ask(client, 'a5 SEARCH MODSEQ "/flags/$MDNSent" priv 0', [
    '* SEARCH 1 2 3 4 5 (MODSEQ 8)',
    'a5 OK SEARCH completed',
  ])
  await ask(client, 'a6 SEARCH MODSEQ "/flags/x" shared 9', ['* SEARCH', 'a6 OK SEARCH completed'])
  for (const key of [
    'MODSEQ',
    'MODSEQ x',
    'MODSEQ "/flags/x" 1',
    'MODSEQ "/flags/x" any 1',
    'MODSEQ "/comment" all 1',
    'MODSEQ "/flags/" all 1',
    'MODSEQ "/flags/a b" all 1',
    'MODSEQ /flags/x all 1',
  ])
    assert.match((await ask(client, `a7 SEARCH ${key}`)).at(-1)!, /^a7 BAD /, key)
})

test('[CONDSTORE] example 17: STATUS HIGHESTMODSEQ rises with every change and every expunge', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(3)
  const client = await server.signedIn()
  const highest = async (): Promise<number> =>
    Number(/HIGHESTMODSEQ (\d+)/.exec((await ask(client, 's1 STATUS INBOX (HIGHESTMODSEQ)'))[0]!)![1])
  assert.equal(await highest(), 4)
  await mark(server, [1], '$seen')
  assert.equal(await highest(), 5)
  await expunge(server, 1)
  assert.equal(await highest(), 6)
  await ask(client, 'a1 COPY 1 INBOX')
  await ask(client, 'a2 APPEND Archive {5+}\r\na: b\n')
  assert.equal(await highest(), 6)
  await ask(client, 'a3 APPEND INBOX {5+}\r\na: b\n')
  assert.equal(await highest(), 8)
  // RFC 7162 §3.2
  await ask(client, 'a4 SETMETADATA INBOX (/private/comment "x")')
  assert.equal(await highest(), 9)
})

test('[CONDSTORE] example 19, and those of RFC 4731 §3.2: ESEARCH says MODSEQ of what it returns', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(5)
  for (const uid of [2, 4, 3]) await mark(server, [uid], '$draft')
  const client = await server.selected()
  await ask(client, 'a0 ENABLE CONDSTORE')
  for (const [returns, result] of [
    ['ALL', 'ALL 2:5 MODSEQ 9'],
    ['MIN', 'MIN 2 MODSEQ 7'],
    ['MAX', 'MAX 5 MODSEQ 6'],
    ['MIN MAX', 'MIN 2 MAX 5 MODSEQ 7'],
    ['MIN COUNT', 'MIN 2 COUNT 4 MODSEQ 9'],
    ['COUNT', 'COUNT 4 MODSEQ 9'],
    ['MIN SAVE', 'MIN 2 MODSEQ 7'],
  ])
    await ask(client, `a1 SEARCH RETURN (${returns}) MODSEQ "/flags/\\\\draft" all 6`, [
      `* ESEARCH (TAG "a1") ${result}`,
      'a1 OK SEARCH completed',
    ])
  await ask(client, 'a2 SEARCH RETURN (COUNT) MODSEQ 100', [
    '* ESEARCH (TAG "a2") COUNT 0',
    'a2 OK SEARCH completed',
  ])
  await ask(client, 'a3 SEARCH RETURN (SAVE) MODSEQ 1', ['a3 OK SEARCH completed'])
})

test('[CONDSTORE] simultaneous STORE commands have numbers of their own', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(10)
  const clients = await Promise.all(Array.from({ length: 10 }, () => server.selected()))
  const told = await Promise.all(
    clients.map((client, i) => ask(client, `a1 STORE ${i + 1} (UNCHANGEDSINCE 11) +FLAGS.SILENT (work)`)),
  )
  const modseqs = told.map((lines, i) => {
    const line = lines.find((one) => one.startsWith(`* ${i + 1} FETCH`))!
    return Number(/MODSEQ \((\d+)\)/.exec(line)![1])
  })
  assert.deepEqual(
    modseqs.toSorted((a, b) => a - b),
    [12, 13, 14, 15, 16, 17, 18, 19, 20, 21],
  )
})

test('[CONDSTORE] what cannot be read now is told later, and until then the number stays low', async (t) => {
  await using server = await ImapTestServer.start()
  await server.fill(2)
  const client = await server.selected('INBOX')
  await ask(client, 'a0 ENABLE CONDSTORE')
  await mark(server, [1], 'other')
  const broken = t.mock.method(SessionView.prototype, 'show', () => {
    throw new Fault('unavailable', 'try again later', {})
  })
  await ask(client, 'a1 STORE 2 +FLAGS (work)', [
    '* 2 FETCH (UID 2 MODSEQ (5) FLAGS (work))',
    '* OK [HIGHESTMODSEQ 3] Told up to here',
    'a1 OK STORE completed',
  ])
  broken.mock.restore()
  await ask(client, 'a2 NOOP', ['* 1 FETCH (UID 1 MODSEQ (4) FLAGS (other))', 'a2 OK NOOP completed'])
})
