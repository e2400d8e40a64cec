import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '#base/fault.ts'
import { makeStore, settingsWith } from './fixture.test.ts'
import { hasherOnThisThread } from './hash-pool.ts'
import { PasswordPolicy } from './password-policy.ts'

const rejects = (promise: Promise<unknown>, text: RegExp) =>
  assert.rejects(
    promise,
    (error) => isFault(error, 'invalid') && text.test(error.publicText) && error.publicText.length < 600,
  )

const accept = (given: string, settings: Readonly<Record<string, unknown>> = {}) =>
  makeStore({ settings }).passwords.accept(given, [], 1000)

test('lengths are those of the settings, in characters', async () => {
  await rejects(accept('seven c'), /at least 8 characters/)
  assert.ok(await accept('eight ch'))
  await rejects(accept('x'.repeat(129)), /at most 128 characters/)
  await rejects(accept('abcd', { passwordMinLength: 5 }), /at least 5/)
  await rejects(accept('\u{1f600}'.repeat(7)), /at least 8/)
  assert.ok(await accept('\u{1f600}'.repeat(8)))
  await rejects(accept('a\u0000bcdefgh'), /control characters/)
  await rejects(accept('ä'.repeat(40), { passwordHashAlgorithm: 'bcrypt' }), /72 bytes/)
})

test('a password that is easy to guess is refused with advice, which does not repeat it', async () => {
  const policy = new PasswordPolicy({ settings: settingsWith({}), passwords: hasherOnThisThread() })
  await rejects(policy.check('password1', []), /too easy to guess\. .+/)
  await rejects(policy.check('liddell-1999', ['alice@example.org', 'Alice Liddell']), /too easy/)
  assert.equal(await policy.check('wombat otter larch', []), 'wombat otter larch')
  const lenient = new PasswordPolicy({
    settings: settingsWith({ passwordMinStrength: 'zero' }),
    passwords: hasherOnThisThread(),
  })
  assert.equal(await lenient.check('password1', []), 'password1')
})

test('a password lasts as long as the setting says, one that was made up for ever', async () => {
  const { passwords } = makeStore({ settings: { passwordDefaultExpiry: 5000 } })
  assert.equal((await passwords.accept('correct horse', [], 1000)).expiresAt, 6000)
  assert.equal((await passwords.keepForEver('correct horse', 1000)).expiresAt, undefined)
  assert.equal((await makeStore().passwords.accept('correct horse', [], 1000)).expiresAt, undefined)
})

test('hashes are kept as they are, one in clear is hashed, anything else is refused', async () => {
  const { passwords } = makeStore()
  const md5 = '$1$ab$dslkcXxVH.x8LwW1W/oAB/'
  assert.deepEqual(await passwords.acceptHash(md5, 7), { verifiers: [md5], changedAt: 7 })
  const plain = await passwords.acceptHash('{PLAIN}secret', 7)
  assert.match(plain.verifiers[0]!, /^\$argon2id\$/)
  await rejects(passwords.acceptHash('$y$j9T$x', 7), /known forms/)
  await rejects(passwords.acceptHash('secret', 7), /known forms/)
})

for (const passwordHashAlgorithm of ['scrypt', 'pbkdf2']) {
  test(`new passwords are kept with ${passwordHashAlgorithm} where the setting says so, also for nobody`, async () => {
    const { accounts, signIn } = makeStore({
      realHashes: true,
      settings: { passwordHashAlgorithm },
    })
    await accounts.createDomain({ name: 'example.org' })
    await accounts.createAccount({ name: 'alice@example.org', password: 'correct horse' })
    const from = { ip: '192.0.2.1', protocol: 'imap' }
    assert.notEqual(await signIn.password('alice@example.org', 'correct horse', from), 'wrong')
    assert.equal(await signIn.password('bob@example.org', 'correct horse', from), 'wrong')
  })
}
