/** nodemailer, the client that most programs written for Node send mail with. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { createTransport } from 'nodemailer'
import { needs } from './program.ts'
import { alice, askMailbox, bob, readMessage, uidsOf } from './read-by-curl.ts'
import { startServer, type TestServer } from '../harness/server.ts'

describe('nodemailer', needs('curl'), () => {
  let server: TestServer

  before(async () => {
    server = await startServer()
    for (const user of [alice, bob]) await server.createAccount(user.name, user.password)
  })
  after(() => server[Symbol.asyncDispose]())

  const auth = { user: alice.name, pass: alice.password }
  const tls = { rejectUnauthorized: false }
  const overStartTls = () => ({ host: '127.0.0.1', port: server.submissionPort, requireTLS: true, auth, tls })
  const overTls = () => ({ host: '127.0.0.1', port: server.submissionsPort, secure: true, auth, tls })

  async function newestOf(user: typeof alice): Promise<{ uid: number; bytes: Buffer }> {
    const uid = (await uidsOf(server, user)).at(-1)!
    return { uid, bytes: await readMessage(server, user, uid) }
  }

  const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

  /** The decoded body of the part that has this name. */
  function attachment(message: Buffer, name: string): Buffer {
    const text = message.toString('latin1')
    const at = text.indexOf(`filename=${name}`)
    assert.notEqual(at, -1, `no attachment ${name}`)
    const start = text.indexOf('\r\n\r\n', at) + 4
    return Buffer.from(text.slice(start, text.indexOf('\r\n--', start)), 'base64')
  }

  for (const [what, options] of [
    ['STARTTLS', overStartTls],
    ['TLS from the first byte', overTls],
  ] as const) {
    test(`submission with attachments over ${what}`, async () => {
      const photo = randomBytes(300_000)
      const notes = randomBytes(70)
      using transport = closing(createTransport(options()))
      const info = await transport.sendMail({
        from: { name: 'Alice Ångström', address: alice.name },
        to: [{ name: 'Bob "the" Builder', address: bob.name }],
        subject: 'Fotos für dich – 📷',
        text: 'Anbei.\n',
        html: '<p>Anbei. <img src="cid:photo"></p>',
        attachments: [
          { filename: 'photo.bin', content: photo, cid: 'photo' },
          { filename: 'notes.bin', content: notes },
        ],
      })
      assert.deepEqual(info.rejected, [])
      assert.match(info.response, /^250 2\.0\.0 /)
      const { uid, bytes } = await newestOf(bob)
      assert.equal(digest(attachment(bytes, 'photo.bin')), digest(photo))
      assert.equal(digest(attachment(bytes, 'notes.bin')), digest(notes))
      assert.ok(bytes.includes(`Message-ID: ${info.messageId}`))
      const told = await askMailbox(server, bob, 'INBOX', `UID FETCH ${uid} (RFC822.SIZE BODYSTRUCTURE)`)
      assert.equal(Number(/RFC822\.SIZE (\d+)/.exec(told)?.[1]), bytes.length)
      assert.match(told, /"MIXED"/i)
      assert.match(told, /"RELATED"/i)
      assert.match(told, /"ALTERNATIVE"/i)
    })
  }

  test('an attachment of 20 MiB', async () => {
    const content = randomBytes(20 << 20)
    using transport = closing(createTransport(overTls()))
    await transport.sendMail({
      from: alice.name,
      to: bob.name,
      subject: 'big',
      text: 'see attachment',
      attachments: [{ filename: 'big.bin', content }],
    })
    const { bytes } = await newestOf(bob)
    assert.equal(digest(attachment(bytes, 'big.bin')), digest(content))
  })

  test('a pool that sends fifty messages over three connections', async () => {
    const before = (await uidsOf(server, bob)).length
    using transport = closing(createTransport({ ...overTls(), pool: true, maxConnections: 3 }))
    const subjects = Array.from({ length: 50 }, (_, i) => `pool ${i}`)
    await Promise.all(
      subjects.map((subject) =>
        transport.sendMail({ from: alice.name, to: bob.name, subject, text: subject }),
      ),
    )
    const uids = (await uidsOf(server, bob)).slice(before)
    const found = await Promise.all(uids.map((uid) => readMessage(server, bob, uid)))
    const arrived = found.map((bytes) => /^Subject: (.*)\r$/m.exec(bytes.toString('latin1'))?.[1])
    assert.deepEqual(arrived.toSorted(), subjects.toSorted())
  })

  test('a wrong password, and a sender who is somebody else', async () => {
    const before = await uidsOf(server, bob)
    using wrong = closing(createTransport({ ...overTls(), auth: { ...auth, pass: 'wrong' } }))
    await assert.rejects(wrong.sendMail({ from: alice.name, to: bob.name, text: 'x' }), /535/)
    using foreign = closing(createTransport(overTls()))
    await assert.rejects(foreign.sendMail({ from: bob.name, to: alice.name, text: 'x' }), /5\d\d/)
    assert.deepEqual(await uidsOf(server, bob), before)
  })
})

/** Closes the connections of a transport at the end of the block. */
const closing = <T extends { close(): void }>(transport: T): T & Disposable =>
  Object.assign(transport, { [Symbol.dispose]: () => transport.close() })
