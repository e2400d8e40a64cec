import { test } from 'node:test'
import { ImapTestServer, validity } from '../fixture.test.ts'

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
    '* OK [MAILBOXID (F1)] ',
    'a1 OK [READ-WRITE] SELECT completed',
  ])
})
