import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeStore } from '#account/fixture.test.ts'
import { RequestRates } from '#http/request-rates.ts'
import { countedAdministrator, countedSignIn } from './counted-sign-in.ts'

const secret = 'correct horse battery'

// Turns red where a protocol asks for a password without counting it.
test('wrong passwords of one address are counted together, whatever they are for and over which protocol', async () => {
  const store = makeStore({ settings: { rateLimitAnonymous: { count: 3, periodMs: 60_000 } } })
  const { accounts, clock, quick } = store
  await accounts.createDomain({ name: 'example.org' })
  for (const name of ['alice', 'bob'])
    await accounts.createAccount({ name: `${name}@example.org`, password: secret })
  const signIn = countedSignIn(store.signIn, new RequestRates(store))
  const guess = (name: string, protocol: string, password = 'a guess', ip = '192.0.2.7') =>
    signIn.password(`${name}@example.org`, password, { ip, protocol })
  assert.notEqual(await guess('alice', 'imap', secret), 'wrong')
  assert.equal(await guess('alice', 'imap'), 'wrong')
  assert.equal(await guess('bob', 'submission'), 'wrong')
  const attempt = await signIn.scram('alice@example.org', { ip: '192.0.2.7', protocol: 'imap' })
  assert.equal(await attempt.finish('wrong password'), 'wrong')
  const before = quick.verified
  await assert.rejects(guess('alice', 'imap', secret), { code: 'rateLimited' })
  await assert.rejects(guess('bob', 'jmap'), { code: 'rateLimited' })
  const again = await signIn.scram('alice@example.org', { ip: '192.0.2.7', protocol: 'imap' })
  await assert.rejects(again.finish('wrong password'), { code: 'rateLimited' })
  assert.equal(quick.verified, before)
  // Whoever else has the account is not kept out.
  assert.notEqual(await guess('alice', 'imap', secret, '192.0.2.8'), 'wrong')
  clock.advance(60_000)
  assert.notEqual(await guess('alice', 'imap', secret), 'wrong')
})

// Turns red where the present password can be tried again and again by who wants to change it.
test('the password that is given to change it is counted too', async () => {
  const store = makeStore({ settings: { rateLimitAnonymous: { count: 1, periodMs: 60_000 } } })
  const { accounts } = store
  await accounts.createDomain({ name: 'example.org' })
  await accounts.createAccount({ name: 'alice@example.org', password: secret })
  const signIn = countedAdministrator(store.signIn, new RequestRates(store))
  const from = { ip: '192.0.2.7', protocol: 'http' }
  assert.notEqual(await signIn.administrator('alice@example.org', secret, from), 'wrong')
  assert.equal(await signIn.administrator('alice@example.org', 'a guess', from), 'wrong')
  await assert.rejects(signIn.administrator('alice@example.org', secret, from), { code: 'rateLimited' })
})
