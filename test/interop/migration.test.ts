/** A user moves from Dovecot to Postern, and back, by Perl's Mail::IMAPClient: nothing may be different after it. */
import assert from 'node:assert/strict'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { ImapFlow } from 'imapflow'
import { startServer, type TestServer } from '../harness/server.ts'
import { type Dovecot, startDovecot } from './dovecot.ts'
import { signIn } from './imapflow.ts'
import { needs, run } from './program.ts'
import { alice, bob, type User } from './read-by-curl.ts'
import { largeSample, sample } from './samples.ts'

const script = path.join(import.meta.dirname, 'perl/migrate.pl')
const folders = ['INBOX', 'Entwürfe & Co', 'Archive/2023', 'Archive/日本']
const perFolder = 75
/** Keywords have the spelling that they have in Postern, which keeps them in lower case. */
const flagSets = [
  [],
  ['\\Seen'],
  ['\\Seen', '\\Answered', '$Forwarded'],
  ['\\Flagged', '$label1', 'etikett'],
  ['\\Deleted'],
]

describe('migration', needs('dovecot', 'Mail::IMAPClient'), () => {
  let server: TestServer
  let dovecot: Dovecot

  before(async () => {
    dovecot = await startDovecot()
    server = await startServer()
    for (const user of [alice, bob]) await server.createAccount(user.name, user.password)
  })
  after(async () => {
    await server[Symbol.asyncDispose]()
    await dovecot[Symbol.asyncDispose]()
  })

  /** The other server's user of that name. */
  const there = ({ name }: User): User => ({ name, password: dovecot.password })

  const toDovecot = (user: User): Promise<ImapFlow> =>
    signIn(server, there(user), { port: dovecot.port, secure: false, doSTARTTLS: false })

  const facts = {
    dovecot: (user: User) => ({
      port: dovecot.port,
      user: user.name,
      password: dovecot.password,
      tls: false,
    }),
    postern: (user: User) => ({
      port: server.imapsPort,
      user: user.name,
      password: user.password,
      tls: true,
    }),
  }

  const migrate = (from: object, to: object) =>
    run('perl', [script], { environment: { POSTERN_TEST_MIGRATION: JSON.stringify({ from, to }) } })

  test('from Dovecot', async () => {
    await using old = await toDovecot(alice)
    for (const [at, folder] of folders.entries()) {
      if (folder !== 'INBOX') await old.mailboxCreate(folder)
      for (let i = 0; i < perFolder; i++) {
        const number = at * perFolder + i
        const message = i === 0 ? largeSample(1 << 20, { number }) : sample({ number, subject: `Größe ${i}` })
        const date = new Date(
          Date.UTC(2001 + (number % 20), number % 12, 1 + (number % 28), 1, 2, number % 60),
        )
        await old.append(folder, message, flagSets[number % flagSets.length], date)
      }
    }
    await migrate(facts.dovecot(alice), facts.postern(alice))
    await using now = await signIn(server, alice)
    await assertSame(old, now)
  })

  test('to Dovecot', async () => {
    await migrate(facts.postern(alice), facts.dovecot(bob))
    await using old = await signIn(server, alice)
    await using now = await toDovecot(bob)
    await assertSame(old, now)
  })
})

async function assertSame(from: ImapFlow, to: ImapFlow): Promise<void> {
  for (const folder of folders) {
    const [wanted, found] = [await read(from, folder), await read(to, folder)]
    assert.equal(wanted.length, perFolder)
    assert.deepEqual(found, wanted, folder)
  }
}

async function read(client: ImapFlow, folder: string): Promise<readonly object[]> {
  await client.mailboxOpen(folder)
  const messages = await client.fetchAll('1:*', { source: true, flags: true, internalDate: true })
  return messages.map(({ source, flags, internalDate }) => ({
    text: source!.toString('latin1'),
    flags: [...flags!].filter((flag) => flag !== '\\Recent').toSorted(),
    internalDate,
  }))
}
