import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import { Accounts, type NewAccount } from './account.ts'
import { makeStore } from './fixture.test.ts'
import { accountDefaults, accountRowTable, addressTable, domainDefaults, noQuotas } from './tables.ts'

const rejectsWith = (promise: Promise<unknown>, code: string, text: RegExp) =>
  assert.rejects(promise, (error) => isFault(error) && error.code === code && text.test(error.publicText))

const createdAt = 1_700_000_000_000

async function withDomain() {
  const store = makeStore()
  await store.accounts.createDomain({ name: 'example.org' })
  return store
}

test('a domain is kept once, whatever its spelling', async () => {
  const { accounts, told } = makeStore()
  assert.equal((await accounts.createDomain({ name: 'Example.ORG.' })).name, 'example.org')
  await rejectsWith(accounts.createDomain({ name: 'example.org' }), 'exists', /example\.org/)
  assert.equal(
    (await accounts.createDomain({ name: 'bücher.example', description: 'Books' })).name,
    'xn--bcher-kva.example',
  )
  assert.deepEqual(await accounts.listDomains(), [
    { ...domainDefaults, name: 'example.org', createdAt },
    { ...domainDefaults, name: 'xn--bcher-kva.example', description: 'Books', createdAt },
  ])
  assert.equal((await accounts.domain('EXAMPLE.org'))?.name, 'example.org')
  assert.equal(await accounts.domain('example.net'), undefined)
  assert.deepEqual(told[0], { event: 'account.domain-created', domain: 'example.org' })
})

for (const name of [
  '',
  'localhost',
  'a b.example',
  'exa_mple.org',
  '192.0.2.1',
  '-a.example',
  'a..b',
  '@example.org',
]) {
  test(`"${name}" is no domain of ours`, async () => {
    await rejectsWith(makeStore().accounts.createDomain({ name }), 'invalid', /^name: /)
  })
}

test('an account is there with its addresses, and its mailboxes come in the same commit', async () => {
  const { accounts, provisioned, db } = await withDomain()
  const account = await accounts.createAccount({
    name: 'Alice@Example.org',
    emails: ['alice@example.org', 'A.Liddell@example.org', 'a.liddell@EXAMPLE.org'],
    description: 'Alice Liddell',
    quotas: { ...noQuotas, diskBytes: 2 ** 40 },
    roles: ['admin'],
  })
  const expected = {
    ...accountDefaults,
    id: 1,
    name: 'alice@example.org',
    emailAddress: 'alice@example.org',
    aliases: [{ address: 'a.liddell@example.org', enabled: true, description: '' }],
    description: 'Alice Liddell',
    quotas: { ...noQuotas, diskBytes: 2 ** 40 },
    roles: ['admin'],
    createdAt,
  }
  assert.deepEqual(account, expected)
  assert.deepEqual(await accounts.get(account.id), expected)
  assert.deepEqual(await accounts.byName('ALICE@example.org'), expected)
  assert.deepEqual(provisioned, [1])
  assert.equal(await db.read((tx) => tx.sequence(account.id)), 1)
  assert.equal((await accounts.createAccount({ name: 'bob@example.org' })).id, 2)
  assert.deepEqual(await accounts.names(), ['alice@example.org', 'bob@example.org'])
})

test('accounts are listed in pages', async () => {
  const { accounts } = await withDomain()
  for (const who of ['c', 'a', 'b']) await accounts.createAccount({ name: `${who}@example.org` })
  const first = await accounts.list({ limit: 2 })
  assert.deepEqual(
    first.map((account) => account.name),
    ['a@example.org', 'b@example.org'],
  )
  const rest = await accounts.list({ after: 'b@example.org', limit: 2 })
  assert.deepEqual(
    rest.map((account) => account.name),
    ['c@example.org'],
  )
})

const bad: readonly [string, NewAccount, RegExp][] = [
  ['a name without domain', { name: 'alice' }, /^name: /],
  ['a quoted name', { name: '"alice b"@example.org' }, /^name: /],
  ['a dot at the end', { name: 'alice.@example.org' }, /^name: /],
  ['a name of 65 bytes', { name: `${'a'.repeat(65)}@example.org` }, /^name: /],
  ['a control character', { name: 'al\u0001ice@example.org' }, /^name: /],
  [
    'a domain that is not ours',
    { name: 'alice@example.net' },
    /^name: the domain example\.net does not exist/,
  ],
  [
    'an alias elsewhere',
    { name: 'a@example.org', emails: ['a@example.net'] },
    /^emailAddress: the domain example\.net/,
  ],
  ['a bad alias', { name: 'a@example.org', emails: ['a@example.org', 'b'] }, /^emails\/1: /],
  ['a catch-all first', { name: 'a@example.org', emails: ['@example.org'] }, /^emails\/0: .*catch-all/],
  ['a short password', { name: 'a@example.org', password: '1234567' }, /at least 8 characters/],
  ['a password with a line end', { name: 'a@example.org', password: '12345678\n' }, /control characters/],
  ['a role that is not there', { name: 'a@example.org', roles: ['boss'] }, /^roles\/0: /],
  ['a group that is not there', { name: 'a@example.org', memberOf: [9 as AccountId] }, /^memberOf\/0: /],
]
for (const [what, wanted, text] of bad) {
  test(`refused: ${what}`, async () => {
    const { accounts, provisioned } = await withDomain()
    await rejectsWith(accounts.createAccount(wanted), 'invalid', text)
    assert.deepEqual(await accounts.names(), [])
    assert.deepEqual(provisioned, [])
  })
}

test('nobody gets what somebody has, as a name or as an address', async () => {
  const { accounts } = await withDomain()
  await accounts.createAccount({ name: 'alice@example.org', emails: ['first@example.org', '@example.org'] })
  for (const wanted of [
    { name: 'Alice@example.org' },
    { name: 'first@example.org' },
    { name: 'bob@example.org', emails: ['bob@example.org', 'FIRST@example.org'] },
    { name: 'bob@example.org', emails: ['alice@example.org'] },
    { name: 'bob@example.org', emails: ['bob@example.org', '@example.org'] },
  ]) {
    await rejectsWith(accounts.createAccount(wanted), 'exists', /is taken already/)
  }
  assert.deepEqual(await accounts.names(), ['alice@example.org'])
})

test('of many who create the same address at once one wins, and the losers leave nothing', async () => {
  const { accounts, db } = await withDomain()
  const all = await Promise.allSettled(
    Array.from({ length: 10 }, (_, i) =>
      accounts.createAccount({
        name: `user${i}@example.org`,
        emails: [`user${i}@example.org`, 'shared@example.org'],
      }),
    ),
  )
  const won = all.filter((one) => one.status === 'fulfilled')
  assert.equal(won.length, 1)
  for (const one of all) assert.ok(one.status === 'fulfilled' || isFault(one.reason, 'exists'))
  assert.equal((await db.read((tx) => tx.list(accountRowTable, []))).length, 1)
  assert.equal((await db.read((tx) => tx.list(addressTable, []))).length, 2)
  const resolved = await accounts.resolve('shared@example.org')
  assert.equal(resolved.kind === 'local' && resolved.account.id, won[0]!.value.id)
})

test('many different accounts at once get ids of their own', async () => {
  const { accounts } = await withDomain()
  const all = await Promise.all(
    Array.from({ length: 60 }, (_, i) => accounts.createAccount({ name: `user${i}@example.org` })),
  )
  assert.deepEqual(
    all.map((account) => account.id).sort((a, b) => a - b),
    Array.from({ length: 60 }, (_, i) => i + 1),
  )
})

test('where the mailboxes cannot be made there is no account, and its id is not used again', async () => {
  const store = await withDomain()
  let failing = true
  const accounts = new Accounts({
    ...store,
    provision: async () => {
      if (failing) throw new Error('planned')
    },
  })
  await assert.rejects(accounts.createAccount({ name: 'alice@example.org' }), /planned/)
  assert.deepEqual(await accounts.names(), [])
  assert.deepEqual(await accounts.resolve('alice@example.org'), { kind: 'unknownUser' })
  failing = false
  assert.equal((await accounts.createAccount({ name: 'alice@example.org' })).id, 2)
})

test('a password is set for an account that is there', async () => {
  const { accounts, signIn, told } = await withDomain()
  const from = { ip: '192.0.2.1', protocol: 'imap' }
  const { id } = await accounts.createAccount({ name: 'alice@example.org' })
  assert.equal(await signIn.password('alice@example.org', 'correct horse', from), 'wrong')
  await accounts.setPassword(id, 'correct horse')
  assert.notEqual(await signIn.password('alice@example.org', 'correct horse', from), 'wrong')
  await rejectsWith(accounts.setPassword(id, 'short'), 'invalid', /at least 8/)
  await rejectsWith(accounts.setPassword(99 as typeof id, 'correct horse'), 'notFound', /no such account/)
  assert.ok(!JSON.stringify(told).includes('correct horse'))
})
