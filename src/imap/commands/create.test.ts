import { test } from 'node:test'
import { noLimits } from '#mail/limits.ts'
import { ask, ImapTestServer } from '../fixture.test.ts'

test('CREATE makes the levels above, DELETE keeps those below', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.signedIn()
  await ask(client, 'a1 CREATE owatagusiam/', ['a1 OK [MAILBOXID (F7)] CREATE completed'])
  await ask(client, 'a2 CREATE owatagusiam/deep/blurdybloop', ['a2 OK [MAILBOXID (F9)] CREATE completed'])
  await ask(client, 'a3 LIST owatagusiam *', [
    '* LIST (\\HasChildren) "/" "owatagusiam"',
    '* LIST (\\HasChildren) "/" "owatagusiam/deep"',
    '* LIST (\\HasNoChildren) "/" "owatagusiam/deep/blurdybloop"',
    'a3 OK LIST completed',
  ])
  await ask(client, 'a4 CREATE owatagusiam', ['a4 NO [ALREADYEXISTS] Mailbox already exists'])
  await ask(client, 'a5 CREATE inBOX', ['a5 NO [ALREADYEXISTS] Mailbox already exists'])
  await ask(client, 'a6 DELETE owatagusiam', ['a6 NO [HASCHILDREN] There are mailboxes below it'])
  await ask(client, 'a7 DELETE owatagusiam/deep/blurdybloop', ['a7 OK DELETE completed'])
  await ask(client, 'a8 DELETE owatagusiam/deep/blurdybloop', ['a8 NO [NONEXISTENT] No such mailbox'])
  await ask(client, 'a9 DELETE INBOX', ['a9 NO [CANNOT] INBOX cannot be deleted'])
  for (const name of ['"///////"', '"/"', '""', '"a//b"', '"a*b"', '"a%"', '&A-']) {
    await ask(client, `b CREATE ${name}`).then((lines) => {
      if (!lines[0]!.startsWith('b NO [CANNOT]')) throw new Error(`${name}: ${lines[0]}`)
    })
  }
})

test('[CREATE-SPECIAL-USE] CREATE with a use: the examples of RFC 6154 §5.3', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.signedIn()
  await ask(client, 't0 DELETE Archive')
  await ask(client, 't1 CREATE MySpecial (USE (\\Drafts \\Sent))', ['t1 NO [USEATTR] No such use'])
  await ask(client, 't2 CREATE Everything (USE (\\All))', ['t2 NO [USEATTR] No such use'])
  await ask(client, 't3 CREATE MoreDrafts (USE (\\drafts))', ['t3 NO [USEATTR] Another mailbox has that use'])
  await ask(client, 't4 CREATE Old (USE (\\Archive))', ['t4 OK [MAILBOXID (F7)] CREATE completed'])
  await ask(client, 't5 LIST "" Old', [
    '* LIST (\\HasNoChildren \\Archive) "/" "Old"',
    't5 OK LIST completed',
  ])
  await ask(client, 't6 CREATE Plain (USE ())', ['t6 OK [MAILBOXID (F8)] CREATE completed'])
  await ask(client, 't7 CREATE X (COLOUR (red))', ['t7 BAD Unknown parameter'])
})

test('names: modified UTF-7 before ENABLE IMAP4rev2, UTF-8 after', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.signedIn()
  await ask(client, 'a1 CREATE "Entw&APw-rfe &- Co"')
  await ask(client, 'a2 LIST "" Ent*', [
    '* LIST (\\HasNoChildren) "/" "Entw&APw-rfe &- Co"',
    'a2 OK LIST completed',
  ])
  await ask(client, 'a3 STATUS "Entwu&Awg-rfe &- Co" (MESSAGES)', [
    '* STATUS "Entw&APw-rfe &- Co" (MESSAGES 0)',
    'a3 OK STATUS completed',
  ])
  client.sendRaw(Buffer.from('a4 SELECT "Entwürfe"\r\n'))
  await client.expect('a4 NO [NONEXISTENT]')
  await ask(client, 'b1 ENABLE IMAP4rev2', ['* ENABLED IMAP4rev2', 'b1 OK ENABLE completed'])
  const name = Buffer.from('Entwürfe & Co').toString('latin1')
  await ask(client, `b2 LIST "" Ent*`, [`* LIST (\\HasNoChildren) "/" "${name}"`, 'b2 OK LIST completed'])
  client.sendRaw(Buffer.from(`b3 RENAME "${name}" {3+}\r\nNeu\r\n`, 'latin1'))
  await client.expect('b3 OK')
  client.sendRaw(Buffer.from('b4 CREATE "\xff"\r\n', 'latin1'))
  await client.expect('b4 BAD Quoted string that is not UTF-8')
})

test('RENAME takes what is below along; INBOX is emptied into the new mailbox', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(3)
  const client = await server.selected()
  await ask(client, 'a1 CREATE foo/bar')
  await ask(client, 'a2 CREATE INBOX/bar')
  await ask(client, 'a3 RENAME foo new/zowie', ['a3 OK RENAME completed'])
  await ask(client, 'a4 LIST new/ *', [
    '* LIST (\\HasChildren) "/" "new/zowie"',
    '* LIST (\\HasNoChildren) "/" "new/zowie/bar"',
    'a4 OK LIST completed',
  ])
  await ask(client, 'a5 RENAME new new/inside', ['a5 NO [CANNOT] A mailbox cannot lie below itself'])
  await ask(client, 'a6 RENAME nothing else', ['a6 NO [NONEXISTENT] No such mailbox'])
  await ask(client, 'a7 RENAME Sent Trash', ['a7 NO [ALREADYEXISTS] Mailbox already exists'])
  await ask(client, 'a8 RENAME Sent inbox', ['a8 NO [ALREADYEXISTS] Mailbox already exists'])
  await ask(client, 'b1 RENAME INBOX old-mail', [
    '* 3 EXPUNGE',
    '* 2 EXPUNGE',
    '* 1 EXPUNGE',
    'b1 OK RENAME completed',
  ])
  await ask(client, 'b2 STATUS old-mail (MESSAGES UIDNEXT)', [
    '* STATUS "old-mail" (MESSAGES 3 UIDNEXT 4)',
    'b2 OK STATUS completed',
  ])
  await ask(client, 'b3 LIST "" INBOX*', [
    '* LIST (\\HasChildren) "/" INBOX',
    '* LIST (\\HasNoChildren) "/" "INBOX/bar"',
    'b3 OK LIST completed',
  ])
})

test('a mailbox that is selected is deleted: its own session leaves it, others are told goodbye', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(2)
  const client = await server.selected('Archive')
  const other = await server.selected('Archive')
  await ask(client, 'a1 DELETE Archive', [
    '* OK [CLOSED] The selected mailbox is gone',
    'a1 OK DELETE completed',
  ])
  await ask(client, 'a2 FETCH 1 UID', ['a2 BAD Select a mailbox first'])
  await ask(other, 'b1 NOOP', ['b1 OK NOOP completed'])
  await other.expect(/^\* BYE The selected mailbox was deleted$/)
  await other.expectEnd()
})

test('STATUS of every item, also of the selected mailbox', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(2)
  await server.fill(1, { keywords: ['$seen'], deleted: true })
  const client = await server.selected()
  await ask(client, 'a1 STATUS inbox (MESSAGES RECENT UIDNEXT UNSEEN DELETED SIZE MAILBOXID MESSAGES)', [
    '* STATUS INBOX (MESSAGES 3 RECENT 0 UIDNEXT 4 UNSEEN 2 DELETED 1 SIZE 81 MAILBOXID (F1))',
    'a1 OK STATUS completed',
  ])
  await ask(client, 'a2 STATUS Nowhere (MESSAGES)', ['a2 NO [NONEXISTENT] No such mailbox'])
  await ask(client, 'a3 STATUS INBOX ()', ['a3 BAD Expected an atom'])
  await ask(client, 'a4 STATUS INBOX MESSAGES', ['a4 BAD Expected "("'])
})

test('an account has as many mailboxes as it may', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.signedIn()
  server.limits = { ...noLimits, mailboxes: 7 }
  await ask(client, 'a1 CREATE a/b', ['a1 NO [OVERQUOTA] Too many mailboxes'])
  await ask(client, 'a2 STATUS a (MESSAGES)', ['a2 NO [NONEXISTENT] No such mailbox'])
  await ask(client, 'a3 CREATE a', ['a3 OK [MAILBOXID (F7)] CREATE completed'])
  await ask(client, 'a4 RENAME a b/c', ['a4 NO [OVERQUOTA] Too many mailboxes'])
})
