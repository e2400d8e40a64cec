import assert from 'node:assert/strict'
import { test } from 'node:test'
import { keysOnly, userAccess } from '#account/fixture.test.ts'
import { SaslMechanisms } from '#account/sasl/mechanisms.ts'
import { scramClient } from '#account/sasl/scram-client.test.ts'
import { deriveScramKeys } from '#account/verifiers/scram-keys.ts'
import { ask, ImapTestServer } from '../fixture.test.ts'

const plain = (name: string, password: string): string =>
  Buffer.from(`\0${name}\0${password}`).toString('base64')

test('[IMAP4rev1] [IMAP4rev2] the greeting has the capabilities, and so has the answer to LOGIN', async () => {
  await using server = await ImapTestServer.start()
  const client = server.connect()
  const greeting = await client.expect(/^\* OK \[CAPABILITY IMAP4rev1 IMAP4rev2 .*\] /)
  assert.ok(greeting.includes(' AUTH=PLAIN ') && !greeting.includes('LOGINDISABLED'), greeting)
  const [line] = await ask(client, 'a1 CAPABILITY')
  assert.ok(greeting.includes(line!.slice('* CAPABILITY '.length)), line)
  const [done] = await ask(client, 'a2 LOGIN "fred@example.org" {6+}\r\nsecret')
  assert.match(done!, /^a2 OK \[CAPABILITY IMAP4rev1 [^\]]*\] Signed in$/)
  assert.doesNotMatch(done!, / AUTH=|LOGINDISABLED|STARTTLS/)
  await ask(client, 'a3 LOGIN fred@example.org secret', ['a3 BAD Not now that you are signed in'])
})

test('[LOGINDISABLED] without TLS no password is taken', async () => {
  await using server = await ImapTestServer.start({ allowPlainTextAuth: false })
  const client = server.connect()
  const greeting = await client.expect('* OK [CAPABILITY ')
  assert.match(greeting, / LOGINDISABLED\]/)
  assert.doesNotMatch(greeting, / AUTH=/)
  await ask(client, 'a1 LOGIN fred@example.org secret', [
    'a1 NO [PRIVACYREQUIRED] Passwords are accepted over TLS only',
  ])
  await ask(client, `a2 AUTHENTICATE PLAIN ${plain('fred@example.org', 'secret')}`, [
    'a2 NO [PRIVACYREQUIRED] Passwords are accepted over TLS only',
  ])
  await ask(client, 'a3 SELECT INBOX', ['a3 BAD Sign in first'])
  await ask(client, 'a4 STARTTLS', ['a4 NO [UNAVAILABLE] TLS is not available here'])
})

test('[SASL-IR] [AUTH=PLAIN] AUTHENTICATE PLAIN with and without an initial response', async () => {
  await using server = await ImapTestServer.start()
  const first = server.connect()
  await first.expect('* OK')
  const [line] = await ask(first, `a1 AUTHENTICATE plain ${plain('fred@example.org', 'secret')}`)
  assert.match(line!, /^a1 OK \[CAPABILITY /)
  const second = server.connect()
  await second.expect('* OK')
  second.send('b1 AUTHENTICATE PLAIN')
  await second.expect(/^\+ $/)
  second.send(plain('fred@example.org', 'secret'))
  await second.expect('b1 OK [CAPABILITY ')
})

test('[AUTH=LOGIN] AUTHENTICATE LOGIN asks twice', async () => {
  await using server = await ImapTestServer.start()
  const client = server.connect()
  await client.expect('* OK')
  client.send('a1 AUTHENTICATE LOGIN')
  await client.expect('+ VXNlcm5hbWU6')
  client.send(Buffer.from('fred@example.org').toString('base64'))
  await client.expect('+ UGFzc3dvcmQ6')
  client.send(Buffer.from('secret').toString('base64'))
  await client.expect('a1 OK [CAPABILITY ')
})

test('a failed or broken sign-in says nothing of its reason; after three the connection is over', async () => {
  await using server = await ImapTestServer.start()
  const client = server.connect()
  await client.expect('* OK')
  await ask(client, 'a1 AUTHENTICATE CRAM-MD5', ['a1 NO [CANNOT] No such mechanism'])
  await ask(client, 'a2 AUTHENTICATE PLAIN !!!', ['a2 BAD Not base64'])
  await ask(client, 'a3 AUTHENTICATE PLAIN =', ['a3 BAD Malformed response'])
  client.send('a4 AUTHENTICATE PLAIN')
  await client.expect('+ ')
  client.send('*')
  await client.expect('a4 BAD Cancelled')
  await ask(client, 'a5 LOGIN fred@example.org wrong', ['a5 NO [AUTHENTICATIONFAILED] Authentication failed'])
  await ask(client, 'a6 LOGIN nobody@example.org secret', [
    'a6 NO [AUTHENTICATIONFAILED] Authentication failed',
  ])
  client.send(`a7 AUTHENTICATE PLAIN ${plain('fred@example.org', 'no')}`)
  await client.expectLines([
    'a7 NO [AUTHENTICATIONFAILED] Authentication failed',
    '* BYE Too many failed sign-ins',
  ])
  await client.expectEnd()
})

test('[ID] [NAMESPACE] [ENABLE] small commands', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.signedIn()
  await ask(client, 'a1 ID NIL', ['* ID ("name" "Postern" "version" "1.2.3")', 'a1 OK ID completed'])
  await ask(client, 'a2 ID ("name" "sodr" "version" "19.34" "vendor" NIL)', [
    '* ID ("name" "Postern" "version" "1.2.3")',
    'a2 OK ID completed',
  ])
  await ask(client, 'a3 ID ("name")', ['a3 BAD Expected a space'])
  await ask(client, `a4 ID (${'"a" "b" '.repeat(31).trim()})`, ['a4 BAD Too many fields'])
  await ask(client, 'a5 NAMESPACE', [
    '* NAMESPACE (("" "/")) (("Other Users/" "/")) (("Shared Folders/" "/"))',
    'a5 OK NAMESPACE completed',
  ])
  await ask(client, 'a6 ENABLE X-GOOD-IDEA', ['* ENABLED', 'a6 OK ENABLE completed'])
  await ask(client, 'a7 ENABLE CONDSTORE imap4REV2', [
    '* ENABLED CONDSTORE IMAP4rev2',
    'a7 OK ENABLE completed',
  ])
  await ask(client, 'a8 ENABLE', ['a8 BAD Expected a space'])
  await ask(client, 'a9 CHECK', ['a9 BAD Select a mailbox first'])
  await ask(client, 'b1 LOGOUT', ['* BYE Until next time', 'b1 OK LOGOUT completed'])
  await client.expectEnd()
})

test('events tell of sessions, and the gauge of those that are open', async () => {
  await using server = await ImapTestServer.start()
  const client = await server.signedIn()
  await ask(client, 'a1 LOGOUT')
  await client.expectEnd()
  const names = server.told.map(({ event }) => event)
  assert.deepEqual(names, ['imap.connection-start', 'imap.connection-end'])
  assert.equal(server.told[1]!['reason'], 'logout')
  assert.equal(server.told[1]!['commands'], 2)
})

test('[AUTH=SCRAM-SHA-256] a proof instead of the password, and the proof of the server', async () => {
  await using server = await ImapTestServer.start()
  const keys = deriveScramKeys(Buffer.from('secret'), Buffer.alloc(16, 7), 4096)
  Object.assign(server.services, {
    signIn: keysOnly(keys, userAccess(7, 'fred@example.org')),
    mechanisms: new SaslMechanisms({ get: () => ({ scramKeys: true }) as never }),
  })
  const base64 = (text: string): string => Buffer.from(text).toString('base64')
  const start = async (password: string, hasInitial: boolean) => {
    const client = server.connect()
    const greeting = await client.expect('* OK')
    assert.match(greeting, / AUTH=SCRAM-SHA-256 /)
    // Without TLS 1.3 there is nothing to bind to.
    assert.doesNotMatch(greeting, /-PLUS/)
    const scram = scramClient({ name: 'fred@example.org', password, header: 'n,,' })
    if (hasInitial) client.send(`a1 AUTHENTICATE SCRAM-SHA-256 ${base64(scram.first)}`)
    else {
      client.send('a1 AUTHENTICATE SCRAM-SHA-256')
      await client.expect(/^\+ $/)
      client.send(base64(scram.first))
    }
    const challenge = await client.expect('+ ')
    const { final, expected } = scram.answer(Buffer.from(challenge.slice(2), 'base64').toString())
    client.send(base64(final))
    return { client, expected: `+ ${base64(expected)}` }
  }
  for (const hasInitial of [true, false]) {
    const { client, expected } = await start('secret', hasInitial)
    await client.expect(expected)
    client.send('')
    await client.expect('a1 OK [CAPABILITY ')
  }
  const stopped = await start('secret', true)
  await stopped.client.expect(stopped.expected)
  stopped.client.send('*')
  await stopped.client.expect('a1 BAD Cancelled')
  await ask(stopped.client, 'a2 SELECT INBOX', ['a2 BAD Sign in first'])
  const wrong = await start('another', true)
  await wrong.client.expect('a1 NO [AUTHENTICATIONFAILED] Authentication failed')
})
