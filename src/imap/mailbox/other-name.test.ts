/** Names in another form than they are kept in (RFC 9051 §5.1, §6.3.9.7). */
import { test } from 'node:test'
import { ask, ImapTestServer } from '../fixture.test.ts'

/** As it is on the wire, a character for each byte. */
const wire = (text: string): string => Buffer.from(text).toString('latin1')
const written = wire('e\u0301')
const kept = wire('\u00e9')

// Turns red where OLDNAME is only for what others rename.
test('RFC 9051 §6.3.2: SELECT and EXAMINE tell the name that the mailbox has, with OLDNAME for the one written', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.signedIn()
  await ask(client, 'a1 ENABLE IMAP4rev2')
  // §8, as in the example
  client.send('a002 select inbox')
  await client.until('* LIST (\\HasNoChildren) "/" INBOX ("OLDNAME" ("inbox"))')
  await client.expect('a002 OK [READ-WRITE] ')
  await ask(client, `a3 CREATE "${kept}"`)
  client.send(`a4 EXAMINE "${written}"`)
  await client.until(`* LIST (\\HasNoChildren) "/" "${kept}" ("OLDNAME" ("${written}"))`)
  await client.expect('a4 OK [READ-ONLY] ')
  client.send(`a5 EXAMINE "${kept}"`, 'a6 EXAMINE INBOX')
  await client.until(`* LIST (\\HasNoChildren) "/" "${kept}"`)
  await client.until('* LIST (\\HasNoChildren) "/" INBOX')
  await client.until('a6 OK')
})

test('RFC 9051 §6.3.4, §6.3.5, §6.3.6, §6.3.12: so do CREATE, APPEND, RENAME and DELETE', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.signedIn()
  await ask(client, 'a1 ENABLE IMAP4rev2')
  const list = (attributes: string, name: string, old: string): string =>
    `* LIST (${attributes}) "/" "${name}" ("OLDNAME" ("${old}"))`
  await ask(client, `a2 CREATE "${written}/"`, [
    list('\\HasNoChildren', kept, written),
    'a2 OK [MAILBOXID (F7)] CREATE completed',
  ])
  await ask(client, `a3 CREATE "inbox/${kept}/below"`, [
    list('\\HasNoChildren', `INBOX/${kept}/below`, `inbox/${kept}/below`),
    'a3 OK [MAILBOXID (F9)] CREATE completed',
  ])
  client.sendRaw(Buffer.from(`a4 APPEND "${written}" {3+}\r\nabc\r\n`, 'latin1'))
  await client.expectLines([list('\\HasNoChildren', kept, written), 'a4 OK [APPENDUID '])
  await ask(client, `a5 RENAME "INBOX/${kept}" "${written}/a"`, [
    list('\\HasChildren', `${kept}/a`, `INBOX/${kept}`),
    'a5 OK RENAME completed',
  ])
  await ask(client, `a6 RENAME "${written}" other/`, [
    list('\\HasChildren', 'other', written),
    'a6 OK RENAME completed',
  ])
  await ask(client, `a7 RENAME inbox "${written}"`, [
    list('\\HasNoChildren', kept, written),
    'a7 OK RENAME completed',
  ])
  await ask(client, `a8 DELETE "${written}"`, [
    list('\\NonExistent', kept, written),
    'a8 OK DELETE completed',
  ])
  await ask(client, 'a9 CREATE plain/', ['a9 OK [MAILBOXID (Fb)] CREATE completed'])
  await ask(client, 'b1 RENAME plain simple', ['b1 OK RENAME completed'])
  await ask(client, 'b2 DELETE simple', ['b2 OK DELETE completed'])
})

test('a client of IMAP4rev1 is told none of it', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.signedIn()
  await ask(client, 'a1 CREATE "inbox/a"', ['a1 OK [MAILBOXID (F7)] CREATE completed'])
  await ask(client, 'a2 DELETE "inbox/a"', ['a2 OK DELETE completed'])
})
