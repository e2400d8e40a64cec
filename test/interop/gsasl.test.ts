/** GNU SASL's client: SCRAM with and without channel binding, certificates, and keys that it derives itself. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { newScramKeys, readScramKeys } from '#account/verifiers/scram-keys.ts'
import { isRightPassword } from '#account/verifiers/stored-hash.ts'
import { certificatePath, testCertificate } from '../harness/certificates.ts'
import { startServer, type TestServer } from '../harness/server.ts'
import { needs, type Ran, run } from './program.ts'
import { alice, bob } from './read-by-curl.ts'

const config = `
[Authentication]
scramKeys = true
certificateSignIn = true
[MtaStageAuth]
waitOnFail = "0s"
[NetworkListener.imap]
tlsClientCertificates = "request"
tlsClientAuthorities = """
${testCertificate('root')}${testCertificate('intermediate')}"""
`

describe('gsasl', needs('gsasl'), () => {
  let server: TestServer

  before(async () => {
    server = await startServer({ config })
    await server.createAccount(alice.name, alice.password)
    await server.createAccount(bob.name, bob.password)
  })
  after(() => server[Symbol.asyncDispose]())

  const doors = [
    ['imap', 'imapPort'],
    ['smtp', 'submissionPort'],
  ] as const

  const gsasl = (
    door: (typeof doors)[number],
    mechanism: string,
    o: { readonly user?: typeof alice; readonly options?: readonly string[]; readonly code?: number } = {},
  ): Promise<Ran> => {
    const [protocol, port] = door
    const { name, password } = o.user ?? alice
    const who = ['--authentication-id', name, '--password', password]
    const where = [
      '--hostname',
      'localhost',
      '--realm',
      '',
      '--x509-ca-file=',
      '127.0.0.1',
      String(server[port]),
    ]
    const args = ['--client', `--${protocol}`, '--starttls', '--verbose', '--mechanism', mechanism]
    return run('gsasl', [...args, ...who, ...(o.options ?? []), ...where], { codes: [o.code ?? 0] })
  }

  const trusted = /Client authentication finished \(server trusted\)/

  for (const door of doors) {
    const [protocol] = door
    test(`${protocol}: SCRAM-SHA-256-PLUS, bound to the TLS connection`, async () => {
      assert.match((await gsasl(door, 'SCRAM-SHA-256-PLUS')).stderr, trusted)
    })

    test(`${protocol}: SCRAM-SHA-256 by a client that cannot bind`, async () => {
      assert.match((await gsasl(door, 'SCRAM-SHA-256', { options: ['--no-cb'] })).stderr, trusted)
    })
  }

  test('smtp: as oneself, named twice', async () => {
    const options = ['--authorization-id', bob.name]
    assert.match((await gsasl(doors[1], 'SCRAM-SHA-256-PLUS', { user: bob, options })).stderr, trusted)
  })

  test('a wrong password, and a user that does not exist, are refused alike', async () => {
    const wrong = { user: { ...alice, password: 'another password' }, code: 1 }
    const nobody = { user: { ...alice, name: 'nobody@example.org' }, code: 1 }
    for (const o of [wrong, nobody]) {
      const { stdout } = await gsasl(doors[0], 'SCRAM-SHA-256-PLUS', o)
      assert.match(stdout.toString('latin1'), /^\. NO \[AUTHENTICATIONFAILED\] Authentication failed/m)
    }
    const { stdout } = await gsasl(doors[1], 'SCRAM-SHA-256-PLUS', wrong)
    assert.match(stdout.toString('latin1'), /^535 5\.7\.8/m)
  })

  test('imap: EXTERNAL with a client certificate', async () => {
    const options = [
      `--x509-cert-file=${certificatePath('client')}`,
      `--x509-key-file=${certificatePath('client.key')}`,
      '--authorization-id=',
    ]
    const { stdout } = await gsasl(doors[0], 'EXTERNAL', { options })
    assert.match(stdout.toString('latin1'), /^\. OK \[CAPABILITY .*Signed in/m)
    const stranger = [
      `--x509-cert-file=${certificatePath('stranger')}`,
      `--x509-key-file=${certificatePath('stranger.key')}`,
      '--authorization-id=',
    ]
    const refused = await gsasl(doors[0], 'EXTERNAL', { options: stranger, code: 1 })
    assert.match(refused.stdout.toString('latin1'), /^\. NO \[CANNOT\]/m)
  })

  test('keys that it derives are ours', async () => {
    const password = 'a password'
    const ours = readScramKeys(newScramKeys(Buffer.from(password)))!
    const options = [`--iteration-count=${ours.iterations}`, `--salt=${ours.salt.toString('base64')}`]
    const { stdout } = await run('gsasl', [
      '--mkpasswd',
      '--mechanism=SCRAM-SHA-256',
      `--password=${password}`,
      ...options,
    ])
    const text = stdout.toString('utf8').trim()
    assert.deepEqual(readScramKeys(text), ours)
    assert.ok(isRightPassword(text, password) && !isRightPassword(text, 'another'))
  })
})
