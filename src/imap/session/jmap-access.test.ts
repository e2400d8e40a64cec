import assert from 'node:assert/strict'
import { test } from 'node:test'
import { emailObjectId, mailboxObjectId } from '#mail/object-id.ts'
import { ask, ImapTestServer } from '../fixture.test.ts'

const url = 'https://mail.example.org/.well-known/jmap'

test('[JMAPACCESS] RFC 9698 §4: the session is told, and identifiers are those of JMAP', async () => {
  await using server = await ImapTestServer.start()
  server.jmapUrl = url
  await server.fill(1)
  const client = server.connect()
  const greeting = await client.line()
  assert.doesNotMatch(greeting, /JMAPACCESS/)
  client.send('a1 LOGIN fred@example.org secret')
  assert.match(await client.expect(/^a1 OK /), / JMAPACCESS[ \]]/)
  await ask(client, 'a2 GETJMAPACCESS', [`* JMAPACCESS "${url}"`, 'a2 OK GETJMAPACCESS completed'])
  const [selected] = (await ask(client, 'a3 SELECT INBOX')).filter((line) => line.includes('MAILBOXID'))
  assert.ok(selected!.includes(`(${mailboxObjectId(1 as never, '')})`))
  await ask(client, 'a4 FETCH 1 EMAILID', [
    `* 1 FETCH (EMAILID (${emailObjectId(1 as never, '')}))`,
    'a4 OK FETCH completed',
  ])
})

test('RFC 9698 §3: where there is no JMAP, or the password is for other protocols, the command is BAD and no word of it', async () => {
  await using server = await ImapTestServer.start()
  const refuse = async (name: string): Promise<void> => {
    const client = server.connect()
    await client.line()
    client.send(`a1 LOGIN ${name} secret`)
    assert.doesNotMatch(await client.expect(/^a1 OK /), /JMAPACCESS/)
    await ask(client, 'a2 GETJMAPACCESS', ['a2 BAD There is no JMAP for this sign-in'])
  }
  await refuse('fred@example.org')
  server.jmapUrl = url
  await server.add(8, 'mary@example.org', { protocols: ['imap', 'smtp'] })
  await refuse('mary@example.org')
})
