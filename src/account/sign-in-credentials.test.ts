import assert from 'node:assert/strict'
import { test } from 'node:test'
import { listAudit } from '#registry/audit.ts'
import { AccessWatch } from './access-watch.ts'
import type { Access } from './access.ts'
import { destroyAccountRows } from './account-rows.ts'
import {
  type CredentialRow,
  credentialTable,
  credentialUseTable,
  passwordTable,
  type SecondFactorRow,
  secondFactorTable,
} from './credential-tables.ts'
import { makeStore } from './fixture.test.ts'
import {
  type CredentialId,
  newApiKey,
  newAppPassword,
  newCredentialId,
  readRecoveryCode,
} from './shown-once.ts'
import { hotp, totpStep } from './totp.ts'

const imap = { ip: '192.0.2.7', protocol: 'imap' }
const submission = { ip: '192.0.2.7', protocol: 'submission' }
const http = { ip: '192.0.2.7', protocol: 'http' }
const password = 'correct horse'

type Wanted = Partial<Omit<CredentialRow, 'kind' | 'createdAt' | 'digest'>>

async function withAlice(o: Parameters<typeof makeStore>[0] = {}) {
  const store = makeStore(o)
  const { accounts, db, clock, told } = store
  await accounts.createDomain({ name: 'example.org' })
  const alice = await accounts.createAccount({ name: 'alice@example.org', password })
  const make = async (kind: CredentialRow['kind'], wanted: Wanted = {}, account = alice.id) => {
    const id = newCredentialId()
    const { shown: secret, digest } = (kind === 'apiKey' ? newApiKey : newAppPassword)(account, id)
    const row: CredentialRow = {
      kind,
      description: 'Phone',
      createdAt: clock.now(),
      allowedIps: [],
      protocols: [],
      permissions: { mode: 'inherit', permissions: [] },
      ...wanted,
      digest,
    }
    await db.write([], async (tx) => tx.put(credentialTable, [account, id], row))
    return { id, secret }
  }
  const destroy = (id: CredentialId) => db.write([], async (tx) => tx.delete(credentialTable, [alice.id, id]))
  const last = () => told.at(-1)!
  told.length = 0
  return { ...store, alice, make, destroy, last }
}

test('an app password opens what mail programs use, without a slow hash, and says which it was', async () => {
  const { signIn, make, quick, last } = await withAlice()
  const { secret, id } = await make('appPassword')
  for (const from of [imap, submission]) {
    const access = await signIn.password('alice@example.org', secret, from)
    assert.ok(access !== 'wrong')
    assert.equal(access.credential, id)
    assert.equal(last()['credential'], secret.slice(0, 5))
  }
  assert.equal(quick.verified, 0)
  const typed = secret.toUpperCase().replaceAll('-', ' ')
  assert.notEqual(await signIn.password('alice@example.org', typed, imap), 'wrong')
  assert.equal(await signIn.password('alice@example.org', secret, http), 'wrong')
  assert.equal(last()['reason'], 'the app password is not for http')
})

test('what is wrong with an app password costs the same work as a wrong password', async () => {
  const { signIn, make, destroy, quick, clock, last, accounts } = await withAlice()
  await accounts.createAccount({ name: 'bob@example.org', password })
  const good = await make('appPassword')
  const gone = await make('appPassword')
  await destroy(gone.id)
  const late = await make('appPassword', { expiresAt: clock.now() + 1000 })
  clock.advance(1000)
  const elsewhere = await make('appPassword', { allowedIps: ['198.51.100.0/24', '2001:db8::/32'] })
  const onlySmtp = await make('appPassword', { protocols: ['smtp'] })
  const cases: readonly (readonly [string, string, string])[] = [
    ['alice@example.org', gone.secret, 'wrong password'],
    ['alice@example.org', late.secret, 'the credential has expired'],
    ['alice@example.org', elsewhere.secret, 'not from this address'],
    ['alice@example.org', onlySmtp.secret, 'the app password is not for imap'],
    [
      'alice@example.org',
      good.secret.slice(0, -1) + (good.secret.endsWith('0') ? '1' : '0'),
      'wrong password',
    ],
    ['bob@example.org', good.secret, 'wrong password'],
    ['carol@example.org', good.secret, 'no such user'],
  ]
  for (const [name, secret, reason] of cases) {
    quick.verified = 0
    assert.equal(await signIn.password(name, secret, imap), 'wrong')
    assert.equal(last()['reason'], reason)
    assert.equal(quick.verified, 1, reason)
  }
  assert.notEqual(await signIn.password('alice@example.org', onlySmtp.secret, submission), 'wrong')
  const from = { ip: '2001:db8::1', protocol: 'imap' }
  assert.notEqual(await signIn.password('alice@example.org', elsewhere.secret, from), 'wrong')
})

test('an API key opens HTTP alone, with its permissions', async () => {
  const { signIn, make, destroy, alice, last } = await withAlice()
  const all = await make('apiKey')
  const some = await make('apiKey', {
    permissions: { mode: 'replace', permissions: ['sysAccountSettingsGet', 'sysAccountCreate'] },
  })
  const fewer = await make('apiKey', { permissions: { mode: 'disable', permissions: ['sysApiKeyCreate'] } })
  const found = await signIn.apiKey(all.secret, http)
  assert.ok(found !== 'wrong' && found.account === alice.id && found.permissions.has('sysApiKeyCreate'))
  const limited = await signIn.apiKey(some.secret, http)
  // What the account has not, its keys have not.
  assert.ok(limited !== 'wrong')
  assert.deepEqual([...limited.permissions], ['sysAccountSettingsGet'])
  const without = await signIn.apiKey(fewer.secret, http)
  assert.ok(
    without !== 'wrong' &&
      !without.permissions.has('sysApiKeyCreate') &&
      without.permissions.has('emailSend'),
  )
  assert.equal(await signIn.password('alice@example.org', all.secret, imap), 'wrong')
  await destroy(all.id)
  assert.equal(await signIn.apiKey(all.secret, http), 'wrong')
  assert.equal(last()['reason'], 'no such API key')
  for (const text of ['', 'api_', 'x'.repeat(1000)]) assert.equal(await signIn.apiKey(text, http), 'wrong')
})

test('keys of a disabled account open nothing', async () => {
  const { signIn, make, accounts, last } = await withAlice()
  const bob = await accounts.createAccount({ name: 'bob@example.org', password, enabled: false })
  const key = await make('apiKey', {}, bob.id)
  assert.equal(await signIn.apiKey(key.secret, http), 'wrong')
  assert.equal(last()['reason'], 'the account is disabled')
})

test('the last use of a credential is kept to the hour, without a write at each sign-in', async () => {
  const { signIn, make, db, alice, clock, engine } = await withAlice()
  const { secret, id } = await make('appPassword')
  await signIn.password('alice@example.org', secret, imap)
  await signIn.settled()
  const used = clock.now()
  let commits = 0
  const commit = engine.commit.bind(engine)
  engine.commit = (batch) => {
    commits++
    return commit(batch)
  }
  const lastUse = () => db.read((tx) => tx.get(credentialUseTable, alice.id, id))
  clock.advance(59 * 60_000)
  for (let i = 0; i < 10; i++) await signIn.password('alice@example.org', secret, imap)
  await signIn.settled()
  assert.equal(commits, 0)
  assert.equal(await lastUse(), used)
  clock.advance(60_000)
  await signIn.password('alice@example.org', secret, imap)
  await signIn.settled()
  assert.equal(commits, 1)
  assert.equal(await lastUse(), clock.now())
})

test('no secret is in any event, fault or row', async () => {
  const { signIn, make, told, db, alice } = await withAlice()
  const app = await make('appPassword')
  const key = await make('apiKey')
  await signIn.password('alice@example.org', app.secret, imap)
  await signIn.password('alice@example.org', app.secret, http)
  await signIn.password('alice@example.org', `${password}x`, imap)
  await signIn.apiKey(key.secret, http)
  await signIn.apiKey(`${key.secret}x`, http)
  const rows = await db.read((tx) => tx.list(credentialTable, [alice.id]))
  const all = JSON.stringify([told, rows])
  for (const secret of [app.secret.slice(6), key.secret.slice(18), password]) assert.ok(!all.includes(secret))
})

test('an expired password is as a wrong one, an app password goes on', async () => {
  const { signIn, make, clock, last, quick } = await withAlice({
    settings: { passwordDefaultExpiry: 86_400_000 },
  })
  const { secret } = await make('appPassword')
  assert.notEqual(await signIn.password('alice@example.org', password, imap), 'wrong')
  clock.advance(86_400_000)
  quick.verified = 0
  assert.equal(await signIn.password('alice@example.org', password, imap), 'wrong')
  assert.equal(quick.verified, 1)
  assert.equal(last()['reason'], 'the password has expired')
  assert.notEqual(await signIn.password('alice@example.org', secret, imap), 'wrong')
})

test('an account may be limited to addresses, for all its credentials', async () => {
  const { accounts, signIn, make, last } = await withAlice()
  const bob = await accounts.createAccount({
    name: 'bob@example.org',
    password,
    allowedIps: ['198.51.100.0/24'],
  })
  const { secret } = await make('appPassword', {}, bob.id)
  for (const given of [password, secret]) {
    assert.equal(await signIn.password('bob@example.org', given, imap), 'wrong')
    assert.equal(last()['reason'], 'not from this address')
    const from = { ip: '198.51.100.9', protocol: 'imap' }
    assert.notEqual(await signIn.password('bob@example.org', given, from), 'wrong')
  }
})

test('a password in an old form is hashed anew at its first sign-in, unless it was changed meanwhile', async () => {
  const { signIn, db, alice, told, accounts } = await withAlice({
    realHashes: true,
  })
  const old = '$1$ab$dslkcXxVH.x8LwW1W/oAB/'
  const put = () =>
    db.write([], async (tx) => tx.put(passwordTable, [alice.id], { verifiers: [old], changedAt: 5 }))
  const row = () => db.read((tx) => tx.get(passwordTable, alice.id))
  await put()
  assert.equal(await signIn.password('alice@example.org', 'secrex', imap), 'wrong')
  await signIn.settled()
  assert.deepEqual((await row())!.verifiers, [old])
  assert.notEqual(await signIn.password('alice@example.org', 'secret', imap), 'wrong')
  await signIn.settled()
  const renewed = (await row())!
  assert.match(renewed.verifiers[0]!, /^\$argon2id\$/)
  assert.equal(renewed.changedAt, 5)
  assert.ok(told.some(({ event }) => event === 'account.password-renewed'))
  assert.notEqual(await signIn.password('alice@example.org', 'secret', imap), 'wrong')
  await put()
  const signingIn = await signIn.password('alice@example.org', 'secret', imap)
  assert.notEqual(signingIn, 'wrong')
  await accounts.setPassword(alice.id, 'battery staple')
  await signIn.settled()
  assert.equal(await signIn.password('alice@example.org', 'secret', imap), 'wrong')
  assert.notEqual(await signIn.password('alice@example.org', 'battery staple', imap), 'wrong')
})

test('keys for SCRAM are added and taken away as the setting says', async () => {
  const settings = { scramKeys: true }
  const { signIn, db, alice } = await withAlice({ settings })
  const forms = async () =>
    (await db.read((tx) => tx.get(passwordTable, alice.id)))!.verifiers.map((text) => text.slice(0, 10))
  assert.deepEqual(await forms(), ['$argon2id$', 'SCRAM-SHA-'])
  await db.write([], async (tx) => {
    const row = (await tx.get(passwordTable, alice.id))!
    tx.put(passwordTable, [alice.id], { ...row, verifiers: row.verifiers.slice(0, 1) })
  })
  assert.notEqual(await signIn.password('alice@example.org', password, imap), 'wrong')
  await signIn.settled()
  assert.deepEqual(await forms(), ['$argon2id$', 'SCRAM-SHA-'])
  settings.scramKeys = false
  assert.notEqual(await signIn.password('alice@example.org', password, imap), 'wrong')
  await signIn.settled()
  assert.deepEqual(await forms(), ['$argon2id$'])
})

const recoveryCode = 'abcd-efgh-jkmn-pqrs'

async function withFactor(o: { confirmed: boolean } = { confirmed: true }) {
  const store = await withAlice()
  const { alice, clock, db } = store
  const secret = Buffer.from('12345678901234567890')
  const row: SecondFactorRow = {
    secret: secret.toString('hex'),
    lastStep: 0,
    recovery: [readRecoveryCode(alice.id, recoveryCode)!],
  }
  const stored = o.confirmed ? { ...row, confirmedAt: 1 } : row
  await db.write([], async (tx) => tx.put(secondFactorTable, [alice.id], stored))
  return { ...store, code: (offset = 0) => hotp(secret, totpStep(clock.now()) + offset) }
}

test('a second factor that was not confirmed is not asked for', async () => {
  const { signIn } = await withFactor({ confirmed: false })
  for (const from of [imap, http])
    assert.notEqual(await signIn.password('alice@example.org', password, from), 'wrong')
})

// Turns red where a wrong code is counted only after it was looked at.
test('codes that are guessed at the same time are no more than those one after the other', async () => {
  const { signIn, code, told, clock } = await withFactor()
  const withCode = (given: string) => signIn.password('alice@example.org', password, http, { code: given })
  const guesses = Array.from({ length: 40 }, (_, i) => withCode(String(100_000 + i)))
  assert.deepEqual(new Set(await Promise.all(guesses)), new Set(['wrong']))
  const tried = told.filter(({ reason }) => reason === 'wrong code of the second factor')
  assert.equal(tried.length, 10)
  clock.advance(60_000)
  assert.equal(await withCode(code()), 'wrong')
})

// Turns red where an app password has the rights of its account.
test('an app password manages nothing, over whichever protocol', async () => {
  const { accounts, signIn, make, db, clock, bus } = await withAlice()
  const root = await accounts.createAccount({ name: 'root@example.org', roles: ['admin'] })
  const { secret } = await make('appPassword', {}, root.id)
  for (const protocol of ['jmap', 'imap']) {
    const access = await signIn.password('root@example.org', secret, { ip: '192.0.2.1', protocol })
    assert.ok(access !== 'wrong' && access.permissions.has('jmapEmailGet'))
    const managing = [...access.permissions].filter((one) => /^(?:sys|action)|^impersonate$/.test(one))
    assert.deepEqual(managing, [])
    using watch = new AccessWatch({ db, clock, bus })
    const now = Promise.withResolvers<Access | undefined>()
    watch.watch(access, now.resolve)
    accounts.forget(String(root.id))
    assert.equal((await now.promise)?.permissions.has('sysAccountGet'), false)
  }
  const { secret: key } = await make('apiKey', {}, root.id)
  const access = await signIn.apiKey(key, { ip: '192.0.2.1', protocol: 'jmap' })
  assert.ok(access !== 'wrong' && access.permissions.has('sysAccountGet'))
})

test('with a second factor mail programs need an app password, and HTTP a code', async () => {
  const { signIn, code, make, last, clock } = await withFactor()
  const app = await make('appPassword')
  assert.equal(await signIn.password('alice@example.org', password, imap), 'wrong')
  assert.equal(last()['reason'], 'the second factor is on, so mail programs need an app password')
  assert.notEqual(await signIn.password('alice@example.org', app.secret, imap), 'wrong')
  assert.equal(await signIn.password('alice@example.org', password, http), 'wrong')
  assert.equal(last()['reason'], 'no code of the second factor was given')
  assert.equal(await signIn.password('alice@example.org', 'wrong', http, { code: code() }), 'wrong')
  assert.equal(last()['reason'], 'wrong password')
  assert.notEqual(await signIn.password('alice@example.org', password, http, { code: code() }), 'wrong')
  clock.advance(5 * 60_000)
  assert.equal(await signIn.password('alice@example.org', password, http, { code: code(-2) }), 'wrong')
  assert.equal(last()['reason'], 'wrong code of the second factor')
})

test('a code behind the password serves one client for some minutes, and nobody else', async () => {
  const { signIn, code, clock, anotherSignIn } = await withFactor()
  const given = `${password}$${code()}`
  const from = (ip: string) => ({ ip, protocol: 'http' })
  assert.notEqual(await signIn.password('alice@example.org', given, from('192.0.2.1')), 'wrong')
  assert.notEqual(await signIn.password('alice@example.org', given, from('192.0.2.1')), 'wrong')
  assert.equal(await signIn.password('alice@example.org', given, from('192.0.2.2')), 'wrong')
  assert.equal(await anotherSignIn().password('alice@example.org', given, from('192.0.2.1')), 'wrong')
  clock.advance(5 * 60_000)
  assert.equal(await signIn.password('alice@example.org', given, from('192.0.2.1')), 'wrong')
})

test('two at once with one code: one is in', async () => {
  const { signIn, anotherSignIn, code } = await withFactor()
  const both = [signIn, anotherSignIn()].map((one) =>
    one.password('alice@example.org', password, http, { code: code() }),
  )
  assert.equal((await Promise.all(both)).filter((access) => access === 'wrong').length, 1)
})

test('a recovery code counts once, and guessing is cut off', async () => {
  const { signIn, code, clock, last, db, alice } = await withFactor()
  const withCode = (given: string) => signIn.password('alice@example.org', password, http, { code: given })
  assert.notEqual(await withCode(recoveryCode.toUpperCase()), 'wrong')
  clock.advance(5 * 60_000)
  assert.equal(await withCode(recoveryCode), 'wrong')
  assert.deepEqual((await db.read((tx) => tx.get(secondFactorTable, alice.id)))!.recovery, [])
  for (let i = 0; i < 9; i++) assert.equal(await withCode('000000'), 'wrong')
  assert.equal(await withCode(code()), 'wrong')
  assert.equal(last()['reason'], 'too many wrong codes of the second factor')
  clock.advance(16 * 60_000)
  assert.notEqual(await withCode(code()), 'wrong')
})

test('whoever may impersonate signs in as another, and it is told', async () => {
  const { accounts, db, signIn, alice, told, last, clock } = await withAlice()
  const entries = async () =>
    (await db.read((tx) => listAudit(tx, { limit: 10 }))).map(([, row]) => [
      row.object,
      row.actor,
      row.ip,
      row.after['account'],
    ])
  await accounts.createAccount({ name: 'root@example.org', password: 'root horse', roles: ['admin'] })
  await accounts.createAccount({ name: 'other@example.org', password: 'root horse', roles: ['admin'] })
  await accounts.createAccount({
    name: 'desk@example.org',
    password: 'desk horse',
    permissions: { mode: 'merge', enabled: ['impersonate'], disabled: [] },
  })
  told.length = 0
  const as = (name: string, given: string) => signIn.password(name, given, imap)
  for (const access of [
    await as('alice@example.org%root@example.org', 'root horse'),
    await as('alice@example.org%desk@example.org', 'desk horse'),
    await signIn.password('desk@example.org', 'desk horse', imap, { actAs: 'alice@example.org' }),
  ])
    assert.ok(access !== 'wrong' && access.account === alice.id)
  assert.deepEqual(
    told.filter(({ event }) => event === 'auth.impersonated').map(({ name, by }) => [name, by]),
    ['root', 'desk', 'desk'].map((by) => ['alice@example.org', `${by}@example.org`]),
  )
  const entry = (by: string) => ['Impersonate', `${by}@example.org`, imap.ip, 'alice@example.org']
  // Once where somebody does it again and again.
  assert.deepEqual((await entries()).toSorted(), [entry('desk'), entry('root')])
  clock.advance(5 * 60_000)
  await as('alice@example.org%desk@example.org', 'desk horse')
  assert.equal((await entries()).length, 3)
  // Planted: the entry of one account stood for all that the same one acts as.
  await accounts.createAccount({ name: 'carol@example.org' })
  await as('carol@example.org%desk@example.org', 'desk horse')
  assert.ok((await entries()).some(([, , , account]) => account === 'carol@example.org'))
  assert.equal((await entries()).length, 4)
  // What stands in the way of the account stands in the way of whoever acts as it.
  await accounts.createAccount({ name: 'closed@example.org', enabled: false })
  await accounts.createAccount({ name: 'near@example.org', allowedIps: ['198.51.100.0/24'] })
  told.length = 0
  const refused: readonly (readonly [string, string, string])[] = [
    ['root@example.org%desk@example.org', 'desk horse', 'the other account may do more'],
    ['nobody@example.org%root@example.org', 'root horse', 'there is no such account to act as'],
    ['root@example.org%alice@example.org', password, 'no permission to sign in as another'],
    ['alice@example.org%root@example.org', password, 'wrong password'],
    ['alice@example.org%nobody@example.org', password, 'no such user'],
    ['closed@example.org%root@example.org', 'root horse', 'the account is disabled'],
    ['near@example.org%root@example.org', 'root horse', 'not from this address'],
  ]
  for (const [name, given, reason] of refused) {
    assert.equal(await as(name, given), 'wrong')
    assert.equal(last()['reason'], reason)
    assert.ok(!told.some(({ event }) => event === 'auth.impersonated'))
  }
  assert.equal((await entries()).length, 4)
  // Oneself is no other.
  assert.notEqual(
    await signIn.password('alice@example.org', password, imap, { actAs: 'ALICE@example.org' }),
    'wrong',
  )
  assert.ok(!told.some(({ event }) => event === 'auth.impersonated'))
})

test('nobody acts as another where the audit log cannot have it', async () => {
  const { accounts, db, signIn } = await withAlice()
  await accounts.createAccount({ name: 'root@example.org', password: 'root horse', roles: ['admin'] })
  const as = (name: string) => signIn.password(name, 'root horse', imap)
  await as('root@example.org')
  await signIn.settled()
  const write = db.write.bind(db)
  db.write = () => Promise.reject(new Error('disk full'))
  await assert.rejects(as('alice@example.org%root@example.org'), /disk full/)
  db.write = write
  assert.notEqual(await as('alice@example.org%root@example.org'), 'wrong')
})

test('a certificate signs in by an address that it names', async () => {
  const { signIn, alice, last, told } = await withAlice()
  const access = await signIn.certificate(['x@elsewhere.example', 'alice@example.org'], imap)
  assert.ok(access !== 'wrong' && access.account === alice.id)
  assert.equal(await signIn.certificate(['x@elsewhere.example'], imap), 'wrong')
  assert.equal(last()['reason'], 'no such user')
  assert.equal(await signIn.certificate(['alice@example.org'], imap, { actAs: 'bob@example.org' }), 'wrong')
  assert.equal(await signIn.certificate([], imap), 'wrong')
  assert.notEqual(
    await signIn.certificate(['alice@example.org'], imap, { actAs: 'alice@example.org' }),
    'wrong',
  )
  assert.ok(!told.some(({ event }) => event === 'auth.impersonated'))
})

test('an account that is deleted leaves no credential', async () => {
  const { make, db, alice, signIn } = await withAlice()
  const { secret } = await make('appPassword')
  await make('apiKey')
  await signIn.password('alice@example.org', secret, imap)
  await signIn.settled()
  await db.write([], (tx) => destroyAccountRows(tx, alice.id))
  const left = await db.read(async (tx) => [
    ...(await tx.list(credentialTable, [])),
    ...(await tx.list(credentialUseTable, [])),
    ...(await tx.list(passwordTable, [])),
  ])
  assert.deepEqual(left, [])
})
