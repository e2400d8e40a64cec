import assert from 'node:assert/strict'
import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { test, type TestContext } from 'node:test'
import { startDns } from '../../../test/harness/dns.ts'
import { serve } from '../fixture.test.ts'

async function withDomain(t: TestContext, o: Parameters<typeof serve>[1] = {}) {
  const server = await serve(t, o)
  const done = async (line: string, given = {}) => {
    const result = await server.postern(line, given)
    assert.equal(result.code, 0, `${line}: ${result.err}`)
    return result.out
  }
  await done('domain create example.org')
  return { ...server, done }
}

const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }) as string

test('keys are exchanged at a word, which says what to publish and what to remove', async (t) => {
  const { done, postern } = await withDomain(t)
  const first = await done('dkim rotate example.org')
  assert.match(
    first,
    /^2 new keys were made for example\.org\.\nNext: publish these records\. The keys sign nothing until it is seen in the DNS\.\n {2}v1-ed25519-20231114\._domainkey\.example\.org\. IN TXT "v=DKIM1; k=ed25519; h=sha256; p=[^"]*"\n {2}v1-rsa-20231114\._domainkey\.example\.org\. IN TXT "v=DKIM1; k=rsa; [^"]{200,}" "[^"]+"\n$/,
  )
  const again = await done('dkim rotate example.org')
  assert.match(
    again,
    /^The next keys of example\.org wait for their records already\.\nNext: publish these records/,
  )
  assert.match(again, /v1-rsa-/)
  const now = await done('dkim rotate example.org --now')
  assert.match(now, /\n {2}v2-rsa-20231114\._domainkey/)
  assert.match(
    now,
    /And remove these records[^\n]*\n {2}v1-ed25519-20231114\._domainkey\.example\.org\.\n {2}v1-rsa-20231114\._domainkey\.example\.org\.\n$/,
  )
  assert.match(
    await done('dkim list --search v1-rsa'),
    /v1-rsa-20231114\._domainkey\.example\.org +retired +2023-/,
  )
  assert.equal((await postern('dkim rotate example.net')).code, 1)
  await done('domain update example.org dkimManagement.type=manual')
  const byHand = await postern('dkim rotate example.org')
  assert.match(byHand.err, /are managed by hand/)
})

test('keys are brought from a file, the environment or standard input, and never shown', async (t) => {
  const { done, data, postern } = await withDomain(t)
  const file = `${data}/dkim.pem`
  writeFileSync(file, pem)
  const shown = [
    await done(`dkim create example.org selector=a --key-file ${file}`),
    await done('dkim create example.org selector=b --key-env DKIM_KEY', { env: { DKIM_KEY: pem } }),
    await done('dkim create example.org selector=c --key-file -', { input: pem }),
    await done('dkim show a._domainkey.example.org --json'),
    await done('get DkimSignature b._domainkey.example.org'),
    await done('audit --json'),
  ]
  assert.match(
    shown[0]!,
    /^The DKIM key a\._domainkey\.example\.org was created\.\nNext: publish this record\. The key signs nothing until it is seen in the DNS\.\n {2}a\._domainkey\.example\.org\. IN TXT "v=DKIM1;/,
  )
  const secret = pem.split('\n')[1]!
  for (const text of shown) assert.ok(!text.includes(secret) && !text.includes('PRIVATE'), text)
  const wrong = await postern('dkim create example.org --key-env NONE')
  assert.match(wrong.err, /the environment has no NONE/)
  const twice = await postern(`dkim create example.org --key-env A --key-file ${file}`)
  assert.equal(twice.code, 64)
})

test('the records of a domain are printed, and compared with the DNS', async (t) => {
  await using dns = await startDns({
    'example.org': { MX: ['10 old.example.net'], TXT: ['v=spf1 mx -all'] },
    'mail.example.org': { A: ['192.0.2.1'], TXT: ['v=spf1 a -all'] },
    'old.example.net': { A: ['192.0.2.9'] },
    '_dmarc.example.org': { TXT: ['v=DMARC1; p=none'] },
  })
  const { done, postern, json } = await withDomain(t, { config: dns.config })
  await done('dkim create example.org selector=a algorithm=ed25519')
  const zone = await done('domain dns example.org')
  assert.match(zone, /^; DNS records of example\.org\n/)
  for (const line of [
    'example.org. 3600 IN MX 10 mail.example.org.',
    'example.org. 3600 IN TXT "v=spf1 mx -all"',
    '_dmarc.example.org. 3600 IN TXT "v=DMARC1; p=reject; rua=mailto:postmaster@example.org"',
    '_submissions._tcp.example.org. 3600 IN SRV 0 1 465 mail.example.org.',
    '_imap._tcp.example.org. 3600 IN SRV 10 1 143 mail.example.org.',
  ])
    assert.ok(zone.includes(`\n${line}\n`), line)
  const { code, out } = await postern('domain dns example.org --check')
  assert.equal(code, 1)
  assert.match(
    out,
    /^wrong {4}MX example\.org\.\n {9}mail goes to servers[^\n]*\n {9}found: 10 old\.example\.net\n {9}-> example\.org\. IN MX 10 mail/,
  )
  assert.match(
    out,
    /\nmissing {2}DKIM a\._domainkey\.example\.org\.\n {9}-> a\._domainkey\.example\.org\. IN TXT "v=/,
  )
  assert.match(out, /\nok {7}DMARC _dmarc\.example\.org\.\n/)
  assert.match(out, /\n\d things must be done\.\n$/)

  const records =
    await json<{ type: string; name: string; content: string; purpose: string }[]>('domain dns example.org')
  for (const { type, name, content } of records) {
    if (type === 'TXT')
      dns.set(name.slice(0, -1), { TXT: [[...content.matchAll(/"([^"]*)"/g)].map(([, one]) => one!)] })
    if (type === 'SRV') dns.set(name.slice(0, -1), { SRV: [content] })
  }
  const address = { A: ['192.0.2.1'], TXT: ['v=spf1 a -all'] }
  dns.set('example.org', { MX: ['10 mail.example.org'], TXT: ['v=spf1 mx -all'] })
  dns.set('mail.example.org', address)
  const good = await postern('domain dns example.org --check')
  assert.equal(good.code, 0, good.out)
  assert.match(good.out, /\nNothing must be done\.\n$/)
  assert.equal((await postern('domain dns example.net')).code, 1)
})
