import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Conversation } from '../../../test/harness/conversation.ts'
import { ask, ImapTestServer } from '../fixture.test.ts'

async function sample(server: ImapTestServer): Promise<void> {
  await server.deliver(
    'From: Smith <smith@example.com>\nTo: bob@example.com\nSubject: one\nDate: Tue, 1 Feb 1994 10:00:00 +0000\n\nfirst body\n',
    {
      keywords: ['$seen', '$flagged'],
      receivedAt: Date.UTC(1994, 1, 1, 12),
    },
  )
  await server.deliver(
    'From: eve@example.com\nCc: carol@example.com\nSubject: two\nX-Kind: special\n\nsecond body\n',
    {
      keywords: ['$answered', 'work'],
      deleted: true,
      receivedAt: Date.UTC(2006, 9, 28),
    },
  )
  await server.deliver(
    'From: mallory@example.com\nBcc: dan@example.com\nSubject: =?utf-8?B?0L7RgtC/0YPRgdC6?=\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n0LzQsNGC0Yw=\n',
    {
      keywords: ['$draft'],
      savedAt: Date.UTC(2026, 2, 1),
      receivedAt: Date.UTC(2026, 0, 5),
    },
  )
}

const found = async (client: Conversation, keys: string): Promise<string> => {
  const lines = await ask(client, `s SEARCH ${keys}`)
  assert.equal(lines.length, 2, client.transcript)
  return lines[0]!.replace('* SEARCH', '').trim()
}

test('every key of SEARCH', async () => {
  await using server = await ImapTestServer.start()
  await sample(server)
  const client = await server.selected()
  const cases: readonly (readonly [string, string])[] = [
    ['ALL', '1 2 3'],
    ['ANSWERED', '2'],
    ['UNANSWERED', '1 3'],
    ['DELETED', '2'],
    ['UNDELETED', '1 3'],
    ['DRAFT', '3'],
    ['UNDRAFT', '1 2'],
    ['FLAGGED', '1'],
    ['UNFLAGGED', '2 3'],
    ['SEEN', '1'],
    ['UNSEEN', '2 3'],
    ['NEW', ''],
    ['RECENT', ''],
    ['OLD', '1 2 3'],
    ['KEYWORD Work', '2'],
    ['UNKEYWORD work', '1 3'],
    ['FROM smith', '1'],
    ['TO bob', '1'],
    ['CC "CAROL"', '2'],
    ['BCC dan', '3'],
    ['SUBJECT TWO', '2'],
    ['HEADER X-Kind ""', '2'],
    ['HEADER x-kind PECI', '2'],
    ['HEADER Subject nothing', ''],
    ['BODY body', '1 2'],
    ['TEXT special', '2'],
    ['BEFORE 28-Oct-2006', '1'],
    ['ON "28-Oct-2006"', '2'],
    ['SINCE 28-oct-2006', '2 3'],
    ['SENTBEFORE 2-Feb-1994', '1'],
    ['SENTON 1-Feb-1994', '1'],
    ['SENTSINCE 2-Feb-1994', ''],
    ['SAVEDSINCE 1-Mar-2026', '3'],
    ['SAVEDBEFORE 1-Mar-2026', '1 2'],
    ['SAVEDON 1-Mar-2026', '3'],
    ['SAVEDATESUPPORTED', '1 2 3'],
    ['LARGER 150', '3'],
    // RFC 9051 §9, number64
    ['LARGER 9223372036854775807', ''],
    ['SMALLER 9223372036854775807 LARGER 150', '3'],
    ['SMALLER 100', '2'],
    ['2:*', '2 3'],
    ['7:9', ''],
    ['UID 1,3', '1 3'],
    ['UID 99:*', '3'],
    ['NOT 2', '1 3'],
    ['OR SEEN DRAFT', '1 3'],
    ['NOT (OR SEEN DRAFT)', '2'],
    ['UNSEEN NOT DELETED', '3'],
    ['(SEEN FLAGGED)', '1'],
    ['EMAILID M2', '2'],
    ['THREADID T3', '3'],
    ['EMAILID nonsense', ''],
    ['FLAGGED SINCE 1-Feb-1994 NOT FROM "Eric"', '1'],
    ['CHARSET UTF-8 ALL', '1 2 3'],
    ['CHARSET "us-ascii" SEEN', '1'],
  ]
  for (const [keys, expected] of cases) assert.equal(await found(client, keys), expected, keys)
})

test('UTF-8 in literals: the examples of RFC 9051 §6.4.4', async () => {
  await using server = await ImapTestServer.start()
  await sample(server)
  const client = await server.selected()
  client.sendRaw(Buffer.from('A1 SEARCH CHARSET UTF-8 SUBJECT {12}\r\n'))
  await client.expect('+ ')
  client.sendRaw(Buffer.from('отпуск\r\n'))
  await client.expectLines([/^\* SEARCH 3$/, 'A1 OK'])
  client.sendRaw(Buffer.from('A2 SEARCH (OR 1 TEXT {8+}\r\nмать)\r\n'))
  await client.expectLines([/^\* SEARCH 1 3$/, 'A2 OK'])
})

test('[ESEARCH] RETURN chooses what is said', async () => {
  await using server = await ImapTestServer.start()
  await sample(server)
  const client = await server.selected()
  await ask(client, 'A1 SEARCH RETURN (MIN COUNT) UNSEEN', [
    '* ESEARCH (TAG "A1") MIN 2 COUNT 2',
    'A1 OK SEARCH completed',
  ])
  await ask(client, 'A2 SEARCH RETURN () ALL', ['* ESEARCH (TAG "A2") ALL 1:3', 'A2 OK SEARCH completed'])
  await ask(client, 'A3 UID SEARCH RETURN (MIN MAX ALL) NOT 2', [
    '* ESEARCH (TAG "A3") UID MIN 1 MAX 3 ALL 1,3',
    'A3 OK UID SEARCH completed',
  ])
  await ask(client, 'A4 SEARCH RETURN (MIN MAX ALL COUNT) TEXT nowhere', [
    '* ESEARCH (TAG "A4") COUNT 0',
    'A4 OK SEARCH completed',
  ])
  await ask(client, 'A5 SEARCH RETURN (RELEVANCY) ALL', ['A5 BAD RELEVANCY needs FUZZY'])
  await ask(client, 'A6 UID SEARCH 2:3', ['* SEARCH 2 3', 'A6 OK UID SEARCH completed'])
  await ask(client, 'A7 ENABLE IMAP4rev2')
  await ask(client, 'A8 SEARCH TEXT nowhere', ['* ESEARCH (TAG "A8")', 'A8 OK SEARCH completed'])
})

test('[SEARCHRES] SAVE and $: the examples of RFC 9051 §6.4.4.4', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(6)
  const client = await server.selected()
  await ask(client, 'a1 SEARCH RETURN (SAVE) 2:5', ['a1 OK SEARCH completed'])
  await ask(
    client,
    'a2 UID FETCH $ UID',
    [2, 3, 4, 5].map((n) => `* ${n} FETCH (UID ${n})`).concat('a2 OK UID FETCH completed'),
  )
  await ask(client, 'a3 SEARCH RETURN (SAVE MIN) $ NOT 2', [
    '* ESEARCH (TAG "a3") MIN 3',
    'a3 OK SEARCH completed',
  ])
  await ask(client, 'a4 FETCH $ UID', ['* 3 FETCH (UID 3)', 'a4 OK FETCH completed'])
  await ask(client, 'a5 SEARCH RETURN (MAX SAVE MIN) 2:5', [
    '* ESEARCH (TAG "a5") MIN 2 MAX 5',
    'a5 OK SEARCH completed',
  ])
  await ask(client, 'a6 UID SEARCH UID $', ['* SEARCH 2 5', 'a6 OK UID SEARCH completed'])
  await ask(client, 'a7 SEARCH RETURN (MAX SAVE MIN COUNT) 2:5', [
    '* ESEARCH (TAG "a7") MIN 2 MAX 5 COUNT 4',
    'a7 OK SEARCH completed',
  ])
  client.send('b1 STORE $ +FLAGS.SILENT (\\Deleted)', 'b2 UID EXPUNGE 3', 'b3 SEARCH $')
  await client.expectLines(['b1 OK', '* 3 EXPUNGE', 'b2 OK', /^\* SEARCH 2 3 4$/, 'b3 OK'])
  await ask(client, 'c1 SEARCH RETURN (SAVE) CHARSET KOI8-R ALL', [
    'c1 NO [BADCHARSET (US-ASCII UTF-8)] That charset is not supported',
  ])
  await ask(client, 'c2 COPY $ Archive', ['c2 OK No matching messages, so nothing copied'])
  await ask(client, 'c3 FETCH $ UID', ['c3 OK FETCH completed'])
  await ask(client, 'c4 SEARCH RETURN (SAVE) ALL', ['c4 OK SEARCH completed'])
  await ask(client, 'c5 SEARCH RETURN (MIN) BAD', ['c5 BAD Unknown search key, or one without its argument'])
  await ask(client, 'c6 SEARCH $', ['* SEARCH 1 2 3 4 5', 'c6 OK SEARCH completed'])
  await ask(client, 'c7 SELECT INBOX')
  await ask(client, 'c8 SEARCH $', ['* SEARCH', 'c8 OK SEARCH completed'])
})

// Turns red where whatever fails forgets what was saved.
test('RFC 9051 §6.4.4.1: a search that is answered BAD leaves saved what was, with SAVE too', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(3)
  const client = await server.selected()
  await ask(client, 'a SEARCH RETURN (SAVE) 2:3')
  await ask(client, 'u SEARCH RETURN (UPDATE) 1')
  for (const search of [
    'b UID SEARCH RETURN (SAVE RELEVANCY) 1',
    'u SEARCH RETURN (SAVE UPDATE) 1',
    'b SORT RETURN (SAVE RELEVANCY) (DATE) UTF-8 1',
    'b ESEARCH RETURN (SAVE RELEVANCY) 1',
    'b SEARCH RETURN (SAVE) CHARSET KOI8-R FILTER any',
  ]) {
    assert.match((await ask(client, search)).join(), /^[bu] BAD /, search)
    await ask(client, 'c SEARCH $', ['* SEARCH 2 3', 'c OK SEARCH completed'])
  }
  for (const search of ['SORT RETURN (SAVE) (DATE) KOI8-R ALL', 'ESEARCH RETURN (SAVE) CHARSET KOI8-R ALL']) {
    await ask(client, 'd SEARCH RETURN (SAVE) 2:3')
    assert.match((await ask(client, `e ${search}`)).join(), /^e NO \[BADCHARSET/, search)
    await ask(client, 'f SEARCH $', ['* SEARCH', 'f OK SEARCH completed'])
  }
})

test('what is no search is refused, however deep or long', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(1)
  const client = await server.selected()
  const refused = async (keys: string): Promise<void> => {
    assert.match((await ask(client, `a SEARCH ${keys}`)).join(), /^a BAD /, keys.slice(0, 60))
  }
  await refused('NOTHING')
  await refused('FROM')
  await refused('ON 31-Feb-2020')
  await refused('LARGER x')
  await refused('OR SEEN')
  await refused('()')
  await refused(`${'('.repeat(200)}ALL${')'.repeat(200)}`)
  await refused(`${'NOT '.repeat(200)}ALL`)
  await refused(`${'ALL '.repeat(3000)}ALL`)
  await ask(client, 'b SEARCH CHARSET KOI8-R ALL', [
    'b NO [BADCHARSET (US-ASCII UTF-8)] That charset is not supported',
  ])
  client.sendRaw(Buffer.from('c SEARCH TEXT {2+}\r\n\xff\xfe\r\n', 'latin1'))
  await client.expect('c NO [BADCHARSET ')
})

test('RFC 9051 §6.4.4 and §9: keys that are none, and keywords that are system flags, are BAD with a reason', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(1, { keywords: ['$seen'] })
  const client = await server.selected()
  const noKey = 'BAD Unknown search key, or one without its argument'
  await ask(client, 'a1 SEARCH BLAH', [`a1 ${noKey}`])
  await ask(client, 'a2 SEARCH (BLAH)', [`a2 ${noKey}`])
  await ask(client, 'a3 SEARCH SUBJECT', [`a3 ${noKey}`])
  await ask(client, 'a4 SEARCH BLAH x', ['a4 BAD Unknown search key'])
  // flag-keyword is an atom: an empty result would say that nothing is seen.
  await ask(client, 'a5 SEARCH KEYWORD \\Seen', ['a5 BAD Expected an atom'])
  await ask(client, 'a6 SEARCH UNKEYWORD \\Seen', ['a6 BAD Expected an atom'])
})
