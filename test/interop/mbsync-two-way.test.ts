/** mbsync, shown random changes of both sides; it and who changes the far one may be with different workers. */
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import type { ImapFlow } from 'imapflow'
import { decodeUtf7, encodeUtf7 } from '#imap/namespace/utf7.ts'
import { Random } from '../harness/random.ts'
import { startServer, type TestServer } from '../harness/server.ts'
import { ImapSide, systemFlags } from './imap-side.ts'
import { signIn } from './imapflow.ts'
import { MaildirSide } from './maildir-side.ts'
import { mbsyncrc, withoutMark } from './mbsyncrc.ts'
import { needs, run } from './program.ts'
import { alice } from './read-by-curl.ts'
import { saveCertificate } from './server-certificate.ts'
import { TwoWay } from './two-way.ts'

const rounds = 6

describe('mbsync and random changes', needs('mbsync'), () => {
  let server: TestServer
  let client: ImapFlow

  before(async () => {
    server = await startServer({ workers: 2 })
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
    const configuration = path.join(server.directory, 'mbsyncrc')
    writeFileSync(configuration, mbsyncrc(server, root, certificate))
    const flags = { ...systemFlags, P: '$Forwarded' }
    const far = new ImapSide({ client, flags, original: withoutMark })
    // mbsync takes names as IMAP writes them (RFC 3501 §5.1.3).
    const near = new MaildirSide({
      root,
      letters: far.letters,
      encode: encodeUtf7,
      decode: (name) => decodeUtf7(Buffer.from(name)) ?? name,
      original: withoutMark,
    })
    const sync = async (): Promise<void> => {
      near.age()
      await run('mbsync', ['--config', configuration, '--all'])
    }
    await sync()
    const folders = [...(await far.read()).keys()]
    const both = new TwoWay({ random: new Random(), near, far, changesPerRound: 40, sync }, folders)
    for (let round = 0; round < rounds; round++) await (round % 2 === 0 ? both.round() : both.busyRound())
  })
})
