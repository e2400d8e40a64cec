import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ImapTestServer } from '../test-server.ts'

const memo = [
  'Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)',
  'From: Terry Gray <gray@cac.washington.edu>',
  'Subject: IMAP4rev2 WG mtg summary and minutes',
  'To: imap@cac.washington.edu',
  'cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>',
  'Message-Id: <B27397-0100000@cac.washington.edu.example>',
  'MIME-Version: 1.0',
  'Content-Type: TEXT/PLAIN; CHARSET=US-ASCII',
  '',
  'Minutes.',
  '',
].join('\n')

const envelope =
  '("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" "IMAP4rev2 WG mtg summary and minutes" ' +
  '(("Terry Gray" NIL "gray" "cac.washington.edu")) (("Terry Gray" NIL "gray" "cac.washington.edu")) ' +
  '(("Terry Gray" NIL "gray" "cac.washington.edu")) ((NIL NIL "imap" "cac.washington.edu")) ' +
  '((NIL NIL "minutes" "CNRI.Reston.VA.US") ("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL ' +
  '"<B27397-0100000@cac.washington.edu.example>")'

test('FETCH FULL: the example of RFC 9051 §8', async () => {
  await using server = await ImapTestServer.start()
  await server.deliver(memo, { keywords: ['$seen'], receivedAt: Date.UTC(1996, 6, 17, 9, 44, 25) })
  const client = await server.selected()
  client.send('a003 fetch 1 full')
  await client.expectLines([
    `* 1 FETCH (FLAGS (\\Seen) INTERNALDATE "17-Jul-1996 09:44:25 +0000" RFC822.SIZE 364 ENVELOPE ${envelope} ` +
      'BODY ("text" "plain" ("charset" "US-ASCII") NIL NIL "7bit" 10 1))',
    'a003 OK FETCH completed',
  ])
})
