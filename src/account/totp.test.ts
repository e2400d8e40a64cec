import assert from 'node:assert/strict'
import { test } from 'node:test'
import { base32, hotp, matchingStep, otpauthUrl, readOtpauthUrl, totpStep } from './totp.ts'

const secret = Buffer.from('12345678901234567890')

test('codes are those of RFC 4226 appendix D', () => {
  const codes = [
    '755224',
    '287082',
    '359152',
    '969429',
    '338314',
    '254676',
    '287922',
    '162583',
    '399871',
    '520489',
  ]
  assert.deepEqual(
    codes.map((_, counter) => hotp(secret, counter)),
    codes,
  )
})

// The table has eight digits; six are their end.
const vectors: readonly (readonly [number, string])[] = [
  [59, '94287082'],
  [1_111_111_109, '07081804'],
  [1_111_111_111, '14050471'],
  [1_234_567_890, '89005924'],
  [2_000_000_000, '69279037'],
  [20_000_000_000, '65353130'],
]
for (const [seconds, code] of vectors) {
  test(`the code of ${seconds} is that of RFC 6238 appendix B`, () => {
    assert.equal(matchingStep(secret, code.slice(2), seconds * 1000, 0), totpStep(seconds * 1000))
  })
}

test('a code counts one step early and late, and once', () => {
  const now = 1_700_000_000_000
  const step = totpStep(now)
  for (const [off, expected] of [
    [-2, undefined],
    [-1, step - 1],
    [0, step],
    [1, step + 1],
    [2, undefined],
  ] as const)
    assert.equal(matchingStep(secret, hotp(secret, step + off), now, 0), expected)
  assert.equal(matchingStep(secret, hotp(secret, step), now, step), undefined)
  assert.equal(matchingStep(secret, hotp(secret, step - 1), now, step), undefined)
  assert.equal(matchingStep(secret, hotp(secret, step + 1), now, step), step + 1)
})

test('what is no code matches nothing', () => {
  for (const text of ['', '12345', '1234567', 'abcdef', '１２３４５６', '755224\n'])
    assert.equal(matchingStep(secret, text, 0, -2), undefined)
})

test('base32 is that of RFC 4648 section 10', () => {
  const cases = ['', 'MY', 'MZXQ', 'MZXW6', 'MZXW6YQ', 'MZXW6YTB', 'MZXW6YTBOI']
  for (const [length, expected] of cases.entries())
    assert.equal(base32(Buffer.from('foobar'.slice(0, length))), expected)
})

test('the URL names issuer and account', () => {
  assert.equal(
    otpauthUrl({ issuer: 'mail.example.org', account: 'alice@example.org', secret }),
    'otpauth://totp/mail.example.org:alice%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=mail.example.org&algorithm=SHA1&digits=6&period=30',
  )
})

test('the URL is read back; others are not', () => {
  const o = { issuer: 'x', account: 'alice@example.org', secret: Buffer.alloc(20, 7) }
  const url = otpauthUrl(o)
  assert.deepEqual(readOtpauthUrl(url), o.secret)
  assert.deepEqual(
    readOtpauthUrl('otpauth://totp/x?secret=gezd gnbv gy3t qojq gezd gnbv gy'),
    secret.subarray(0, 16),
  )
  for (const wrong of [
    '',
    'x',
    'https://example.org/',
    url.replace('totp', 'hotp'),
    url.replace('SHA1', 'SHA256'),
    url.replace('digits=6', 'digits=8'),
    url.replace('period=30', 'period=60'),
    'otpauth://totp/x?secret=GEZDGNBV',
    'otpauth://totp/x?secret=1111111111111111111111111111111111',
    `otpauth://totp/x?secret=${'A'.repeat(2000)}`,
  ])
    assert.equal(readOtpauthUrl(wrong), undefined, wrong)
})
