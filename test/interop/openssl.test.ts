/** TLS as openssl's own client sees it. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { needs, run } from './program.ts'
import { startServer, type TestServer } from '../harness/server.ts'

describe('openssl s_client', needs('openssl'), () => {
  let server: TestServer

  before(async () => {
    server = await startServer()
  })
  after(() => server[Symbol.asyncDispose]())

  /** What it prints about a connection over which `lines` are said; none of its own commands are meant. */
  async function client(port: number, options: readonly string[], lines: readonly string[], codes = [0]) {
    const args = [
      's_client',
      '-connect',
      `127.0.0.1:${port}`,
      '-crlf',
      '-ign_eof',
      '-servername',
      'mail.example.org',
    ]
    const input = lines.map((line) => `${line}\n`).join('')
    const { stdout, stderr } = await run('openssl', [...args, ...options], { input, codes })
    // Of what is said before TLS it prints the last line to stderr.
    return { said: stdout.toString('latin1'), stderr }
  }

  const smtpQuit = ['EHLO client.example.net', 'QUIT'] as const
  const imapQuit = ['a CAPABILITY', 'b LOGOUT'] as const

  const doors = [
    ['SMTP', 'smtpPort', ['-starttls', 'smtp'], smtpQuit, /^250[ -]8BITMIME/m],
    ['submission', 'submissionPort', ['-starttls', 'smtp'], smtpQuit, /^250[ -]AUTH PLAIN LOGIN/m],
    ['submissions', 'submissionsPort', [], smtpQuit, /^250[ -]AUTH PLAIN LOGIN/m],
    ['LMTP', 'lmtpPort', ['-starttls', 'lmtp'], ['LHLO client.example.net', 'QUIT'], /^250[ -]8BITMIME/m],
    ['IMAP', 'imapPort', ['-starttls', 'imap'], imapQuit, /^\* CAPABILITY .*AUTH=PLAIN/m],
    ['IMAPS', 'imapsPort', [], imapQuit, /^\* CAPABILITY .*AUTH=PLAIN/m],
    [
      'HTTPS',
      'httpsPort',
      [],
      ['GET /healthz/live HTTP/1.0', 'Host: mail.example.org', ''],
      /^HTTP\/1\.1 200/m,
    ],
  ] as const

  for (const [name, port, options, lines, wanted] of doors) {
    for (const version of ['1_2', '1_3']) {
      test(`${name} with TLS ${version.replace('_', '.')}`, async () => {
        const { said } = await client(server[port], [...options, `-tls${version}`], lines)
        assert.match(
          said,
          new RegExp(
            `Protocol *: TLSv${version.replace('_', '\\.')}|New, TLSv${version.replace('_', '\\.')}`,
          ),
        )
        assert.match(said, wanted)
        if (name !== 'HTTPS') assert.doesNotMatch(said, /^250[ -]STARTTLS|CAPABILITY .*STARTTLS/m)
      })
    }
  }

  test('nothing older than TLS 1.2', async () => {
    for (const version of ['-tls1', '-tls1_1']) {
      const options = [version, '-cipher', 'DEFAULT@SECLEVEL=0']
      const { stderr } = await client(server.imapsPort, options, imapQuit, [1])
      assert.match(stderr, /alert protocol version|unsupported protocol|no protocols available/)
    }
  })

  test('a session is taken up again', async () => {
    const file = path.join(server.directory, 'session.pem')
    await client(server.imapsPort, ['-tls1_2', '-sess_out', file], imapQuit)
    assert.match(readFileSync(file, 'latin1'), /BEGIN SSL SESSION/)
    const { said } = await client(server.imapsPort, ['-tls1_2', '-sess_in', file], imapQuit)
    assert.match(said, /^Reused, TLSv1\.2/m)
  })

  test('the certificate names the host', async () => {
    const { said } = await client(server.imapsPort, ['-showcerts'], imapQuit)
    const pem = /-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/.exec(said)?.[0]
    const { stdout } = await run('openssl', ['x509', '-noout', '-checkhost', 'mail.example.org'], {
      input: `${pem}\n`,
    })
    assert.match(stdout.toString('utf8'), /does match certificate/)
  })

  test('what was said in clear before TLS does not count', async () => {
    // The name of EHLO is forgotten (RFC 3207 §4.2): MAIL without a new EHLO is out of order.
    const { said } = await client(
      server.smtpPort,
      ['-starttls', 'smtp'],
      ['MAIL FROM:<a@example.net>', 'QUIT'],
    )
    assert.match(said, /^503 /m)
  })
})
