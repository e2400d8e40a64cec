import assert from 'node:assert/strict'
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { isFault } from '#base/fault.ts'
import { createSelfSigned, loadOrCreateSelfSigned } from './self-signed.ts'

const nowMs = Date.UTC(2026, 10, 21)

async function directory(): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'self signed-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) }
}

test('the certificate is sound, carries all names and fits its key', () => {
  const pair = createSelfSigned(['mail.example.org', 'bücher.example', '192.0.2.7', '2001:db8::7'], nowMs)
  const certificate = new X509Certificate(pair.certificate)
  assert.ok(certificate.verify(certificate.publicKey))
  assert.ok(certificate.checkPrivateKey(createPrivateKey(pair.key)))
  assert.equal(certificate.ca, false)
  assert.equal(certificate.subject, 'CN=mail.example.org')
  assert.equal(certificate.checkHost('mail.example.org'), 'mail.example.org')
  assert.ok(certificate.checkHost('xn--bcher-kva.example'))
  assert.equal(certificate.checkHost('example.org'), undefined)
  assert.ok(certificate.checkIP('192.0.2.7'))
  assert.ok(certificate.checkIP('2001:db8::7'))
  assert.equal(certificate.checkIP('2001:db8::8'), undefined)
  assert.ok(certificate.validFromDate.getTime() <= nowMs)
  assert.equal(certificate.validToDate.getTime(), nowMs + 3650 * 86_400_000)
})

test('addresses in every form are encoded, and years from 2050 on', () => {
  for (const ip of [
    '::',
    '::1',
    '1::',
    '2001:db8:1:2:3:4:5:6',
    '::ffff:192.0.2.1',
    '0.0.0.0',
    '255.255.255.255',
  ]) {
    assert.ok(new X509Certificate(createSelfSigned([ip], nowMs).certificate).checkIP(ip), ip)
  }
  const late = new X509Certificate(createSelfSigned(['a.example'], Date.UTC(2045, 0, 1)).certificate)
  assert.equal(late.validToDate.getUTCFullYear(), 2054)
})

test('many names and a long one fit', () => {
  const names = Array.from(
    { length: 100 },
    (_, i) => `${'long-'.repeat(10)}${i}.${'sub-domain.'.repeat(10)}example`,
  )
  const certificate = new X509Certificate(createSelfSigned(names, nowMs).certificate)
  assert.ok(certificate.checkHost(names[99]!))
})

test('without a name, or with none that is one, there is no certificate', () => {
  for (const names of [[], ['not a name'], ['ok.example', '']]) {
    assert.throws(
      () => createSelfSigned(names, nowMs),
      (error) => isFault(error, 'invalid'),
    )
  }
})

test('the pair is made once, and only its owner can read it', async () => {
  await using dir = await directory()
  const inside = join(dir.path, 'tls')
  const first = await loadOrCreateSelfSigned(inside, ['mail.example.org'], nowMs)
  assert.deepEqual(await loadOrCreateSelfSigned(inside, ['mail.example.org'], nowMs), first)
  const [name, ...others] = await readdir(inside)
  assert.deepEqual(others, [])
  assert.equal((await stat(join(inside, name!))).mode & 0o777, 0o600)
})

test('a new pair is made where the old one misses a name, has expired or is damaged', async () => {
  await using dir = await directory()
  const names = ['mail.example.org', '127.0.0.1']
  const first = await loadOrCreateSelfSigned(dir.path, ['mail.example.org'], nowMs)
  const second = await loadOrCreateSelfSigned(dir.path, names, nowMs)
  assert.notEqual(second.key, first.key)
  const third = await loadOrCreateSelfSigned(dir.path, names, nowMs + 3651 * 86_400_000)
  assert.notEqual(third.key, second.key)
  for (const damaged of [
    '',
    'rubbish',
    `${third.key}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`,
  ]) {
    await writeFile(join(dir.path, 'self-signed.pem'), damaged)
    const again = await loadOrCreateSelfSigned(dir.path, names, nowMs)
    assert.ok(new X509Certificate(again.certificate).checkPrivateKey(createPrivateKey(again.key)))
  }
})
