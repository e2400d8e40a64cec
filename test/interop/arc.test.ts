/** Chains of ARC that we make are verified by dkimpy, whose `arcverify` is this function, and those it makes by us. */
import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import path from 'node:path'
import { describe, test } from 'node:test'
import { Lru } from '#base/lru.ts'
import { ArcSealer } from '#mailauth/arc-seal.ts'
import { type ArcCheck, ArcVerifier } from '#mailauth/arc-verify.ts'
import type { AuthResults } from '#message/auth-results.ts'
import { AuthZone } from '../harness/auth-zone.ts'
import { needs, run } from './program.ts'

const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' }).toString('base64')
const records = { 's._domainkey.example.com': `v=DKIM1; k=rsa; p=${publicKey}` }
const key = { domain: 'example.com', selector: 's', algorithm: 'rsa-sha256', privateKey } as const
const nowMs = 1_762_164_672_000
const authservId = 'mx.example.com'
const found: AuthResults = {
  authservId,
  results: [
    {
      method: 'spf',
      result: 'pass',
      properties: [{ ptype: 'smtp', property: 'mailfrom', value: 'example.org' }],
    },
  ],
}

/** With what canonical forms differ in: folding, space, empty lines at the end, and a field twice. */
const message = [
  'Received: from a.example by b.example;',
  '\tMon, 3 Nov 2025 10:00:00 +0000',
  'From:  Alice   <alice@example.org> ',
  'To: list@example.com',
  'SUBJECT: Dinner \t for',
  '  two',
  'X-Other: 1',
  'X-Other: 2',
  'DKIM-Signature: v=1; a=rsa-sha256; d=example.org; s=s; h=from; bh=AAAA; b=AAAA',
  'MIME-Version: 1.0',
  '',
  'Are you  hungry \t yet? ',
  '',
  '.dot',
  '',
  '',
  '',
].join('\r\n')

async function python(command: string, input: Record<string, unknown>): Promise<unknown> {
  const script = path.join(import.meta.dirname, 'python', 'arc.py')
  const { stdout } = await run('/usr/bin/python3', ['-B', script, command], { input: JSON.stringify(input) })
  return JSON.parse(stdout.toString('utf8'))
}

const theirs = (text: string) => python('verify', { message: text, records })

/** What dkimpy takes as found out stands in the message, as the result of the chain so far does, and once only. */
const theirSeal = async (text: string, arc: string): Promise<string> => {
  const bare = text.replace(/^Authentication-Results: .*\r\n/m, '')
  const stamped = `Authentication-Results: ${authservId}; spf=pass smtp.mailfrom=example.org; arc=${arc}\r\n${bare}`
  const facts = { domain: key.domain, selector: key.selector, authserv_id: authservId }
  const pem = privateKey.export({ type: 'pkcs1', format: 'pem' })
  const headers = ['from', 'to', 'subject', 'mime-version', 'x-other']
  return `${String(await python('seal', { message: stamped, ...facts, key: pem, headers }))}${stamped}`
}

function split(text: string): readonly [Buffer, Buffer] {
  const end = text.indexOf('\r\n\r\n') + 4
  return [Buffer.from(text.slice(0, end), 'latin1'), Buffer.from(text.slice(end), 'latin1')]
}

function ours(text: string): Promise<ArcCheck> {
  const zone = Object.fromEntries(Object.entries(records).map(([name, record]) => [name, [{ TXT: record }]]))
  const verifier = new ArcVerifier({
    resolver: new AuthZone(zone),
    known: new Lru(10),
    nowMs,
    clockSkewMs: 0,
  })
  const [header, body] = split(text)
  verifier.header(header)
  verifier.body(body)
  return verifier.end()
}

async function ourSeal(text: string, checked?: ArcCheck['result']): Promise<string> {
  const sealer = new ArcSealer({ key, nowMs })
  const [header, body] = split(text)
  sealer.header(header)
  sealer.body(body)
  const fields = await sealer.end(checked ?? (await ours(text)).result, found)
  return fields.toString('latin1') + text
}

const bothPass = async (text: string, sets: number) => {
  const each = Array.from({ length: sets }, (_, i) => [sets - i, true, true])
  assert.deepEqual(await theirs(text), { status: 'pass', reason: 'success', sets: each })
  const check = await ours(text)
  assert.ok(check.result === 'pass', JSON.stringify(check))
  assert.deepEqual([check.oldestPass, check.sets.length], [0, sets])
}

describe('dkimpy', needs('python3', 'dkimpy', 'authres'), () => {
  test('what we seal passes there, three times over', async () => {
    let sealed = message
    for (let sets = 1; sets <= 3; sets++) {
      sealed = await ourSeal(sealed)
      await bothPass(sealed, sets)
    }
  })

  test('what it seals passes here, and both continue the chain of the other', async () => {
    const one = await theirSeal(message, 'none')
    await bothPass(one, 1)
    const two = await ourSeal(one)
    await bothPass(two, 2)
    const three = await theirSeal(two, 'pass')
    await bothPass(three, 3)
    await bothPass(await ourSeal(three), 4)
  })

  test('what was changed on the way fails in both', async () => {
    const sealed = await ourSeal(await ourSeal(message))
    for (const [from, to] of [
      ['hungry', 'thirsty'],
      ['Dinner', 'Lunch'],
      ['spf=pass', 'spf=fail'],
      ['cv=pass', 'cv=none'],
    ] as const) {
      const spoilt = sealed.replace(from, to)
      assert.equal(((await theirs(spoilt)) as { status: string }).status, 'fail', from)
      assert.equal((await ours(spoilt)).result, 'fail', from)
    }
  })

  test('of a chain that has failed, our seal covers its own set only, as there', async () => {
    const failed = await ourSeal(await ourSeal(message), 'fail')
    // It ends the chain for dkimpy, which says that of a seal that is good.
    const { status, reason } = (await theirs(failed)) as { status: unknown; reason: string }
    assert.equal(status, null)
    assert.equal(reason, 'ARC-Seal[2] reported failure, the chain is terminated')
    assert.equal((await ours(failed)).result, 'fail')
  })
})
