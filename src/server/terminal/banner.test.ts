import assert from 'node:assert/strict'
import { test } from 'node:test'
import { composeBanner } from './banner.ts'

const server = {
  version: '1.2.3',
  hostName: 'mail.example.org',
  startedAtMs: 0,
  selfSigned: true,
  listeners: [
    { service: 'imap', ip: '::', port: 993, security: 'tls' },
    { service: 'smtp', ip: '127.0.0.1', port: 2525, security: 'starttls' },
    { service: 'imap', ip: '0.0.0.0', port: 143, security: 'starttls' },
    { service: 'http', ip: '127.0.0.1', port: 8443, security: 'tls' },
    { service: 'imap', ip: '0.0.0.0', port: 993, security: 'tls' },
    { service: 'http', ip: '127.0.0.1', port: 8080, security: 'none' },
  ],
} as const

const facts = {
  server,
  publicUrl: undefined,
  directory: './data',
  engine: 'lmdb',
  adminPassword: 'aaaa-bbbb',
  hasDomains: false,
  command: './bin/postern.js',
}

test('a first start', () => {
  assert.equal(
    composeBanner(facts, false),
    `
Postern 1.2.3 on mail.example.org
data in ./data (lmdb)

  SMTP  127.0.0.1  2525  STARTTLS
  IMAP  [::]       993   TLS
        0.0.0.0    143   STARTTLS  993   TLS
  HTTP  127.0.0.1  8443  TLS       8080  no TLS

admin password: aaaa-bbbb
Note it now: it is shown this once and kept only as a hash.

Next, in another terminal:
  ./bin/postern.js domain create example.org
  ./bin/postern.js account create alice@example.org
  open http://127.0.0.1:8080/ for how to connect a mail program
  ./bin/postern.js doctor, for what is missing still

`,
  )
})

test('colours change nothing but the looks', () => {
  const coloured = composeBanner(facts, true)
  assert.match(coloured, /\x1b\[1mPostern/)
  assert.match(coloured, /^admin password: aaaa-bbbb$/m)
  assert.equal(coloured.replaceAll(/\x1b\[\d+m/g, ''), composeBanner(facts, false))
})

test('behind a proxy, its address is the one to open', () => {
  const banner = composeBanner({ ...facts, publicUrl: 'https://mail.example.org' }, false)
  assert.match(banner, /open https:\/\/mail\.example\.org\/ for how/)
})

test('no password at a later start, and IMAP where there is no page', () => {
  const listeners = server.listeners.filter(({ service }) => service !== 'http')
  const banner = composeBanner(
    { ...facts, adminPassword: undefined, server: { ...server, listeners } },
    false,
  )
  assert.ok(!banner.includes('password'))
  assert.match(banner, /connect a mail program by IMAP to \[::1\]:993/)
})

test('whoever has domains is not told how to begin', () => {
  const banner = composeBanner({ ...facts, hasDomains: true }, false)
  assert.match(
    banner,
    /\n\nIn another terminal:\n {2}open http:.*\n {2}\.\/bin\/postern\.js doctor, for what is missing still\n\n$/,
  )
})
