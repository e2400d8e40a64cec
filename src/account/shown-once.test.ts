import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { AccountId } from '#base/id.ts'
import {
  type CredentialId,
  digestOf,
  isSameDigest,
  newApiKey,
  newAppPassword,
  newCredentialId,
  newRecoveryCode,
  readApiKey,
  readAppPassword,
  readRecoveryCode,
} from './shown-once.ts'

const accounts = fc.integer({ min: 1, max: 0xffff_ffff }) as fc.Arbitrary<AccountId>
const ids = fc.integer({ min: 1, max: 2 ** 25 - 1 }) as fc.Arbitrary<CredentialId>

test('an app password leads to its credential and has 100 bits of chance', () => {
  fc.assert(
    fc.property(accounts, ids, (account, id) => {
      const { shown, digest } = newAppPassword(account, id)
      assert.match(shown, /^(?:[0-9a-z]{5}-){4}[0-9a-z]{5}$/)
      const given = readAppPassword(shown)!
      assert.equal(given.id, id)
      assert.equal(given.secret.length, 20)
      assert.ok(isSameDigest(digestOf(account, id, given.secret), digest))
      assert.ok(!digest.includes(given.secret))
    }),
  )
})

test('an API key leads to its account and its credential', () => {
  fc.assert(
    fc.property(accounts, ids, (account, id) => {
      const { shown, digest } = newApiKey(account, id)
      assert.match(shown, /^api_[0-9a-z]{7}(?:-[0-9a-z]{5}){5}$/)
      const given = readApiKey(shown)!
      assert.deepEqual([given.account, given.id], [account, id])
      assert.equal(digestOf(account, id, given.secret), digest)
      assert.equal(readAppPassword(shown), undefined)
    }),
  )
})

test('secrets are read as people type them', () => {
  const given = readAppPassword('0000z-01abc-defgh-jkmnp-qrstv')
  for (const typed of [
    '0000Z01ABCDEFGHJKMNPQRSTV',
    ' ooooz olabc defgh jkmnp qrstv ',
    '0000z-0Iabc-defgh-jkmnpqrstv',
  ])
    assert.deepEqual(readAppPassword(typed), given)
})

test('what is none is no secret', () => {
  for (const text of [
    '',
    'correct horse',
    '0000z-01abc-defgh-jkmnp-qrst',
    '0000z-01abc-defgh-jkmnp-qrstu',
    'x'.repeat(5000),
  ])
    assert.equal(readAppPassword(text), undefined)
  for (const text of [
    'api_',
    'api_0000001-0000z-01abc-defgh-jkmnp',
    'api_zzzzzzz-0000z-01abc-defgh-jkmnp-qrstv',
    'api_0000000-0000z-01abc-defgh-jkmnp-qrstv',
  ])
    assert.equal(readApiKey(text), undefined)
})

test('a recovery code is kept as a digest that belongs to the account', () => {
  const account = 7 as AccountId
  const { shown, digest } = newRecoveryCode(account)
  assert.match(shown, /^(?:[0-9a-z]{4}-){3}[0-9a-z]{4}$/)
  assert.equal(readRecoveryCode(account, shown.toUpperCase().replaceAll('-', ' ')), digest)
  assert.notEqual(readRecoveryCode(8 as AccountId, shown), digest)
  assert.equal(readRecoveryCode(account, '123456'), undefined)
})

test('nothing comes twice', () => {
  const account = 1 as AccountId
  const made = Array.from({ length: 200 }, () => newAppPassword(account, newCredentialId()).shown)
  assert.equal(new Set(made).size, 200)
})
