/** Python's smtplib; its scripts are in python/smtp_scripts.py. */
import { after, before, describe, test } from 'node:test'
import { needs } from './program.ts'
import { runPython } from './python-script.ts'
import { alice, bob } from './read-by-curl.ts'
import { startServer, type TestServer } from '../harness/server.ts'

describe('smtplib', needs('python3'), () => {
  let server: TestServer

  before(async () => {
    server = await startServer()
    for (const user of [alice, bob]) await server.createAccount(user.name, user.password)
  })
  after(() => server[Symbol.asyncDispose]())

  const scripts: readonly (readonly [string, string])[] = [
    ['plain_delivery', 'a message with parts arrives with all of them'],
    ['submission', 'submission with STARTTLS, by PLAIN and LOGIN'],
    ['submissions', 'submission with TLS from the first byte'],
    ['foreign_sender', 'nobody sends as somebody else'],
    ['some_recipients_refused', 'some recipients refused, the others served'],
    ['utf8_envelope', 'an address beyond ASCII'],
    ['too_large', 'SIZE'],
    ['chunks', 'BDAT'],
  ]
  for (const [name, what] of scripts) {
    test(what, async () => void (await runPython(server, alice, 'smtp_scripts.py', name)))
  }
})
