/** Everything that is done with passwords and messages, at the most talkative level: neither is in any log. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { eventKinds } from '#server/catalog.ts'
import { basicAuth, startServer, type TestServer } from '../../harness/server.ts'
import { temporaryDirectory } from '../../harness/store.ts'

const name = 'alice@example.org'
const right = 'Correct-Horse-Battery-9'
const wrong = 'Wrong-Donkey-Capacitor-7'
const body = 'only the two of us may read this'

const base64 = (text: string): string => Buffer.from(text).toString('base64')

async function useSmtp(server: TestServer): Promise<void> {
  await using smtp = await server.connect(server.submissionsPort, { tls: true })
  await smtp.expect('220 ')
  smtp.send('EHLO client.example.net')
  await smtp.until('250 ')
  await smtp.ask(`AUTH PLAIN ${base64(`\0${name}\0${wrong}`)}`, '535 ')
  await smtp.ask('AUTH LOGIN', '334 ')
  await smtp.ask(base64(name), '334 ')
  await smtp.ask(base64(right), '235 ')
  await smtp.ask(`AUTH PLAIN ${base64(`\0${name}\0${right}`)}`, '503 ')
  await smtp.ask(`${right} as a command`, '500 ')
  smtp.send(`MAIL FROM:<${name}>`, `RCPT TO:<${name}>`, 'DATA')
  await smtp.expectLines(['250 ', '250 ', '354 '])
  smtp.send('Subject: x', '', body, '.')
  await smtp.expect('250 ')
  smtp.send(`MAIL FROM:<${name}>`, `RCPT TO:<${name}>`, 'DATA')
  await smtp.expectLines(['250 ', '250 ', '354 '])
  smtp.sendRaw(`Subject: refused\r\n\r\n${body}\nbare\r\n.\r\n`)
  await smtp.expect('554 ')
}

async function useImap(server: TestServer): Promise<void> {
  await using imap = await server.connect(server.imapsPort, { tls: true })
  await imap.expect('* OK ')
  await imap.ask(`a LOGIN ${name} "${wrong}"`, 'a NO ')
  await imap.ask(`b LOGIN ${name} ${right} ${right}`, 'b BAD ')
  await imap.ask(`c AUTHENTICATE PLAIN ${base64(`\0${name}\0${right}`)}`, 'c OK ')
  imap.send('d SELECT INBOX')
  await imap.until('d OK ')
  imap.send(`e SEARCH BODY "${body}"`, 'f FETCH 1 (BODY[])', `g APPEND INBOX {${body.length}+}`, `${body}`)
  await imap.until('g OK ')
  await imap.ask(`h ${right}`, 'h BAD ')
}

async function useHttp(server: TestServer): Promise<void> {
  for (const password of [wrong, right]) {
    const headers = { authorization: basicAuth(name, password), connection: 'close' }
    await fetch(`http://127.0.0.1:${server.httpPort}/api/status`, { headers })
  }
  await server.api('POST', '/api/principal', {
    type: 'individual',
    name: 'bob@example.org',
    emails: ['no address'],
    secrets: [right],
  })
}

test('no password and no message is in a log, whose events are all declared', async () => {
  const directory = temporaryDirectory()
  try {
    const files = { text: join(directory, 'log.txt'), json: join(directory, 'log.json') }
    const tracers = Object.entries(files).map(
      ([format, path]) =>
        `[tracer.${format}]\ntype = "log"\nlevel = "debug"\nformat = "${format}"\npath = "${path}"\n`,
    )
    const config = `${tracers.join('')}[tracer.console]\ntype = "stdout"\nlevel = "debug"\n`
    await using server = await startServer({ directory, config })
    await server.createAccount(name, right)
    await useSmtp(server)
    await useImap(server)
    await useHttp(server)
    await server.process.stop()
    const text = readFileSync(files.text, 'utf8')
    const json = readFileSync(files.json, 'utf8')
    const secrets = [right, wrong, server.adminPassword!].flatMap((password) => [
      password,
      base64(password),
      ...[name, 'admin'].flatMap((user) => [
        base64(`\0${user}\0${password}`),
        basicAuth(user, password).slice(6),
      ]),
    ])
    for (const log of [text, json, server.process.output.replace(/^admin password: .*$/m, '')])
      for (const secret of [...secrets, body]) assert.ok(!log.includes(secret), `${secret} in\n${log}`)
    const declared = new Set(eventKinds.map((kind) => kind.name))
    const events = json
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { event: string }).event)
    assert.deepEqual(
      events.filter((event) => !declared.has(event)),
      [],
    )
    for (const event of ['smtp.message-received', 'auth.failed', 'auth.success'])
      assert.ok(events.includes(event) && text.includes(` ${event} `), event)
  } finally {
    await rm(directory, { recursive: true })
  }
})
