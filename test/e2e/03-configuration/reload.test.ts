/** Settings that change while the server runs, with several workers: by the file and by SIGHUP. */
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { testCertificate, testKey } from '../../harness/certificates.ts'
import type { Conversation } from '../../harness/conversation.ts'
import { freePorts } from '../../harness/free-ports.ts'
import { startServer, type TestServer } from '../../harness/server.ts'

/** In use until it is let go, and nobody else's afterwards. */
async function holdPort(): Promise<{ port: number; release(): Promise<void> } & AsyncDisposable> {
  const free = await freePorts(1)
  const [port = 0] = free.ports
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const release = (): Promise<void> => new Promise((resolve) => server.close(() => resolve()))
  const give = async (): Promise<void> => {
    await release()
    await free[Symbol.asyncDispose]()
  }
  return { port, release, [Symbol.asyncDispose]: give }
}

const issuer = (c: Conversation): string =>
  (c.stream as TLSSocket).getPeerX509Certificate()!.issuer.replace('CN=', '')

/** Writes the configuration with some texts replaced, and has it read again. */
async function reload(
  server: TestServer,
  outcome: string,
  ...changes: readonly [RegExp, string][]
): Promise<void> {
  const file = join(server.directory, 'server.toml')
  const text = changes.reduce((now, [from, to]) => now.replace(from, to), readFileSync(file, 'utf8'))
  writeFileSync(file, text)
  const before = server.process.output.split(outcome).length
  server.process.kill('SIGHUP')
  while (server.process.output.split(outcome).length === before)
    await new Promise((resolve) => setTimeout(resolve, 10))
}

for (const workers of [1, 2]) {
  test(`listeners and certificates change, sessions go on, ${workers} workers`, async () => {
    await using server = await startServer({ workers })
    await using lmtp = await server.connect(server.lmtpPort)
    await lmtp.expect('220 ')
    await using imaps = await server.connect(server.imapsPort, { tls: true })
    await imaps.expect('* OK ')
    assert.equal(issuer(imaps), 'mail.example.org')

    await using added = await holdPort()
    const certificate =
      `[certificate.a]\ncert = """${testCertificate('server-chain')}"""\n` +
      `private-key = """${testKey('server')}"""\n`
    const withMore: [RegExp, string] = [
      /$/,
      `\n[server.listener.added]\nbind = "127.0.0.1:${added.port}"\nprotocol = "smtp"\n${certificate}`,
    ]
    await reload(server, 'server.settings-refused', withMore)
    assert.match(server.process.output, new RegExp(`port ${added.port} .*added.*: another program uses it`))
    await using still = await server.connect(server.imapsPort, { tls: true })
    assert.equal(issuer(still), 'mail.example.org')

    await added.release()
    await reload(server, 'server.settings-reloaded', [/\[server\.listener\.lmtp\]\n(?:.+\n)+/, ''])
    // Each worker takes the certificate as soon as it hears of it.
    for (let i = 0; i < 6; i++) {
      await using c = await until(
        () => server.connect(server.imapsPort, { tls: true }),
        (c) => issuer(c) === 'Test intermediate',
      )
      await c.expect('* OK ')
      await using smtp = await server.connect(added.port)
      await smtp.expect('220 ')
    }
    await assert.rejects(server.connect(server.lmtpPort))
    await lmtp.ask('LHLO me', /^250/)
    await imaps.ask('a NOOP', 'a OK')
  })
}

async function until(
  make: () => Promise<Conversation>,
  holds: (c: Conversation) => boolean,
): Promise<Conversation> {
  for (let i = 0; ; i++) {
    const c = await make()
    if (holds(c)) return c
    c.destroy()
    assert.ok(i < 1000, 'it never came to hold')
  }
}

test('a reload says what changed and what waits for the next start', async () => {
  await using server = await startServer({ config: '[Cache]\nmessages = 2097152\n' })
  await reload(server, 'server.settings-reloaded', [/messages = \d+/, 'messages = 4194304'])
  assert.match(server.process.output, /settings-reloaded.*Cache.*Cache\.messages/)
})
