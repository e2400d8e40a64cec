/** getmail brings the mail of an account to where one wants it: it leaves it on the server, or deletes it there. */
import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { startServer, type TestServer } from '../harness/server.ts'
import { deliver } from './deliver.ts'
import { signIn } from './imapflow.ts'
import { needs, run } from './program.ts'
import { alice, withoutTrace } from './read-by-curl.ts'
import { largeSample, sample } from './samples.ts'

describe('getmail', needs('getmail'), () => {
  let server: TestServer
  let folder: string

  before(async () => {
    server = await startServer()
    await server.createAccount(alice.name, alice.password)
    folder = path.join(server.directory, 'getmail')
    mkdirSync(folder)
  })
  after(() => server[Symbol.asyncDispose]())

  /** What came this time, in order. */
  async function getmail(options: string, mailboxes = '("INBOX",)'): Promise<readonly string[]> {
    const brought = path.join(folder, 'brought')
    rmSync(brought, { recursive: true, force: true })
    mkdirSync(brought)
    writeFileSync(path.join(folder, 'getmailrc'), getmailrc(server, brought, options, mailboxes))
    await run('getmail', ['--getmaildir', folder, '--rcfile', 'getmailrc'])
    return readdirSync(brought)
      .map((name) => original(readFileSync(path.join(brought, name))))
      .toSorted()
  }

  async function left(mailbox: string): Promise<readonly string[]> {
    await using client = await signIn(server, alice)
    await client.mailboxOpen(mailbox)
    const found = await client.fetchAll('1:*', { source: true, flags: true })
    return found.map(({ source }) => withoutTrace(source!).toString('latin1')).toSorted()
  }

  const texts = (messages: readonly Buffer[]): readonly string[] =>
    messages.map((message) => message.toString('latin1')).toSorted()

  const first = [sample({ number: 1, subject: 'Größe' }), sample({ number: 2 }), largeSample(2 << 20)]

  test('leaves mail where it is, and knows it again', async () => {
    await deliver(server.smtpPort, alice.name, first)
    const keep = 'delete = false\nread_all = false'
    assert.deepEqual(await getmail(keep), texts(first))
    assert.deepEqual(await left('INBOX'), texts(first))
    assert.deepEqual(await getmail(keep), [])
    const later = sample({ number: 4 })
    await deliver(server.smtpPort, alice.name, [later])
    assert.deepEqual(await getmail(keep), texts([later]))
    assert.deepEqual(await left('INBOX'), texts([...first, later]))
  })

  test('deletes what it has brought', async () => {
    const later = sample({ number: 5 })
    await deliver(server.smtpPort, alice.name, [later])
    assert.deepEqual(await getmail('delete = true\nread_all = false'), texts([later]))
    assert.equal((await left('INBOX')).length, 0)
  })

  test('brings all mailboxes', async () => {
    await using client = await signIn(server, alice)
    const names = ['Entwürfe', 'Entwürfe/日本', 'R & D']
    const messages = names.map((_, number) => sample({ number: number + 10 }))
    for (const [at, name] of names.entries()) {
      await client.mailboxCreate(name)
      await client.append(name, messages[at]!)
    }
    assert.deepEqual(await getmail('delete = true\nread_all = true', 'ALL'), texts(messages))
    for (const name of names) assert.equal((await left(name)).length, 0)
  })

  /** Without what the server put in front, and getmail behind the header. */
  function original(bytes: Buffer): string {
    const text = bytes
      .toString('latin1')
      .replace(/^X-getmail-retrieved-from-mailbox: .*\n/m, '')
      .replaceAll('\n', '\r\n')
    return withoutTrace(Buffer.from(text, 'latin1')).toString('latin1')
  }
})

/** Its Maildirs are not for root. */
const getmailrc = (server: TestServer, folder: string, options: string, mailboxes: string): string => `
[retriever]
type = SimpleIMAPSSLRetriever
server = 127.0.0.1
port = ${server.imapsPort}
username = ${alice.name}
password = ${alice.password}
mailboxes = ${mailboxes}

[destination]
type = MDA_external
path = /bin/sh
arguments = ("-c", "cat >$(mktemp ${folder}/XXXXXXXX)")
allow_root_commands = true

[options]
verbose = 0
${options}
`
