import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { startDns } from '../../../test/harness/dns.ts'
import { serve } from '../fixture.test.ts'

const zones = {
  'example.org': { TXT: ['v=spf1 ip4:192.0.2.1 -all'] },
  '_dmarc.example.org': { TXT: ['v=DMARC1; p=reject'] },
  'other.example': { TXT: ['v=spf1 ip4:192.0.2.1 -all'] },
  '1.2.0.192.in-addr.arpa': { PTR: ['mx.example.org'] },
  'mx.example.org': { A: ['192.0.2.1'] },
} as const

const from1 = '--ip 192.0.2.1 --ehlo mx.example.org'
const message =
  'DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=old; h=from; bh=YWJj; b=YWJj\nFrom: alice@example.org\n\n\xe4\n'

test('each result on lines with its reason, and what to do', async (t) => {
  await using dns = await startDns(zones)
  const { postern, json, data } = await serve(t, { config: dns.config })
  const sender = await postern(`troubleshoot dmarc ${from1} --from alice@example.org`)
  assert.deepEqual(
    [sender.code, sender.out],
    [
      0,
      `pass       reverse name
           192.0.2.1 is mx.example.org
none       SPF of EHLO mx.example.org
           mx.example.org has no SPF record
pass       SPF of MAIL FROM example.org
           ip4:192.0.2.1 in the record of example.org matches 192.0.2.1
           record: v=spf1 ip4:192.0.2.1 -all
pass       DMARC example.org
           SPF passed for example.org, which vouches for example.org
           record of example.org: v=DMARC1; p=reject
           alignment: SPF strict
           organizational domain: example.org

Such a message without signatures would be taken here: nothing that SenderAuth demands is missing.
`,
    ],
  )
  const file = path.join(data, 'saved.eml')
  await writeFile(file, message, 'latin1')
  const command = `troubleshoot dmarc ${from1} --from bob@other.example`
  const bad = await postern(`${command} --message ${file}`)
  assert.equal(bad.code, 1)
  assert.match(
    bad.out,
    /^permerror {2}DKIM example\.org, selector old\n {11}there is no key record \(rsa-sha256\)\n {11}-> Publish the key as a TXT record at old\._domainkey\.example\.org/m,
  )
  assert.match(bad.out, /^none {7}ARC\n/m)
  assert.match(
    bad.out,
    /^fail {7}DMARC example\.org\n(?: {11}.*\n)+ {11}-> Send with an address of example\.org /m,
  )
  assert.match(bad.out, /\nThis message would be taken here: .* wants it refused, but /)
  const typed = await postern(`${command} --message -`, { input: Buffer.from(message, 'latin1') })
  assert.equal(typed.out, bad.out)
  const unsigned = await postern(`${command} --message -`, { input: 'From: a@example.org\n\nhello\n' })
  assert.match(unsigned.out, /^none {7}DKIM\n {11}the message has no signature\n/m)
  const shown = await json<{ dmarc: { result: string } }>(
    `troubleshoot dmarc ${from1} --from alice@example.org`,
  )
  assert.equal(shown.dmarc.result, 'pass')
})

test('what is no question', async (t) => {
  const { postern, data } = await serve(t)
  assert.equal((await postern('troubleshoot dmarc --ip 192.0.2.1')).code, 64)
  assert.match((await postern('troubleshoot dmarc --ip here --ehlo x')).err, /remoteIp/)
  const empty = await postern(`troubleshoot dmarc ${from1} --message -`)
  assert.match(empty.err, /standard input is empty/)
  const large = path.join(data, 'large.eml')
  await writeFile(large, 'x'.repeat(800_000))
  assert.match((await postern(`troubleshoot dmarc ${from1} --message ${large}`)).err, /800000 bytes/)
  assert.equal(
    (await postern(`--admin-password-stdin troubleshoot dmarc ${from1} --message -`, { input: 'x' })).code,
    64,
  )
})
