/**
 * mbsync (isync) keeps a server's mailboxes and Maildir folders alike: a thousand messages come down, both sides
 * change, and after each run both must hold the same messages with the same bytes and flags.
 */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { startServer, type TestServer } from '../harness/server.ts'
import { deliver } from './deliver.ts'
import { mbsyncrc, withoutMark } from './mbsyncrc.ts'
import { needs, run } from './program.ts'
import { listMailbox } from './python-script.ts'
import { alice, askMailbox, readMessage, uidsOf, withoutTrace } from './read-by-curl.ts'
import { largeSample, sample } from './samples.ts'
import { saveCertificate } from './server-certificate.ts'
import { messageId } from './two-way.ts'

const total = 1000

interface LocalMessage {
  readonly file: string
  readonly bytes: Buffer
  /** Letters of Maildir, in order: `FS`. */
  readonly flags: string
}

describe('mbsync', needs('mbsync', 'curl', 'python3'), () => {
  let server: TestServer
  let folder: string

  before(async () => {
    server = await startServer()
    folder = path.join(server.directory, 'mail')
    mkdirSync(folder)
    await server.createAccount(alice.name, alice.password)
    const certificate = path.join(server.directory, 'certificate.pem')
    await saveCertificate(server.imapsPort, certificate)
    writeFileSync(path.join(server.directory, 'mbsyncrc'), mbsyncrc(server, folder, certificate))
  })
  after(() => server[Symbol.asyncDispose]())

  const sync = () => run('mbsync', ['--config', path.join(server.directory, 'mbsyncrc'), '--all'])

  /** By Message-ID. */
  function localMessages(mailbox: string): Map<string, LocalMessage> {
    const found = new Map<string, LocalMessage>()
    for (const part of ['new', 'cur']) {
      for (const name of readdirSync(path.join(folder, mailbox, part))) {
        const file = path.join(folder, mailbox, part, name)
        const bytes = readFileSync(file)
        found.set(messageId(bytes), { file, bytes, flags: /:2,(\w*)$/.exec(name)?.[1] ?? '' })
      }
    }
    return found
  }

  /** By Message-ID: UID, and flags as Maildir writes them. */
  async function remoteMessages(mailbox: string): Promise<Map<string, { uid: number; flags: string }>> {
    const listed = await listMailbox(server, alice, mailbox)
    return new Map(
      listed.map(({ uid, flags, messageId }) => [messageId, { uid, flags: maildirFlags(flags) }]),
    )
  }

  async function assertAlike(mailbox: string, count: number): Promise<void> {
    const [local, remote] = [localMessages(mailbox), await remoteMessages(mailbox)]
    assert.equal(remote.size, count)
    assert.deepEqual([...local.keys()].toSorted(), [...remote.keys()].toSorted())
    for (const [id, { flags }] of remote) assert.equal(local.get(id)?.flags, flags, `flags of ${id}`)
  }

  const setFlags = ({ file }: LocalMessage, flags: string): void => {
    const name = path.basename(file).replace(/:2,\w*$/, '')
    renameSync(file, path.join(path.dirname(file), '..', 'cur', `${name}:2,${flags}`))
  }

  test('a thousand messages come down byte for byte', async () => {
    const messages = Array.from({ length: total }, (_, number) => sample({ number }))
    const quarters = [0, 1, 2, 3].map((quarter) => messages.filter((_, number) => number % 4 === quarter))
    await Promise.all(quarters.map((some) => deliver(server.smtpPort, alice.name, some)))
    await sync()
    await assertAlike('INBOX', total)
    const local = localMessages('INBOX')
    for (const sent of messages) {
      const found = local.get(messageId(sent))!
      const bytes = withoutTrace(withoutMark(withCrLf(found.bytes)))
      assert.equal(bytes.toString('latin1'), sent.toString('latin1'))
    }
  })

  test('flags and deletions of both sides meet', async () => {
    const local = localMessages('INBOX')
    const remote = await remoteMessages('INBOX')
    const of = (number: number): string => messageId(sample({ number }))
    for (let number = 0; number < 100; number++)
      setFlags(local.get(of(number))!, number % 2 === 0 ? 'FS' : 'R')
    for (let number = 100; number < 150; number++) unlinkSync(local.get(of(number))!.file)
    const uids = (from: number, to: number): string =>
      Array.from({ length: to - from }, (_, i) => remote.get(of(from + i))!.uid).join(',')
    await askMailbox(server, alice, 'INBOX', `UID STORE ${uids(200, 300)} +FLAGS.SILENT (\\Seen \\Answered)`)
    await askMailbox(server, alice, 'INBOX', `UID STORE ${uids(300, 350)} +FLAGS.SILENT (\\Deleted)`)
    // Both at once, on both sides.
    setFlags(local.get(of(200))!, 'F')
    await sync()
    await assertAlike('INBOX', total - 100)
    const flags = new Map([...(await remoteMessages('INBOX'))].map(([id, one]) => [id, one.flags]))
    assert.deepEqual(
      [0, 1, 100, 200, 201, 300, 999].map((number) => flags.get(of(number))),
      ['FS', 'R', undefined, 'FRS', 'RS', undefined, ''],
    )
  })

  test('UIDs stay: what nobody changed is not fetched again', async () => {
    const before = await uidsOf(server, alice)
    const files = [...localMessages('INBOX').values()].map(({ file }) => file).toSorted()
    await sync()
    assert.deepEqual(await uidsOf(server, alice), before)
    assert.deepEqual([...localMessages('INBOX').values()].map(({ file }) => file).toSorted(), files)
  })

  test('a local folder with large messages and a name beyond ASCII goes up', async () => {
    // mbsync takes names as IMAP writes them (RFC 3501 §5.1.3).
    const mailbox = 'Entw&APw-rfe'
    for (const part of ['', 'new', 'cur', 'tmp']) mkdirSync(path.join(folder, mailbox, part))
    const messages = [
      sample({ number: 5000, subject: 'Grüße' }),
      largeSample(20 << 20, { number: 5001 }),
      sample({ number: 5002, body: 'x\r\n'.repeat(2000) }),
    ]
    messages.forEach((bytes, i) => {
      const text = bytes.toString('latin1').replaceAll('\r\n', '\n')
      writeFileSync(path.join(folder, mailbox, 'cur', `170000000${i}.M${i}P1.here:2,S`), text, 'latin1')
    })
    await sync()
    await assertAlike(mailbox, messages.length)
    const remote = await remoteMessages(mailbox)
    for (const bytes of messages) {
      const { uid, flags } = remote.get(messageId(bytes))!
      assert.equal(flags, 'S')
      const found = withoutMark(await readMessage(server, alice, uid, mailbox))
      assert.ok(found.equals(bytes), 'other bytes went up')
    }
  })

  test('folders made on the server come down, also the nested ones', async () => {
    for (const name of ['projects', 'projects/postern']) await askMailbox(server, alice, '', `CREATE ${name}`)
    await sync()
    const names = readdirSync(path.join(folder, 'projects'))
    assert.ok(names.includes('postern'), names.join(', '))
    for (const name of ['Drafts', 'Sent', 'Junk', 'Trash', 'Archive'])
      assert.equal(localMessages(name).size, 0)
  })
})

/** A Maildir file has the line ends of Unix. */
const withCrLf = (bytes: Buffer): Buffer =>
  Buffer.from(bytes.toString('latin1').replaceAll('\n', '\r\n'), 'latin1')

function maildirFlags(flags: readonly string[]): string {
  const letters: Readonly<Record<string, string>> = {
    '\\Draft': 'D',
    '\\Flagged': 'F',
    '\\Answered': 'R',
    '\\Seen': 'S',
    '\\Deleted': 'T',
  }
  return flags
    .map((flag) => letters[flag] ?? '')
    .toSorted()
    .join('')
}
