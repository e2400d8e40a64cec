/**
 * An organisation on the real server, with one and with two workers: what an administrator describes by the
 * API holds for the next command of those whom it concerns, whichever worker serves them.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import type { Conversation } from '../../harness/conversation.ts'
import { startServer, type TestServer } from '../../harness/server.ts'

const password = 'correct horse battery'

for (const workers of [1, 2]) {
  describe(`with ${workers} worker${workers === 1 ? '' : 's'}`, () => {
    let server: TestServer

    const object = async (method: string, path: string, body?: unknown): Promise<Record<string, unknown>> => {
      const response = await server.api(method, `/api/object${path}`, body)
      const { data } = (await response.json()) as { data: Record<string, unknown> }
      assert.ok(response.ok, `${method} ${path}: ${response.status} ${JSON.stringify(data)}`)
      return data
    }
    const signedIn = async (name: string): Promise<Conversation> => {
      const imap = await server.connect(server.imapsPort, { tls: true })
      await imap.expect('* OK ')
      await imap.ask(`s1 LOGIN ${name} "${password}"`, 's1 OK ')
      return imap
    }
    const inboxOf = async (name: string): Promise<number> => {
      await using imap = await signedIn(name)
      imap.send('i1 STATUS INBOX (MESSAGES)')
      const [line = ''] = await imap.until('i1 OK ')
      return Number(/MESSAGES (\d+)/.exec(line)?.[1])
    }
    /** Says hello as who signed in, ready for MAIL. */
    const submitting = async (name: string): Promise<Conversation> => {
      const smtp = await server.connect(server.submissionsPort, { tls: true })
      await smtp.expect('220 ')
      smtp.send('EHLO client.example.net')
      await smtp.until('250 ')
      await smtp.ask(`AUTH PLAIN ${Buffer.from(`\0${name}\0${password}`).toString('base64')}`, '235 ')
      return smtp
    }
    const send = async (smtp: Conversation, from: string, to: string): Promise<void> => {
      await smtp.ask(`MAIL FROM:<${from}>`, '250 ')
      await smtp.ask(`RCPT TO:<${to}>`, '250 ')
      await smtp.ask('DATA', '354 ')
      smtp.sendRaw('Subject: hello\r\n\r\nhello\r\n.\r\n')
      await smtp.expect('250 ')
    }

    before(async () => {
      server = await startServer({ workers })
      await object('POST', '/Domain', { name: 'example.org', aliases: ['example.net'] })
      await object('POST', '/Account', { type: 'group', name: 'staff@example.org' })
      for (const name of ['alice', 'bob', 'carol'])
        await object('POST', '/Account', { name: `${name}@example.org`, secret: password })
      await object('PATCH', '/Account/alice@example.org', { memberOf: ['staff@example.org'] })
    })
    after(() => server[Symbol.asyncDispose]())

    test('a list reaches its members once, by each of its names', async () => {
      const recipients = ['alice@example.org', 'bob@example.org', 'team@example.org']
      await object('POST', '/MailingList', { name: 'team@example.org', recipients, posting: 'local' })
      await using smtp = await submitting('carol@example.org')
      await send(smtp, 'carol@example.org', 'TEAM@example.net')
      assert.deepEqual([await inboxOf('alice@example.org'), await inboxOf('bob@example.org')], [1, 1])
      await using stranger = await server.connect(server.smtpPort)
      await stranger.expect('220 ')
      stranger.send('EHLO client.example.net', 'MAIL FROM:<alice@example.org>', 'RCPT TO:<team@example.org>')
      await stranger.until('250 ')
      await stranger.expectLines(['250 ', '550 5.7.2'])
    })

    test('members send as their group and read its mailboxes; others do neither', async () => {
      await using alice = await submitting('alice@example.org')
      await send(alice, 'staff@example.org', 'staff@example.org')
      await using bob = await submitting('bob@example.org')
      await bob.ask('MAIL FROM:<staff@example.org>', '550 5.7.1')
      await using imap = await signedIn('alice@example.org')
      imap.send('g1 STATUS "Shared Folders/staff@example.org/INBOX" (MESSAGES)')
      const lines = await imap.until('g1 ')
      assert.match(lines.join('\n'), /MESSAGES 1/)
      await using other = await signedIn('bob@example.org')
      await other.ask('g1 STATUS "Shared Folders/staff@example.org/INBOX" (MESSAGES)', 'g1 NO ')
    })

    test('a permission that is taken away is missed by the next command of an open session', async () => {
      await using imap = await signedIn('bob@example.org')
      await imap.ask('p1 CREATE One', 'p1 OK ')
      await object('PATCH', '/Account/bob@example.org', { disabledPermissions: ['imapCreate', 'emailSend'] })
      for (let tries = 0; ; tries++) {
        imap.send(`p2 CREATE Try${tries}`)
        const answer = (await imap.until('p2 ')).at(-1)!
        if (answer.startsWith('p2 NO [NOPERM]')) break
        assert.ok(answer.startsWith('p2 OK') && tries < 200, answer)
        await wait(100)
      }
      await imap.ask('p3 NOOP', 'p3 OK ')
      await using smtp = await submitting('bob@example.org')
      await smtp.ask('MAIL FROM:<bob@example.org>', '550 5.7.1')
      await object('PATCH', '/Account/bob@example.org', { disabledPermissions: [] })
    })

    test('sessions of an account that is disabled end by themselves, idle ones too', async () => {
      await using idle = await signedIn('carol@example.org')
      await idle.ask('d1 SELECT INBOX', '* ')
      await idle.until('d1 OK ')
      await idle.ask('d2 IDLE', '+ ')
      await using smtp = await submitting('carol@example.org')
      const plain = await Promise.all(Array.from({ length: 6 }, () => signedIn('carol@example.org')))
      await object('PATCH', '/Account/carol@example.org', { enabled: false })
      await idle.until('* BYE ')
      await idle.expectEnd()
      await smtp.expect('421 4.7.0')
      await smtp.expectEnd()
      for (const imap of plain) {
        await imap.expect('* BYE ')
        await imap.expectEnd()
      }
      await using again = await server.connect(server.imapsPort, { tls: true })
      await again.expect('* OK ')
      await again.ask(`s1 LOGIN carol@example.org "${password}"`, 's1 NO [AUTHENTICATIONFAILED]')
    })

    test('a deleted account is gone at once, and its name can be used anew with nothing of the old mail', async () => {
      await using open = await signedIn('bob@example.org')
      await object('DELETE', '/Account/bob@example.org')
      await open.expect('* BYE ')
      await using smtp = await server.connect(server.smtpPort)
      await smtp.expect('220 ')
      smtp.send('EHLO client.example.net', 'MAIL FROM:<x@example.net>')
      await smtp.until('250 ')
      await smtp.expect('250 ')
      // Another worker hears of it a moment later.
      for (let tries = 0; ; tries++) {
        smtp.send('RCPT TO:<bob@example.org>')
        const answer = await smtp.line()
        if (answer.startsWith('550 5.1.1')) break
        assert.ok(answer.startsWith('250 ') && tries < 90, answer)
        await wait(200)
      }
      await object('POST', '/Account', { name: 'bob@example.org', secret: password })
      assert.equal(await inboxOf('bob@example.org'), 0)
    })

    test('a domain that is full takes no more, by SMTP or by IMAP', async () => {
      await object('POST', '/Domain', { name: 'small.example', maxDiskQuota: 2000 })
      await object('POST', '/Account', { name: 'dave@small.example', secret: password })
      await using smtp = await submitting('alice@example.org')
      await smtp.ask('MAIL FROM:<alice@example.org> SIZE=3000', '250 ')
      await smtp.ask('RCPT TO:<dave@small.example>', '452 4.2.2')
      await using imap = await signedIn('dave@small.example')
      imap.send('q1 APPEND INBOX {3000+}')
      imap.sendRaw(`Subject: x\r\n\r\n${'x'.repeat(3000 - 14)}\r\n`)
      await imap.expect('q1 NO [OVERQUOTA]')
    })
  })
}
