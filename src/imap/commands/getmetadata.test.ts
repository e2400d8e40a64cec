/** GETMETADATA and SETMETADATA (RFC 5464). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId, MailboxId } from '#base/id.ts'
import { ask, inbox, ImapTestServer } from '../fixture.test.ts'

const anna = 8 as AccountId
const fredsInbox = '"Other Users/fred@example.org/INBOX"'
const missing = ' NO [NONEXISTENT] No such mailbox'
const refused = ' NO [NOPERM] You do not have the right to do that here'

async function start(settings: Readonly<Record<string, unknown>> = {}): Promise<ImapTestServer> {
  const server = await ImapTestServer.start(settings)
  await server.add(anna, 'anna@example.org')
  await server.add(10, 'root@example.org', { permissions: ['sysImapUpdate'] })
  return server
}

test('[METADATA] values are set, read and removed: the examples of RFC 5464 §4.2 and §4.3', async () => {
  await using server = await start()
  const client = await server.signedIn()
  client.send('a SETMETADATA INBOX (/private/comment {33}')
  await client.expect('+ ')
  client.sendRaw('My new comment across\r\ntwo lines.)\r\n')
  await client.expect('a OK SETMETADATA completed')
  await ask(client, 'b GETMETADATA INBOX /private/comment', [
    '* METADATA INBOX (/private/comment {33}',
    'My new comment across',
    'two lines.)',
    'b OK GETMETADATA completed',
  ])
  await ask(
    client,
    'c SETMETADATA INBOX (/private/comment "My new comment" /shared/comment "This one is for you!")',
    ['c OK SETMETADATA completed'],
  )
  const both = '* METADATA INBOX (/shared/comment "This one is for you!" /private/comment "My new comment")'
  await ask(client, 'd GETMETADATA "INBOX" (/shared/comment /private/comment)', [
    both,
    'd OK GETMETADATA completed',
  ])
  await ask(client, 'e GETMETADATA "INBOX" /shared/comment /PRIVATE/Comment', [
    both,
    'e OK GETMETADATA completed',
  ])
  await ask(client, 'f SETMETADATA INBOX (/private/comment NIL)', ['f OK SETMETADATA completed'])
  await ask(client, 'g GETMETADATA INBOX /private/comment', [
    '* METADATA INBOX (/private/comment NIL)',
    'g OK GETMETADATA completed',
  ])
})

test('MAXSIZE leaves out what is larger, and tells of it: the example of RFC 5464 §4.2.1', async () => {
  await using server = await start()
  const client = await server.signedIn()
  client.sendRaw(
    `a SETMETADATA INBOX (/private/comment "My own comment" /shared/comment {2199+}\r\n${'x'.repeat(2199)})\r\n`,
  )
  await client.expect('a OK')
  const comment = '* METADATA INBOX (/private/comment "My own comment")'
  const long = ' OK [METADATA LONGENTRIES 2199] GETMETADATA completed'
  await ask(client, 'b GETMETADATA "INBOX" (MAXSIZE 1024) (/shared/comment /private/comment)', [
    comment,
    `b${long}`,
  ])
  await ask(client, 'c GETMETADATA (MAXSIZE 1024 DEPTH infinity) "INBOX" (/shared /private)', [
    comment,
    `c${long}`,
  ])
  await ask(client, 'd GETMETADATA (MAXSIZE 13) INBOX (/private/comment /shared/comment)', [`d${long}`])
  await ask(client, 'e GETMETADATA (MAXSIZE 14) INBOX /private/comment', [
    comment,
    'e OK GETMETADATA completed',
  ])
})

test('DEPTH reads what lies below: the example of RFC 5464 §4.2.2', async () => {
  await using server = await start()
  const client = await server.signedIn()
  await ask(
    client,
    String.raw`a SETMETADATA INBOX (/private/filters/values/small "SMALLER 5000" /private/filters/values/boss "FROM \"boss@example.com\"" /private/filters/values/boss/more "")`,
    ['a OK SETMETADATA completed'],
  )
  const boss = String.raw`/private/filters/values/boss "FROM \"boss@example.com\""`
  const small = '/private/filters/values/small "SMALLER 5000"'
  await ask(client, 'b GETMETADATA "INBOX" (DEPTH 1) (/private/filters/values)', [
    `* METADATA INBOX (${boss} ${small})`,
    'b OK GETMETADATA completed',
  ])
  await ask(client, 'c GETMETADATA (DEPTH Infinity) "INBOX" /private/filters', [
    `* METADATA INBOX (${boss} /private/filters/values/boss/more "" ${small})`,
    'c OK GETMETADATA completed',
  ])
  await ask(client, 'd GETMETADATA (DEPTH 0) INBOX /private/filters/values', [
    '* METADATA INBOX (/private/filters/values NIL)',
    'd OK GETMETADATA completed',
  ])
  await ask(client, 'e GETMETADATA (DEPTH 1) INBOX /private/nothing', ['e OK GETMETADATA completed'])
})

test('[METADATA-SERVER] the server has annotations too: all see what an administrator sets', async () => {
  await using server = await start({ adminContact: 'mailto:postmaster@example.org' })
  const client = await server.signedIn()
  await ask(client, 'a1 SETMETADATA "" (/shared/comment "mine")', [`a1${refused}`])
  await ask(client, 'a2 SETMETADATA "" (/private/vendor/x/y "mine")', ['a2 OK SETMETADATA completed'])
  const admin = await server.signedIn('root@example.org')
  await ask(admin, 'b1 SETMETADATA "" (/shared/comment "Shared comment")', ['b1 OK SETMETADATA completed'])
  await ask(admin, 'b2 SETMETADATA "" (/shared/admin "tel:1" /shared/comment "no")', [
    'b2 NO [CANNOT] /shared/admin is what the settings say',
  ])
  await ask(client, 'c1 GETMETADATA "" /shared/comment', [
    '* METADATA "" (/shared/comment "Shared comment")',
    'c1 OK GETMETADATA completed',
  ])
  await ask(client, 'c2 GETMETADATA "" /shared/admin', [
    '* METADATA "" (/shared/admin "mailto:postmaster@example.org")',
    'c2 OK GETMETADATA completed',
  ])
  await ask(client, 'c3 GETMETADATA (DEPTH infinity) "" (/shared /private)', [
    '* METADATA "" (/shared/comment "Shared comment" /private/vendor/x/y "mine" /shared/admin "mailto:postmaster@example.org")',
    'c3 OK GETMETADATA completed',
  ])
  await ask(admin, 'd1 GETMETADATA "" (/private/vendor/x/y)', [
    '* METADATA "" (/private/vendor/x/y NIL)',
    'd1 OK GETMETADATA completed',
  ])
})

test('rights: seen and used in some way to read, changed flags to change what all see', async () => {
  await using server = await start()
  const fred = await server.signedIn()
  await ask(fred, 'x SETMETADATA INBOX (/shared/comment "ours" /private/comment "mine")')
  const client = await server.signedIn('anna@example.org')
  const both = '(/shared/comment /private/comment)'
  await ask(client, `a1 GETMETADATA ${fredsInbox} ${both}`, [`a1${missing}`])
  await ask(client, `a2 SETMETADATA ${fredsInbox} (/private/comment "hers")`, [`a2${missing}`])
  await server.share(inbox, anna, 'r')
  await ask(client, `b1 GETMETADATA ${fredsInbox} ${both}`, [`b1${missing}`])
  await server.share(inbox, anna, 'la')
  await ask(client, `c1 GETMETADATA ${fredsInbox} ${both}`, [`c1${refused}`])
  await ask(client, `c2 SETMETADATA ${fredsInbox} (/private/comment "hers")`, [`c2${refused}`])
  for (const right of 'rswip') {
    await server.share(inbox, anna, `l${right}`)
    await ask(client, `d1 SETMETADATA ${fredsInbox} (/private/comment "${right}")`, [
      'd1 OK SETMETADATA completed',
    ])
    await ask(client, `d2 GETMETADATA ${fredsInbox} ${both}`, [
      `* METADATA ${fredsInbox} (/shared/comment "ours" /private/comment "${right}")`,
      'd2 OK GETMETADATA completed',
    ])
    await ask(client, `d3 SETMETADATA ${fredsInbox} (/shared/comment "ours" /private/comment "no")`, [
      right === 'w' ? 'd3 OK SETMETADATA completed' : `d3${refused}`,
    ])
  }
  await ask(fred, 'e1 GETMETADATA INBOX /private/comment', [
    '* METADATA INBOX (/private/comment "mine")',
    'e1 OK GETMETADATA completed',
  ])
})

test('limits: a large value, too many, and room in all', async () => {
  await using server = await start({ maxAnnotationSize: 1024, maxAnnotations: 2, maxAnnotationsSize: 1100 })
  const client = await server.signedIn()
  client.sendRaw(`a1 SETMETADATA INBOX (/shared/a "" /shared/b {1025+}\r\n${'x'.repeat(1025)})\r\n`)
  await client.expect('a1 NO [METADATA MAXSIZE 1024] Annotation too large')
  const tooMany = 'NO [METADATA TOOMANY] No room for annotations'
  await ask(client, 'a2 SETMETADATA INBOX (/shared/a "1" /shared/b "2" /shared/c "3")', [`a2 ${tooMany}`])
  await ask(client, 'a3 GETMETADATA (DEPTH infinity) INBOX /shared', ['a3 OK GETMETADATA completed'])
  client.sendRaw(`a4 SETMETADATA INBOX (/shared/a {1024+}\r\n${'x'.repeat(1024)})\r\n`)
  await client.expect('a4 OK')
  client.sendRaw(`a5 SETMETADATA Sent (/shared/a {1024+}\r\n${'x'.repeat(1024)})\r\n`)
  await client.expect(`a5 ${tooMany}`)
})

test('annotations go with a renamed mailbox, stay with the Inbox too, and end with a deleted one', async () => {
  await using server = await start()
  const client = await server.signedIn()
  const read = (tag: string, name: string): Promise<string[]> =>
    ask(client, `${tag} GETMETADATA ${name} (/shared/comment /private/comment)`)
  const told = (name: string, shared: string, own: string): string =>
    `* METADATA ${name} (/shared/comment ${shared} /private/comment ${own})`
  await ask(client, 'a1 CREATE one')
  await ask(client, 'a2 SETMETADATA one (/shared/comment s /private/comment "p")', [
    'a2 BAD Expected a string or NIL',
  ])
  await ask(client, 'a3 SETMETADATA one (/shared/comment "s" /private/comment "p")', [
    'a3 OK SETMETADATA completed',
  ])
  await ask(client, 'a4 RENAME one two')
  assert.equal((await read('a5', 'two'))[0], told('"two"', '"s"', '"p"'))
  await ask(client, 'a6 DELETE two')
  await ask(client, 'a7 CREATE two')
  assert.equal((await read('a8', 'two'))[0], told('"two"', 'NIL', 'NIL'))
  await ask(client, 'b1 SETMETADATA INBOX (/shared/comment "s" /private/comment "p")')
  await ask(client, 'b2 RENAME INBOX three', ['b2 OK RENAME completed'])
  assert.equal((await read('b3', 'three'))[0], told('"three"', '"s"', '"p"'))
  assert.equal((await read('b4', 'INBOX'))[0], told('INBOX', '"s"', '"p"'))
})

// Turns red where the entry is kept as any other.
test('[SPECIAL-USE] RFC 6154 §4: /private/specialuse is what the mailbox is used for', async () => {
  await using server = await start()
  const client = await server.signedIn()
  const use = async (mailbox: string, is: string): Promise<void> =>
    void (await ask(client, `g GETMETADATA ${mailbox} /private/specialuse`, [
      `* METADATA ${mailbox === 'INBOX' ? mailbox : `"${mailbox}"`} (/private/specialuse ${is})`,
      'g OK GETMETADATA completed',
    ]))
  const set = async (mailbox: string, value: string, answer: string): Promise<void> =>
    assert.match(
      (await ask(client, `s SETMETADATA ${mailbox} (/private/specialuse ${value})`)).join(),
      RegExp(`^s ${answer}`),
    )
  await use('Drafts', '"\\\\Drafts"')
  await use('INBOX', 'NIL')
  await ask(client, 'a CREATE Saved')
  await use('Saved', 'NIL')
  await set('Saved', '"\\\\drafts"', 'NO \\[USEATTR\\] Another mailbox has that use')
  await set('Saved', '"\\\\Flagged"', 'NO \\[USEATTR\\] No such use')
  await set('Saved', '"\\\\Memos \\\\Snoozed"', 'NO \\[USEATTR\\] No such use')
  await set('INBOX', '"\\\\Memos"', 'NO \\[USEATTR\\] The Inbox stays what it is')
  await set('INBOX', 'NIL', 'OK')
  await set('Drafts', 'NIL', 'OK')
  await set('Saved', '"\\\\drafts"', 'OK')
  await use('Drafts', 'NIL')
  await use('Saved', '"\\\\Drafts"')
  await ask(client, 'b LIST (SPECIAL-USE) "" (Drafts Saved)', [
    '* LIST (\\HasNoChildren \\Drafts) "/" "Saved"',
    'b OK LIST completed',
  ])
  await ask(client, 'c GETMETADATA (DEPTH 1) Saved /private', [
    '* METADATA "Saved" (/private/specialuse "\\\\Drafts")',
    'c OK GETMETADATA completed',
  ])
  await ask(client, 'd SETMETADATA Saved (/private/specialuse "\\\\Trash" /private/comment "x")', [
    'd NO [USEATTR] Another mailbox has that use',
  ])
  await ask(client, 'e GETMETADATA Saved /private/comment', [
    '* METADATA "Saved" (/private/comment NIL)',
    'e OK GETMETADATA completed',
  ])
})

test('RFC 6154 §4: what a mailbox of others is used for is theirs', async () => {
  await using server = await start()
  await server.share(2 as MailboxId, anna, 'lrswx')
  const client = await server.signedIn('anna@example.org')
  const drafts = '"Other Users/fred@example.org/Drafts"'
  await ask(client, `a GETMETADATA ${drafts} /private/specialuse`, [
    `* METADATA ${drafts} (/private/specialuse NIL)`,
    'a OK GETMETADATA completed',
  ])
  await ask(client, `b SETMETADATA ${drafts} (/private/specialuse NIL)`, [
    'b NO [USEATTR] Uses are for your own mailboxes',
  ])
})

test('any bytes can be a value', async () => {
  await using server = await start()
  const client = await server.signedIn()
  for (const [sent, told] of [
    ['~{3+}\r\na\0b', '~{3}\r\na\0b'],
    ['{2+}\r\n\xff\xfe', '{2}\r\n\xff\xfe'],
    ['""', '""'],
    ['"\xc3\xbc"', '{2}\r\n\xc3\xbc'],
  ] as const) {
    client.sendRaw(Buffer.from(`a SETMETADATA INBOX (/private/comment ${sent})\r\n`, 'latin1'))
    await client.expect('a OK')
    client.send('b GETMETADATA INBOX /private/comment')
    const answer = `* METADATA INBOX (/private/comment ${told})\r\nb OK`
    assert.equal((await client.bytes(answer.length)).toString('latin1'), answer)
    await client.line()
  }
})

test('hostile annotations', async () => {
  await using server = await start()
  const client = await server.signedIn()
  const name = 'BAD No such entry name is possible'
  for (const [line, answer] of [
    ['SETMETADATA INBOX (/comment "x")', name],
    ['SETMETADATA INBOX (/private "x")', name],
    ['SETMETADATA INBOX (private/comment "x")', name],
    ['SETMETADATA INBOX (/other/comment "x")', name],
    ['SETMETADATA INBOX (/private/ "x")', name],
    ['SETMETADATA INBOX (/private//a "x")', name],
    ['SETMETADATA INBOX (/private/a/ "x")', name],
    ['SETMETADATA INBOX ("/private/a*" "x")', name],
    ['SETMETADATA INBOX ("/private/a%b" "x")', name],
    ['SETMETADATA INBOX (/private/vendor "x")', name],
    ['SETMETADATA INBOX (/private/vendor/x "x")', name],
    ['SETMETADATA INBOX ("/private/\x80" "x")', 'BAD Quoted string that is not UTF-8'],
    ['SETMETADATA INBOX ("/private/\xc3\xa4" "x")', name],
    ['SETMETADATA INBOX ("/private/\x01" "x")', name],
    ['SETMETADATA INBOX ("/private/\0" "x")', 'BAD Quoted string without an end'],
    [`SETMETADATA INBOX (/private/${'a'.repeat(250)} "x")`, 'BAD Entry name too long'],
    ['SETMETADATA INBOX ()', 'BAD Expected a string or an atom'],
    ['SETMETADATA INBOX /private/comment "x"', 'BAD Expected "("'],
    ['SETMETADATA INBOX (/private/comment)', 'BAD Expected a space'],
    ['SETMETADATA INBOX (/private/comment "x"', 'BAD Expected ")"'],
    ['SETMETADATA INBOX (/private/comment {1+}\r\n\0)', 'BAD NUL in a literal'],
    ['SETMETADATA INBOX (/private/comment ~"x")', 'BAD Expected a literal'],
    ['SETMETADATA nowhere (/private/comment "x")', 'NO [NONEXISTENT] No such mailbox'],
    ['SETMETADATA INBOX (/private/comment {4294967296}', 'NO [LIMIT] Command too large'],
    ['GETMETADATA INBOX', 'BAD Expected a space'],
    ['GETMETADATA INBOX ()', 'BAD Expected a string or an atom'],
    ['GETMETADATA INBOX (/private', 'BAD No such entry name is possible'],
    ['GETMETADATA (DEPTH 2) INBOX /private/comment', 'BAD Expected 0, 1 or infinity'],
    ['GETMETADATA (MAXSIZE -1) INBOX /private/comment', 'BAD Expected a number'],
    ['GETMETADATA (MAXSIZE 99999999999999999999) INBOX /private/comment', 'BAD Number too large'],
    ['GETMETADATA (COLOUR 1) INBOX /private/comment', 'BAD Unknown option'],
    [
      `GETMETADATA INBOX (${Array.from({ length: 1001 }, (_, i) => `/private/${i}`).join(' ')})`,
      'BAD Too many entries',
    ],
    ['GETMETADATA INBOX /private/comment x', 'BAD No such entry name is possible'],
  ] as const) {
    client.sendRaw(Buffer.from(`a ${line}\r\n`, 'latin1'))
    await client.expect(`a ${answer}`)
    // Otherwise the server takes the client for none.
    await client.ask('b NOOP', 'b OK')
  }
})
