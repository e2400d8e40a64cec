/** swaks, a client that speaks SMTP and LMTP in every way one can ask it to. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { needs, type Ran, run } from './program.ts'
import { alice, askMailbox, bob, readMessage, uidsOf, withoutTrace } from './read-by-curl.ts'
import { startServer, type TestServer } from '../harness/server.ts'
import { largeSample, sample } from './samples.ts'

/** Of swaks: what the server refused. */
const codes = { rcpt: 24, data: 26, auth: 28, tls: 29 } as const

describe('swaks', needs('swaks', 'curl'), () => {
  let server: TestServer

  before(async () => {
    server = await startServer({ config: '[session.auth.errors]\nwait = "0s"\n' })
    await server.createAccount(alice.name, alice.password)
    await server.createAccount(bob.name, bob.password)
  })
  after(() => server[Symbol.asyncDispose]())

  const swaks = (port: number, args: readonly string[], expected: readonly number[] = [0]): Promise<Ran> =>
    run(
      'swaks',
      [
        '--server',
        '127.0.0.1',
        '--port',
        String(port),
        '--helo',
        'client.example.net',
        '--timeout',
        '120',
        ...args,
      ],
      { codes: expected },
    )

  const fileOf = (bytes: Buffer): string => {
    const file = path.join(server.directory, `${randomBytes(6).toString('hex')}.eml`)
    writeFileSync(file, bytes)
    return file
  }

  /** For swaks, which ends the data with a line end of its own. */
  const dataOf = (bytes: Buffer): string => `@${fileOf(bytes.subarray(0, -2))}`

  /** Sends, and returns what of it is found in the mailbox of the recipient. */
  async function sendAndRead(
    port: number,
    args: readonly string[],
    bytes: Buffer,
    to = alice,
  ): Promise<Buffer> {
    await swaks(port, ['--to', to.name, '--data', dataOf(bytes), ...args])
    const uid = (await uidsOf(server, to)).at(-1)
    assert.ok(uid !== undefined, 'nothing was delivered')
    return readMessage(server, to, uid)
  }

  const fromOutside = ['--from', 'somebody@example.net']

  test('a message with dots and 8-bit text arrives byte for byte, its trace in front', async () => {
    const bytes = sample({ subject: 'Grüße aus Köln', body: 'Ünï\r\n.\r\n..\r\n.x\r\n\r\nFrom me\r\n' })
    const found = await sendAndRead(server.smtpPort, fromOutside, bytes)
    assert.equal(withoutTrace(found).toString('utf8'), bytes.toString('utf8'))
    const trace = found.toString('utf8', 0, found.length - bytes.length)
    assert.match(trace, /^Return-Path: <somebody@example\.net>\r\nDelivered-To: alice@example\.org\r\n/)
    assert.match(trace, /\r\nReceived: from client\.example\.net .*127\.0\.0\.1/)
  })

  test('pipelined commands', async () => {
    const bytes = sample({ number: 2 })
    const found = await sendAndRead(server.smtpPort, [...fromOutside, '--pipeline'], bytes)
    assert.deepEqual(withoutTrace(found), bytes)
  })

  test('STARTTLS, which shows in the Received field', async () => {
    const bytes = sample({ number: 3 })
    const found = await sendAndRead(server.smtpPort, [...fromOutside, '--tls'], bytes)
    assert.deepEqual(withoutTrace(found), bytes)
    assert.match(found.toString('utf8'), /Received: [^]*?with\s+ESMTPS [^]*?TLS/)
  })

  test('5 MiB', async () => {
    const bytes = largeSample(5 << 20, { number: 4 })
    const found = await sendAndRead(server.smtpPort, [...fromOutside, '--tls'], bytes)
    assert.ok(withoutTrace(found).equals(bytes), 'other bytes came out than went in')
  })

  for (const mechanism of ['PLAIN', 'LOGIN']) {
    test(`submission with STARTTLS and AUTH ${mechanism}`, async () => {
      const args = ['--from', bob.name, '--tls', '--auth', mechanism, '--auth-user', bob.name]
      const bytes = sample({ from: bob.name })
      const found = await sendAndRead(
        server.submissionPort,
        [...args, '--auth-password', bob.password],
        bytes,
      )
      assert.deepEqual(withoutTrace(found), bytes)
      assert.match(found.toString('utf8'), /Received: [^]*?with\s+ESMTPSA/)
    })
  }

  test('submission with TLS from the first byte', async () => {
    const args = ['--from', bob.name, '--tls-on-connect', '--auth', 'PLAIN', '--auth-user', bob.name]
    const bytes = sample({ from: bob.name })
    const found = await sendAndRead(server.submissionsPort, [...args, '--auth-password', bob.password], bytes)
    assert.deepEqual(withoutTrace(found), bytes)
  })

  test('a wrong password is refused, and so is submission without one', async () => {
    const before = await uidsOf(server, alice)
    const to = ['--from', bob.name, '--to', alice.name, '--tls']
    const wrong = ['--auth', 'PLAIN', '--auth-user', bob.name, '--auth-password', 'wrong']
    const { stdout } = await swaks(server.submissionPort, [...to, ...wrong], [codes.auth])
    assert.match(stdout.toString('utf8'), /<.* 535 5\.7\.8/)
    const { code } = await swaks(server.submissionPort, to, [23, 24])
    assert.notEqual(code, 0)
    assert.deepEqual(await uidsOf(server, alice), before)
  })

  test('no password without TLS: it is not even offered', async () => {
    const args = ['--from', bob.name, '--to', alice.name, '--auth', 'PLAIN', '--auth-user', bob.name]
    const ran = await swaks(server.submissionPort, [...args, '--auth-password', bob.password], [codes.auth])
    const spoken = ran.stdout.toString('utf8')
    assert.doesNotMatch(spoken, /250[- ]AUTH/)
    assert.doesNotMatch(spoken, / -> AUTH/)
  })

  test('no relay for strangers, no mail for users who are not there', async () => {
    const relay = await swaks(server.smtpPort, [...fromOutside, '--to', 'x@example.com'], [codes.rcpt])
    assert.match(relay.stdout.toString('utf8'), /<\*\* 550 5\.7\.1/)
    const nobody = await swaks(server.smtpPort, [...fromOutside, '--to', 'nobody@example.org'], [codes.rcpt])
    assert.match(nobody.stdout.toString('utf8'), /<\*\* 550 5\.1\.1/)
  })

  test('one message for two recipients, each with a trace of its own', async () => {
    const bytes = sample({ number: 8, subject: 'for both' })
    const to = `${alice.name},${bob.name}`
    await swaks(server.smtpPort, [...fromOutside, '--to', to, '--data', dataOf(bytes)])
    for (const user of [alice, bob]) {
      const found = await readMessage(server, user, (await uidsOf(server, user)).at(-1)!)
      assert.deepEqual(withoutTrace(found), bytes)
      assert.match(found.toString('utf8'), new RegExp(`\\r\\nDelivered-To: ${user.name}\\r\\n`))
    }
  })

  test('LMTP: a reply for each recipient', async () => {
    const bytes = sample({ number: 9, subject: 'by LMTP' })
    const to = `${alice.name},nobody@example.org,${bob.name}`
    const args = [...fromOutside, '--protocol', 'LMTP', '--to', to, '--data', dataOf(bytes)]
    const { stdout } = await swaks(server.lmtpPort, args)
    const replies = stdout.toString('utf8')
    assert.match(replies, /<\*\* 550 5\.1\.1/)
    assert.equal(replies.match(/<- +250 2\.0\.0 Message accepted/g)?.length, 2, replies)
    for (const user of [alice, bob]) {
      const found = await readMessage(server, user, (await uidsOf(server, user)).at(-1)!)
      assert.deepEqual(withoutTrace(found), bytes)
      assert.match(found.toString('utf8'), /Received: [^]*?with\s+LMTP/)
    }
  })

  test('an attachment that swaks composes has the size it was sent with', async () => {
    const attachment = fileOf(randomBytes(100_000))
    const args = ['--to', alice.name, '--attach', `@${attachment}`, '--h-Subject', 'with an attachment']
    await swaks(server.smtpPort, [...fromOutside, ...args])
    const uid = (await uidsOf(server, alice)).at(-1)!
    const [found, size] = await Promise.all([
      readMessage(server, alice, uid),
      askMailbox(server, alice, 'INBOX', `UID FETCH ${uid} (RFC822.SIZE BODYSTRUCTURE)`),
    ])
    assert.equal(Number(/RFC822\.SIZE (\d+)/.exec(size)?.[1]), found.length)
    assert.match(size, /"APPLICATION" "OCTET-STREAM"/i)
  })
})
