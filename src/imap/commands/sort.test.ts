import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Conversation } from '../../../test/harness/conversation.ts'
import { createdAt } from '../../../test/harness/memory-accounts.ts'
import { ask, ImapTestServer } from '../fixture.test.ts'

const day = 86_400_000

interface Letter {
  readonly from?: string
  readonly to?: string
  readonly cc?: string
  readonly subject?: string
  readonly date?: string
  readonly text?: string
  readonly receivedAt?: number
}

async function deliver(server: ImapTestServer, letters: readonly Letter[]): Promise<void> {
  for (const { text = 'x', receivedAt = createdAt, ...fields } of letters) {
    const header = Object.entries(fields).map(([name, value]) => `${name}: ${value}\n`)
    await server.deliver(`${header.join('')}\n${text}\n`, { receivedAt })
  }
}

/** The order of a SORT of all messages. */
async function order(client: Conversation, criteria: string): Promise<string> {
  const lines = await ask(client, `s SORT (${criteria}) UTF-8 ALL`)
  assert.equal(lines.at(-1), 's OK SORT completed', client.transcript)
  return lines[0]!.replace('* SORT', '').trim()
}

test('[SORT] the examples of RFC 5256 §3', async () => {
  await using server = await ImapTestServer.start()
  await deliver(server, [
    { subject: 'b', date: 'Tue, 1 Feb 1994 10:00:00 +0000', receivedAt: Date.UTC(1994, 1, 1) },
    { subject: 'Re: c', date: 'Tue, 1 Feb 1994 11:00:00 +0000', receivedAt: Date.UTC(1994, 0, 1) },
    { subject: 'C', date: 'Tue, 1 Feb 1994 12:00:00 +0000', receivedAt: Date.UTC(1994, 2, 1) },
    { subject: 'a', date: 'Tue, 1 Feb 1994 13:00:00 +0000', receivedAt: Date.UTC(1994, 2, 1) },
  ])
  const client = await server.selected()
  await ask(client, 'A282 SORT (SUBJECT) UTF-8 SINCE 1-Feb-1994', ['* SORT 4 1 3', 'A282 OK SORT completed'])
  await ask(client, 'A283 SORT (SUBJECT REVERSE DATE) UTF-8 ALL', [
    '* SORT 4 1 3 2',
    'A283 OK SORT completed',
  ])
  await ask(client, 'A284 SORT (SUBJECT) US-ASCII TEXT "not in mailbox"', [
    '* SORT',
    'A284 OK SORT completed',
  ])
})

test('every criterion, reversed too; what is the same stays in the order of the mailbox', async () => {
  await using server = await ImapTestServer.start()
  await deliver(server, [
    {
      from: 'Zoe <b@example.org>',
      to: 'm@example.org, a@example.org',
      cc: 'x@example.org',
      subject: 'Re: Two',
      date: 'Thu, 1 Jan 2026 12:00:00 +0200',
      receivedAt: createdAt + 2 * day,
      text: 'longer than others',
    },
    {
      from: '=?utf-8?q?=C3=84nne?= <C@example.org>',
      to: 'L@example.org',
      subject: '[list] one',
      date: 'Thu, 1 Jan 2026 11:00:00 +0000',
      receivedAt: createdAt + day,
    },
    {
      from: 'a@example.org',
      cc: 'W@example.org, b@example.org',
      subject: 'three (fwd)',
      // As old as it came: it says nothing of when it was sent.
      receivedAt: createdAt + 10.5 * 3_600_000,
    },
    { from: 'anton <B@example.net>', to: 'Friends: ;', subject: 'TWO', receivedAt: createdAt },
  ])
  const client = await server.selected()
  const cases: readonly (readonly [criterion: string, ascending: string, reversed: string])[] = [
    ['ARRIVAL', '4 3 2 1', '1 2 3 4'],
    ['CC', '2 4 3 1', '1 3 2 4'],
    ['DATE', '4 1 3 2', '2 3 1 4'],
    ['FROM', '3 1 4 2', '2 1 4 3'],
    ['SUBJECT', '2 3 1 4', '1 4 3 2'],
    ['TO', '3 4 2 1', '1 2 4 3'],
    ['DISPLAYFROM', '3 4 2 1', '1 2 4 3'],
    ['DISPLAYTO', '3 4 2 1', '1 2 4 3'],
  ]
  for (const [criterion, ascending, reversed] of cases) {
    assert.equal(await order(client, criterion), ascending, criterion)
    assert.equal(await order(client, `REVERSE ${criterion}`), reversed, `REVERSE ${criterion}`)
  }
  assert.equal((await order(client, 'REVERSE SIZE'))[0], '1')
  assert.equal(await order(client, 'reverse subject from'), '1 4 3 2')
  assert.equal(await order(client, 'SUBJECT REVERSE ARRIVAL SUBJECT'), '2 3 1 4')
})

test('[SORT=DISPLAY] by what addresses show (RFC 5957 §3)', async () => {
  await using server = await ImapTestServer.start()
  await deliver(server, [
    { from: 'zed@example.org', to: 'nobody@b.example' },
    { from: '=?utf-8?q?=C3=A9mile?= <zz@example.org>', to: '"" <nobody@a.example>' },
    { from: '"Emil" <zz@example.org>', to: '=?utf-8?q??= <nobody@c.example>' },
    { subject: 'of nobody' },
    { from: 'Zed <a@example.org>', to: 'Group: a@example.org;' },
  ])
  const client = await server.selected()
  assert.equal(await order(client, 'DISPLAYFROM'), '4 3 2 5 1')
  assert.equal(await order(client, 'DISPLAYTO'), '4 5 2 1 3')
  assert.equal(await order(client, 'REVERSE DISPLAYFROM'), '1 5 2 3 4')
})

test('subjects collate by i;unicode-casemap, those that are no text last: the example of RFC 5255 §4.6', async () => {
  await using server = await ImapTestServer.start()
  const words: readonly (readonly [string, string])[] = [
    ['utf-8', 'D0C0D0BDD0B4D180D0B5D0B9'],
    ['utf-8', 'D181D095D0A0D093D095D099'],
    ['utf-8', 'D092D0B0D181D0B8D0BBD0B8FFB9'],
    ['koi8-r', 'E1CCC5CBD3C5CA'],
    ['utf-8', Buffer.from('\u{1f600}').toString('hex')],
    ['utf-8', Buffer.from('\ue000').toString('hex')],
  ]
  await deliver(
    server,
    words.map(([charset, hex]) => {
      const word = `=?${charset}?B?${Buffer.from(hex, 'hex').toString('base64')}?=`
      return { subject: `Re: ${word}`, from: `${word} <a@example.org>` }
    }),
  )
  const client = await server.selected()
  assert.equal(await order(client, 'SUBJECT'), '4 2 6 5 3 1')
  assert.equal(await order(client, 'DISPLAYFROM'), '4 2 6 5 3 1')
})

test('UID SORT, and MODSEQ among the criteria (RFC 7162 §3.1.9)', async () => {
  await using server = await ImapTestServer.start()
  await deliver(server, [{ subject: 'b' }, { subject: 'gone' }, { subject: 'a' }])
  const client = await server.selected()
  await ask(client, 'a1 STORE 2 +FLAGS.SILENT (\\Deleted)')
  await ask(client, 'a2 EXPUNGE')
  await ask(client, 'b1 UID SORT (SUBJECT) UTF-8 ALL', ['* SORT 3 1', 'b1 OK UID SORT completed'])
  await ask(client, 'b2 SORT (SUBJECT) UTF-8 ALL', ['* SORT 2 1', 'b2 OK SORT completed'])
  const [, line] = await ask(client, 'b3 UID SORT (SUBJECT) UTF-8 MODSEQ 1')
  assert.match(line!, /^\* SORT 3 1 \(MODSEQ \d+\)$/)
  await ask(client, 'b4 SORT (SUBJECT) UTF-8 MODSEQ 999999', ['* SORT', 'b4 OK SORT completed'])
  const [extended] = await ask(client, 'b5 SORT RETURN (ALL) (DATE) UTF-8 MODSEQ 1')
  assert.match(extended!, /^\* ESEARCH \(TAG "b5"\) ALL 1:2 MODSEQ \d+$/)
})

test('[ESORT] RETURN chooses what is said, in the order of the sort (RFC 5267 §3)', async () => {
  await using server = await ImapTestServer.start()
  await deliver(
    server,
    ['c', 'e', 'd', 'b', 'a'].map((subject, i) => ({ subject, receivedAt: createdAt + i * day })),
  )
  const client = await server.selected()
  const esort = async (args: string, expected: string): Promise<void> => {
    const name = args.startsWith('UID') ? 'UID SORT' : 'SORT'
    await ask(client, `e ${args}`, [`* ESEARCH (TAG "e")${expected}`, `e OK ${name} completed`])
  }
  await esort('UID SORT RETURN () (REVERSE ARRIVAL) UTF-8 UNDELETED UNKEYWORD $Junk', ' UID ALL 5,4,3,2,1')
  await esort('SORT RETURN (ALL) (SUBJECT) UTF-8 ALL', ' ALL 5,4,1,3,2')
  await esort('SORT RETURN (ALL) (ARRIVAL) UTF-8 ALL', ' ALL 1:5')
  await esort('SORT RETURN (MIN MAX COUNT) (SUBJECT) UTF-8 ALL', ' MIN 5 MAX 2 COUNT 5')
  await esort('SORT RETURN (MAX) (SUBJECT) UTF-8 1:3', ' MAX 2')
  await esort('SORT RETURN (MIN COUNT) (SUBJECT) UTF-8 TEXT nowhere', ' COUNT 0')
  await esort('UID SORT RETURN (PARTIAL 1:3) (SUBJECT) UTF-8 ALL', ' UID PARTIAL (1:3 5,4,1)')
  await esort('UID SORT RETURN (PARTIAL -1:-2) (SUBJECT) UTF-8 ALL', ' UID PARTIAL (-1:-2 3,2)')
  // Without RETURN the response is SORT, under IMAP4rev2 too.
  await ask(client, 'r ENABLE IMAP4rev2')
  await ask(client, 'f SORT (SUBJECT) UTF-8 ALL', ['* SORT 5 4 1 3 2', 'f OK SORT completed'])
})

test('SAVE keeps what SORT found for $ (RFC 5182)', async () => {
  await using server = await ImapTestServer.start()
  await deliver(server, [{ subject: 'c' }, { subject: 'a' }, { subject: 'b' }])
  const client = await server.selected()
  await ask(client, 'a1 SORT RETURN (SAVE) (SUBJECT) UTF-8 1:2', ['a1 OK SORT completed'])
  await ask(client, 'a2 SEARCH $', ['* SEARCH 1 2', 'a2 OK SEARCH completed'])
  await ask(client, 'a3 UID SORT RETURN (SAVE MIN) (SUBJECT) UTF-8 ALL', [
    '* ESEARCH (TAG "a3") UID MIN 2',
    'a3 OK UID SORT completed',
  ])
  await ask(client, 'a4 SORT (SUBJECT) UTF-8 $', ['* SORT 2', 'a4 OK SORT completed'])
  await ask(client, 'a5 SORT RETURN (SAVE) (SUBJECT) KOI8-R ALL', [
    'a5 NO [BADCHARSET (US-ASCII UTF-8)] That charset is not supported',
  ])
  await ask(client, 'a6 SORT (SUBJECT) UTF-8 $', ['* SORT', 'a6 OK SORT completed'])
})

test('what others removed meanwhile keeps its number until it is told, and is not found', async () => {
  await using server = await ImapTestServer.start()
  await deliver(server, [{ subject: 'c' }, { subject: 'a' }, { subject: 'b' }])
  const client = await server.selected()
  const other = await server.selected()
  await ask(other, 'o1 STORE 1 +FLAGS.SILENT (\\Deleted)')
  await ask(other, 'o2 EXPUNGE')
  await deliver(server, [{ subject: '0' }])
  // SORT tells no EXPUNGE (RFC 5256 §3); UID SORT does.
  assert.deepEqual((await ask(client, 'a SORT (SUBJECT) UTF-8 ALL')).slice(0, 1), ['* SORT 2 3'])
  const lines = await ask(client, 'b UID SORT (SUBJECT) UTF-8 ALL')
  assert.ok(lines.includes('* 1 EXPUNGE'), client.transcript)
  await ask(client, 'c SORT (SUBJECT) UTF-8 ALL', ['* SORT 3 1 2', 'c OK SORT completed'])
})

test('what is no sort is refused', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(1)
  const client = await server.selected()
  for (const args of [
    '() UTF-8 ALL',
    'SUBJECT UTF-8 ALL',
    '(SUBJECT) ALL',
    '(SUBJECT) UTF-8',
    '(NAME) UTF-8 ALL',
    '(REVERSE) UTF-8 ALL',
    '(REVERSE REVERSE DATE) UTF-8 ALL',
    '(DATE ) UTF-8 ALL',
    '(SUBJECT) UTF-8 NONSENSE',
    'RETURN (RELEVANCY) (SUBJECT) UTF-8 ALL',
    'RETURN (ALL) UTF-8 ALL',
  ]) {
    assert.match((await ask(client, `a SORT ${args}`)).join(), /^a BAD /, args)
  }
  await ask(client, 'b SORT (SUBJECT) "UTF-8" ALL', ['* SORT 1', 'b OK SORT completed'])
  await ask(client, `c SORT (${'SUBJECT REVERSE DATE '.repeat(300)}SIZE) utf-8 ALL`, [
    '* SORT 1',
    'c OK SORT completed',
  ])
})
