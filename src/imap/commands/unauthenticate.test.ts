import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId, MailboxId } from '#base/id.ts'
import { connectionPair } from '../../../test/harness/pipe.ts'
import { ask, ImapTestServer } from '../fixture.test.ts'
import { ImapSession } from '../session/session.ts'

const plain = (name: string): string => Buffer.from(`\0${name}\0secret`).toString('base64')

test('[UNAUTHENTICATE] one connection for two users, with the next sign-in in the same packet', async () => {
  await using server = await ImapTestServer.start()
  await server.add(8, 'mary@example.org')
  await server.fill(2)
  const client = await server.selected()
  const [offered] = await ask(client, 'a1 CAPABILITY')
  assert.match(offered!, / UNAUTHENTICATE( |$)/)
  client.send(
    'a2 UNAUTHENTICATE',
    `a3 AUTHENTICATE PLAIN ${plain('mary@example.org')}`,
    'a4 STATUS INBOX (MESSAGES)',
  )
  const before = await client.expect(/^a2 OK \[CAPABILITY IMAP4rev1 .*\] Signed out$/)
  assert.match(before, / AUTH=PLAIN/)
  assert.doesNotMatch(before, /UNAUTHENTICATE/)
  await client.expectLines(['a3 OK [CAPABILITY ', '* STATUS INBOX (MESSAGES 0)', 'a4 OK'])
})

test('nothing of the first user is left: no mailbox, nothing that was enabled, no saved result', async () => {
  await using server = await ImapTestServer.start()
  await server.fill(3)
  const client = await server.selected()
  await ask(client, 'a1 ENABLE IMAP4rev2 QRESYNC')
  await ask(client, 'a2 SEARCH RETURN (SAVE) 2')
  await server.fill(1)
  // What is new in the mailbox is not told any more, and no expunge.
  const [only] = await ask(client, 'a3 UNAUTHENTICATE')
  assert.match(only!, /^a3 OK /)
  await ask(client, 'a4 FETCH 1 UID', ['a4 BAD Sign in first'])
  await ask(client, 'a5 UNAUTHENTICATE', ['a5 BAD Sign in first'])
  await ask(client, 'a6 LOGIN fred@example.org secret')
  await ask(client, 'a7 FETCH 1 UID', ['a7 BAD Select a mailbox first'])
  const opened = await ask(client, 'a8 SELECT INBOX')
  assert.ok(opened.includes('* 0 RECENT') && !opened.some((line) => line.startsWith('* LIST')))
  await ask(client, 'a9 FETCH $ UID', ['a9 OK FETCH completed'])
  await ask(client, 'b1 STORE 1 +FLAGS (\\Seen)', ['* 1 FETCH (FLAGS (\\Seen))', 'b1 OK STORE completed'])
})

test('a session after it is as one that begins, in all that it holds', async () => {
  await using server = await ImapTestServer.start()
  const fresh = new ImapSession('imap-1', connectionPair().server, server.services)
  const session = new ImapSession('imap-1', connectionPair().server, server.services)
  const access = await server.services.signIn.password('fred@example.org', 'secret', {
    ip: '192.0.2.1',
    protocol: 'imap',
  })
  assert.ok(typeof access !== 'string')
  const held = ({ connection: _c, reader, out: _o, ...rest }: ImapSession) => ({
    ...rest,
    limits: reader.limits,
  })
  const before = held(session)
  session.signedIn(access)
  for (const [name, value] of Object.entries(session)) {
    // Whatever may be enabled.
    if (value === false && name !== 'isOver' && name !== 'isDismissed')
      (session as unknown as Record<string, boolean>)[name] = true
  }
  assert.notDeepEqual(held(session), before)
  session.signedOut()
  assert.deepEqual(held(session), held(fresh))
  assert.throws(() => session.mailboxes)
})

test('failed sign-ins are counted through the whole connection, and the time-out is that of strangers', async () => {
  await using server = await ImapTestServer.start({ maxAuthFailures: 2 })
  const client = server.connect()
  await client.expect('* OK')
  await ask(client, 'a1 LOGIN mary@example.org wrong', ['a1 NO [AUTHENTICATIONFAILED] Authentication failed'])
  await ask(client, 'a2 LOGIN fred@example.org secret')
  await ask(client, 'a3 UNAUTHENTICATE')
  await ask(client, 'a4 LOGIN mary@example.org wrong', ['a4 NO [AUTHENTICATIONFAILED] Authentication failed'])
  await client.expect('* BYE Too many failed sign-ins')
  await using silent = await ImapTestServer.start({ timeoutAnonymous: 1 })
  const idler = silent.connect()
  idler.send('a1 LOGIN fred@example.org secret', 'a2 UNAUTHENTICATE')
  await idler.expectLines(['* OK', 'a1 OK', 'a2 OK', '* BYE Autologout'])
})

test('where it is not allowed it is not offered either', async () => {
  await using server = await ImapTestServer.start({ allowUnauthenticate: false })
  const client = await server.signedIn()
  const [offered] = await ask(client, 'a1 CAPABILITY')
  assert.doesNotMatch(offered!, /UNAUTHENTICATE/)
  await ask(client, 'a2 UNAUTHENTICATE', ['a2 BAD Not allowed here'])
  await ask(client, 'a3 UNAUTHENTICATE now', ['a3 BAD Not allowed here'])
  await ask(client, 'a4 NOOP', ['a4 OK NOOP completed'])
})

test('searches and mailboxes that the first user wanted to hear of are no longer told of', async () => {
  await using server = await ImapTestServer.start()
  await server.add(8, 'mary@example.org')
  await server.fill(1)
  const client = await server.selected()
  await ask(client, 'a1 SEARCH RETURN (UPDATE COUNT) ALL')
  await ask(client, 'a2 NOTIFY SET (personal (MessageNew MessageExpunge FlagChange))')
  await server.fill(1, { mailbox: 6 as MailboxId })
  await client.until('* STATUS ')
  await ask(client, 'a3 UNAUTHENTICATE')
  await ask(client, 'a4 LOGIN mary@example.org secret')
  await ask(client, 'a5 SELECT INBOX')
  await server.fill(1)
  await server.fill(1, { mailbox: 6 as MailboxId })
  await ask(client, 'a6 NOOP', ['a6 OK NOOP completed'])
  await server.deliver('x: y\n', { to: 8 as AccountId })
  await ask(client, 'a7 NOOP', ['* 1 EXISTS', 'a7 OK NOOP completed'])
})
