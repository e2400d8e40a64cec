import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId } from '#base/id.ts'
import { createListRows } from './list-rows.ts'
import { makeStore } from './fixture.test.ts'
import {
  accountRowTable,
  type Alias,
  domainDefaults,
  domainTable,
  inheritedPermissions,
  listDefaults,
  type ListId,
  type ListRow,
} from './tables.ts'

const alias = (address: string, enabled = true): Alias => ({ address, enabled, description: '' })

async function organisation() {
  const store = makeStore()
  const { accounts, db } = store
  await accounts.createDomain({
    name: 'example.org',
    aliases: ['example.net', 'bücher.example'].map((d) => d),
  })
  await accounts.createDomain({ name: 'plain.example', subAddressing: false })
  await accounts.createDomain({ name: 'moved.example', redirectTo: 'example.org' })
  await accounts.createDomain({ name: 'closed.example', enabled: false, aliases: ['shut.example'] })
  await accounts.createAccount({
    name: 'alice@example.org',
    aliases: [
      alias('sales-*@example.org'),
      alias('/(a+)+b/@example.org'),
      alias('old@example.org', false),
      alias('*-x@example.org', false),
      alias('@plain.example'),
    ],
  })
  await accounts.createAccount({ name: 'carol@plain.example' })
  await accounts.createAccount({ name: 'dave@plain.example', subAddressing: true })
  await accounts.createAccount({ name: 'eve@example.org', subAddressing: false })
  await accounts.createAccount({
    name: 'mute@example.org',
    permissions: { ...inheritedPermissions, disabled: ['emailReceive'] },
  })
  await accounts.createAccount({
    name: 'quiet@example.org',
    aliases: [alias('quiet2@example.org')],
    aliasesEnabled: false,
  })
  await accounts.createAccount({ name: 'nobody@closed.example' })
  await accounts.createAccount({ type: 'group', name: 'staff@example.org' })
  const list = async (name: string, recipients: readonly string[], more: Partial<ListRow> = {}) => {
    const id = (await accounts.takeId()) as number as ListId
    await db.write([], (tx) => createListRows(tx, id, { ...listDefaults, name, recipients, ...more }))
  }
  await list('all@example.org', [
    'alice@example.org',
    'inner@example.org',
    'staff@example.org',
    'gone@example.org',
    'dave@elsewhere.example',
  ])
  await list('inner@example.org', [
    'all@example.org',
    'carol@plain.example',
    'alice+x@example.org',
    'mute@example.org',
    'dave@elsewhere.example',
  ])
  await list('off@example.org', ['alice@example.org'], { enabled: false })
  const who = async (address: string): Promise<string> => {
    const found = await accounts.resolve(address)
    if (found.kind === 'list') return `list ${found.list.name}`
    if (found.kind !== 'local') return found.kind
    const { account, detail, mayReceive } = found
    return `${account.name.split('@')[0]!}${detail === undefined ? '' : ` ${detail}`}${mayReceive ? '' : ' mute'}`
  }
  return { ...store, who }
}

const cases: readonly [string, string][] = [
  ['alice@example.org', 'alice'],
  ['ALICE@example.NET', 'alice'],
  ['alice+x@example.net', 'alice x'],
  ['alice@moved.example', 'alice'],
  ['alice+y@moved.example', 'alice y'],
  ['nobody@moved.example', 'unknownUser'],
  ['sales-eu@example.org', 'alice'],
  ['Sales-@example.net', 'alice'],
  ['sales@example.org', 'unknownUser'],
  ['aab@example.org', 'alice'],
  // With a backtracking engine this would never end.
  [`${'a'.repeat(60)}c@example.org`, 'unknownUser'],
  ['old@example.org', 'unknownUser'],
  ['y-x@example.org', 'unknownUser'],
  ['carol+x@plain.example', 'alice'],
  ['dave+x@plain.example', 'dave x'],
  ['eve+x@example.org', 'unknownUser'],
  ['eve@example.org', 'eve'],
  ['mute@example.org', 'mute mute'],
  ['quiet@example.org', 'quiet'],
  ['quiet2@example.org', 'unknownUser'],
  ['nobody@closed.example', 'unknownUser'],
  ['nobody@shut.example', 'unknownUser'],
  ['staff@example.org', 'staff'],
  ['all@example.org', 'list all@example.org'],
  ['all+x@example.net', 'list all@example.org'],
  ['off@example.org', 'unknownUser'],
]

for (const [address, expected] of cases) {
  test(`${address.slice(0, 40)}: ${expected}`, async () => {
    const { who } = await organisation()
    assert.equal(await who(address), expected)
  })
}

test('every domain has a postmaster: who has the address, or else the first who administers', async () => {
  const { accounts, who } = await organisation()
  assert.equal(await who('postmaster@plain.example'), 'alice')
  assert.equal(await who('postmaster@example.org'), 'unknownUser')
  await accounts.createAccount({ name: 'root@plain.example', roles: ['admin'] })
  assert.equal(await who('Postmaster@example.org'), 'root')
  assert.equal(await who('postmaster+x@example.net'), 'unknownUser')
  await accounts.createAccount({ name: 'pm@example.org', aliases: [alias('postmaster@example.org')] })
  assert.equal(await who('postmaster@example.net'), 'pm')
})

test('lists in lists: each account once, circles end, who is gone or mute is passed over', async () => {
  const { accounts } = await organisation()
  for (const name of ['all@example.org', 'inner@example.org']) {
    const found = await accounts.resolve(name)
    assert.ok(found.kind === 'list')
    const { accounts: members, others } = await accounts.expand(found.list)
    const names = members.map((account) => account.name)
    assert.deepEqual(names.toSorted(), ['alice@example.org', 'carol@plain.example', 'staff@example.org'])
    assert.deepEqual(others, ['dave@elsewhere.example'])
  }
})

test('domains that redirect to each other lead nowhere', async () => {
  const { db, who } = await organisation()
  await db.write([], async (tx) => {
    tx.put(domainTable, ['a.example'], { ...domainDefaults, redirectTo: 'b.example' })
    tx.put(domainTable, ['b.example'], { ...domainDefaults, redirectTo: 'a.example' })
  })
  assert.equal(await who('x@a.example'), 'unknownUser')
})

test('who signs in: by name, address or alias domain, and not as a group, with a pattern or a closed domain', async () => {
  const { accounts, signIn } = await organisation()
  const from = { ip: '192.0.2.1', protocol: 'imap' }
  for (const [name] of [
    ['alice@example.org'],
    ['quiet@example.org'],
    ['nobody@closed.example'],
    ['staff@example.org'],
  ]) {
    await accounts.setPassword((await accounts.byName(name!))!.id, 'correct horse')
  }
  const works = async (name: string): Promise<boolean> =>
    (await signIn.password(name, 'correct horse', from)) !== 'wrong'
  assert.equal(await works('alice@example.org'), true)
  assert.equal(await works('alice@example.net'), true)
  for (const name of [
    'sales-eu@example.org',
    'old@example.org',
    '@plain.example',
    'x@plain.example',
    'quiet2@example.org',
    'nobody@closed.example',
    'staff@example.org',
    'all@example.org',
  ]) {
    assert.equal(await works(name), false, name)
  }
})

test('groups of groups are found, circles end, disabled ones give nothing', async () => {
  const { accounts, db, signIn } = makeStore()
  await accounts.createDomain({ name: 'example.org' })
  const group = (name: string, memberOf: readonly AccountId[] = []) =>
    accounts.createAccount({ type: 'group', name: `${name}@example.org`, memberOf })
  const top = await group('top')
  const mid = await group('mid', [top.id])
  const off = await group('off', [mid.id])
  const low = await group('low', [mid.id, off.id])
  await db.write([], async (tx) => {
    tx.put(accountRowTable, [top.id], { ...(await tx.get(accountRowTable, top.id))!, memberOf: [low.id] })
    tx.put(accountRowTable, [off.id], { ...(await tx.get(accountRowTable, off.id))!, enabled: false })
  })
  await accounts.createAccount({ name: 'a@example.org', memberOf: [low.id], password: 'correct horse' })
  const access = await signIn.password('a@example.org', 'correct horse', {
    ip: '192.0.2.1',
    protocol: 'imap',
  })
  assert.ok(access !== 'wrong')
  assert.deepEqual(access.groups, [low.id, mid.id, top.id])
})
