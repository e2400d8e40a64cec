/**
 * InterIMAP, which needs QRESYNC (RFC 7162) of both servers and goes by what it says alone, keeps the mailboxes of two
 * accounts alike; it and who changes them may be with different workers.
 */
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { ImapFlow } from 'imapflow'
import { Random } from '../harness/random.ts'
import { startServer, type TestServer } from '../harness/server.ts'
import { ImapSide, systemFlags } from './imap-side.ts'
import { signIn } from './imapflow.ts'
import { needs, run } from './program.ts'
import { alice, type User } from './read-by-curl.ts'
import { saveCertificate } from './server-certificate.ts'
import { TwoWay } from './two-way.ts'

const rounds = 4
const bob: User = { name: 'bob@example.org', password: 'another horse battery' }

describe('InterIMAP and random changes', needs('interimap'), () => {
  let server: TestServer
  let clients: readonly ImapFlow[]

  before(async () => {
    server = await startServer({ workers: 2 })
    for (const { name, password } of [alice, bob]) await server.createAccount(name, password)
    clients = await Promise.all([alice, bob].map((user) => signIn(server, user)))
  })
  after(async () => {
    for (const client of clients) await client.logout()
    await server[Symbol.asyncDispose]()
  })

  test('both accounts are alike after each run', async () => {
    const certificate = path.join(server.directory, 'certificate.pem')
    await saveCertificate(server.imapsPort, certificate)
    const configuration = path.join(server.directory, 'interimap.conf')
    writeFileSync(configuration, interimapConf(server, certificate), { mode: 0o600 })
    const flags = { ...systemFlags, P: '$Forwarded' }
    const [near, far] = clients.map((client) => new ImapSide({ client, flags, original: (bytes) => bytes }))
    // What it added itself it takes for changed at its next run, and then unites the flags of both sides.
    const sync = async (): Promise<void> => {
      for (let i = 0; i < 2; i++) await run('interimap', ['--config', configuration])
    }
    await sync()
    const folders = [...(await far!.read()).keys()]
    await near!.read()
    const random = new Random()
    const both = new TwoWay(
      { random, near: near!, far: far!, changesPerRound: 40, unitesFlags: true, sync },
      folders,
    )
    for (let round = 0; round < rounds; round++) await both.round()
  })
})

const interimapConf = (server: TestServer, certificate: string): string => `
database = ${path.join(server.directory, 'interimap.db')}
list-select-opts =
${accountOf('local', alice, server, certificate)}
${accountOf('remote', bob, server, certificate)}`

const accountOf = (section: string, user: User, server: TestServer, certificate: string): string => `
[${section}]
type = imaps
host = 127.0.0.1
port = ${server.imapsPort}
username = ${user.name}
password = ${user.password}
SSL_CAfile = ${certificate}
SSL_hostname =
`
