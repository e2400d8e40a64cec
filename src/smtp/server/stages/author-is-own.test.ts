import { test } from 'node:test'
import type { Conversation } from '../../../../test/harness/conversation.ts'
import { TestServer } from '../fixture.test.ts'

async function signedIn(s: TestServer): Promise<Conversation> {
  const c = await s.secured('submission')
  const text = Buffer.from('\0alice@example.org\0secret').toString('base64')
  await c.ask(`AUTH PLAIN ${text}`, '235 ')
  return c
}

async function post(c: Conversation, header: string, answer: string, from = 'alice@example.org') {
  await c.ask(`MAIL FROM:<${from}>`, '250 ')
  await c.ask('RCPT TO:<bob@example.org>', '250 ')
  await c.ask('DATA', '354 ')
  c.sendRaw(`${header}Subject: hello\r\n\r\ntext\r\n.\r\n`)
  await c.expect(answer)
}

// Turns red where only the envelope is looked at, or only the first address or the first field.
test('RFC 6409 §6.1: nobody writes as a colleague', async () => {
  await using s = await TestServer.start()
  const c = await signedIn(s)
  const notYours = '550 5.7.1 You may not send as the address in From'
  for (const header of [
    'From: Bob <bob@example.org>\r\n',
    'From: BOB@EXAMPLE.ORG\r\n',
    'From: "Alice" <alice@example.org>, bob@example.org\r\n',
    'From: alice@example.org\r\nfrom : bob@example.org\r\n',
    'From: x: a@elsewhere.example,\r\n <bob@example.org>;\r\n',
    'From: nobody.there@example.org\r\n',
  ])
    await post(c, header, notYours)
  await post(c, 'From: bob@example.org\r\n', notYours, '')
  for (const header of [
    '',
    'From: Alice <alice@example.org>\r\nSender: x@elsewhere.example\r\n',
    'From: "bob@example.org" <alice@example.org>\r\n',
    'From: alice@elsewhere.example\r\n',
    'From: alice@example.org, alice@elsewhere.example\r\n',
  ])
    await post(c, header, '250 ')
})

test('whoever did not sign in is judged by DMARC, and settings may allow it', async () => {
  await using s = await TestServer.start()
  await post(await s.greeted(), 'From: bob@example.org\r\n', '250 ', 'x@elsewhere.example')
  await using lenient = await TestServer.start({ limits: { mustMatchSender: false } })
  await post(await signedIn(lenient), 'From: bob@example.org\r\n', '250 ')
})
