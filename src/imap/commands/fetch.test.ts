import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ask, ImapTestServer } from '../fixture.test.ts'

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
  '((NIL NIL "minutes" "CNRI.Reston.VA.US")("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL ' +
  '"<B27397-0100000@cac.washington.edu.example>")'
const body = '("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 10 1)'

/** The message of RFC 9051 §6.4.5.1, with parts that are easy to tell apart. */
const nested = [
  'Subject: outer',
  'Content-Type: multipart/mixed; boundary=a',
  '',
  'preamble',
  '--a',
  '',
  'one',
  '--a',
  'Content-Type: application/octet-stream',
  'Content-Transfer-Encoding: base64',
  '',
  'AAECAw==',
  '--a',
  'Content-Type: message/rfc822',
  '',
  'Subject: inner',
  'X-Kind: message',
  '',
  'inner text',
  '--a',
  'Content-Type: multipart/mixed; boundary=b',
  '',
  '--b',
  'Content-Type: image/gif',
  'Content-Transfer-Encoding: x-strange',
  '',
  'gif',
  '--b--',
  '--a--',
  '',
].join('\n')

test('FETCH FULL, ALL and FAST: the example of RFC 9051 §8', async () => {
  await using server = await ImapTestServer.start()
  await server.deliver(memo, { keywords: ['$seen'], receivedAt: Date.UTC(1996, 6, 17, 9, 44, 25) })
  const client = await server.selected()
  const fast = 'FLAGS (\\Seen) INTERNALDATE "17-Jul-1996 09:44:25 +0000" RFC822.SIZE 360'
  await ask(client, 'a003 fetch 1 full', [
    `* 1 FETCH (${fast} ENVELOPE ${envelope} BODY ${body})`,
    'a003 OK FETCH completed',
  ])
  await ask(client, 'a004 fetch 1 all', [
    `* 1 FETCH (${fast} ENVELOPE ${envelope})`,
    'a004 OK FETCH completed',
  ])
  await ask(client, 'a005 fetch 1 fast', [`* 1 FETCH (${fast})`, 'a005 OK FETCH completed'])
  await ask(client, 'a006 fetch 1 (bodystructure uid)', [
    `* 1 FETCH (BODYSTRUCTURE ${body.slice(0, -1)} NIL NIL NIL NIL) UID 1)`,
    'a006 OK FETCH completed',
  ])
})

test('BODY[HEADER.FIELDS] and a partial: the examples of RFC 9051 §6.4.5 and §7.5.2', async () => {
  await using server = await ImapTestServer.start()
  await server.deliver(memo)
  const client = await server.selected()
  await ask(client, 'a1 FETCH 1 BODY.PEEK[HEADER.FIELDS (Subject "date" X-None)]', [
    '* 1 FETCH (BODY[HEADER.FIELDS (Subject date X-None)] {94}',
    'Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)',
    'Subject: IMAP4rev2 WG mtg summary and minutes',
    '',
    ')',
    'a1 OK FETCH completed',
  ])
  await ask(client, 'a2 FETCH 1 BODY.PEEK[header.fields.not (DATE FROM SUBJECT TO CC MESSAGE-ID)]', [
    '* 1 FETCH (BODY[HEADER.FIELDS.NOT (DATE FROM SUBJECT TO CC MESSAGE-ID)] {65}',
    'MIME-Version: 1.0',
    'Content-Type: TEXT/PLAIN; CHARSET=US-ASCII',
    '',
    ')',
    'a2 OK FETCH completed',
  ])
  await ask(client, 'a3 FETCH 1 (BODY.PEEK[TEXT]<3.2048> BODY.PEEK[]<10000.5> BODY.PEEK[1]<0.4>)', [
    '* 1 FETCH (BODY[TEXT]<3> {7}',
    'utes.',
    ' BODY[]<10000> {0}',
    ' BODY[1]<0> {4}',
    'Minu)',
    'a3 OK FETCH completed',
  ])
  // RFC 9051 §9, partial: nz-number64
  await ask(client, 'a4 FETCH 1 BODY.PEEK[TEXT]<4.9223372036854775807>', [
    '* 1 FETCH (BODY[TEXT]<4> {6}',
    'tes.',
    ')',
    'a4 OK FETCH completed',
  ])
})

// Turns red where what is read of a header is all that is told.
test('RFC 9051 §6.4.5.1: the empty line is there too where a header is too long to be read to its end', async () => {
  await using server = await ImapTestServer.start()
  await server.deliver(`Subject: x\n${`X-Filler: ${'y'.repeat(900)}\n`.repeat(2000)}To: a@b\n\nbody`)
  const client = await server.selected()
  await ask(client, 'a FETCH 1 BODY.PEEK[HEADER.FIELDS (Subject)]', [
    '* 1 FETCH (BODY[HEADER.FIELDS (Subject)] {14}',
    'Subject: x',
    '',
    ')',
    'a OK FETCH completed',
  ])
})

test('every section of nested parts', async () => {
  await using server = await ImapTestServer.start()
  await server.deliver(nested, { prefix: 'Return-Path: <>\r\n' })
  const client = await server.selected()
  const section = async (name: string): Promise<string> => {
    client.send(`s FETCH 1 BODY.PEEK[${name}]`)
    const lines = await client.until('s OK')
    return lines
      .slice(0, -1)
      .join('\n')
      .replace(/^\* 1 FETCH \(BODY\[[^\]]*\] /, '')
  }
  assert.equal(await section('1'), '{3}\none)')
  assert.equal(await section('1.MIME'), '{2}\n\n)')
  assert.equal(await section('2'), '{8}\nAAECAw==)')
  assert.equal(
    await section('2.MIME'),
    '{77}\nContent-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n)',
  )
  assert.equal(await section('3.HEADER'), '{35}\nSubject: inner\nX-Kind: message\n\n)')
  assert.equal(await section('3.TEXT'), '{10}\ninner text)')
  assert.equal(await section('3.1'), '{10}\ninner text)')
  assert.equal(await section('3.HEADER.FIELDS (x-kind)'), '{19}\nX-Kind: message\n\n)')
  assert.equal(await section('4.1'), '{3}\ngif)')
  assert.equal(await section('5'), 'NIL)')
  assert.equal(await section('1.HEADER'), 'NIL)')
  assert.match(await section('HEADER'), /^\{\d+\}\nReturn-Path: <>\nSubject: outer\n/)
  const whole = await section('')
  assert.match(whole, /^\{415\}\nReturn-Path: <>\nSubject: outer\n[^]*--a--\n\)$/)
})

test('[BINARY] BINARY decodes, has literal8 for NUL, and says what it cannot decode', async () => {
  await using server = await ImapTestServer.start()
  await server.deliver(nested)
  const client = await server.selected()
  await ask(
    client,
    'b1 FETCH 1 (BINARY.PEEK[2] BINARY.SIZE[2] BINARY.PEEK[2]<1.2> BINARY.PEEK[1] BINARY.SIZE[9])',
    [
      '* 1 FETCH (BINARY[2] ~{4}',
      '\0\u0001\u0002\u0003 BINARY.SIZE[2] 4 BINARY[2]<1> {2}',
      '\u0001\u0002 BINARY[1] {3}',
      'one BINARY.SIZE[9] 0)',
      'b1 OK FETCH completed',
    ],
  )
  await ask(client, 'b2 FETCH 1 BINARY[4.1]', [
    '* 1 FETCH (UID 1 FLAGS (\\Seen))',
    'b2 NO [UNKNOWN-CTE] Unknown Content-Transfer-Encoding',
  ])
  await ask(client, 'b3 FETCH 1 BINARY.PEEK[3]', ['b3 NO [CANNOT] Not a leaf part'])
})

// Turns red where a section is written as it is stored, and where only small ones are looked into.
test('RFC 9051 §4.3.1: NUL only in a literal8, for BINARY; another byte stands for it in a literal', async () => {
  await using server = await ImapTestServer.start()
  const large = 'a\0b'.repeat(30_000)
  const header = 'Content-Type: application/octet-stream\nContent-Transfer-Encoding: binary\n\n'
  await server.deliver(`${header}x\0\0y`)
  await server.deliver(header + large)
  const client = await server.selected()
  const told = async (number: number, item: string): Promise<string> => {
    const [first, ...more] = await ask(client, `a FETCH ${number} ${item}`)
    const [, start, literal] = /^\* \d FETCH \((.*?)(~?\{\d+\})$/s.exec(first!)!
    return `${start}${literal} ${more.slice(0, -1).join('\n').slice(-5)}`
  }
  assert.equal(await told(1, 'BODY.PEEK[1]'), 'BODY[1] {4} x\x80\x80y)')
  assert.equal(await told(1, 'BODY.PEEK[TEXT]<1.2>'), 'BODY[TEXT]<1> {2} \x80\x80)')
  assert.equal(await told(1, 'BINARY.PEEK[1]'), 'BINARY[1] ~{4} x\0\0y)')
  assert.equal(await told(1, 'BINARY.PEEK[]'), 'BINARY[] ~{81} x\0\0y)')
  assert.equal(await told(2, 'BODY.PEEK[TEXT]'), 'BODY[TEXT] {90000} ba\x80b)')
  assert.equal(await told(2, 'BINARY.PEEK[1]'), 'BINARY[1] ~{90000} ba\0b)')
  assert.equal(await told(2, 'BINARY.PEEK[]'), 'BINARY[] ~{90077} ba\0b)')
  assert.equal(await told(2, 'BINARY.PEEK[]<0.70000>'), 'BINARY[]<0> ~{70000} \0ba\0)')
})

test('BODY[] sets \\Seen and says so; PEEK, RFC822.HEADER and EXAMINE do not', async () => {
  await using server = await ImapTestServer.start()
  await server.deliver('Subject: x\n\nhi\n')
  const client = await server.selected()
  await ask(client, 'a1 FETCH 1 (RFC822.HEADER BODY.PEEK[TEXT] FLAGS)', [
    '* 1 FETCH (RFC822.HEADER {14}',
    'Subject: x',
    '',
    ' BODY[TEXT] {4}',
    'hi',
    ' FLAGS ())',
    'a1 OK FETCH completed',
  ])
  // Of before IMAP4rev1, and still said by Outlook.
  await ask(client, 'b1 FETCH 1 (RFC822.PEEK RFC822.TEXT.PEEK FLAGS)', [
    '* 1 FETCH (RFC822 {18}',
    'Subject: x',
    '',
    'hi',
    ' RFC822.TEXT {4}',
    'hi',
    ' FLAGS ())',
    'b1 OK FETCH completed',
  ])
  await ask(client, 'b2 FETCH 1 RFC822.HEADER.PEEK', ['b2 BAD Unknown item'])
  const reader = await server.signedIn()
  await ask(reader, 'e EXAMINE INBOX')
  await ask(reader, 'a2 FETCH 1 RFC822.TEXT', [
    '* 1 FETCH (RFC822.TEXT {4}',
    'hi',
    ')',
    'a2 OK FETCH completed',
  ])
  await ask(client, 'a3 FETCH 1 RFC822', [
    '* 1 FETCH (RFC822 {18}',
    'Subject: x',
    '',
    'hi',
    ' FLAGS (\\Seen))',
    'a3 OK FETCH completed',
  ])
  await ask(reader, 'a4 NOOP', ['* 1 FETCH (UID 1 FLAGS (\\Seen))', 'a4 OK NOOP completed'])
})

test('UID FETCH always has the UID, and passes over UIDs that nothing has', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(3)
  const client = await server.selected()
  await ask(client, 'a0 STORE 2 +FLAGS.SILENT (\\Deleted)')
  await ask(client, 'a1 EXPUNGE', ['* 2 EXPUNGE', 'a1 OK [HIGHESTMODSEQ 6] EXPUNGE completed'])
  await ask(client, 'a2 UID FETCH 2:* FLAGS', ['* 2 FETCH (UID 3 FLAGS ())', 'a2 OK UID FETCH completed'])
  await ask(client, 'a3 UID FETCH 99:* (FLAGS UID)', [
    '* 2 FETCH (UID 3 FLAGS ())',
    'a3 OK UID FETCH completed',
  ])
  await ask(client, 'a4 UID FETCH 2,50:60 FLAGS', ['a4 OK UID FETCH completed'])
  await ask(client, 'a5 FETCH 3 FLAGS', ['a5 BAD No message with that number'])
})

test('messages that others expunged are missing, and their numbers stay', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(3)
  const client = await server.selected()
  const other = await server.selected()
  await ask(other, 'o1 STORE 2 +FLAGS.SILENT (\\Deleted)')
  await ask(other, 'o2 EXPUNGE')
  await ask(client, 'a1 FETCH 1:3 UID', [
    '* 1 FETCH (UID 1)',
    '* 3 FETCH (UID 3)',
    'a1 NO [EXPUNGEISSUED] Some of the messages are gone',
  ])
  await ask(client, 'a2 UID FETCH 1:3 RFC822.SIZE', [
    '* 1 FETCH (UID 1 RFC822.SIZE 27)',
    '* 3 FETCH (UID 3 RFC822.SIZE 27)',
    '* 2 EXPUNGE',
    'a2 OK UID FETCH completed',
  ])
})

test('a large message comes in pieces, byte for byte, also when it is asked for in parts', async () => {
  await using server = await ImapTestServer.start()
  const big = Buffer.concat([
    Buffer.from('Subject: big\r\n\r\n'),
    Buffer.from(Array.from({ length: 9000 }, (_, i) => `line ${i} of a large message\r\n`).join('')),
  ])
  await server.deliverBytes(big)
  const client = await server.selected()
  client.send('a1 FETCH 1 BODY[]')
  await client.expect(`* 1 FETCH (BODY[] {${big.length}}`)
  assert.ok((await client.bytes(big.length)).equals(big))
  await client.expectLines([' FLAGS (\\Seen))', 'a1 OK'])
  client.send('a2 FETCH 1 BODY[]<100000.100000>')
  await client.expect('* 1 FETCH (BODY[]<100000> {100000}')
  assert.ok((await client.bytes(100_000)).equals(big.subarray(100_000, 200_000)))
  await client.expectLines([')', 'a2 OK'])
})

test('[OBJECTID] [SAVEDATE] [PREVIEW] EMAILID, THREADID, SAVEDATE, MODSEQ and PREVIEW', async () => {
  await using server = await ImapTestServer.start()
  await server.deliver('Subject: x\n\nWhat it is about.\n', { savedAt: Date.UTC(2026, 1, 3, 4, 5, 6) })
  const client = await server.selected()
  await ask(client, 'a1 FETCH 1 (EMAILID THREADID SAVEDATE PREVIEW)', [
    '* 1 FETCH (EMAILID (M1) THREADID (T1) SAVEDATE " 3-Feb-2026 04:05:06 +0000" PREVIEW "What it is about.")',
    'a1 OK FETCH completed',
  ])
  await ask(client, 'a2 FETCH 1 (PREVIEW (LAZY))', [
    '* 1 FETCH (PREVIEW "What it is about.")',
    'a2 OK FETCH completed',
  ])
  await ask(client, 'a3 COPY 1 Archive')
  await ask(client, 'a4 SELECT Archive')
  await ask(client, 'a5 FETCH 1 (EMAILID THREADID)', [
    '* 1 FETCH (EMAILID (M1) THREADID (T1))',
    'a5 OK FETCH completed',
  ])
  await ask(client, 'a6 FETCH 1 MODSEQ', [
    '* OK [HIGHESTMODSEQ 3] Told up to here',
    '* 1 FETCH (MODSEQ (3))',
    'a6 OK FETCH completed',
  ])
})

test('what is no item is refused', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(1)
  const client = await server.selected()
  for (const items of [
    'NOTHING',
    '()',
    '(FLAGS',
    '(FLAGS  UID)',
    'BODY[',
    'BODY[1.]',
    'BODY[0]',
    'BODY[MIME]',
    'BODY[HEADER.FIELDS ()]',
    'BODY[]<0>',
    'BODY[]<0.0>',
    '(ALL)',
    'BINARY[HEADER]',
    'ENVELOPE[]',
  ]) {
    assert.match((await ask(client, `a FETCH 1 ${items}`)).join('\n'), /^a BAD /, items)
  }
  await ask(client, 'n NOOP')
  for (const set of ['0', '1:', ',1', '1,,1', '5', '*:9', 'x', '4294967296']) {
    assert.match((await ask(client, `a FETCH ${set} UID`)).join('\n'), /^a BAD /, set)
  }
})
