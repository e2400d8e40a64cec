import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { duplexPair } from 'node:stream'
import { test } from 'node:test'
import { connect, type ConnectionOptions } from 'node:tls'
import { isFault } from '#base/fault.ts'
import { createSelfSigned } from '#cert/self-signed.ts'
import { acceptTls } from './tls.ts'
import { TlsContexts } from './tls-contexts.ts'

const nowMs = Date.UTC(2026, 10, 21)
const dayMs = 86_400_000

interface Outcome {
  readonly subject: string | undefined
  readonly validTo: number | undefined
  readonly version: string | null
  readonly reused: boolean
  readonly session: Buffer | undefined
}

/** One handshake in memory; what the client sees. */
async function handshake(contexts: TlsContexts, o: ConnectionOptions = {}): Promise<Outcome> {
  const [serverSide, clientSide] = duplexPair()
  const server = acceptTls(serverSide, { contexts, alpn: [], timeoutMs: 60_000 })
  const client = connect({ socket: clientSide, rejectUnauthorized: false, ...o })
  let session: Buffer | undefined
  client.on('session', (bytes: Buffer) => {
    session = bytes
  })
  try {
    const connected = new Promise<void>((resolve, reject) => {
      client.once('secureConnect', resolve)
      client.once('error', reject)
    })
    await Promise.all([connected, server.done])
    const greeted = new Promise((resolve) => client.once('data', resolve))
    server.socket.write('hello')
    await greeted
    // There is none on a resumed connection.
    const certificate = client.getPeerX509Certificate()
    return {
      subject: certificate?.subject.replace('CN=', ''),
      validTo: certificate?.validToDate.getTime(),
      version: client.getProtocol(),
      reused: client.isSessionReused(),
      session,
    }
  } finally {
    client.destroy()
    server.socket.destroy()
  }
}

test('the certificate is chosen by name: its own, a wildcard of one label, else the first', async () => {
  const contexts = new TlsContexts([
    createSelfSigned(['first.example.org'], nowMs),
    createSelfSigned(['mail.example.net'], nowMs),
    createSelfSigned(['*.example.net'], nowMs),
  ])
  const subject = async (servername?: string): Promise<string | undefined> =>
    (await handshake(contexts, servername === undefined ? {} : { servername })).subject
  assert.equal(await subject(), 'first.example.org')
  assert.equal(await subject('mail.example.net'), 'mail.example.net')
  assert.equal(await subject('MAIL.Example.NET'), 'mail.example.net')
  assert.equal(await subject('imap.example.net'), '*.example.net')
  assert.equal(await subject('a.b.example.net'), 'first.example.org')
  assert.equal(await subject('example.net'), 'first.example.org')
})

test('of two certificates for one name the newer wins', async () => {
  const older = createSelfSigned(['mail.example.org'], nowMs - 10 * dayMs)
  const newer = createSelfSigned(['mail.example.org'], nowMs)
  const wanted = new X509Certificate(newer.certificate).validToDate.getTime()
  for (const pairs of [
    [older, newer],
    [newer, older],
  ]) {
    const seen = await handshake(new TlsContexts(pairs), { servername: 'mail.example.org' })
    assert.equal(seen.validTo, wanted)
  }
})

test('certificates are exchanged for new handshakes; a bad pair changes nothing', async () => {
  const contexts = new TlsContexts([createSelfSigned(['one.example'], nowMs)])
  contexts.setCertificates([createSelfSigned(['two.example'], nowMs)])
  assert.equal((await handshake(contexts)).subject, 'two.example')
  const good = createSelfSigned(['three.example'], nowMs)
  const other = createSelfSigned(['four.example'], nowMs)
  for (const bad of [
    [],
    [{ ...good, key: other.key }],
    [{ certificate: 'nonsense', key: good.key }],
    [good, { ...other, key: '' }],
  ]) {
    assert.throws(
      () => contexts.setCertificates(bad),
      (error) => isFault(error, 'invalid'),
    )
  }
  assert.equal((await handshake(contexts)).subject, 'two.example')
})

test('TLS 1.2 is spoken, 1.1 is not', async () => {
  const contexts = new TlsContexts([createSelfSigned(['mail.example.org'], nowMs)])
  const old = await handshake(contexts, { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' })
  assert.equal(old.version, 'TLSv1.2')
  await assert.rejects(handshake(contexts, { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' }))
})

test('sessions resume after an exchange of certificates, and with a worker that shares the ticket keys', async () => {
  const pair = createSelfSigned(['mail.example.org'], nowMs)
  const ticketKeys = Buffer.alloc(48, 7)
  const one = new TlsContexts([pair], { ticketKeys })
  const two = new TlsContexts([pair], { ticketKeys })
  const stranger = new TlsContexts([pair])
  const { session } = await handshake(one)
  assert.ok(session !== undefined)
  one.setCertificates([pair])
  assert.equal((await handshake(one, { session })).reused, true)
  assert.equal((await handshake(two, { session })).reused, true)
  assert.equal((await handshake(stranger, { session })).reused, false)
})
