import { test } from 'node:test'
import { ask, ImapTestServer, validity } from '../fixture.test.ts'

test('SELECT tells a client of IMAP4rev1 what is there', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(1, { keywords: ['$seen', 'work'] })
  await server.fill(2)
  const client = await server.signedIn()
  client.send('a1 SELECT inbox')
  await client.expectLines([
    '* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft work)',
    '* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft work \\*)] ',
    /^\* 3 EXISTS$/,
    /^\* 0 RECENT$/,
    '* OK [UNSEEN 2] ',
    `* OK [UIDVALIDITY ${validity}] `,
    '* OK [UIDNEXT 4] ',
    '* OK [HIGHESTMODSEQ 4] ',
    '* OK [URLMECH INTERNAL] URLs can be authorised',
    '* OK [MAILBOXID (F1)] ',
    'a1 OK [READ-WRITE] SELECT completed',
  ])
})

test('SELECT after ENABLE IMAP4rev2 has LIST and neither RECENT nor UNSEEN; EXAMINE is read-only', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(2)
  const client = await server.selected('Archive', { rev2: true })
  await ask(client, 'a1 EXAMINE "INBOX"', [
    '* OK [CLOSED] Previous mailbox is now closed',
    '* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)',
    '* OK [PERMANENTFLAGS ()] Read-only',
    '* 2 EXISTS',
    `* OK [UIDVALIDITY ${validity}] UIDs valid`,
    '* OK [UIDNEXT 3] Predicted next UID',
    '* OK [HIGHESTMODSEQ 3] Highest mod-sequence',
    '* OK [URLMECH INTERNAL] URLs can be authorised',
    '* OK [MAILBOXID (F1)] Object identifier',
    '* LIST (\\HasNoChildren) "/" INBOX',
    'a1 OK [READ-ONLY] EXAMINE completed',
  ])
})

test('a SELECT that fails leaves no mailbox selected', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.selected()
  await ask(client, 'a1 SELECT Nowhere', [
    '* OK [CLOSED] Previous mailbox is now closed',
    'a1 NO [NONEXISTENT] No such mailbox',
  ])
  await ask(client, 'a2 CHECK', ['a2 BAD Select a mailbox first'])
})
