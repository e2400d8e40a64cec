/**
 * OfflineIMAP, shown random changes of both sides. Keywords of the server become
 * small letters of Maildir, but not the other way.
 */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { ImapFlow } from 'imapflow'
import { Random } from '../harness/random.ts'
import { startServer, type TestServer } from '../harness/server.ts'
import { ImapSide, systemFlags } from './imap-side.ts'
import { signIn } from './imapflow.ts'
import { MaildirSide } from './maildir-side.ts'
import { needs, run } from './program.ts'
import { alice } from './read-by-curl.ts'
import { saveCertificate } from './server-certificate.ts'
import { TwoWay } from './two-way.ts'

const rounds = 4
const keywords = { a: '$Important', b: 'etikett' }

describe('OfflineIMAP and random changes', needs('offlineimap'), () => {
  let server: TestServer
  let client: ImapFlow

  before(async () => {
    server = await startServer({ engine: 'sqlite' })
    await server.createAccount(alice.name, alice.password)
    client = await signIn(server, alice)
  })
  after(async () => {
    await client.logout()
    await server[Symbol.asyncDispose]()
  })

  test('both sides are alike after each run', async () => {
    const root = path.join(server.directory, 'mail')
    mkdirSync(root)
    const certificate = path.join(server.directory, 'certificate.pem')
    await saveCertificate(server.imapsPort, certificate)
    const configuration = path.join(server.directory, 'offlineimaprc')
    const { fingerprint256 } = new X509Certificate(readFileSync(certificate))
    writeFileSync(configuration, offlineimaprc(server, root, fingerprint256))
    const far = new ImapSide({ client, flags: { ...systemFlags, ...keywords }, original: (bytes) => bytes })
    const near = new MaildirSide({
      root,
      letters: Object.keys(systemFlags).join(''),
      encode: (folder) => folder,
      decode: (name) => name,
      original: (bytes) => bytes,
    })
    const sync = async ({ isBusy }: { isBusy: boolean }): Promise<void> => {
      near.age()
      const { code, stdout, stderr } = await run('offlineimap', ['-c', configuration, '-o', '-u', 'quiet'], {
        codes: isBusy ? [0, 1] : [0],
      })
      // RFC 9051 §7.1: it leaves a folder out, for this time, whose messages went away between SELECT and FETCH.
      if (code === 1) assert.match(`${stdout.toString()}${stderr}`, /\[EXPUNGEISSUED\]/)
    }
    await sync({ isBusy: false })
    const folders = [...(await far.read()).keys()]
    const both = new TwoWay({ random: new Random(), near, far, changesPerRound: 40, sync }, folders)
    for (let round = 0; round < rounds; round++) await (round % 2 === 0 ? both.round() : both.busyRound())
  })
})

const offlineimaprc = (server: TestServer, root: string, fingerprint: string): string => `
[general]
accounts = alice
metadata = ${server.directory}/offlineimap

[Account alice]
localrepository = near
remoterepository = far
utf8foldernames = yes

[Repository near]
type = Maildir
localfolders = ${root}
sep = /
customflag_a = ${keywords.a}
customflag_b = ${keywords.b}

[Repository far]
type = IMAP
remotehost = 127.0.0.1
remoteport = ${server.imapsPort}
remoteuser = ${alice.name}
remotepass = ${alice.password}
ssl = yes
cert_fingerprint = ${fingerprint}
usecompression = yes
`
