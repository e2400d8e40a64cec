import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { DkimReason } from './dkim-check.ts'
import { type DkimSignature, readDkimSignature } from './dkim-signature.ts'

const tags = {
  v: '1',
  a: 'rsa-sha256',
  d: 'example.com',
  s: 'sel',
  h: 'From:To',
  bh: '47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=',
  b: 'AQID',
}

/** A signature with these tags changed; undefined takes one out. */
const text = (changed: Readonly<Record<string, string | undefined>> = {}): string =>
  Object.entries({ ...tags, ...changed })
    .flatMap(([name, value]) => (value === undefined ? [] : [` ${name}=${value}`]))
    .join(';')

function read(changed: Readonly<Record<string, string | undefined>> = {}): DkimSignature {
  const signature = readDkimSignature(text(changed))
  assert.ok(signature.kind === 'signature', JSON.stringify(signature))
  return signature
}

function refused(changed: Readonly<Record<string, string | undefined>>): DkimReason {
  const signature = readDkimSignature(text(changed))
  assert.ok(signature.kind === 'refused', JSON.stringify(changed))
  assert.match(signature.text, /^[ -~]+$/)
  return signature.reason
}

test('a signature with what it must have (RFC 6376 §3.5)', () => {
  const { signatureTag, ...rest } = read()
  assert.equal(text().slice(signatureTag.start, signatureTag.end), 'AQID')
  assert.deepEqual(rest, {
    kind: 'signature',
    claims: {
      domain: 'example.com',
      selector: 'sel',
      identity: '@example.com',
      algorithm: 'rsa-sha256',
      signatureStart: 'AQID',
    },
    keyType: 'rsa',
    keyName: 'sel._domainkey.example.com',
    isIdentityExact: true,
    header: 'simple',
    body: 'simple',
    names: ['from', 'to'],
    bodyHash: Buffer.from(tags.bh, 'base64'),
    signature: Buffer.of(1, 2, 3),
    bodyLength: undefined,
    signedAt: undefined,
    expiresAt: undefined,
  })
})

test('the example of RFC 6376 §3.5', () => {
  const example = [
    'v=1; a=rsa-sha256; d=example.net; s=brisbane;',
    '   c=simple; q=dns/txt; i=@eng.example.net;',
    '   t=1117574938; x=1118006938;',
    '   h=from:to:subject:date;',
    '   z=From:foo@eng.example.net|To:joe@example.com|',
    '    Subject:demo=20run|Date:July=205,=202005=203:44:08=20PM=20-0700;',
    '   bh=MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTI=;',
    '   b=dzdVyOfAKCdLXdJOc9G2q8LoXSlEniSbav+yuU4zGeeruD00lszZVoG4ZHRNiYzR',
  ].join('\r\n')
  const signature = readDkimSignature(example)
  assert.ok(signature.kind === 'signature')
  assert.equal(signature.claims.identity, '@eng.example.net')
  assert.equal(signature.isIdentityExact, false)
  assert.equal(signature.bodyHash.toString(), '12345678901234567890123456789012')
  assert.equal(signature.signature.length, 48)
  assert.deepEqual([signature.signedAt, signature.expiresAt], [1117574938, 1118006938])
  assert.deepEqual(signature.names, ['from', 'to', 'subject', 'date'])
})

test('values in other spellings', () => {
  assert.equal(read({ a: 'Ed25519-SHA256' }).keyType, 'ed25519')
  assert.equal(read({ d: 'EXAMPLE.com' }).claims.domain, 'example.com')
  assert.equal(read({ h: ' from \r\n : \r\n\tX-A.b_!' }).names[1], 'x-a.b_!')
  assert.equal(read({ b: 'AQ\r\n ID', bh: ' 4\r\n 7DE' }).signature.length, 3)
  assert.equal(read({ q: 'x/y : DNS/TXT' }).keyType, 'rsa')
  assert.equal(read({ x1: 'unknown', Z_: '' }).keyType, 'rsa')
  const methods = (c: string) => [read({ c }).header, read({ c }).body].join('/')
  assert.equal(methods('relaxed'), 'relaxed/simple')
  assert.equal(methods('relaxed/relaxed'), 'relaxed/relaxed')
  assert.equal(methods('Simple/RELAXED'), 'simple/relaxed')
})

test('numbers', () => {
  assert.equal(read({ l: '0' }).bodyLength, 0)
  assert.equal(read({ l: '9'.repeat(76) }).bodyLength, 1e76)
  assert.equal(read({ t: '000000000001', x: '999999999999' }).expiresAt, 999_999_999_999)
  for (const value of ['', '-1', '1.5', '1 2', '0x1', '1e3', '1'.repeat(77)]) {
    assert.equal(refused({ l: value }), 'syntax')
  }
  assert.equal(refused({ t: '1'.repeat(13) }), 'syntax')
  // RFC 6376 §3.5: x= is greater than t=.
  assert.equal(refused({ t: '5', x: '5' }), 'syntax')
})

test('identities (RFC 6376 §2.11, §3.5)', () => {
  const identity = (i: string) => read({ i }).claims.identity
  assert.equal(identity('joe@example.com'), 'joe@example.com')
  assert.equal(identity('@Sub.Example.com'), '@sub.example.com')
  assert.equal(identity('=22a=20@=3B=22@exam\r\n ple.com'), '"a @;"@example.com')
  assert.equal(read({ i: 'a@example.com' }).isIdentityExact, true)
  assert.equal(read({ i: 'a@x.example.com' }).isIdentityExact, false)
  for (const i of ['', 'joe', 'joe@', 'a=4z@example.com', 'a=3d@example.com', 'a=0D@example.com', '@a..b']) {
    assert.equal(refused({ i }), 'syntax', i)
  }
  for (const i of ['@example.org', '@badexample.com', '@com.example']) {
    assert.equal(refused({ i }), 'identityMismatch')
  }
})

test('names in Unicode (RFC 8616 §5)', () => {
  const domain = Buffer.from('bücher.example').toString('latin1')
  const signature = read({ d: domain, s: Buffer.from('ü').toString('latin1'), i: `${domain}@${domain}` })
  assert.equal(signature.claims.domain, 'xn--bcher-kva.example')
  assert.equal(signature.claims.identity, 'bücher.example@xn--bcher-kva.example')
  assert.equal(signature.keyName, 'xn--tda._domainkey.xn--bcher-kva.example')
  assert.equal(read({ d: 'xn--bcher-kva.example', i: `@${domain}` }).isIdentityExact, true)
  for (const changed of [{ d: '\xfc.example' }, { s: '\xfc' }, { i: '\xfc@example.com' }]) {
    assert.equal(refused(changed), 'syntax')
  }
})

test('what is refused, and why (RFC 6376 §6.1.1)', () => {
  for (const name of Object.keys(tags)) assert.equal(refused({ [name]: undefined }), 'missingTag', name)
  for (const v of ['', '2', '1.0', '01']) assert.equal(refused({ v }), 'version')
  assert.equal(refused({ a: 'rsa-sha1' }), 'historicAlgorithm')
  for (const a of ['', 'rsa', 'rsa-sha512', 'ed25519-sha1', 'rsa-sha256-x']) {
    assert.equal(refused({ a }), 'unknownAlgorithm')
  }
  for (const c of ['', 'x', 'simple/', '/simple', 'relaxed/relaxed/relaxed', 'nowsp/simple']) {
    assert.equal(refused({ c }), 'unknownCanonicalization')
  }
  for (const q of ['', 'dns', 'http']) assert.equal(refused({ q }), 'unknownQueryMethod')
  for (const h of ['', 'to', 'to:date']) assert.equal(refused({ h }), 'fromNotSigned')
  for (const h of ['from:', 'from::to', 'from:a b']) assert.equal(refused({ h }), 'syntax')
  for (const d of ['', 'com', 'example.com.', 'a..b', '192.0.2.1', 'a b.c', '-a.example']) {
    assert.equal(refused({ d }), 'syntax', d)
  }
  for (const s of ['', '.', 'a.', 'a b', 'a/b']) assert.equal(refused({ s }), 'syntax', s)
  for (const b of ['', '=', 'A*B']) {
    assert.equal(refused({ b }), 'syntax')
    assert.equal(refused({ bh: b }), 'syntax')
  }
  assert.equal(refused({ 'a b': '' }), 'syntax')
  assert.equal(refused({ z: 'x'.repeat(70_000) }), 'syntax')
})

test('what a refused signature claims', () => {
  const { claims } = readDkimSignature(text({ a: 'rsa-sha1' }))
  assert.deepEqual([claims.domain, claims.selector, claims.algorithm], ['example.com', 'sel', 'rsa-sha1'])
  const wrong = readDkimSignature(text({ a: '"x"', d: 'a"b', s: '(', i: '<', b: '"' }))
  assert.deepEqual(wrong.claims, {
    domain: '',
    selector: '',
    identity: '',
    algorithm: '',
    signatureStart: '',
  })
})

test('any values: a signature or a reason', () => {
  const value = fc.oneof(
    fc.constantFrom(
      '1',
      'rsa-sha256',
      'example.com',
      'from',
      'relaxed/simple',
      '@',
      '=40',
      ' ',
      '\r\n ',
      '99',
    ),
    fc.string({ unit: 'binary-ascii', maxLength: 10 }),
  )
  const name = fc.constantFrom('v', 'a', 'b', 'bh', 'c', 'd', 'h', 'i', 'l', 'q', 's', 't', 'x', 'z')
  fc.assert(
    fc.property(fc.dictionary(name, value, { maxKeys: 4 }), (changed) => {
      const signature = readDkimSignature(text(changed))
      for (const claim of Object.values(signature.claims)) assert.doesNotMatch(claim, /[\0-\x1f\x7f]/)
    }),
    { numRuns: 1000 },
  )
})
