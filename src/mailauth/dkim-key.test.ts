import assert from 'node:assert/strict'
import { createHash, createPrivateKey, generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { Lru } from '#base/lru.ts'
import { type DkimKey, isSignedBy, type KeyProblem, readKeyRecord, type UnusableKey } from './dkim-key.ts'

const fresh = () => new Lru<string, DkimKey | UnusableKey>(10)
const read = (text: string) => readKeyRecord(text, fresh())

function key(text: string): DkimKey {
  const found = read(text)
  assert.ok(found.kind === 'key', JSON.stringify(found))
  return found
}

function problem(text: string): KeyProblem {
  const found = read(text)
  assert.ok(found.kind === 'unusable', text)
  assert.notEqual(found.text, '')
  return found.problem
}

/** RFC 6376 appendix C. */
const appendixC =
  'MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYt' +
  'IxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gb' +
  'to/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB'
/** RFC 8463 appendix A. */
const ed25519 = '11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo='

const spki = (bits: number, publicExponent = 0x10001) =>
  generateKeyPairSync('rsa', { modulusLength: bits, publicExponent }).publicKey

test('RSA keys', () => {
  const { type, bits, publicKey, isTesting, isExact } = key(`v=DKIM1; p=${appendixC}`)
  assert.deepEqual(
    { type, bits, isTesting, isExact },
    { type: 'rsa', bits: 1024, isTesting: false, isExact: false },
  )
  assert.equal(publicKey.asymmetricKeyDetails?.modulusLength, 1024)
  assert.equal(key(`p=${appendixC.replace(/.{60}/g, '$& ')}; k=RSA; n=some notes; x=y`).bits, 1024)
})

test('RSA keys in both forms and of sizes that are no multiple of eight', () => {
  for (const bits of [1024, 1031, 1153, 2048]) {
    const made = spki(bits)
    for (const type of ['spki', 'pkcs1'] as const) {
      const data = made.export({ format: 'der', type }).toString('base64')
      const found = key(`v=DKIM1;p=${data}`)
      assert.equal(found.bits, bits)
      assert.ok(found.publicKey.equals(made))
    }
  }
})

test('Ed25519 keys (RFC 8463 §4.2)', () => {
  const { type, bits, publicKey } = key(`v=DKIM1; k=ed25519; p=${ed25519}`)
  assert.deepEqual({ type, bits }, { type: 'ed25519', bits: 256 })
  assert.equal(publicKey.asymmetricKeyType, 'ed25519')
  assert.equal(problem(`k=ed25519; p=${appendixC}`), 'syntax')
  assert.equal(problem(`k=rsa; p=${ed25519}`), 'syntax')
})

test('what tags allow', () => {
  const with_ = (tags: string) => `v=DKIM1; ${tags}; p=${appendixC}`
  assert.deepEqual([key(with_('t=y:s')).isTesting, key(with_('t=y:s')).isExact], [true, true])
  assert.deepEqual([key(with_('t=x : Y')).isTesting, key(with_('t=yes:ss')).isExact], [true, false])
  for (const tags of ['h=sha256', 'h=sha1 : SHA256', 's=*', 's=email', 's=tlsrpt:email']) key(with_(tags))
  for (const tags of ['h=sha1', 'h=', 'h=sha256x']) assert.equal(problem(with_(tags)), 'hash')
  for (const tags of ['s=tlsrpt', 's=']) assert.equal(problem(with_(tags)), 'service')
  for (const tags of ['k=dsa', 'k=']) assert.equal(problem(with_(tags)), 'type')
})

test('records that hold no key', () => {
  const records: Record<string, KeyProblem> = {
    '': 'syntax',
    'v=spf1 -all': 'syntax',
    'v=DKIM1': 'syntax',
    'v=DKIM1; k=rsa': 'syntax',
    [`v=DKIM1.0; p=${appendixC}`]: 'syntax',
    [`v=dkim1; p=${appendixC}`]: 'syntax',
    // RFC 6376 §3.6.1: the version is the first tag.
    [`k=rsa; v=DKIM1; p=${appendixC}`]: 'syntax',
    [`v=DKIM1; p=${appendixC}; p=${appendixC}`]: 'syntax',
    [`v=DKIM1\\; p=${appendixC}`]: 'syntax',
    'v=DKIM1; p=': 'revoked',
    'v=DKIM1; k=ed25519; p= ': 'revoked',
    'v=DKIM1; p=MIGf"': 'syntax',
    [`v=DKIM1; n=${'x'.repeat(5000)}; p=${appendixC}`]: 'syntax',
  }
  for (const [text, expected] of Object.entries(records)) assert.equal(problem(text), expected, text)
})

test('RSA keys of wrong sizes (RFC 8301 §3.2)', () => {
  const record = (bits: number) =>
    `p=${spki(bits).export({ format: 'der', type: 'spki' }).toString('base64')}`
  assert.equal(problem(record(1023)), 'tooShort')
  assert.equal(problem(record(512)), 'tooShort')
  // Numbers of that size are quicker made than primes.
  const modulus = (bytes: number) => Buffer.alloc(bytes, 0xd1)
  const pkcs1 = (n: Buffer, e: Buffer) => {
    const integer = (value: Buffer) => tlv(0x02, Buffer.concat([Buffer.of(0), value]))
    return `p=${tlv(0x30, Buffer.concat([integer(n), integer(e)])).toString('base64')}`
  }
  const e = Buffer.from('010001', 'hex')
  assert.equal(key(pkcs1(modulus(512), e)).bits, 4096)
  assert.equal(problem(pkcs1(modulus(513), e)), 'tooLong')
  assert.equal(problem(pkcs1(modulus(2048), e)), 'tooLong')
  // RFC 6376 §8.13
  assert.equal(problem(pkcs1(modulus(256), Buffer.from('0100000001', 'hex'))), 'syntax')
  assert.equal(problem(pkcs1(modulus(256), Buffer.from('010000', 'hex'))), 'syntax')
})

function tlv(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.of(tag, 0x82, content.length >> 8, content.length & 0xff), content])
}

test('keys of other kinds in SubjectPublicKeyInfo are no RSA keys', () => {
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey
  const pss = generateKeyPairSync('rsa-pss', { modulusLength: 1024 }).publicKey
  for (const other of [ec, pss]) {
    assert.equal(problem(`p=${other.export({ format: 'der', type: 'spki' }).toString('base64')}`), 'syntax')
  }
})

test('any change to the bytes of a key: a key or a problem, never an exception', () => {
  const der = Buffer.from(appendixC, 'base64')
  fc.assert(
    fc.property(fc.nat(der.length - 1), fc.nat(255), fc.nat(der.length), (at, byte, length) => {
      const changed = Buffer.from(der)
      changed[at] = byte
      read(`p=${changed.toString('base64')}`)
      read(`p=${der.subarray(0, length).toString('base64')}`)
    }),
  )
})

test('a record is read once while it is known', () => {
  const known = fresh()
  const text = `p=${appendixC}`
  assert.equal(readKeyRecord(text, known), readKeyRecord(text, known))
  assert.equal(readKeyRecord('v=DKIM1', known), readKeyRecord('v=DKIM1', known))
  assert.equal(known.size, 2)
  readKeyRecord(`n=${'x'.repeat(5000)}`, known)
  assert.equal(known.size, 2)
})

test('signatures', () => {
  const data = Buffer.from('data')
  const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const rsaKey = key(`p=${rsa.publicKey.export({ format: 'der', type: 'spki' }).toString('base64')}`)
  const made = sign('sha256', data, rsa.privateKey)
  assert.ok(isSignedBy(rsaKey, data, made))
  assert.ok(!isSignedBy(rsaKey, Buffer.from('datb'), made))
  // RFC 8463 §3: the hash is what is signed.
  const seed = 'nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A='
  const pkcs8 = Buffer.concat([
    Buffer.from('302e020100300506032b657004220420', 'hex'),
    Buffer.from(seed, 'base64'),
  ])
  const ed = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
  const edKey = key(`k=ed25519; p=${ed25519}`)
  assert.ok(isSignedBy(edKey, data, sign(null, createHash('sha256').update(data).digest(), ed)))
  assert.ok(!isSignedBy(edKey, data, sign(null, data, ed)))
  for (const wrong of [Buffer.alloc(0), Buffer.alloc(64), Buffer.alloc(5000, 1), made]) {
    assert.ok(!isSignedBy(edKey, data, wrong))
    if (wrong !== made) assert.ok(!isSignedBy(rsaKey, data, wrong))
  }
})
