/** FUZZY and RELEVANCY (RFC 6203). What is like what, and how much, is tested where it is decided: in `mail`. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Conversation } from '../../../test/harness/conversation.ts'
import { createdAt } from '../../../test/harness/memory-accounts.ts'
import { ask, ImapTestServer } from '../fixture.test.ts'

const letters: readonly (readonly [from: string, subject: string, body: string])[] = [
  ['user@example.com', 'IMAP breaks', 'nothing to see'],
  ['other@example.com', 'weather', 'say hello'],
  ['user@example.com', 'broken things', 'imap'],
  ['user@example.com', 'Breaking IMAP', 'I wrote helo'],
  ['user@example.com', 'working', 'help'],
  ['eve@example.com', 'work', 'c++'],
]

async function start(): Promise<{ server: ImapTestServer; client: Conversation }> {
  const server = await ImapTestServer.start()
  for (const [i, [from, subject, body]] of letters.entries())
    await server.deliver(`From: ${from}\nSubject: ${subject}\n\n${body}\n`, {
      receivedAt: createdAt + i * 1000,
    })
  return { server, client: await server.selected() }
}

/** The untagged responses of commands; each must end well. */
async function told(client: Conversation, command: string): Promise<string> {
  const lines = await ask(client, `t ${command}`)
  assert.match(lines.at(-1)!, /^t OK /, client.transcript)
  return lines.slice(0, -1).join('\n')
}

const refused = async (client: Conversation, command: string, answer: string): Promise<void> =>
  assert.equal((await ask(client, `t ${command}`)).join('\n'), `t ${answer}`)

test('[SEARCH=FUZZY] the examples of RFC 6203 §3', async () => {
  const { server, client } = await start()
  await using _server = server
  assert.equal(await told(client, 'SEARCH SUBJECT "IMAP break"'), '* SEARCH 1')
  assert.equal(await told(client, 'SEARCH FUZZY (SUBJECT "IMAP break")'), '* SEARCH 1 4')
  assert.equal(await told(client, 'SEARCH FUZZY SUBJECT work FROM user@example.com'), '* SEARCH 5')
  assert.equal(await told(client, 'UID SEARCH FUZZY SUBJECT work'), '* SEARCH 5 6')
})

test('FUZZY is about the one key behind it, and of that about strings with words', async () => {
  const { server, client } = await start()
  await using _server = server
  assert.equal(await told(client, 'SEARCH FUZZY SUBJECT wroking'), '* SEARCH 5')
  assert.equal(await told(client, 'SEARCH SUBJECT wroking'), '* SEARCH')
  assert.equal(await told(client, 'SEARCH FUZZY SUBJECT wroking SUBJECT wroking'), '* SEARCH')
  assert.equal(await told(client, 'SEARCH FUZZY (OR SUBJECT wroking SUBJECT wether)'), '* SEARCH 2 5')
  assert.equal(await told(client, 'SEARCH FUZZY NOT SUBJECT wroking'), '* SEARCH 1 2 3 4 6')
  assert.equal(await told(client, 'SEARCH FUZZY (SUBJECT wroking) 1:4'), '* SEARCH')
  assert.equal(await told(client, 'SEARCH FUZZY FUZZY SUBJECT wroking'), '* SEARCH 5')
  // RFC 6203 §5: dates, sizes, flags and numbers are meant as they are; so is what has no word.
  assert.equal(await told(client, 'SEARCH FUZZY (UNSEEN 2:3 LARGER 10)'), '* SEARCH 2 3')
  assert.equal(await told(client, 'SEARCH FUZZY BODY "++"'), '* SEARCH 6')
  assert.equal(await told(client, 'SEARCH FUZZY HEADER Subject wroking'), '* SEARCH')
  assert.equal(await told(client, 'THREAD REFERENCES UTF-8 FUZZY SUBJECT wroking'), '* THREAD (5)')
  for (const keys of ['FUZZY', 'FUZZY ', 'FUZZY NOTHING', 'FUZZY FROM', `${'FUZZY '.repeat(100)}ALL`])
    assert.match((await ask(client, `t SEARCH ${keys}`)).join(), /^t BAD /, keys.slice(0, 20))
})

test('[SEARCH=FUZZY] RELEVANCY: the example of RFC 6203 §4', async () => {
  const { server, client } = await start()
  await using _server = server
  const search = (returns: string, keys: string): Promise<string> =>
    told(client, `SEARCH RETURN (${returns}) ${keys}`)
  const helo = 'FUZZY TEXT "Helo"'
  assert.equal(await search('RELEVANCY ALL', helo), '* ESEARCH (TAG "t") ALL 2,4:5 RELEVANCY (50 100 50)')
  assert.equal(await search('RELEVANCY', helo), '* ESEARCH (TAG "t") RELEVANCY (50 100 50)')
  assert.equal(await search('COUNT RELEVANCY', helo), '* ESEARCH (TAG "t") RELEVANCY (50 100 50) COUNT 3')
  assert.equal(
    await search('PARTIAL -1:-2 RELEVANCY', helo),
    '* ESEARCH (TAG "t") PARTIAL (-1:-2 4:5) RELEVANCY (100 50)',
  )
  assert.equal(await search('RELEVANCY ALL', 'FUZZY TEXT absent'), '* ESEARCH (TAG "t")')
  // What is excluded, and what is not fuzzy, makes nothing more relevant.
  assert.equal(
    await search('RELEVANCY ALL', `OR ${helo} SUBJECT work`),
    '* ESEARCH (TAG "t") ALL 2,4:6 RELEVANCY (50 100 50 1)',
  )
  assert.equal(await search('RELEVANCY ALL', 'FUZZY 2:3'), '* ESEARCH (TAG "t") ALL 2:3 RELEVANCY (100 100)')
  assert.match(
    await told(client, `ESEARCH IN (personal) RETURN (RELEVANCY ALL) ${helo}`),
    /^\* ESEARCH \(TAG "t" MAILBOX INBOX UIDVALIDITY \d+\) UID ALL 2,4:5 RELEVANCY \(50 100 50\)$/,
  )
  assert.match(await told(client, `ESEARCH RETURN (RELEVANCY ALL) ${helo}`), /RELEVANCY \(50 100 50\)$/)
})

test('[SEARCH=FUZZY] SORT by RELEVANCY: the examples of RFC 6203 §6', async () => {
  const { server, client } = await start()
  await using _server = server
  const helo = 'UTF-8 FUZZY TEXT "Helo"'
  assert.equal(await told(client, `SORT (RELEVANCY) ${helo}`), '* SORT 4 2 5')
  assert.equal(await told(client, `SORT (REVERSE RELEVANCY) ${helo}`), '* SORT 2 5 4')
  assert.equal(await told(client, `SORT (RELEVANCY REVERSE ARRIVAL) ${helo}`), '* SORT 4 5 2')
  assert.equal(
    await told(client, `SORT RETURN (RELEVANCY ALL) (RELEVANCY) ${helo}`),
    '* ESEARCH (TAG "t") ALL 4,2,5 RELEVANCY (100 50 50)',
  )
  assert.equal(
    await told(client, `UID SORT RETURN (RELEVANCY ALL) (REVERSE ARRIVAL) ${helo}`),
    '* ESEARCH (TAG "t") UID ALL 5,4,2 RELEVANCY (50 100 50)',
  )
  assert.equal(
    await told(client, `SORT RETURN (PARTIAL 1:2) (RELEVANCY) ${helo}`),
    '* ESEARCH (TAG "t") PARTIAL (1:2 4,2)',
  )
})

test('how relevant something is changes with the rest: such an order is not kept up to date', async () => {
  const { server, client } = await start()
  await using _server = server
  assert.equal(
    await told(client, 'SORT RETURN (UPDATE ALL) (RELEVANCY) UTF-8 FUZZY TEXT helo'),
    '* ESEARCH (TAG "t") ALL 4,2,5\n* NO [NOUPDATE "t"] The result is not kept up to date',
  )
  await ask(client, 'u SORT RETURN (UPDATE RELEVANCY) (REVERSE ARRIVAL) UTF-8 FUZZY TEXT helo')
  await ask(client, 'v UID SEARCH RETURN (UPDATE RELEVANCY) FUZZY TEXT helo')
  await server.deliver('Subject: helol\n\n', { receivedAt: createdAt + 60_000 })
  await ask(client, 'w NOOP', [
    '* 7 EXISTS',
    '* ESEARCH (TAG "u") ADDTO (1 7)',
    '* ESEARCH (TAG "v") UID ADDTO (0 7)',
    'w OK NOOP completed',
  ])
})

test('RELEVANCY is refused where nothing is fuzzy; FUZZY can be in a filter, and before one', async () => {
  const { server, client } = await start()
  await using _server = server
  for (const command of [
    'SEARCH RETURN (RELEVANCY) ALL',
    'ESEARCH RETURN (RELEVANCY) ALL',
    'ESEARCH IN (personal) RETURN (RELEVANCY ALL) SUBJECT work',
    'SORT RETURN (RELEVANCY) (ARRIVAL) UTF-8 ALL',
    'SORT (RELEVANCY) UTF-8 ALL',
  ])
    await refused(client, command, 'BAD RELEVANCY needs FUZZY')
  const values = '/private/filters/values'
  await told(
    client,
    `SETMETADATA "" (${values}/like "FUZZY SUBJECT wroking" ${values}/plain "SUBJECT wroking")`,
  )
  await refused(client, 'SEARCH RETURN (RELEVANCY) FILTER plain', 'BAD RELEVANCY needs FUZZY')
  assert.equal(await told(client, 'SEARCH FILTER plain'), '* SEARCH')
  assert.equal(await told(client, 'SEARCH FUZZY FILTER plain'), '* SEARCH 5')
  assert.equal(
    await told(client, 'SEARCH RETURN (RELEVANCY ALL) FILTER like'),
    '* ESEARCH (TAG "t") ALL 5 RELEVANCY (100)',
  )
  await told(client, 'SEARCH RETURN (SAVE) ALL')
  await refused(client, 'SEARCH RETURN (SAVE RELEVANCY) NOT ALL', 'BAD RELEVANCY needs FUZZY')
  assert.notEqual(await told(client, 'SEARCH $'), '* SEARCH')
})

test('scores are those of the messages that the client counts', async () => {
  const { server, client } = await start()
  await using _server = server
  const other = await server.selected()
  await ask(other, 'x STORE 2 +FLAGS.SILENT (\\Deleted)')
  await ask(other, 'y EXPUNGE')
  await server.deliver('Subject: helo\n\nhelo\n')
  const [first] = await ask(client, 't SEARCH RETURN (RELEVANCY ALL) FUZZY TEXT helo')
  assert.equal(first, '* ESEARCH (TAG "t") ALL 4:5 RELEVANCY (100 50)')
})
