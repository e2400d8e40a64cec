/** URLs that users have authorised others to read: the conversations of RFC 4467 §7, and what they must not do. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId } from '#base/id.ts'
import type { Conversation } from '../../../test/harness/conversation.ts'
import { ask, ImapTestServer, inbox, validity } from '../fixture.test.ts'

const joe = 8 as AccountId
const gate = 9 as AccountId

const text = 'Si vis pacem, para bellum.\r\n\r\n'
const letter = `Subject: Vegetius\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\none\n--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\nfirst\n--c\n\n${text.replaceAll('\r\n', '\n')}\n--c--\n--b--\n`

async function start(): Promise<ImapTestServer> {
  const server = await ImapTestServer.start()
  await server.add(joe, 'joe@example.com')
  await server.add(gate, 'submitserver@example.com', { permissions: ['imapUrlSubmit'] })
  await server.deliver(letter, { to: joe })
  return server
}

const owner = 'imap://joe%40example.com@example.com'
const part = `${owner}/INBOX/;uid=1/;section=2.2`

/** The URL authorised by its owner. */
async function authorised(client: Conversation, url: string): Promise<string> {
  const [line] = await ask(client, `g GENURLAUTH "${url}" INTERNAL`)
  const found = /^\* GENURLAUTH "(.*)"$/.exec(line!)
  assert.ok(found, `${line}\n${client.transcript}`)
  return found[1]!
}

/** What URLFETCH answers for one URL; undefined for NIL. */
async function fetched(client: Conversation, url: string): Promise<string | undefined> {
  client.send(`u URLFETCH "${url}"`)
  const line = await client.expect(`* URLFETCH "${url}" `)
  const size = /\{(\d+)\}$/.exec(line)
  if (size === null) {
    assert.ok(line.endsWith('" NIL'), line)
    await client.expect('u OK URLFETCH completed')
    return undefined
  }
  const bytes = await client.bytes(Number(size[1]))
  await client.expect(/^$/)
  await client.expect('u OK URLFETCH completed')
  return bytes.toString('latin1')
}

test('[URLAUTH] the example of RFC 4467 §7: a submission server reads what was authorised for it', async () => {
  await using server = await start()
  const client = await server.signedIn('joe@example.com')
  await ask(client, `a775 GENURLAUTH "${part}" INTERNAL`, [
    'a775 BAD Missing access identifier in supplied URL',
  ])
  await ask(
    client,
    'a776 GENURLAUTH "imap://example.com/Shared/;uid=20/;section=1.2;urlauth=submit+fred" INTERNAL',
    ['a776 BAD Missing owner username in supplied URL'],
  )
  const url = `${part};urlauth=submit+fred`
  const [line, done] = await ask(client, `a777 GENURLAUTH "${url}" internal`)
  assert.match(line!.slice(0, 14 + url.length), /^\* GENURLAUTH "/)
  assert.ok(line!.startsWith(`* GENURLAUTH "${url}:internal:01`), line)
  assert.match(line!, /:internal:01[0-9a-f]{64}"$/)
  assert.equal(done, 'a777 OK GENURLAUTH completed')
  const full = await authorised(client, url)
  assert.equal(`* GENURLAUTH "${full}"`, line, 'the same URL has the same token')
  const submission = await server.signedIn('submitserver@example.com')
  assert.equal(await fetched(submission, full), text)
  // Nobody else is one, not even the owner.
  assert.equal(await fetched(client, full), undefined)
  assert.equal(await fetched(await server.signedIn(), full), undefined)
})

test('user+, authuser and anonymous', async () => {
  await using server = await start()
  const client = await server.signedIn('joe@example.com')
  const fred = await server.signedIn()
  const submission = await server.signedIn('submitserver@example.com')
  const only = await authorised(client, `${part};URLAUTH=USER+fred%40example.org`)
  assert.equal(await fetched(fred, only), text)
  assert.equal(await fetched(submission, only), undefined)
  await server.add(11, 'fred+mail@example.org')
  const tagged = await authorised(client, `${part};URLAUTH=user+fred+mail%40example.org`)
  assert.equal(await fetched(await server.signedIn('fred+mail@example.org'), tagged), text)
  assert.equal(await fetched(fred, tagged), undefined)
  const nobody = await authorised(client, `${part};urlauth=user+nobody%40example.org`)
  assert.equal(await fetched(fred, nobody), undefined)
  for (const access of ['authuser', 'anonymous']) {
    const open = await authorised(client, `${part};urlauth=${access}`)
    for (const one of [fred, submission, client]) assert.equal(await fetched(one, open), text)
  }
})

test('[URL-PARTIAL] whole messages, sections, parts of them, and several URLs in one command', async () => {
  await using server = await start()
  const client = await server.signedIn('joe@example.com')
  const fred = await server.selected()
  const subject = await authorised(
    client,
    `${owner}/INBOX/;UID=1/;SECTION=HEADER.FIELDS%20(SUBJECT);URLAUTH=authuser`,
  )
  assert.equal(await fetched(fred, subject), 'Subject: Vegetius\r\n\r\n')
  const some = await authorised(client, `${part}/;PARTIAL=3.9;URLAUTH=authuser`)
  assert.equal(await fetched(fred, some), 'vis pacem')
  const beyond = await authorised(client, `${part}/;PARTIAL=3000.9;URLAUTH=authuser`)
  assert.equal(await fetched(fred, beyond), '')
  const whole = await authorised(client, `${owner}/INBOX;UIDVALIDITY=${validity}/;UID=1;URLAUTH=authuser`)
  assert.equal(await fetched(fred, whole), letter.replaceAll('\n', '\r\n'))
  await ask(fred, `a URLFETCH "${some}" "imap://x" "${some}"`, [
    `* URLFETCH "${some}" {9}`,
    `vis pacem "imap://x" NIL "${some}" {9}`,
    'vis pacem',
    'a OK URLFETCH completed',
  ])
  // CATENATE takes parts by URL too.
  await ask(client, 'b SELECT INBOX')
  const made = await ask(client, 'c APPEND INBOX CATENATE (URL "/INBOX/;UID=1/;SECTION=2.2/;PARTIAL=3.9")')
  assert.match(made.at(-1)!, /^c OK \[APPENDUID /)
  await ask(client, 'd FETCH 2 BODY.PEEK[]', ['* 2 FETCH (BODY[] {9}', 'vis pacem)', 'd OK FETCH completed'])
  const large = 'x'.repeat(300_000)
  await server.deliver(`\n${large}`, { to: joe })
  const big = await authorised(client, `${owner}/INBOX/;UID=3/;SECTION=TEXT;URLAUTH=authuser`)
  assert.equal(await fetched(fred, big), large)
})

test('[URLAUTH=BINARY] the examples of RFC 5524 §4', async () => {
  await using server = await start()
  const client = await server.signedIn('joe@example.com')
  const fred = await server.signedIn()
  const image = Buffer.from([0x89, 0x50, 0, 1, 2, 0xff, 0x0a, 3])
  await server.deliver(
    [
      'Content-Type: multipart/mixed; boundary=b',
      '',
      '--b',
      'Content-Type: text/plain; charset=utf-8',
      'Content-Transfer-Encoding: quoted-printable',
      '',
      'one=',
      ' line',
      '',
      '--b',
      'Content-Type: image/png',
      'Content-Transfer-Encoding: base64',
      'Content-Description: a picture',
      '',
      image.toString('base64'),
      '--b',
      'Content-Type: image/png',
      'Content-Transfer-Encoding: x-blurdybloop',
      '',
      'abc',
      '--b--',
      '',
    ].join('\n'),
    { to: joe },
  )
  const urlOf = (section: string) => authorised(client, `${owner}/INBOX/;UID=2${section};URLAUTH=anonymous`)
  const [one, two, three, none] = [
    await urlOf('/;SECTION=1'),
    await urlOf('/;SECTION=2'),
    await urlOf('/;SECTION=3'),
    await urlOf('/;SECTION=200'),
  ]
  await ask(fred, `A001 URLFETCH ("${one}" BINARY)`, [
    `* URLFETCH "${one}" (BINARY {10}`,
    'one line',
    ')',
    'A001 OK URLFETCH completed',
  ])
  await ask(fred, `A002 URLFETCH ("${one}" BODYPARTSTRUCTURE BINARY)`, [
    `* URLFETCH "${one}" (BODYPARTSTRUCTURE ("TEXT" "PLAIN" ("CHARSET" "utf-8") NIL NIL "BINARY" 10 1 NIL NIL NIL NIL)) (BINARY {10}`,
    'one line',
    ')',
    'A002 OK URLFETCH completed',
  ])
  const described = (encoding: string, size: number): string =>
    `(BODYPARTSTRUCTURE ("IMAGE" "PNG" NIL NIL "a picture" "${encoding}" ${size} NIL NIL NIL NIL))`
  fred.send(`A003 URLFETCH ("${two}" BINARY BODYPARTSTRUCTURE)`)
  await fred.expect(`* URLFETCH "${two}" ${described('BINARY', 8)} (BINARY ~{8}`)
  assert.deepEqual(await fred.bytes(8), image)
  await fred.expectLines([/^\)$/, 'A003 OK'])
  await ask(fred, `A004 URLFETCH ("${two}" BODYPARTSTRUCTURE)`, [
    `* URLFETCH "${two}" ${described('BASE64', 12)}`,
    'A004 OK URLFETCH completed',
  ])
  await ask(fred, `A005 URLFETCH ("${two}" BODYPARTSTRUCTURE BODY)`, [
    `* URLFETCH "${two}" ${described('BASE64', 12)} (BODY {12}`,
    `${image.toString('base64')})`,
    'A005 OK URLFETCH completed',
  ])
  await ask(fred, `A006 URLFETCH ("${three}" BODYPARTSTRUCTURE BINARY)`, [
    `* URLFETCH "${three}" (BODYPARTSTRUCTURE ("IMAGE" "PNG" NIL NIL NIL "X-BLURDYBLOOP" 3 NIL NIL NIL NIL)) (BINARY NIL)`,
    'A006 OK URLFETCH completed',
  ])
  await ask(fred, `A007 URLFETCH ("${none}" BODYPARTSTRUCTURE BODY) ("${three}") ("x" BINARY)`, [
    `* URLFETCH "${none}" NIL "${three}" {3}`,
    'abc "x" NIL',
    'A007 OK URLFETCH completed',
  ])
  const whole = await urlOf('')
  const [line] = await ask(fred, `A008 URLFETCH ("${whole}" BODYPARTSTRUCTURE)`)
  assert.match(line!, /\(BODYPARTSTRUCTURE \(\("TEXT" .* "MIXED" \("BOUNDARY" "b"\) NIL NIL NIL\)\)$/)
  const header = await urlOf('/;SECTION=HEADER')
  const [shown] = await ask(fred, `A009 URLFETCH ("${header}" BODYPARTSTRUCTURE)`)
  assert.match(shown!, /"OCTET-STREAM" NIL NIL NIL "8BIT" 45\)\)$/)
  for (const [bad, why] of [
    ['("x" BODY BINARY)', 'BODY and BINARY exclude each other'],
    ['("x" BODY BODY)', 'An item twice'],
    ['("x" OTHER)', 'Unknown item'],
    ['("x"', 'Expected ")"'],
    ['()', 'Expected a string or an atom'],
  ] as const)
    await ask(fred, `A010 URLFETCH ${bad}`, [`A010 BAD ${why}`])
})

test('a URL ends: at its time, with a new key, with the message, and with the right to read it', async () => {
  await using server = await start()
  const client = await server.selected('INBOX', { as: 'joe@example.com' })
  const fred = await server.signedIn()
  const soon = await authorised(client, `${part};EXPIRE=2026-01-01T00:02:00Z;URLAUTH=authuser`)
  const zone = await authorised(client, `${part};EXPIRE=2026-01-01T02:02:00+02:00;URLAUTH=authuser`)
  const open = await authorised(client, `${part};URLAUTH=authuser`)
  assert.equal(await fetched(fred, soon), text)
  server.clock.advance(120_000)
  assert.equal(await fetched(fred, soon), undefined)
  assert.equal(await fetched(fred, zone), undefined)
  assert.equal(await fetched(fred, open), text)
  await ask(client, 'a32 RESETKEY INBOX', ['a32 OK [URLMECH INTERNAL] Key made anew'])
  assert.equal(await fetched(fred, open), undefined)
  const again = await authorised(client, `${part};URLAUTH=authuser`)
  assert.notEqual(again, open)
  assert.equal(await fetched(fred, again), text)
  await ask(client, 'a31 RESETKEY', ['a31 OK All keys removed'])
  assert.equal(await fetched(fred, again), undefined)
  const last = await authorised(client, `${part};URLAUTH=authuser`)
  const person = server.people.find(({ id }) => id === joe)!
  person.isDisabled = true
  assert.equal(await fetched(fred, last), undefined)
  person.isDisabled = false
  assert.equal(await fetched(fred, last), text)
  await ask(client, 'b STORE 1 +FLAGS.SILENT (\\Deleted)')
  await ask(client, 'c EXPUNGE')
  assert.equal(await fetched(fred, last), undefined)
})

test('the mailbox may be another’s: the key is the user’s, and the access what the user has then', async () => {
  await using server = await start()
  await server.fill(1)
  await server.share(inbox, joe, 'lr')
  const client = await server.signedIn('joe@example.com')
  const submission = await server.signedIn('submitserver@example.com')
  const shared = `${owner}/Other%20Users/fred%40example.org/INBOX/;UID=1/;SECTION=TEXT;URLAUTH=authuser`
  const url = await authorised(client, shared)
  assert.equal(await fetched(submission, url), 'body\r\n')
  // The owner of the mailbox has other keys.
  await ask(await server.signedIn(), 'a RESETKEY INBOX')
  assert.equal(await fetched(submission, url), 'body\r\n')
  await server.share(inbox, joe, 'l')
  assert.equal(await fetched(submission, url), undefined)
  await ask(client, `b GENURLAUTH "${shared}" INTERNAL`, ['b BAD No such mailbox'])
})

test('every byte of an authorised URL counts', async () => {
  await using server = await start()
  const client = await server.signedIn('joe@example.com')
  const fred = await server.signedIn()
  const url = await authorised(client, `${part};URLAUTH=authuser`)
  assert.equal(await fetched(fred, url), text)
  assert.equal(await fetched(fred, url.replace(':internal:', ':INTERNAL:')), text)
  for (const changed of [
    url.replace('example.com/', 'EXAMPLE.com/'),
    url.replace('uid=1', 'UID=1'),
    url.replace('uid=1', 'uid=01'),
    url.replace('section=2.2', 'section=2'),
    url.replace('/;section=2.2', ''),
    url.replace('INBOX', 'inbox'),
    url.replace('INBOX', '%49NBOX'),
    url.replace('authuser', 'anonymous'),
    url.replace(';URLAUTH', ';EXPIRE=2099-01-01T00:00:00Z;URLAUTH'),
    url.replace(/0$|.$/, (digit) => (digit === '0' ? '1' : '0')),
    url.slice(0, -1),
    url.slice(0, -34),
    url.replace(':internal:', ':xsample:'),
    url.replace(/:internal:.*/, ''),
    url.replace('joe%40example.com', 'fred%40example.org'),
    url.replace('joe%40example.com@', ''),
    'imap://joe%40example.com@example.com/',
    'imap://joe%40example.com@example.com/INBOX',
    'imap://joe%40example.com@example.com/INBOX?SUBJECT%20x',
    '',
    'x'.repeat(900),
  ])
    assert.equal(await fetched(fred, changed), undefined, changed)
})

test('what cannot be authorised is BAD, and nothing is then', async () => {
  await using server = await start()
  const client = await server.signedIn('joe@example.com')
  const good = `"${part};URLAUTH=authuser" INTERNAL`
  for (const [pair, why] of [
    [`"${owner};URLAUTH=authuser" INTERNAL`, 'Not the URL of a message'],
    [`"${owner}/INBOX;URLAUTH=authuser" INTERNAL`, 'Not the URL of a message'],
    [`"${owner}/INBOX?ALL;URLAUTH=authuser" INTERNAL`, 'Not the URL of a message'],
    [`"${owner}/None/;UID=1;URLAUTH=authuser" INTERNAL`, 'No such mailbox'],
    [`"${owner}/INBOX;UIDVALIDITY=7/;UID=1;URLAUTH=authuser" INTERNAL`, 'No such mailbox'],
    [`"${owner}/INBOX/;UID=1;EXPIRE=tomorrow;URLAUTH=authuser" INTERNAL`, 'Not the URL of a message'],
    [
      `"${owner}/INBOX/;UID=1;EXPIRE=2026-13-01T00:00:00Z;URLAUTH=authuser" INTERNAL`,
      'Not the URL of a message',
    ],
    [`"${owner}/INBOX/;UID=1;URLAUTH=everybody" INTERNAL`, 'Not the URL of a message'],
    [
      `"imap://fred%40example.org@h/INBOX/;UID=1;URLAUTH=authuser" INTERNAL`,
      'Only your own messages are yours to show',
    ],
    [`"imap://nobody@h/INBOX/;UID=1;URLAUTH=authuser" INTERNAL`, 'Only your own messages are yours to show'],
    [`"imap://%ff@h/INBOX/;UID=1;URLAUTH=authuser" INTERNAL`, 'Not the URL of a message'],
    [`"/INBOX/;UID=1;URLAUTH=authuser" INTERNAL`, 'Not the URL of a message'],
    [`"${part};URLAUTH=authuser" XSAMPLE`, 'Unknown mechanism'],
    [`"${part};URLAUTH=authuser"`, 'Expected a space'],
  ] as const)
    await ask(client, `a GENURLAUTH ${good} ${pair}`, [`a BAD ${why}`])
  await ask(client, 'b URLFETCH', ['b BAD Expected a space'])
  await ask(client, 'c RESETKEY INBOX XSAMPLE', ['c NO [CANNOT] Unknown mechanism'])
  await ask(client, 'd RESETKEY None', ['d NO [NONEXISTENT] No such mailbox'])
  await ask(client, `e URLFETCH ${'x '.repeat(100)}x`, ['e NO [LIMIT] Too many URLs in one command'])
})

test('SELECT tells the mechanism, and sessions of the user learn of a new key, but not where others listen', async () => {
  await using server = await start()
  const client = await server.signedIn('joe@example.com')
  const opened = await ask(client, 'a SELECT INBOX')
  assert.ok(opened.includes('* OK [URLMECH INTERNAL] URLs can be authorised'))
  const idler = await server.selected('INBOX', { as: 'joe@example.com' })
  idler.send('i IDLE')
  await idler.expect('+ ')
  const fred = await server.selected()
  await ask(client, 'b RESETKEY INBOX', ['b OK [URLMECH INTERNAL] Key made anew'])
  await idler.expect('* OK [URLMECH INTERNAL]')
  await ask(client, 'c NOOP', ['c OK NOOP completed'])
  await ask(fred, 'd NOOP', ['d OK NOOP completed'])
  await ask(fred, 'e RESETKEY INBOX', ['e OK [URLMECH INTERNAL] Key made anew'])
})
