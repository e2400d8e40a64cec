/** A message comes in by SMTP and LMTP and is read by IMAP, byte for byte, on every engine. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Conversation } from '../../harness/conversation.ts'
import { startServer, type TestServer } from '../../harness/server.ts'

const password = 'correct horse battery'

/** 8-bit, long lines, dots at the beginning of lines, a NUL-free body of every other byte. */
function awkwardMessage(): Buffer {
  const everyByte = Buffer.from(
    Array.from({ length: 255 }, (_, i) => i + 1).filter((byte) => byte !== 10 && byte !== 13),
  )
  return Buffer.concat([
    Buffer.from(
      'From: Bob <bob@example.net>\r\nTo: alice@example.org\r\nSubject: caf\xe9 =?utf-8?q?=E2=82=AC?=\r\n',
      'latin1',
    ),
    Buffer.from('Message-ID: <awkward@example.net>\r\nMIME-Version: 1.0\r\n\r\n'),
    Buffer.from('.\r\n..\r\n.a dot\r\n\r\n  \r\n'),
    everyByte,
    Buffer.from(`\r\n${'x'.repeat(900)}\r\nno more\r\n`),
  ])
}

const stuffed = (message: Buffer): Buffer =>
  Buffer.from(message.toString('latin1').replaceAll(/^\./gm, '..'), 'latin1')

async function sendMail(
  client: Conversation,
  message: Buffer,
  hello = 'EHLO client.example.net',
): Promise<void> {
  await client.expect('220 ')
  client.send(hello)
  await client.until('250 ')
  await client.ask('MAIL FROM:<bob@example.net> BODY=8BITMIME', '250 ')
  await client.ask('RCPT TO:<alice@example.org>', '250 ')
  await client.ask('DATA', '354 ')
  client.sendRaw(stuffed(message))
  await client.ask('.', '250 ')
  await client.ask('QUIT', '221 ')
}

/** The whole message at a place of the Inbox. */
async function readMail(server: TestServer, sequence: number): Promise<Buffer> {
  await using client = await server.connect(server.imapsPort, { tls: true })
  await client.expect('* OK ')
  client.send(`a LOGIN alice@example.org "${password}"`)
  await client.until('a OK')
  client.send('b SELECT INBOX')
  await client.until('b OK')
  client.send(`c FETCH ${sequence} BODY.PEEK[]`)
  const line = await client.expect(/^\* \d+ FETCH .*\{\d+\}$/)
  const message = await client.bytes(Number(/\{(\d+)\}$/.exec(line)![1]))
  await client.until('c OK')
  return message
}

for (const engine of ['lmdb', 'sqlite'] as const) {
  test(`${engine}: what SMTP and LMTP took in, IMAP shows unchanged, also after a restart`, async () => {
    await using server = await startServer({ engine })
    await server.createAccount('alice@example.org', password)
    const message = awkwardMessage()
    {
      await using smtp = await server.connect(server.smtpPort)
      await sendMail(smtp, message)
      await using lmtp = await server.connect(server.lmtpPort)
      await sendMail(lmtp, message, 'LHLO client.example.net')
    }
    for (const sequence of [1, 2]) {
      const shown = await readMail(server, sequence)
      assert.deepEqual(shown.subarray(shown.length - message.length), message)
      const added = shown.subarray(0, shown.length - message.length).toString('latin1')
      assert.match(
        added,
        /^Return-Path: <bob@example\.net>\r\nDelivered-To: alice@example\.org\r\n(?:Authentication-Results: [^]*Received-SPF: [^]*)?Received: from client\.example\.net/,
      )
      assert.match(added, /by mail\.example\.org/)
    }
    await server.process.stop()
    await using again = await startServer({ engine, directory: server.directory })
    const shown = await readMail(again, 1)
    assert.deepEqual(shown.subarray(shown.length - message.length), message)
  })
}

test('a session in IDLE hears of a message at once', async () => {
  await using server = await startServer()
  await server.createAccount('alice@example.org', password)
  await using reader = await server.connect(server.imapsPort, { tls: true })
  await reader.expect('* OK ')
  reader.send(`a LOGIN alice@example.org "${password}"`)
  await reader.until('a OK')
  reader.send('b SELECT INBOX')
  await reader.until('b OK')
  await reader.ask('c IDLE', '+ ')
  await using smtp = await server.connect(server.smtpPort)
  await sendMail(smtp, awkwardMessage())
  await reader.until('* 1 EXISTS')
  reader.send('DONE')
  await reader.until('c OK')
})

test('nobody relays through it, and unknown users are refused', async () => {
  await using server = await startServer()
  await server.createAccount('alice@example.org', password)
  await using client = await server.connect(server.smtpPort)
  await client.expect('220 ')
  client.send('EHLO client.example.net')
  await client.until('250 ')
  await client.ask('MAIL FROM:<bob@example.net>', '250 ')
  await client.ask('RCPT TO:<someone@example.com>', '550 ')
  await client.ask('RCPT TO:<nobody@example.org>', '550 ')
})

test('the home page, health and metrics answer', async () => {
  await using server = await startServer()
  const get = (path: string) =>
    fetch(`http://127.0.0.1:${server.httpPort}${path}`, { headers: { connection: 'close' } })
  const page = await get('/')
  assert.equal(page.status, 200)
  const html = await page.text()
  assert.match(html, /mail\.example\.org/)
  for (const port of [server.imapsPort, server.submissionsPort]) assert.ok(html.includes(String(port)))
  assert.equal((await get('/healthz/live')).status, 200)
  assert.equal((await get('/healthz/ready')).status, 200)
  const metrics = await (await get('/metrics')).text()
  const named = [
    'smtp_messages_received_total',
    'smtp_messages_rejected_total',
    'queue_messages_total',
    'imap_connections_active',
    'auth_failures_total',
  ]
  for (const name of named) assert.match(metrics, new RegExp(`^${name} 0$`, 'm'))
  assert.equal((await get('/api/status')).status, 401)
})
