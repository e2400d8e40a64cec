import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Lru } from '#base/lru.ts'
import { ArcVerifier } from '#mailauth/arc-verify.ts'
import { queuedMessageTable } from '#queue/tables.ts'
import { AuthZone } from '../../../test/harness/auth-zone.ts'
import { keyFor, noChecks, publicKey, startedAt, TestServer } from './fixture.test.ts'
import type { SenderChecks } from './settings.ts'

const zone = new AuthZone({ 's1._domainkey.example.org': [{ TXT: `v=DKIM1; k=ed25519; p=${publicKey}` }] })
const lists = { all: { recipients: ['alice@example.org', 'dave@elsewhere.example'] } }

/** What leaves for the members elsewhere, whole. */
async function passedOn(checks: Partial<SenderChecks>, message: string): Promise<Buffer> {
  await using s = await TestServer.start({
    lists,
    limits: { checks: { ...noChecks, ...checks } },
    deps: { resolver: zone, keysOf: (domain) => [keyFor(domain)] },
  })
  const said = await s.talk(
    'smtp',
    `EHLO client.example\r\nMAIL FROM:<me@client.example>\r\nRCPT TO:<all@example.org>\r\nDATA\r\n${message}.\r\nQUIT\r\n`,
  )
  assert.match(said, /\r\n250 2\.0\.0 /)
  const seals = (text: string): number => text.split('ARC-Seal:').length
  assert.equal(seals((await s.messages('alice'))[0]!), seals(message), 'no seal on what stays here')
  const [[, { before, blob, sizeBytes }]] = (await s.db.read((tx) =>
    tx.list(queuedMessageTable, []),
  )) as never as [[never, { before: string; blob: never; sizeBytes: number }]]
  return Buffer.concat([Buffer.from(before), Buffer.from(await s.blobs.readRange(blob, 0, sizeBytes))])
}

async function chainOf(message: Buffer) {
  const verifier = new ArcVerifier({ resolver: zone, known: new Lru(10), nowMs: startedAt, clockSkewMs: 0 })
  const end = message.indexOf('\r\n\r\n') + 4
  verifier.header(message.subarray(0, end))
  verifier.body(message.subarray(end))
  return verifier.end()
}

const message = 'From: <me@author.example>\r\nSubject: x\r\n\r\ntext\r\n'
const checked = { arcVerify: 'relaxed', dkimVerify: 'relaxed', dmarcVerify: 'relaxed' } as const

test('what a list passes on is sealed by its domain, with what was found out', async () => {
  const sent = await passedOn(checked, message)
  const chain = await chainOf(sent)
  assert.ok(chain.result === 'pass', JSON.stringify(chain))
  assert.deepEqual(
    chain.sets.map(({ domain, results }) => [domain, results]),
    [
      [
        'example.org',
        'i=1; mx.example.org; spf=none smtp.mailfrom=me@client.example; dkim=none; arc=none; dmarc=none header.from=author.example',
      ],
    ],
  )
  const changed = Buffer.from(sent.toString('latin1').replace('text', 'tent'), 'latin1')
  assert.equal((await chainOf(changed)).result, 'fail')
})

test('a second seal goes on with the chain', async () => {
  const first = await passedOn(checked, message)
  const second = await chainOf(await passedOn(checked, first.toString('latin1')))
  assert.ok(second.result === 'pass', JSON.stringify(second))
  assert.match(second.sets[1]!.results, /^i=2; .* arc=pass /)
})

test('what was not checked is not sealed', async () => {
  assert.equal((await chainOf(await passedOn({}, message))).result, 'none')
  assert.equal((await chainOf(await passedOn({ dkimVerify: 'relaxed' }, message))).result, 'none')
})
