/** Configuration files: the one that administrators know, what is odd in one, and reading it again. */
import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { request } from 'node:https'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TLSSocket } from 'node:tls'
import { testCertificate, testKey } from '../../harness/certificates.ts'
import { Conversation } from '../../harness/conversation.ts'
import { basicAuth, ServerProcess, startServer } from '../../harness/server.ts'
import { temporaryDirectory } from '../../harness/store.ts'

/** As written for the server that people come from; only the ports are any free ones. */
const classicConfig = `
[server]
hostname = "mail.example.com"
# SMTP listener (port 25, inbound from internet)
[[server.listener]]
id = "smtp"
bind = ["127.0.0.1:0"]
protocol = "smtp"
tls.implicit = false # STARTTLS, not implicit TLS
# SMTP submission (port 587, outbound from clients)
[[server.listener]]
id = "submission"
bind = ["127.0.0.1:0"]
protocol = "smtp"
tls.implicit = false
# IMAPS (port 993)
[[server.listener]]
id = "imaps"
bind = ["127.0.0.1:0"]
protocol = "imap"
tls.implicit = true
# HTTPS
[[server.listener]]
id = "https"
bind = ["127.0.0.1:0"]
protocol = "http"
tls.implicit = true
[storage]
data = "rocksdb" # primary message store
blob = "rocksdb" # attachment/message body store
lookup = "rocksdb" # rate limiting, anti-spam lookups
fts = "rocksdb" # full-text search index
[authentication.fallback-admin]
user = "admin"
secret = "CHANGE_ME" # hashed with argon2 in WebAdmin

[certificate.default]
cert = "%{file:tls/cert.pem}%"
private-key = "%{file:tls/key.pem}%"
# Or use ACME auto-renewal:
[acme.letsencrypt]
directory = "https://acme-v02.api.letsencrypt.org/directory"
contact = ["mailto:admin@example.com"]
domains = ["mail.example.com"]

[enterprise]
license-key = "<LICENSE_KEY>"
api-key = "%{env:API_KEY}%"
`

/** The port of a service in the banner. */
const portOf = (banner: string, title: string): number =>
  Number(new RegExp(`^  ${title} .*?127\\.0\\.0\\.1 +(\\d+)`, 'm').exec(banner)![1])

test('the configuration file that administrators know works as written', async () => {
  const directory = temporaryDirectory()
  try {
    const config = join(directory, 'config.toml')
    writeFileSync(config, classicConfig)
    mkdirSync(join(directory, 'tls'))
    writeFileSync(join(directory, 'tls/cert.pem'), testCertificate('server-chain'))
    writeFileSync(join(directory, 'tls/key.pem'), testKey('server'))
    await using server = new ServerProcess(['--config', config, '--data', join(directory, 'data')], {
      env: { API_KEY: 'hunter2' },
    })
    await server.printed('server.ready')
    const { output } = server
    assert.match(output, /on mail\.example\.com/)
    assert.ok(!output.includes('admin password:'), 'the configuration has one')
    const warnings = output.split('\n').filter((line) => line.includes(' warn '))
    assert.equal(warnings.length, 3, output)
    assert.match(warnings[0]!, /config\.toml:47: Enterprise: .*not there yet/)
    assert.match(warnings[1]!, /config\.toml:4[12]: acme\.letsencrypt.*not there yet/)
    assert.match(warnings[2]!, /config\.toml:29.*rocksdb.*not there yet.*lmdb/)

    await using smtp = await Conversation.connect(portOf(output, 'SMTP'))
    await smtp.expect('220 mail.example.com ')
    await using submission = await Conversation.connect(portOf(output, 'Submission'))
    await submission.expect('220 ')
    submission.send('EHLO me')
    await submission.until('250 ')
    await submission.ask('MAIL FROM:<a@example.com>', '530 ')
    await using imap = await Conversation.connect(portOf(output, 'IMAP'), { tls: true })
    await imap.expect('* OK ')
    const shown = (imap.stream as TLSSocket).getPeerX509Certificate()!
    assert.equal(shown.fingerprint256, new X509Certificate(testCertificate('server')).fingerprint256)

    const status = (password: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        const headers = { authorization: basicAuth('admin', password) }
        const port = portOf(output, 'HTTP')
        const options = { host: '127.0.0.1', port, path: '/api/status', headers, rejectUnauthorized: false }
        request({ ...options, agent: false }, (response) => {
          response.resume()
          resolve(response.statusCode)
        })
          .on('error', reject)
          .end()
      })
    assert.equal(await status('CHANGE_ME'), 200)
    assert.equal(await status('CHANGE_YOU'), 401)
    for (const secret of ['CHANGE_ME', 'LICENSE_KEY', 'hunter2', 'PRIVATE KEY'])
      assert.ok(!server.output.includes(secret), secret)
  } finally {
    await rm(directory, { recursive: true })
  }
})

test('everything that is wrong with a file is said at once, with lines, and nothing is started', async () => {
  const directory = temporaryDirectory()
  try {
    const config = join(directory, 'config.toml')
    writeFileSync(join(directory, 'cert.pem'), testCertificate('server'))
    writeFileSync(join(directory, 'key.pem'), testKey('client'))
    writeFileSync(
      config,
      'server.threads = "many"\nserver.hostname = "not a name"\n' +
        'certificate.a.cert = "%{file:cert.pem}%"\ncertificate.a.private-key = "%{file:key.pem}%"\n' +
        'certificate.b.cert = "%{file:none.pem}%"\ncertificate.b.private-key = "%{file:key.pem}%"\n',
    )
    await using server = new ServerProcess(['--config', config, '--data', join(directory, 'data')])
    assert.deepEqual(await server.exited, { code: 1, signal: null })
    assert.match(server.output, /^config\.toml:2: server\.hostname must be .*"not a name"$/m)
    assert.match(server.output, /^config\.toml:1: server\.threads must be a whole number/m)
    assert.match(
      server.output,
      /^config\.toml:4: certificate\.a\.private-key \(%\{file:key\.pem\}%\) is not the key of the certificate$/m,
    )
    assert.match(
      server.output,
      /^config\.toml:5: certificate\.b\.cert needs the file none\.pem, which cannot be read$/m,
    )
    assert.ok(!server.output.includes('    at '), server.output)
    await using missing = new ServerProcess(['--config', join(directory, 'none.toml')], { cwd: directory })
    assert.deepEqual(await missing.exited, { code: 1, signal: null })
    assert.match(missing.output, /^cannot read .*none\.toml: there is no such file$/m)
  } finally {
    await rm(directory, { recursive: true })
  }
})

test('a protocol that is not there yet is a warning, not a failure', async () => {
  await using server = await startServer({
    config: '[server.listener.pop]\nbind = "127.0.0.1:0"\nprotocol = "pop3"\n',
  })
  assert.match(server.process.output, /warn .*listener \\?"pop\\?" is not opened.*pop3/)
})

test('SIGHUP reads the settings again; a wrong file changes nothing', async () => {
  await using server = await startServer({ config: '[session.connect]\ngreeting = "before"\n' })
  const greeting = async (): Promise<string> => {
    await using client = await server.connect(server.smtpPort)
    return await client.expect('220 ')
  }
  assert.match(await greeting(), /before$/)
  const file = join(server.directory, 'server.toml')
  const text = readFileSync(file, 'utf8')
  writeFileSync(file, text.replace('"before"', '"after"'))
  server.process.kill('SIGHUP')
  await server.process.printed('server.settings-reloaded')
  assert.match(await greeting(), /after$/)
  writeFileSync(file, text.replace('"before"', '5'))
  server.process.kill('SIGHUP')
  await server.process.printed('server.settings-refused')
  assert.match(await greeting(), /after$/)
})
