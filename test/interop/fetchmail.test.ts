/** fetchmail moves the mail of one account to another: out by IMAP, in by SMTP. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { startServer, type TestServer } from '../harness/server.ts'
import { deliver } from './deliver.ts'
import { needs, run } from './program.ts'
import { alice, bob, readMessage, uidsOf } from './read-by-curl.ts'
import { largeSample, sample } from './samples.ts'

describe('fetchmail', needs('fetchmail', 'curl'), () => {
  let server: TestServer

  before(async () => {
    server = await startServer()
    for (const user of [alice, bob]) await server.createAccount(user.name, user.password)
  })
  after(() => server[Symbol.asyncDispose]())

  /** Of fetchmail: there was no mail. */
  const nothing = 1

  async function fetch(port: number, security: string, codes: readonly number[] = [0]): Promise<void> {
    const file = path.join(server.directory, 'fetchmailrc')
    const lines = [
      `poll 127.0.0.1 protocol IMAP port ${port} user "${alice.name}" password "${alice.password}"`,
      `  ${security} no sslcertck smtphost 127.0.0.1/${server.smtpPort} smtpname ${bob.name} no keep fetchall`,
    ]
    writeFileSync(file, `${lines.join('\n')}\n`, { mode: 0o600 })
    const args = [
      '--fetchmailrc',
      file,
      '--nodetach',
      '--nosyslog',
      '--pidfile',
      path.join(server.directory, 'pid'),
    ]
    await run('fetchmail', args, { codes, environment: { FETCHMAILHOME: server.directory } })
  }

  for (const [what, port, security] of [
    ['TLS from the first byte', 'imapsPort', 'ssl'],
    ['STARTTLS', 'imapPort', 'sslproto TLS1.2+'],
  ] as const) {
    test(`moves all messages, over ${what}`, async () => {
      const messages = [sample({ number: 1 }), sample({ number: 2, subject: 'Größe' }), largeSample(1 << 20)]
      const before = (await uidsOf(server, bob)).length
      await deliver(server.smtpPort, alice.name, messages)
      await fetch(server[port], security)
      assert.deepEqual(await uidsOf(server, alice), [])
      const arrived = (await uidsOf(server, bob)).slice(before)
      assert.equal(arrived.length, messages.length)
      for (const [at, uid] of arrived.entries()) {
        const text = (await readMessage(server, bob, uid)).toString('latin1')
        const sent = messages[at]!.toString('latin1')
        const bodyAt = sent.indexOf('\r\n\r\n')
        assert.ok(text.endsWith(sent.slice(bodyAt)), `another body than that of ${sent.slice(0, bodyAt)}`)
        assert.match(text, /\r\nReceived: [^]*\r\nReceived: /)
      }
    })
  }

  test('finds nothing where nothing is', async () => {
    await fetch(server.imapsPort, 'ssl', [nothing])
  })
})
