/** The zone text of a domain as Debian's named-checkzone reads it. */
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { newDkimKeyPair } from '#cert/dkim-key-pair.ts'
import { wantedRecords, zoneLine, zoneText } from '#cert/dns-records.ts'
import { temporaryDirectory } from '../harness/store.ts'
import { needs, run } from './program.ts'

/** What a zone has besides, which is not ours to say. */
const above = `$ORIGIN example.org.
@ 3600 IN SOA ns root 1 3600 600 86400 60
@ 3600 IN NS ns
ns 3600 IN A 192.0.2.53
mail 3600 IN A 192.0.2.1
`

describe('the zone text of a domain', needs('named-checkzone'), () => {
  test('is taken by named-checkzone, with and without what is not for everybody, and means what was meant', async () => {
    const pairs = await Promise.all([newDkimKeyPair('rsa-sha256'), newDkimKeyPair('ed25519-sha256')])
    const wanted = wantedRecords({
      domain: 'example.org',
      hostname: 'mail.example.org',
      keys: pairs.map((pair) => ({ ...pair, selector: `v1-${pair.algorithm}`, stage: 'active' })),
      reportUri: 'mailto:postmaster@example.org',
      services: [
        { name: 'submissions', port: 465 },
        { name: 'imap', port: 143 },
      ],
      certificateKeys: [Buffer.alloc(32, 0xab)],
      authorities: ['letsencrypt.org'],
      mtaSts: { mode: 'testing', mx: ['mail.example.org'], maxAgeSeconds: 604_800 },
      hasCertificate: () => true,
      hasWeb: true,
    })
    const text = zoneText('example.org', wanted.map(zoneLine))
    const whole = text.replaceAll(/^; (?=\S+ \d+ IN )/gm, '')
    assert.notEqual(whole, text)
    const folder = temporaryDirectory()
    try {
      for (const one of [text, whole]) {
        writeFileSync(join(folder, 'zone'), above + one)
        const args = ['-i', 'local', '-D', '-s', 'full', '-o', 'out', 'example.org', 'zone']
        const said = await run('named-checkzone', args, { folder })
        assert.doesNotMatch(`${said.stdout.toString()}${said.stderr}`, /error|warning|has no|ignoring/i)
      }
      // One line for each record, as named keeps it: all of ours and the four from above.
      writeFileSync(join(folder, 'zone'), above + whole)
      const args = ['-q', '-D', '-s', 'full', '-o', '-', 'example.org', 'zone']
      const dump = (await run('named-checkzone', args, { folder })).stdout.toString()
      const kept = dump.split('\n').filter((line) => /\sIN\s/.test(line))
      assert.equal(kept.length, wanted.length + 4)
      const joined = dump.replaceAll(/"\s+"/g, '')
      for (const { publicKey } of pairs) assert.ok(joined.includes(`p=${publicKey}"`), joined)
      assert.match(dump, /_25\._tcp\.mail\.example\.org\.\s+3600\s+IN\s+TLSA\s+3 1 1 (?:AB){28}/)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})
