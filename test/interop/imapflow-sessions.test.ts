/** imapflow over time: what it hears of other sessions, and how it comes back after it was away. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { TLSSocket } from 'node:tls'
import { after, before, describe, test } from 'node:test'
import type { ExpungeEvent, FlagsEvent, ImapFlow } from 'imapflow'
import { deliver } from './deliver.ts'
import { next, signIn } from './imapflow.ts'
import { alice } from './read-by-curl.ts'
import { sample } from './samples.ts'
import { startServer, type TestServer } from '../harness/server.ts'

describe('imapflow over time', () => {
  let server: TestServer

  before(async () => {
    server = await startServer()
    await server.createAccount(alice.name, alice.password)
  })
  after(() => server[Symbol.asyncDispose]())

  async function make(client: ImapFlow, mailbox: string, count: number): Promise<void> {
    await client.mailboxCreate(mailbox)
    for (let number = 1; number <= count; number++) await client.append(mailbox, sample({ number }))
  }

  for (const qresync of [false, true]) {
    test(`hears in IDLE what another session does, ${qresync ? 'with' : 'without'} QRESYNC`, async () => {
      await using client = await signIn(server, alice, { qresync })
      await using other = await signIn(server, alice)
      const mailbox = `Idle ${qresync}`
      await make(other, mailbox, 3)
      await client.mailboxOpen(mailbox)
      await other.mailboxOpen(mailbox)
      const idling = client.idle()

      const exists = next(client, 'exists')
      await other.append(mailbox, sample({ number: 4 }))
      assert.deepEqual(await exists, { path: mailbox, count: 4, prevCount: 3 })

      const flags = next(client, 'flags')
      await other.messageFlagsAdd('2', ['\\Flagged', '$Important'])
      const changed = await flags
      assert.deepEqual([changed.seq, [...changed.flags].toSorted()], [2, ['$Important', '\\Flagged']])
      assert.ok(changed.modseq! > 0n)

      const expunge = next(client, 'expunge')
      await other.messageDelete('3')
      const gone = qresync ? { uid: 3, vanished: true, earlier: false } : { seq: 3, vanished: false }
      assert.deepEqual(await expunge, { path: mailbox, ...gone })

      // A command ends IDLE, and its numbers are those of now.
      const left = await client.fetchAll('1:*', { uid: true })
      assert.notEqual(await idling, false)
      assert.deepEqual(
        left.map(({ seq, uid }) => [seq, uid]),
        [1, 2, 4].map((uid, at) => [at + 1, uid]),
      )
    })
  }

  test('hears of mail that comes in by SMTP, by itself', async () => {
    await using client = await signIn(server, alice, { disableAutoIdle: false, autoIdleDelay: 10 })
    await client.mailboxOpen('INBOX')
    const exists = next(client, 'exists')
    await deliver(server.smtpPort, alice.name, [sample()])
    assert.equal((await exists).count, 1)
  })

  test('learns at SELECT what happened while it was away', async () => {
    await using other = await signIn(server, alice)
    await make(other, 'Away', 10)
    const client = await signIn(server, alice, { qresync: true })
    const { uidValidity, highestModseq } = await client.mailboxOpen('Away')
    await client.logout()

    await other.mailboxOpen('Away')
    await other.messageFlagsAdd('2,9', ['\\Seen'], { uid: true })
    await other.messageDelete('3:5,10', { uid: true })
    await other.append('Away', sample({ number: 11 }))
    await other.messageFlagsRemove('9', ['\\Seen'], { uid: true })

    const expunged: ExpungeEvent[] = []
    const expungeHandler = (event: ExpungeEvent): void => void expunged.push(event)
    await using again = await signIn(server, alice, { qresync: true, expungeHandler })
    const flagged: FlagsEvent[] = []
    again.on('flags', (event) => flagged.push(event))
    const since = { uidValidity, changedSince: highestModseq! }
    const now = await again.mailboxOpen('Away', since)
    await again.noop()
    assert.deepEqual([now.exists, now.uidValidity], [7, uidValidity])
    assert.ok(now.highestModseq! > highestModseq!)
    assert.deepEqual(
      expunged.map(({ uid, earlier }) => [uid, earlier]).toSorted(),
      [3, 4, 5, 10].map((uid) => [uid, true]).toSorted(),
    )
    assert.deepEqual(
      flagged.map(({ uid, flags }) => [uid, flags.has('\\Seen')]),
      [
        [2, true],
        [9, false],
        [11, false],
      ],
    )
    const changed = await again.fetchAll('1:*', { flags: true }, { changedSince: highestModseq! })
    assert.deepEqual(
      changed.map(({ uid }) => uid),
      [2, 9, 11],
    )
  })

  test('compresses what it says and hears', async () => {
    const message = sample({ body: 'The same line again and again.\r\n'.repeat(10_000) })
    const sizes: number[] = []
    for (const disableCompression of [true, false]) {
      const client = await signIn(server, alice, { disableCompression })
      const mailbox = `Compressed ${!disableCompression}`
      await client.mailboxCreate(mailbox)
      await client.append(mailbox, message)
      await client.mailboxOpen(mailbox)
      const found = await client.fetchOne('1', { source: true })
      assert.ok(found && found.source?.equals(message))
      const socket = client.unbind().socket as TLSSocket
      sizes.push(socket.bytesWritten, socket.bytesRead)
      socket.destroy()
    }
    const [written = 0, read = 0, writtenLess = 0, readLess = 0] = sizes
    assert.ok(written > message.length && read > message.length, sizes.join(', '))
    assert.ok(writtenLess < written / 10 && readLess < read / 10, sizes.join(', '))
  })

  test('locks mailboxes one after the other on one connection', async () => {
    await using client = await signIn(server, alice)
    const names = ['Lock A', 'Lock B', 'Lock C']
    for (const [at, name] of names.entries()) await make(client, name, at + 1)
    const seen = await Promise.all(
      Array.from({ length: 30 }, async (_, i) => {
        const lock = await client.getMailboxLock(names[i % 3]!)
        try {
          return (await client.fetchAll('1:*', { uid: true })).length
        } finally {
          lock.release()
        }
      }),
    )
    assert.deepEqual(
      seen,
      Array.from({ length: 30 }, (_, i) => (i % 3) + 1),
    )
  })

  test('many connections at once', async () => {
    await using first = await signIn(server, alice)
    await make(first, 'Many', 1)
    const clients = await Promise.all(Array.from({ length: 10 }, () => signIn(server, alice)))
    await Promise.all(clients.map((client) => client.mailboxOpen('Many')))
    await Promise.all(clients.map((client, i) => client.append('Many', sample({ number: i + 2 }))))
    await Promise.all(clients.map((client, i) => client.messageFlagsAdd('1', [`by${i}`])))
    for (const client of clients) {
      const messages = await client.fetchAll('1:*', { flags: true })
      assert.equal(messages.length, 11)
      for (let i = 0; i < 10; i++) assert.ok(messages[0]!.flags!.has(`by${i}`))
    }
    await Promise.all(clients.map((client) => client.logout()))
  })

  test('is told that the server goes, and comes back to the same UIDs', async () => {
    await using first = await startServer()
    await first.createAccount(alice.name, alice.password)
    // Where it has to inflate what it reads, and BYE and the end come at once, it knows of the end only.
    const before = await signIn(first, alice, { qresync: true, disableCompression: true })
    await make(before, 'Back', 5)
    const { uidValidity, highestModseq } = await before.mailboxOpen('Back')
    const idling = before.idle().catch(() => {})
    const closed = once(before, 'close')
    await first.process.stop()
    await closed
    await idling
    assert.match(before.byeReason ?? '', /./)
    assert.ok(!before.usable && !before.closedByClient)
    await using again = await startServer({ directory: first.directory })
    await using client = await signIn(again, alice, { qresync: true })
    const now = await client.mailboxOpen('Back', { uidValidity, changedSince: highestModseq! })
    assert.deepEqual([now.uidValidity, now.highestModseq, now.exists], [uidValidity, highestModseq, 5])
    const put = await client.append('Back', sample({ number: 6 }))
    assert.equal(put && put.uid, 6)
  })
})
