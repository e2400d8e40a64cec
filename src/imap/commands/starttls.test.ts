import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSelfSigned } from '#cert/self-signed.ts'
import { TlsContexts } from '#net/tls-contexts.ts'
import { ask, ImapTestServer } from '../fixture.test.ts'

test('[STARTTLS] after it passwords are taken, and what was sent in clear behind it is gone', async () => {
  await using server = await ImapTestServer.start({ allowPlainTextAuth: false })
  const contexts = new TlsContexts([createSelfSigned(['localhost'], Date.now())])
  const client = server.connect({ handshake: { contexts, alpn: [], timeoutMs: 60_000 } })
  const greeting = await client.expect('* OK [CAPABILITY ')
  assert.match(greeting, / STARTTLS LOGINDISABLED\]/)
  client.sendRaw('a1 STARTTLS\r\na2 LOGIN fred@example.org secret\r\n')
  await client.expect(/^a1 OK Begin TLS negotiation now$/)
  await client.upgradeTls()
  const [line] = await ask(client, 'b1 CAPABILITY')
  assert.match(line!, / AUTH=PLAIN /)
  assert.doesNotMatch(line!, /STARTTLS|LOGINDISABLED/)
  await ask(client, 'b2 STARTTLS', ['b2 BAD TLS is on already'])
  await ask(client, 'b3 SELECT INBOX', ['b3 BAD Sign in first'])
  await client.ask('b4 LOGIN fred@example.org secret', 'b4 OK [CAPABILITY ')
})
