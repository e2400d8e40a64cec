import { test } from 'node:test'
import { ask, ImapTestServer } from '../fixture.test.ts'

test('EXPUNGE removes what is marked, numbers falling from the highest', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(5)
  const client = await server.selected()
  await ask(client, 'a1 STORE 1,3:4 +FLAGS.SILENT (\\Deleted)')
  await ask(client, 'a2 EXPUNGE', [
    '* 4 EXPUNGE',
    '* 3 EXPUNGE',
    '* 1 EXPUNGE',
    'a2 OK [HIGHESTMODSEQ 8] EXPUNGE completed',
  ])
  await ask(client, 'a3 UID FETCH 1:* UID', [
    '* 1 FETCH (UID 2)',
    '* 2 FETCH (UID 5)',
    'a3 OK UID FETCH completed',
  ])
  await ask(client, 'a4 EXPUNGE', ['a4 OK EXPUNGE completed'])
})

test('[UIDPLUS] UID EXPUNGE removes only among the UIDs given: the example of RFC 9051 §6.4.9', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(5)
  const client = await server.selected()
  await ask(client, 'a1 STORE 2:4 +FLAGS.SILENT (\\Deleted)')
  await ask(client, 'a2 UID EXPUNGE 1:3', [
    '* 3 EXPUNGE',
    '* 2 EXPUNGE',
    'a2 OK [HIGHESTMODSEQ 8] UID EXPUNGE completed',
  ])
  await ask(client, 'a3 UID FETCH 1:* FLAGS', [
    '* 1 FETCH (UID 1 FLAGS ())',
    '* 2 FETCH (UID 4 FLAGS (\\Deleted))',
    '* 3 FETCH (UID 5 FLAGS ())',
    'a3 OK UID FETCH completed',
  ])
})

test('[UNSELECT] CLOSE removes silently, UNSELECT and a read-only CLOSE remove nothing', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(3)
  const client = await server.selected()
  await ask(client, 'a1 STORE 1 +FLAGS.SILENT (\\Deleted)')
  await ask(client, 'a2 UNSELECT', ['a2 OK UNSELECT completed'])
  await ask(client, 'a3 FETCH 1 UID', ['a3 BAD Select a mailbox first'])
  await ask(client, 'a4 EXAMINE INBOX')
  await ask(client, 'a5 EXPUNGE', ['a5 NO [CANNOT] The mailbox is selected read-only'])
  await ask(client, 'a6 CLOSE', ['a6 OK CLOSE completed'])
  await ask(client, 'a7 STATUS INBOX (MESSAGES DELETED)', [
    '* STATUS INBOX (MESSAGES 3 DELETED 1)',
    'a7 OK STATUS completed',
  ])
  await ask(client, 'a8 SELECT INBOX')
  await ask(client, 'a9 CLOSE', ['a9 OK CLOSE completed'])
  await ask(client, 'b1 STATUS INBOX (MESSAGES DELETED)', [
    '* STATUS INBOX (MESSAGES 2 DELETED 0)',
    'b1 OK STATUS completed',
  ])
})
