import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeStore, userAccess } from './fixture.test.ts'
import { nobodysHash } from './password.ts'
import { administratorAccess } from './candidate.ts'
import { administratorId, passwordTable } from './credential-tables.ts'
import { SignIn } from './sign-in.ts'

const from = { ip: '192.0.2.7', protocol: 'imap' }

async function withAlice() {
  const store = makeStore()
  await store.accounts.createDomain({ name: 'example.org' })
  const alice = await store.accounts.createAccount({
    name: 'alice@example.org',
    emails: ['alice@example.org', 'al@example.org', '@example.org'],
    password: 'correct horse',
  })
  store.told.length = 0
  return { ...store, alice }
}

test('name or address and the right password give access', async () => {
  const { signIn, alice, told, clock } = await withAlice()
  const access = {
    ...userAccess(alice.id, 'alice@example.org', ['alice@example.org', 'al@example.org']),
    passwordAt: clock.now(),
  }
  assert.deepEqual(await signIn.password('alice@example.org', 'correct horse', from), access)
  assert.deepEqual(await signIn.password('ALICE@EXAMPLE.ORG', 'correct horse', from), access)
  assert.deepEqual(await signIn.password('al@example.org', 'correct horse', from), access)
  assert.deepEqual(told[0], { event: 'auth.success', name: 'alice@example.org', ...from, account: alice.id })
})

test('everything else is wrong, after the same work', async () => {
  const { signIn, quick, told, accounts } = await withAlice()
  await accounts.createAccount({ name: 'off@example.org', password: 'correct horse', enabled: false })
  await accounts.createAccount({ name: 'none@example.org' })
  told.length = 0
  const tries: readonly [string, string][] = [
    ['alice@example.org', 'wrong horse'],
    ['alice@example.org', ''],
    ['alice@example.org', 'x'.repeat(5000)],
    ['alice@example.org', 'correct\0horse'],
    ['nobody@example.org', 'correct horse'],
    ['alice+x@example.org', 'correct horse'],
    ['@example.org', 'correct horse'],
    ['alice', 'correct horse'],
    ['admin', 'correct horse'],
    ['', ''],
    ['x'.repeat(9000), 'correct horse'],
    ['off@example.org', 'correct horse'],
    ['none@example.org', 'correct horse'],
  ]
  for (const [i, [name, password]] of tries.entries()) {
    quick.verified = 0
    assert.equal(await signIn.password(name, password, from), 'wrong')
    assert.equal(quick.verified, 1, `${i}`)
    assert.equal(told[i]!.event, 'auth.failed')
    assert.equal(told[i]!['ip'], from.ip)
  }
  assert.equal((told[10]!['name'] as string).length, 255)
  assert.ok(!JSON.stringify(told).includes('horse'))
})

test('a verified password is remembered for some minutes, a wrong one never', async () => {
  const { signIn, quick, clock } = await withAlice()
  const ok = () => signIn.password('alice@example.org', 'correct horse', from)
  await ok()
  await ok()
  assert.equal(quick.verified, 1)
  clock.advance(10 * 60_000)
  await ok()
  assert.equal(quick.verified, 2)
  await signIn.password('alice@example.org', 'wrong horse', from)
  await signIn.password('alice@example.org', 'wrong horse', from)
  assert.equal(quick.verified, 4)
})

test('a changed password counts at once, also in a worker that never heard of it', async () => {
  const { accounts, alice, db, hasher, settings, telemetry, clock } = await withAlice()
  const elsewhere = new SignIn({ db, passwords: hasher, settings, telemetry, clock })
  assert.notEqual(await elsewhere.password('alice@example.org', 'correct horse', from), 'wrong')
  await accounts.setPassword(alice.id, 'battery staple')
  assert.equal(await elsewhere.password('alice@example.org', 'correct horse', from), 'wrong')
  assert.notEqual(await elsewhere.password('alice@example.org', 'battery staple', from), 'wrong')
})

test('the same proof at the same time is made once', async () => {
  const { signIn, quick } = await withAlice()
  const all = await Promise.all(
    Array.from({ length: 20 }, () => signIn.password('alice@example.org', 'correct horse', from)),
  )
  assert.ok(all.every((access) => access !== 'wrong'))
  assert.equal(quick.verified, 1)
})

test('passwords are compared in Unicode form C with ASCII spaces (RFC 8265 section 4.2)', async () => {
  const { signIn, accounts, alice } = await withAlice()
  await accounts.setPassword(alice.id, 'cafe\u0301\u00a0au lait')
  assert.notEqual(await signIn.password('alice@example.org', 'caf\u00e9 au lait', from), 'wrong')
})

test('the administrator is no account; an account may have the right', async () => {
  const { signIn, accounts, db, passwords } = await withAlice()
  assert.equal(await signIn.administrator('admin', 'generated-one', from), 'wrong')
  const row = await passwords.keep('generated-one', 0)
  await db.write([], async (tx) => tx.put(passwordTable, [administratorId], row))
  const access = { ...administratorAccess(), passwordAt: 0 }
  assert.deepEqual(await signIn.administrator('admin', 'generated-one', from), access)
  assert.equal(await signIn.administrator('admin', 'other', from), 'wrong')
  assert.equal(await signIn.password('admin', 'generated-one', from), 'wrong')
  await accounts.createAccount({ name: 'root@example.org', password: 'correct horse', roles: ['admin'] })
  const root = await signIn.administrator('root@example.org', 'correct horse', from)
  assert.ok(root !== 'wrong' && root.permissions.has('sysAccountCreate'))
  const alice = await signIn.administrator('alice@example.org', 'correct horse', from)
  assert.ok(alice !== 'wrong' && !alice.permissions.has('sysAccountCreate'))
})

test("with argon2: right, wrong and nobody's", async () => {
  const { accounts, signIn } = makeStore({ realHashes: true })
  await accounts.createDomain({ name: 'example.org' })
  await accounts.createAccount({ name: 'alice@example.org', password: 'correct horse' })
  assert.notEqual(await signIn.password('alice@example.org', 'correct horse', from), 'wrong')
  assert.equal(await signIn.password('alice@example.org', 'correct hors', from), 'wrong')
  assert.equal(await signIn.password('bob@example.org', 'correct horse', from), 'wrong')
  assert.match(nobodysHash, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
})
