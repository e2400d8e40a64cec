/**
 * Two servers and a name server on the loopback: mail that one signs is found good by the other, a forger is
 * not, and what the domain in From wants done is done. Members of a list elsewhere get its mail.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { ShownAuthentication } from '#admin/troubleshoot-dmarc.ts'
import { startDns, type TestDns } from '../../harness/dns.ts'
import { startServer, type TestServer } from '../../harness/server.ts'

const password = 'correct horse battery'

const zones = {
  'remote.example': { MX: ['10 mx.remote.example'] },
  'mx.remote.example': { A: ['127.0.0.1'] },
  'example.org': { MX: ['10 mx.remote.example'], TXT: ['v=spf1 ip4:192.0.2.1 -all'] },
  '_dmarc.example.org': { TXT: ['v=DMARC1; p=reject'] },
} as const

/** A string of a record has 255 octets at most. */
const chunks = (text: string): readonly string[] => text.match(/.{1,255}/g)!

/** The messages of a mailbox, once there are so many. */
async function waitFor(server: TestServer, name: string, count: number, mailbox = 'INBOX') {
  await using imap = await server.connect(server.imapsPort, { tls: true })
  await imap.expect('* OK ')
  await imap.ask(`s1 LOGIN ${name} "${password}"`, 's1 OK ')
  for (let tries = 0; ; tries++) {
    imap.send(`r1 EXAMINE ${mailbox}`)
    const opened = await imap.until('r1 OK ')
    if (opened.includes(`* ${count} EXISTS`)) break
    assert.ok(tries < 3000, `${opened.join('\n')}\n${server.process.output}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  imap.send('r2 FETCH 1:* (BODY.PEEK[])')
  const all: string[] = []
  for (;;) {
    const line = await imap.line()
    if (line.startsWith('r2 ')) return all.map((one) => one.replaceAll(/\r\n[ \t]+/g, ' '))
    const size = /\{(\d+)\}$/.exec(line)?.[1]
    if (size !== undefined) all.push((await imap.bytes(Number(size))).toString('latin1'))
  }
}

describe('mail is signed and checked', () => {
  let dns: TestDns
  let remote: TestServer
  let server: TestServer

  before(async () => {
    dns = await startDns(zones)
    remote = await startServer({ config: `${dns.config}\n[SenderAuth]\ndmarcVerify = "strict"\n` })
    await remote.createAccount('bob@remote.example', password)
    server = await startServer({
      config: `${dns.config}\n[MtaConnectionStrategy]\nehloHostname = "out.example.org"\nport = ${remote.smtpPort}\n`,
    })
    await server.createAccount('alice@example.org', password)
    await publishKeys()
  })
  after(async () => {
    await server[Symbol.asyncDispose]()
    await remote[Symbol.asyncDispose]()
    await dns[Symbol.asyncDispose]()
  })

  /** The records of the domain's keys, which sign from when they are active. */
  async function publishKeys(): Promise<void> {
    for (let tries = 0; ; tries++) {
      const answer = await server.api('GET', '/api/object/DkimSignature')
      const { items } = ((await answer.json()) as { data: { items: Record<string, string>[] } }).data
      for (const { name, record } of items) dns.set(name!, { TXT: [chunks(record!)] })
      if (items.length === 2) {
        for (const { name } of items) {
          const active = await server.api('PATCH', `/api/object/DkimSignature/${name}`, { stage: 'active' })
          assert.equal(active.status, 200, await active.text())
        }
        return
      }
      assert.ok(tries < 1200, JSON.stringify(items))
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }

  async function submit(from: string, to: string, subject: string, more = ''): Promise<void> {
    await using smtp = await server.connect(server.submissionsPort, { tls: true })
    await smtp.expect('220 ')
    smtp.send('EHLO client.example.net')
    await smtp.until('250 ')
    await smtp.ask(`AUTH PLAIN ${Buffer.from(`\0alice@example.org\0${password}`).toString('base64')}`, '235 ')
    await smtp.ask(`MAIL FROM:<alice@example.org>${more}`, '250 ')
    await smtp.ask(`RCPT TO:<${to}>`, '250 ')
    await smtp.ask('DATA', '354 ')
    smtp.sendRaw(`From: ${from}\r\nSubject: ${subject}\r\n\r\nhello\r\n.\r\n`)
    await smtp.expect('250 ')
  }

  async function deliver(from: string, message: string): Promise<string> {
    await using smtp = await remote.connect(remote.smtpPort)
    await smtp.expect('220 ')
    smtp.send('EHLO forger.example.net')
    await smtp.until('250 ')
    await smtp.ask(`MAIL FROM:<${from}>`, '250 ')
    await smtp.ask('RCPT TO:<bob@remote.example>', '250 ')
    await smtp.ask('DATA', '354 ')
    smtp.sendRaw(`${message}\r\n.\r\n`)
    return await smtp.line()
  }

  test('what a user sends is signed by both keys, and passes where it arrives', async () => {
    await submit('alice@example.org', 'bob@remote.example', 'signed')
    const [got] = await waitFor(remote, 'bob@remote.example', 1)
    const results = /^Authentication-Results: mail\.example\.org;.*$/m.exec(got!)![0]
    assert.equal(results.match(/ dkim=pass header\.d=example\.org /g)!.length, 2, results)
    assert.match(results, / spf=fail /)
    assert.match(results, / dmarc=pass header\.from=example\.org policy\.dmarc=reject$/)
    assert.match(got!, /\r\nReceived-SPF: fail /)
    await remote.process.printed('smtp.message-checked')
    assert.match(remote.process.output, /smtp\.message-checked .*dmarc="?pass example\.org/)
  })

  test('a forger of that domain is refused, and of a careless one only marked', async () => {
    const forged = 'From: alice@example.org\r\nSubject: forged\r\n\r\nhello'
    assert.match(await deliver('forger@forger.example', forged), /^550 5\.7\.1 .*example\.org/)
    const careless = 'From: x@careless.example\r\nSubject: careless\r\n\r\nhello'
    assert.match(await deliver('forger@forger.example', careless), /^250 /)
    assert.match((await waitFor(remote, 'bob@remote.example', 2))[1]!, / dmarc=none /)
    dns.set('_dmarc.put-aside.example', { TXT: ['v=DMARC1; p=quarantine'] })
    const aside = careless.replace('careless', 'put-aside')
    assert.match(await deliver('forger@forger.example', aside), /^250 /)
    assert.match((await waitFor(remote, 'bob@remote.example', 1, 'Junk'))[0]!, / dmarc=fail /)
  })

  test('an administrator sees why it is refused', async () => {
    const question = { remoteIp: '192.0.2.7', ehloDomain: 'forger.example.net' }
    const message = 'From: alice@example.org\n\nhello\n'
    const answer = await remote.api('POST', '/api/troubleshoot/dmarc', { ...question, message })
    const { dmarc, outcome } = ((await answer.json()) as { data: ShownAuthentication }).data
    assert.match(dmarc.advice!, /d=example\.org/)
    assert.match(outcome.reply!, /^550 5\.7\.1 .*example\.org/)
  })

  test('members of a list elsewhere get it from its owner, signed for the author', async () => {
    const list = { name: 'all@example.org', recipients: ['alice@example.org', 'bob@remote.example'] }
    assert.equal((await server.api('POST', '/api/object/MailingList', list)).status, 201)
    await submit('alice@example.org', 'all@example.org', 'to all')
    assert.equal((await waitFor(server, 'alice@example.org', 1)).length, 1)
    const got = (await waitFor(remote, 'bob@remote.example', 3))[2]!
    assert.match(got, /^Return-Path: <postmaster@example\.org>\r\n/)
    assert.match(got, / dmarc=pass /)
  })

  test('a list that is written to for later gets it once, here and elsewhere', async () => {
    await submit('alice@example.org', 'all@example.org', 'later', ' HOLDFOR=1')
    const here = await waitFor(server, 'alice@example.org', 2)
    const there = await waitFor(remote, 'bob@remote.example', 4)
    assert.match(there[3]!, /^Return-Path: <postmaster@example\.org>\r\n/)
    assert.match(there[3]!, / dmarc=pass /)
    for (const all of [here, there])
      assert.equal(all.filter((one) => one.includes('\r\nSubject: later\r\n')).length, 1)
  })
})
