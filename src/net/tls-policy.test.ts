import assert from 'node:assert/strict'
import { duplexPair } from 'node:stream'
import { test } from 'node:test'
import { connect, type ConnectionOptions, type PeerCertificate } from 'node:tls'
import { isFault } from '#base/fault.ts'
import { testCertificate, testKey } from '../../test/harness/certificates.ts'
import type { CertificatePair } from './certificate-set.ts'
import { createSelfSigned } from '#cert/self-signed.ts'
import { acceptTls, type TlsFacts, tlsFacts } from './tls.ts'
import { TlsContexts } from './tls-contexts.ts'
import { cipherSuites, contextOptions, type TlsPolicy } from './tls-policy.ts'

const ecdsa: CertificatePair = { certificate: testCertificate('server-chain'), key: testKey('server') }
const rsa: CertificatePair = { certificate: testCertificate('server-rsa'), key: testKey('server-rsa') }

interface Met {
  readonly facts: TlsFacts
  readonly server: PeerCertificate
  readonly reused: boolean
  readonly session: Buffer | undefined
  /** What server and client export for the same label. */
  readonly exported: readonly [Uint8Array, Uint8Array]
}

const label = 'EXPORTER-Channel-Binding'

async function meet(contexts: TlsContexts, o: ConnectionOptions = {}): Promise<Met> {
  const [serverSide, clientSide] = duplexPair()
  const { socket, done } = acceptTls(serverSide, { contexts, alpn: [], timeoutMs: 60_000 })
  const client = connect({
    socket: clientSide,
    rejectUnauthorized: false,
    servername: 'mail.example.com',
    ...o,
  })
  let session: Buffer | undefined
  client.on('session', (bytes: Buffer) => {
    session = bytes
  })
  try {
    const connected = new Promise<void>((resolve, reject) => {
      client.once('secureConnect', resolve)
      client.once('error', reject)
    })
    await Promise.all([connected, done])
    const greeted = new Promise((resolve) => client.once('data', resolve))
    socket.write('hello')
    await greeted
    const facts = tlsFacts(socket)
    return {
      facts,
      server: client.getPeerCertificate(),
      reused: client.isSessionReused(),
      session,
      exported: [facts.exportKey(label, 32), client.exportKeyingMaterial(32, label, Buffer.alloc(0))],
    }
  } finally {
    client.destroy()
    socket.destroy()
  }
}

const withPolicy = (policy: TlsPolicy): TlsContexts => new TlsContexts([ecdsa], { policy })

test('versions can be taken away, and not all of them', async () => {
  const only13 = withPolicy({ disabledVersions: ['tls12'] })
  assert.equal((await meet(only13)).facts.version, 'TLSv1.3')
  await assert.rejects(meet(only13, { maxVersion: 'TLSv1.2' }))
  const only12 = withPolicy({ disabledVersions: ['tls13'] })
  assert.equal((await meet(only12)).facts.version, 'TLSv1.2')
  for (const policy of [{ disabledVersions: ['tls12', 'tls13'] }, { disabledSuites: cipherSuites }] as const)
    assert.throws(
      () => contextOptions(policy),
      (error) => isFault(error, 'invalid'),
    )
})

test('cipher suites can be taken away; without those of TLS 1.3 it is not spoken', async () => {
  const disabledSuites = cipherSuites.filter((suite) => suite.startsWith('tls13-'))
  const { facts } = await meet(
    withPolicy({ disabledSuites: [...disabledSuites, 'tls-ecdhe-ecdsa-with-aes-128-gcm-sha256'] }),
  )
  assert.equal(facts.version, 'TLSv1.2')
  assert.equal(facts.cipher, 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384')
})

test('our order of suites counts, or the order of the client', async () => {
  const client = { ciphers: 'TLS_CHACHA20_POLY1305_SHA256:TLS_AES_128_GCM_SHA256' }
  assert.equal((await meet(withPolicy({}), client)).facts.cipher, 'TLS_AES_128_GCM_SHA256')
  const theirs = withPolicy({ useClientOrder: true })
  assert.equal((await meet(theirs, client)).facts.cipher, 'TLS_CHACHA20_POLY1305_SHA256')
})

test('RSA beside ECDSA for one name: the client gets what it can verify', async () => {
  const other = createSelfSigned(['other.example.org'], Date.UTC(2026, 10, 21))
  for (const pairs of [
    [ecdsa, rsa],
    [rsa, ecdsa],
    [other, ecdsa, rsa],
  ]) {
    const contexts = new TlsContexts(pairs)
    const bits = async (sigalgs?: string) =>
      (await meet(contexts, sigalgs === undefined ? {} : { sigalgs })).server.bits
    assert.equal(await bits(), 256)
    assert.equal(await bits('ECDSA+SHA256'), 256)
    assert.equal(await bits('RSA-PSS+SHA256:RSA+SHA256'), 2048)
  }
})

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  const only = { minVersion: version, maxVersion: version }
  const clientAuthorities = testCertificate('root')
  const alice = { cert: testCertificate('client'), key: testKey('client') }

  test(`a client's certificate is known when its issuer is trusted, ${version}`, async () => {
    const asking = withPolicy({ clientAuthorities })
    const { facts, session } = await meet(asking, { ...only, ...alice })
    assert.equal(facts.peerCertificate?.subject, 'O=Example, CN=alice')
    assert.equal(facts.peerCertificate.commonName, 'alice')
    assert.deepEqual(facts.peerCertificate.names.email, ['alice@example.org'])
    assert.ok(facts.peerCertificate.der.length > 100)
    const again = await meet(asking, { ...only, session: session! })
    assert.equal(again.reused, true)
    assert.equal(again.facts.peerCertificate?.commonName, 'alice')
  })

  test(`no certificate, a stranger's, one for servers, or not asked: none is known, ${version}`, async () => {
    const asking = withPolicy({ clientAuthorities })
    const known = async (contexts: TlsContexts, client: ConnectionOptions) =>
      (await meet(contexts, { ...only, ...client })).facts.peerCertificate
    assert.equal(await known(asking, {}), undefined)
    const stranger = { cert: testCertificate('stranger'), key: testKey('stranger') }
    assert.equal(await known(asking, stranger), undefined)
    const server = { cert: testCertificate('server-chain'), key: testKey('server') }
    assert.equal(await known(asking, server), undefined)
    assert.equal(await known(withPolicy({}), alice), undefined)
  })

  test(`a session does not outlive the trust in its certificate, ${version}`, async () => {
    const ticketKeys = Buffer.alloc(48, 3)
    const before = new TlsContexts([ecdsa], { ticketKeys, policy: { clientAuthorities } })
    const { session } = await meet(before, { ...only, ...alice })
    const policy = { clientAuthorities: testCertificate('stranger') }
    const later = await meet(new TlsContexts([ecdsa], { ticketKeys, policy }), { ...only, session: session! })
    assert.equal(later.facts.peerCertificate, undefined)
  })

  test(`both sides export the same key for a channel binding, ${version}`, async () => {
    const { facts, exported } = await meet(withPolicy({}), only)
    assert.deepEqual(exported[0], exported[1])
    assert.throws(
      () => facts.exportKey(label, 32),
      (error) => isFault(error, 'unavailable'),
    )
  })
}
