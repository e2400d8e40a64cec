/** What must hold after anything a client does: the server answers, and shows whole messages only. */
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Conversation } from '../../harness/conversation.ts'
import type { TestServer } from '../../harness/server.ts'

export const name = 'alice@example.org'
export const password = 'a password of Alice'

/** A session over TLS that has signed in. */
export async function signedIn(server: TestServer): Promise<Conversation> {
  const imap = await server.connect(server.imapsPort, { tls: true })
  await imap.expect('* OK ')
  await imap.ask(`s1 LOGIN ${name} "${password}"`, 's1 OK ')
  return imap
}

/** Says hello; ready for MAIL. */
export async function greeted(server: TestServer, port = server.smtpPort): Promise<Conversation> {
  const smtp = await server.connect(port)
  await smtp.expect('220 ')
  smtp.send(`${port === server.lmtpPort ? 'LHLO' : 'EHLO'} client.example.net`)
  await smtp.until('250 ')
  return smtp
}

/** Delivers by SMTP; the bytes must be ready for DATA, without its end. */
export async function deliver(server: TestServer, message: string): Promise<void> {
  await using smtp = await greeted(server)
  smtp.send('MAIL FROM:<a@example.net>', `RCPT TO:<${name}>`, 'DATA')
  await smtp.expectLines(['250 ', '250 ', '354 '])
  smtp.sendRaw(`${message}\r\n.\r\n`)
  await smtp.expect('250 ')
  await smtp.ask('QUIT', '221 ')
}

/** All messages of a mailbox with their bytes, in Latin-1. */
export async function readAll(server: TestServer, mailbox = 'INBOX'): Promise<readonly string[]> {
  await using imap = await signedIn(server)
  imap.send(`r1 EXAMINE ${mailbox}`)
  const opened = await imap.until('r1 ')
  const messages: string[] = []
  if (opened.includes('* 0 EXISTS')) return messages
  imap.send('r2 FETCH 1:* (BODY.PEEK[])')
  for (;;) {
    const line = await imap.line()
    if (line.startsWith('r2 ')) {
      assert.match(line, /^r2 OK /)
      return messages
    }
    const size = /\{(\d+)\}$/.exec(line)?.[1]
    if (size !== undefined) messages.push((await imap.bytes(Number(size))).toString('latin1'))
  }
}

/** How many messages the mailbox holds. */
export async function count(server: TestServer, mailbox = 'INBOX'): Promise<number> {
  await using imap = await signedIn(server)
  imap.send(`c1 STATUS ${mailbox} (MESSAGES)`)
  const [line = ''] = await imap.until('c1 OK ')
  return Number(/MESSAGES (\d+)/.exec(line)?.[1])
}

/** A message can be delivered and is seen, once, whatever others do to the mailbox meanwhile. */
export async function assertStillServes(server: TestServer): Promise<void> {
  const subject = `still there ${randomUUID()}`
  await deliver(server, `Subject: ${subject}\r\n\r\nyes`)
  await using imap = await signedIn(server)
  imap.send('e1 EXAMINE INBOX')
  await imap.until('e1 OK ')
  imap.send(`e2 SEARCH RETURN (COUNT) SUBJECT "${subject}"`)
  const found = await imap.until('e2 OK ')
  assert.ok(
    found.some((line) => line.endsWith(' COUNT 1')),
    found.join('\n'),
  )
}

/** Nothing that the server itself calls a defect was logged. */
export function assertNoDefect(server: TestServer): void {
  const defects = server.process.output
    .split('\n')
    .filter((line) => / error |crash|SERVERBUG|TypeError|RangeError|Unhandled/i.test(line))
  assert.deepEqual(defects, [])
}
