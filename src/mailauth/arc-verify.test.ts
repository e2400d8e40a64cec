/** What the suite in test/conformance/arc.test.ts does not ask. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { latin1 } from '#base/bytes.ts'
import { changed, message, seal, verify } from './arc-fixture.test.ts'
import { type ArcCheck, arcResult, ArcVerifier } from './arc-verify.ts'
import { knownKeys, nowMs, records, resolverOf, rsaKey, split } from './dkim-fixture.test.ts'
import type { AuthResolver } from './resolver.ts'

/** Answers with the records of the tests and says what was asked. */
function counting(): { readonly resolver: AuthResolver; readonly asked: string[] } {
  const asked: string[] = []
  const inner = resolverOf(records)
  return {
    asked,
    resolver: {
      resolve: (name, type) => {
        asked.push(name)
        return inner.resolve(name, type)
      },
    },
  }
}

const reasonOf = (check: ArcCheck): string =>
  check.result === 'fail' ? `${check.reason}: ${check.text}` : check.result

/** What a message signature with one more tag comes to; it is not signed again. */
async function withTag(tag: string): Promise<string> {
  return reasonOf(
    await verify(changed(await seal(message), 'c=relaxed/relaxed;', `c=relaxed/relaxed; ${tag};`)),
  )
}

test('each failure says what it is', async () => {
  const one = await seal(message)
  const cases: readonly (readonly [string | RegExp, string, string])[] = [
    [/^ARC-Seal: i=1;/, 'ARC-Seal: i=51;', 'invalidInstance: ARC-Seal has no instance'],
    [/^/, 'ARC-Seal: i=0; cv=none\r\n', 'invalidInstance: ARC-Seal has no instance'],
    [/^ARC-Seal: i=1;/, 'ARC-Seal: i=1; h=from;', 'hasHeaderTag: the seal of set 1 has h='],
    [/^ARC-Seal: i=1;/, 'ARC-Seal: i=2;', 'brokenChain: set 1 has no ARC-Seal'],
    [
      /^ARC-Seal: i=1;/,
      'ARC-Seal: i=1; i=1;',
      'brokenChain: ARC-Seal is malformed: the tag i is there twice',
    ],
    [
      /^ARC-Seal: i=1;/,
      'ARC-Seal: i=1; a=x;',
      'brokenChain: ARC-Seal is malformed: the tag a is there twice',
    ],
    [
      'a=ed25519-sha256',
      'a=rsa-sha1',
      'seal: the seal of set 1 is malformed: a= is no algorithm that counts',
    ],
    ['cv=none', 'cv=pass', 'invalidChainStatus: the seal of set 1 does not say cv=none'],
    ['cv=none', 'cv=none; x=1', 'seal: the seal of set 1 does not hold: it does not match the header'],
    [
      'yet?',
      'now?',
      'messageSignature: the message signature of set 1 does not hold: the body has been changed',
    ],
    [
      'Subject: D',
      'Subject: d',
      'messageSignature: the message signature of set 1 does not hold: it does not match the header',
    ],
    ['s=e;', 's=f;', 'seal: the seal of set 1 does not hold: there is no key record'],
    [
      'mx.example.com;\r\n spf',
      'mx.example.net;\r\n spf',
      'seal: the seal of set 1 does not hold: it does not match the header',
    ],
  ]
  for (const [from, to, reason] of cases) assert.equal(reasonOf(await verify(changed(one, from, to))), reason)
})

test('a message signature over a part of the body, or one that has expired, does not count', async () => {
  const start = 'messageSignature: the message signature of set 1 does not hold:'
  assert.equal(await withTag('l=5'), `${start} only a part of the body is signed`)
  assert.equal(await withTag(`x=${nowMs / 1000 - 301}`), `${start} it has expired`)
  assert.equal(await withTag(`x=${nowMs / 1000 - 300}`), `${start} it does not match the header`)
})

test('tags within their grammar, and From signed (RFC 6376 §5.4)', async () => {
  const one = await seal(message)
  const start = 'messageSignature: the message signature of set 1 does not hold:'
  assert.equal(reasonOf(await verify(changed(one, 'h=From:From:', 'h='))), `${start} From is not signed`)
  const badTime = changed(one, /(ARC-Message-Signature: [^]*?) t=\d+;/, '$1 t=now;')
  assert.equal(reasonOf(await verify(badTime)), `${start} t= is no number`)
})

test('the keys of the newest set are looked up while the body comes in', async () => {
  const { resolver, asked } = counting()
  const set = (instance: number, status: string) => [
    `ARC-Seal: i=${instance}; a=rsa-sha256; d=seal${instance}.example; s=s; cv=${status}; b=AAAA`,
    `ARC-Message-Signature: i=${instance}; a=rsa-sha256; d=message${instance}.example; s=s; h=from; bh=AAAA; b=AAAA`,
    `ARC-Authentication-Results: i=${instance}; x`,
  ]
  const header = latin1([...set(2, 'pass'), ...set(1, 'none'), '', ''].join('\r\n'))
  new ArcVerifier({ resolver, known: knownKeys(), nowMs, clockSkewMs: 0 }).header(header)
  assert.deepEqual(asked, ['s._domainkey.seal2.example', 's._domainkey.message2.example'])
})

test('failures of the DNS are failures (RFC 8617 §5.2.1); what is no failure of a message is thrown', async () => {
  const one = await seal(message)
  const resolver = {
    resolve: () => Promise.resolve({ kind: 'failed', reason: 'no answer' }),
  } as unknown as AuthResolver
  assert.match(reasonOf(await verify(one, { resolver })), /the key could not be looked up$/)
  const broken = { resolve: () => Promise.reject(new Error('broken')) } as AuthResolver
  await assert.rejects(verify(one, { resolver: broken }), /broken/)
  const signal = AbortSignal.abort()
  assert.match(reasonOf(await verify(one, { resolver: broken, signal })), /could not be looked up in time$/)
})

test('older keys are asked for only after newer seals have been found good', async () => {
  const forged = [3, 2, 1].flatMap((i) => {
    const common = `i=${i}; a=rsa-sha256; d=victim${i}.example; s=s; b=AAAA;`
    return [
      `ARC-Seal: ${common} cv=${i === 1 ? 'none' : 'pass'}`,
      `ARC-Message-Signature: ${common} bh=AAAA; h=from`,
      `ARC-Authentication-Results: i=${i}; x`,
    ]
  })
  const below = latin1(`${forged.join('\r\n')}\r\n${message.toString('latin1')}`)
  const sealed = await seal(below, { key: rsaKey, checked: 'pass' })
  const { resolver, asked } = counting()
  assert.equal(
    reasonOf(await verify(sealed, { resolver })),
    'seal: the seal of set 3 does not hold: there is no key record',
  )
  assert.deepEqual(asked, ['r._domainkey.example.com', 's._domainkey.victim3.example'])
  const spoilt = counting()
  assert.equal((await verify(changed(sealed, 'yet?', 'now?'), spoilt)).result, 'fail')
  assert.deepEqual(spoilt.asked, ['r._domainkey.example.com'])
})

test('ten thousand sets and a header of a megabyte are given up without a question', async () => {
  const set = (i: number) =>
    `ARC-Seal: i=${i}; a=rsa-sha256; d=victim${i}.example; s=s; cv=pass; b=AAAA\r\nARC-Message-Signature: i=${i}; b=\r\nARC-Authentication-Results: i=${i}; x\r\n`
  const many = latin1(
    Array.from({ length: 10_000 }, (_, i) => set(i + 1)).join('') + message.toString('latin1'),
  )
  const { resolver, asked } = counting()
  assert.equal(reasonOf(await verify(many, { resolver })), 'chainTooLong: the chain has more than 50 sets')
  for (const filler of [' ', 'i=1;', '(', ';', 'i =(x) ', 'h=from:']) {
    for (const name of ['ARC-Seal', 'ARC-Message-Signature', 'ARC-Authentication-Results']) {
      const large = latin1(
        `${name}: i=1; ${filler.repeat(1_000_000 / filler.length)}\r\n${message.toString('latin1')}`,
      )
      assert.equal((await verify(large, { resolver })).result, 'fail')
    }
  }
  assert.deepEqual(asked, [])
})

test('however the body is split, the result is the same', async () => {
  const sealed = await seal(await seal(message))
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(40)), fc.boolean(), async (sizes, isSpoilt) => {
      const { header, body } = split(isSpoilt ? changed(sealed, 'yet?', 'yet ?') : sealed)
      const verifier = new ArcVerifier({ ...counting(), known: knownKeys(), nowMs, clockSkewMs: 0 })
      verifier.header(header)
      let at = 0
      for (const size of sizes) {
        verifier.body(body.subarray(at, at + size))
        at += size
      }
      verifier.body(body.subarray(at))
      assert.equal((await verifier.end()).result, isSpoilt ? 'fail' : 'pass')
    }),
  )
})

test('any change of a sealed message is found, but for what ARC does not cover; none throws', async () => {
  const sealed = await seal(await seal(message))
  const { header } = split(sealed)
  const covered = header.indexOf('Authentication-Results: mx.example.com; spf=pass')
  await fc.assert(
    fc.asyncProperty(fc.nat(covered - 1), fc.integer({ min: 0x21, max: 0x7e }), async (at, byte) => {
      const spoilt = Buffer.from(sealed)
      spoilt[at] = byte
      const check = await verify(spoilt)
      if (check.result !== 'pass') return
      // Space that was there already, the case of a name, the bits that the last letter of a signature has too many
      // (RFC 4648 §3.5), an older message signature's or a DKIM signature's own.
      const relaxed = (bytes: Buffer) =>
        bytes
          .toString('latin1')
          .replace(/\s+/g, '')
          .replace(/[\w+/]{2}==/g, (end) => Buffer.from(end, 'base64').toString('hex'))
          .toLowerCase()
      assert.ok(relaxed(spoilt) === relaxed(sealed), `${at} ${byte}`)
    }),
  )
})

test('any header and body throw nothing', async () => {
  const piece = fc.constantFrom(
    'ARC-Seal: ',
    'ARC-Message-Signature: ',
    'ARC-Authentication-Results: ',
    'i=1; ',
    'i=2; ',
    'cv=none; ',
    'cv=pass; ',
    'cv=fail; ',
    'a=ed25519-sha256; d=example.com; s=e; b=AAAA; ',
    'bh=AAAA; h=from; c=relaxed; ',
    '\r\n',
    '\r\n\r\n',
    'x',
    '(',
  )
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(piece, fc.string())), async (pieces) => {
      const bytes = latin1(`${pieces.join('')}\r\n\r\n`)
      assert.notEqual((await verify(bytes)).result, 'pass')
      await seal(bytes)
    }),
  )
})

test('for Authentication-Results (RFC 8617 §6)', () => {
  assert.deepEqual(arcResult({ result: 'none' }, '192.0.2.1'), {
    method: 'arc',
    result: 'none',
    properties: [],
  })
  const remote = { ptype: 'smtp', property: 'remote-ip', value: '192.0.2.1' }
  assert.deepEqual(arcResult({ result: 'pass', oldestPass: 2, sets: [] }, '192.0.2.1'), {
    method: 'arc',
    result: 'pass',
    properties: [{ ptype: 'header', property: 'oldest-pass', value: '2' }, remote],
  })
  assert.deepEqual(arcResult({ result: 'fail', reason: 'seal', text: 'no' }, '192.0.2.1'), {
    method: 'arc',
    result: 'fail',
    reason: 'no',
    properties: [remote],
  })
})
