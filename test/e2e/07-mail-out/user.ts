/** What stories do as alice: send mail, and look into her Inbox for what comes back. */
import assert from 'node:assert/strict'
import type { TestServer } from '../../harness/server.ts'

export const password = 'correct horse battery'

/** `lines`: behind the subject. `words`: behind the sender. */
export async function submit(
  server: TestServer,
  to: readonly string[],
  subject: string,
  { lines = 'text\r\n', words = '' }: { readonly lines?: string; readonly words?: string } = {},
): Promise<void> {
  await using smtp = await server.connect(server.submissionsPort, { tls: true })
  await smtp.expect('220 ')
  smtp.send('EHLO client.example.net')
  await smtp.until('250 ')
  await smtp.ask(`AUTH PLAIN ${Buffer.from(`\0alice@example.org\0${password}`).toString('base64')}`, '235 ')
  await smtp.ask(`MAIL FROM:<alice@example.org>${words}`, '250 ')
  for (const recipient of to) await smtp.ask(Buffer.from(`RCPT TO:<${recipient}>`).toString('latin1'), '250 ')
  await smtp.ask('DATA', '354 ')
  smtp.sendRaw(`Subject: ${subject}\r\n\r\n${lines}.\r\n`)
  await smtp.expect('250 ')
}

export async function until<T>(
  server: TestServer,
  found: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  for (let tries = 0; ; tries++) {
    const one = await found()
    if (one !== undefined) return one
    assert.ok(tries < 3000, server.process.output)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** The notification that a message was not delivered, as bytes. */
export async function bounceOf(server: TestServer, subject: string): Promise<string> {
  await using imap = await server.connect(server.imapsPort, { tls: true })
  await imap.expect('* OK ')
  await imap.ask(`s1 LOGIN alice@example.org "${password}"`, 's1 OK ')
  return await until(server, async () => {
    imap.send('e EXAMINE INBOX')
    await imap.until('e OK')
    imap.send(`f UID SEARCH SUBJECT "delivered: ${subject}"`)
    const [, uid] = /SEARCH (\d+)/.exec((await imap.until('f OK')).join('\n')) ?? []
    if (uid === undefined) return undefined
    imap.send(`g UID FETCH ${uid} BODY.PEEK[]`)
    const size = Number(/\{(\d+)\}$/.exec(await imap.line())![1])
    const bytes = await imap.bytes(size)
    await imap.until('g OK')
    return bytes.toString('latin1')
  })
}
