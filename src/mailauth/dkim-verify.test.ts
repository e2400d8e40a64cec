import assert from 'node:assert/strict'
import { createHash, createPrivateKey, generateKeyPairSync, sign } from 'node:crypto'
import { describe, test } from 'node:test'
import { latin1 } from '#base/bytes.ts'
import {
  check,
  edKey,
  knownKeys,
  nowMs,
  recordOf,
  records,
  resolverOf,
  rsaKey,
  signed,
  split,
} from './dkim-fixture.test.ts'
import type { DkimCheck } from './dkim-check.ts'
import { DkimVerifier } from './dkim-verify.ts'
import type { AuthResolver } from './resolver.ts'

/** The message of RFC 8463 appendix A.3, which is that of RFC 6376 appendix A.1 too. */
const dinner = [
  'From: Joe SixPack <joe@football.example.com>',
  'To: Suzie Q <suzie@shopping.example.net>',
  'Subject: Is dinner ready?',
  'Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)',
  'Message-ID: <20030712040037.46341.5F8J@football.example.com>',
  '',
  'Hi.',
  '',
  'We lost the game.  Are you hungry yet?',
  '',
  'Joe.',
  '',
]

const rfc8463 = [
  'DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;',
  ' d=football.example.com; i=@football.example.com;',
  ' q=dns/txt; s=brisbane; t=1528637909; h=from : to :',
  ' subject : date : message-id : from : subject : date;',
  ' bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;',
  ' b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus',
  ' Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==',
  'DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;',
  ' d=football.example.com; i=@football.example.com;',
  ' q=dns/txt; s=test; t=1528637909; h=from : to : subject :',
  ' date : message-id : from : subject : date;',
  ' bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;',
  ' b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3',
  ' DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz',
  ' dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=',
  ...dinner,
].join('\r\n')

const rfc8463Records = {
  'brisbane._domainkey.football.example.com':
    'v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=',
  'test._domainkey.football.example.com':
    'v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWR' +
    'iGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutAC' +
    'DfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3' +
    'Ip3G+2kryOTIKT+l/K4w3QIDAQAB',
}

test('the example of RFC 8463 appendix A', async () => {
  const checks = await check(rfc8463, { records: rfc8463Records })
  const common = { domain: 'football.example.com', identity: '@football.example.com', isTesting: false }
  const names = ['from', 'to', 'subject', 'date', 'message-id', 'from', 'subject', 'date']
  const good = { result: 'pass', reason: 'verified', text: 'the signature is good', names }
  assert.deepEqual(checks, [
    {
      ...common,
      ...good,
      selector: 'brisbane',
      algorithm: 'ed25519-sha256',
      signatureStart: '/gCrinpc',
      keyBits: 256,
    },
    {
      ...common,
      ...good,
      selector: 'test',
      algorithm: 'rsa-sha256',
      signatureStart: 'F45dVWDf',
      keyBits: 1024,
    },
  ])
})

// The text of the standard shows the signed message with other white space than it was signed with: its lines
// were indented by six spaces, and one space stood between the sentences.
test('the example of RFC 6376 appendix A.2', async () => {
  const message = [
    'DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;',
    '      c=simple/simple; q=dns/txt; i=joe@football.example.com;',
    '      h=Received : From : To : Subject : Date : Message-ID;',
    '      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;',
    '      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB',
    '      4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut',
    '      KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV',
    '      4bmp/YzhwvcubU4=;',
    'Received: from client1.football.example.com  [192.0.2.1]',
    '      by submitserver.example.com with SUBMISSION;',
    '      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)',
    ...dinner,
  ]
    .join('\r\n')
    .replace('game.  Are', 'game. Are')
  const appendixC =
    'v=DKIM1; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYt' +
    'IxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gb' +
    'to/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB'
  const found = { 'brisbane._domainkey.example.com': appendixC }
  const [one] = await check(message, { records: found })
  assert.equal(one?.result, 'pass')
  assert.equal(one.identity, 'joe@football.example.com')
  const exact = { 'brisbane._domainkey.example.com': appendixC.replace(';', '; t=s;') }
  assert.equal((await check(message, { records: exact }))[0]?.reason, 'identityMismatch')
  const [changed] = await check(message.replace('hungry', 'Hungry'), { records: found })
  assert.equal(changed?.reason, 'bodyHash')
})

const message = 'From: a@example.com\r\nTo: b@example.net\r\nSubject: s\r\nDate: d\r\n\r\nHello\r\n'

/** The outcome of a check of the message, signed with Ed25519, after a change to what is sent. */
async function reasonOf(
  change: (message: string) => string,
  o: Parameters<typeof check>[1] = {},
  keys = [edKey],
): Promise<string> {
  const sent = (await signed(message, keys)).toString('latin1')
  const changed = change(sent)
  const checks = await check(changed, o)
  return checks.map(({ result, reason }) => `${result} ${reason}`).join(', ')
}

const same = (text: string) => text

test('a message without a signature has no check', async () => {
  assert.deepEqual(await check(message), [])
})

test('changes on the way', async () => {
  assert.equal(await reasonOf(same), 'pass verified')
  assert.equal(await reasonOf((text) => text.replace('Hello', 'hello')), 'fail bodyHash')
  assert.equal(await reasonOf((text) => text.replace('Subject: s', 'Subject: t')), 'fail signature')
  assert.equal(await reasonOf((text) => text.replace('t=1', 't=0')), 'fail signature')
  assert.equal(await reasonOf((text) => `X-Other: 1\r\n${text}`), 'pass verified')
  assert.equal(await reasonOf((text) => text.replace('Subject: s', 'SUBJECT :\r\n\ts ')), 'pass verified')
})

test('fields that are added are noticed where h= names them once more (RFC 6376 §8.15)', async () => {
  for (const added of ['From: c@example.org', 'Subject: t', 'Cc: d@example.com', 'Content-Type: text/html']) {
    assert.equal(await reasonOf((text) => `${added}\r\n${text}`), 'fail signature')
    assert.equal(await reasonOf((text) => text.replace('\r\n\r\n', `\r\n${added}\r\n\r\n`)), 'fail signature')
  }
})

test('time (RFC 6376 §3.5)', async () => {
  const expiring = [{ ...edKey, expireSeconds: 3600 }]
  const at = (ms: number) => reasonOf(same, { nowMs: ms }, expiring)
  assert.equal(await at(nowMs + 3_900_000), 'pass verified')
  assert.equal(await at(nowMs + 3_901_000), 'policy expired')
  assert.equal(await at(nowMs - 300_000), 'pass verified')
  assert.equal(await at(nowMs - 301_000), 'policy signedInFuture')
})

test('keys', async () => {
  const name = 'e._domainkey.example.com'
  const good = records[name]!
  const withRecord = (text: string) => reasonOf(same, { records: { [name]: text } })
  assert.equal(await reasonOf(same, { records: {} }), 'permerror keyMissing')
  assert.equal(await withRecord('v=spf1 -all'), 'permerror keySyntax')
  assert.equal(await withRecord('v=DKIM1; k=ed25519; p='), 'permerror keyRevoked')
  assert.equal(await withRecord(records['r._domainkey.example.com']!), 'permerror keyType')
  assert.equal(await withRecord(good.replace('; p', '; h=sha1; p')), 'permerror keyHash')
  assert.equal(await withRecord(good.replace('; p', '; s=other; p')), 'permerror keyService')
  assert.equal(await withRecord(good.replace('; p', '; t=s; p')), 'pass verified')
  const other = recordOf(generateKeyPairSync('ed25519').privateKey)
  assert.equal(await withRecord(other), 'fail signature')
  const [testing] = await check(await signed(message), {
    records: { [name]: good.replace('; p', '; t=y; p') },
  })
  assert.deepEqual([testing?.result, testing?.isTesting], ['pass', true])
})

test('RSA keys of too few and too many bits (RFC 8301 §3.2)', async () => {
  const name = 'r._domainkey.example.com'
  for (const [bits, reason] of [
    [1016, 'permerror keyTooShort'],
    [1024, 'pass verified'],
  ] as const) {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength: bits })
    const found = { [name]: recordOf(privateKey) }
    assert.equal(await reasonOf(same, { records: found }, [{ ...rsaKey, privateKey }]), reason)
  }
  const long = { [name]: `p=${'A'.repeat(2000)}` }
  assert.equal(await reasonOf(same, { records: long }, [rsaKey]), 'policy keyTooLong')
})

test('rsa-sha1 never passes (RFC 8301 §3.1)', async () => {
  const sha1 = (text: string) => text.replace('a=rsa-sha256', 'a=rsa-sha1')
  assert.equal(await reasonOf(sha1, {}, [rsaKey]), 'permerror historicAlgorithm')
})

test('the body in part (RFC 6376 §8.2)', async () => {
  // SHA-256 of "Hello", which is all of the body but its line end.
  const hello = 'GF+NsyJx/iX1Yab8k4suJkMG7DBO2lGAB9F2SCY4GWk='
  const reason = async (length: number, strict: boolean, hash = hello) => {
    const field = `DKIM-Signature: v=1; a=ed25519-sha256; d=example.com; s=e; l=${length}; h=from; bh=${hash}; b=`
    const data = createHash('sha256').update(`From: a@example.com\r\n${field}`).digest()
    const sent = `${field}${sign(null, data, edKey.privateKey).toString('base64')}\r\n${message}`
    return (await check(sent, { strict }))[0]?.reason
  }
  assert.equal(await reason(5, true), 'partialBody')
  assert.equal(await reason(5, false), 'verified')
  assert.equal(await reason(4, false), 'bodyHash')
  assert.equal(await reason(8, false), 'bodyHash')
  // RFC 6376 §3.5: larger than the body, though all of the body is as it was signed.
  const whole = createHash('sha256').update('Hello\r\n').digest('base64')
  assert.deepEqual([await reason(7, false, whole), await reason(8, false, whole)], ['verified', 'bodyHash'])
})

describe('the resolver', () => {
  const failing = (resolve: () => Promise<unknown>) => ({ resolve }) as unknown as AuthResolver

  test('without an answer', async () => {
    const resolver = failing(() => Promise.resolve({ kind: 'failed', reason: 'SERVFAIL' }))
    assert.equal(await reasonOf(same, { resolver }), 'temperror keyUnavailable')
  })

  test('that is cut off', async () => {
    const controller = new AbortController()
    const resolver = failing(async () => {
      controller.abort()
      throw controller.signal.reason
    })
    assert.equal(await reasonOf(same, { resolver, signal: controller.signal }), 'temperror keyUnavailable')
  })

  test('that is broken: its error comes at the end, and only where somebody waits for it', async () => {
    const resolver = failing(() => Promise.reject(new Error('broken')))
    await assert.rejects(reasonOf(same, { resolver }), /broken/)
    const verifier = new DkimVerifier({
      resolver,
      known: knownKeys(),
      nowMs,
      clockSkewMs: 0,
      maxSignatures: 1,
      strict: true,
    })
    verifier.header((await signed(message)).subarray(0, -5))
    // An unhandled rejection would end this process.
    await new Promise((resolve) => setImmediate(resolve))
  })
})

describe('several signatures', () => {
  test('each gets its check, in the order of the header', async () => {
    assert.equal(await reasonOf(same, {}, [rsaKey, edKey]), 'pass verified, pass verified')
    const broken = (text: string) => text.replace('v=1', 'v=2')
    assert.equal(await reasonOf(broken, {}, [rsaKey, edKey]), 'permerror version, pass verified')
  })

  test('as many as may be are looked up, all at once and before the body', async () => {
    const names: string[] = []
    const inner = resolverOf(records)
    const resolver = {
      resolve: (name: string, type: 'TXT') => {
        names.push(name)
        return inner.resolve(name, type)
      },
    } as AuthResolver
    const many = [edKey, rsaKey, edKey, edKey]
    const { header, body } = split(await signed(message, many))
    const verifier = new DkimVerifier({
      resolver,
      known: knownKeys(),
      nowMs,
      clockSkewMs: 0,
      maxSignatures: 2,
      strict: true,
    })
    verifier.header(header)
    assert.deepEqual(names, ['e._domainkey.example.com', 'r._domainkey.example.com'])
    for (const byte of body) verifier.body(Buffer.of(byte))
    const results = (await verifier.end()).map((one: DkimCheck) => `${one.result} ${one.reason}`)
    assert.deepEqual(results, ['pass verified', 'pass verified', 'policy tooMany', 'policy tooMany'])
  })

  test('a signature over others, by their place from the bottom (RFC 6376 §4.2, §5.4.2)', async () => {
    const inner = await signed(message, [rsaKey])
    const outer = await signed(inner, [{ ...edKey, headers: ['DKIM-Signature'] }])
    const results = async (sent: Buffer) => (await check(sent)).map(({ result }) => result)
    assert.deepEqual(await results(outer), ['pass', 'pass'])
    const text = outer.toString('latin1').replace('a=rsa-sha256', 'a=rsa-sha255')
    assert.deepEqual(await results(latin1(text)), ['fail', 'neutral'])
  })
})

test('the secret keys of RFC 8463 appendix A.1 sign so that its records verify', async () => {
  const seed = Buffer.from('nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A=', 'base64')
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed])
  const privateKey = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  const key = { ...edKey, domain: 'football.example.com', selector: 'brisbane', privateKey }
  const [one] = await check(await signed(dinner.join('\r\n'), [key]), { records: rfc8463Records })
  assert.equal(one?.result, 'pass')
})
