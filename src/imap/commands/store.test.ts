import { test } from 'node:test'
import { account } from '../../../test/harness/memory-accounts.ts'
import { ask, ImapTestServer, inbox } from '../fixture.test.ts'
import { storeFlags } from '#mail/flags.ts'
import type { Uid } from '#base/id.ts'

test('STORE: the example of RFC 9051 §6.4.6, and the other ways', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(1, { keywords: ['$seen'] })
  await server.fill(1)
  await server.fill(1, { keywords: ['$flagged', '$seen'] })
  const client = await server.selected()
  await ask(client, 'a1 STORE 1:3 +FLAGS (\\Deleted)', [
    '* 1 FETCH (FLAGS (\\Seen \\Deleted))',
    '* 2 FETCH (FLAGS (\\Deleted))',
    '* 3 FETCH (FLAGS (\\Flagged \\Seen \\Deleted))',
    'a1 OK STORE completed',
  ])
  await ask(client, 'a2 STORE 3 -FLAGS \\Deleted \\Flagged', [
    '* 3 FETCH (FLAGS (\\Seen))',
    'a2 OK STORE completed',
  ])
  await ask(client, 'a3 UID STORE 2,9 FLAGS ($Forwarded MyWord \\answered)', [
    '* 2 FETCH (UID 2 FLAGS (\\Answered $Forwarded myword))',
    'a3 OK UID STORE completed',
  ])
  await ask(client, 'a4 STORE 2 FLAGS ()', ['* 2 FETCH (FLAGS ())', 'a4 OK STORE completed'])
  await ask(client, 'a5 STORE 2 FLAGS \\Recent', ['* 2 FETCH (FLAGS ())', 'a5 OK STORE completed'])
})

test('SILENT says nothing, unless the flags are not what the client must expect', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(2)
  const client = await server.selected()
  await ask(client, 'a1 STORE 1:2 +FLAGS.SILENT (\\Seen)', ['a1 OK STORE completed'])
  await ask(client, 'a2 FETCH 1 FLAGS', ['* 1 FETCH (FLAGS (\\Seen))', 'a2 OK FETCH completed'])
  await server.db.write([account], (tx) =>
    storeFlags(tx, account, inbox, [1 as Uid], { how: 'add', keywords: ['$flagged'] }),
  )
  await ask(client, 'a3 STORE 1:2 +FLAGS.SILENT (\\Answered)', [
    '* 1 FETCH (FLAGS (\\Answered \\Flagged \\Seen))',
    'a3 OK STORE completed',
  ])
  await ask(client, 'a4 UID STORE 1:2 FLAGS.SILENT (\\Draft)', ['a4 OK UID STORE completed'])
  await ask(client, 'a5 NOOP', ['a5 OK NOOP completed'])
})

test('what cannot be stored is refused', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(2)
  const client = await server.selected()
  await ask(client, 'a1 STORE 1 +FLAGS (\\Nonsense)', ['a1 BAD No such system flag'])
  await ask(client, 'a2 STORE 1 +ANNOTATION (x)', ['a2 BAD Unknown item'])
  await ask(client, 'a3 STORE 1 FLAGS', ['a3 BAD Expected a space'])
  const words = Array.from({ length: 129 }, (_, i) => `w${i}`).join(' ')
  await ask(client, `a4 STORE 1 +FLAGS (${words})`, ['a4 NO [LIMIT] Too many keywords'])
  await ask(client, 'a5 EXAMINE INBOX')
  await ask(client, 'a6 STORE 1 +FLAGS (\\Seen)', ['a6 NO [CANNOT] The mailbox is selected read-only'])
  await ask(client, 'a7 SELECT INBOX')
  const other = await server.selected()
  await ask(other, 'o1 STORE 2 +FLAGS.SILENT (\\Deleted)')
  await ask(other, 'o2 EXPUNGE')
  await ask(client, 'a8 STORE 1:2 +FLAGS (\\Seen)', [
    '* 1 FETCH (FLAGS (\\Seen))',
    'a8 NO [EXPUNGEISSUED] Some of the messages are gone',
  ])
})
