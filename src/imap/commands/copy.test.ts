import { test } from 'node:test'
import { ask, ImapTestServer, validity } from '../fixture.test.ts'

const archive = validity + 5

test('[UIDPLUS] COPY answers COPYUID', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(4, { keywords: ['$seen'] })
  const client = await server.selected()
  await ask(client, 'a1 COPY 2:4 Archive', [`a1 OK [COPYUID ${archive} 2:4 1:3] COPY completed`])
  await ask(client, 'a2 UID COPY 1,50 Archive', [`a2 OK [COPYUID ${archive} 1 4] UID COPY completed`])
  await ask(client, 'a3 UID COPY 305:310 Archive', ['a3 OK No matching messages, so nothing copied'])
  await ask(client, 'a4 COPY 1 INBOX', ['* 5 EXISTS', `a4 OK [COPYUID ${validity} 1 5] COPY completed`])
  await ask(client, 'a5 SELECT Archive')
  await ask(client, 'a6 FETCH 1:* (FLAGS INTERNALDATE)', [
    ...[1, 2, 3, 4].map((n) => `* ${n} FETCH (FLAGS (\\Seen) INTERNALDATE " 1-Jan-2026 00:00:00 +0000")`),
    'a6 OK FETCH completed',
  ])
})

test('COPY and MOVE to a mailbox that is missing: TRYCREATE, and nothing happens', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(1)
  const client = await server.selected()
  for (const verb of ['COPY', 'MOVE', 'UID COPY', 'UID MOVE']) {
    await ask(client, `a1 ${verb} 1 nowhere`, ['a1 NO [TRYCREATE] No such mailbox'])
  }
  await ask(client, 'a2 STATUS INBOX (MESSAGES)', ['* STATUS INBOX (MESSAGES 1)', 'a2 OK STATUS completed'])
})

test('[MOVE] MOVE says COPYUID before the messages go', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(4)
  const client = await server.selected()
  await ask(client, 'a1 MOVE 1,3 Archive', [
    `* OK [COPYUID ${archive} 1,3 1:2] Moved`,
    '* 3 EXPUNGE',
    '* 1 EXPUNGE',
    'a1 OK [HIGHESTMODSEQ 6] MOVE completed',
  ])
  await ask(client, 'a2 UID MOVE 4 Archive', [
    `* OK [COPYUID ${archive} 4 3] Moved`,
    '* 2 EXPUNGE',
    'a2 OK [HIGHESTMODSEQ 7] UID MOVE completed',
  ])
  await ask(client, 'a3 MOVE 1 INBOX', [
    `* OK [COPYUID ${validity} 2 5] Moved`,
    '* 1 EXPUNGE',
    '* 1 EXISTS',
    'a3 OK [HIGHESTMODSEQ 8] MOVE completed',
  ])
  await ask(client, 'a4 EXAMINE INBOX')
  await ask(client, 'a5 MOVE 1 Archive', ['a5 NO [CANNOT] The mailbox is selected read-only'])
})

test('a copy of messages of which one is gone copies nothing', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(2)
  const client = await server.selected()
  const other = await server.selected()
  await ask(other, 'o1 STORE 2 +FLAGS.SILENT (\\Deleted)')
  await ask(other, 'o2 EXPUNGE')
  await ask(client, 'a1 COPY 1:2 Archive', [
    '* 2 EXPUNGE',
    'a1 NO [EXPUNGEISSUED] Some of the messages are gone',
  ])
  await ask(client, 'a2 STATUS Archive (MESSAGES)', [
    '* STATUS "Archive" (MESSAGES 0)',
    'a2 OK STATUS completed',
  ])
})
