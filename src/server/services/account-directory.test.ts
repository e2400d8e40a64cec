import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeStore } from '#account/fixture.test.ts'
import { AccountDirectory } from './account-directory.ts'

test('everybody who may be shared with, read anew when an account changes', async () => {
  const { accounts, bus, clock } = makeStore()
  await accounts.createDomain({ name: 'example.org' })
  const directory = new AccountDirectory({ accounts, bus, clock })
  assert.deepEqual(await directory.all(), [])
  const team = await accounts.createAccount({
    name: 'team@example.org',
    type: 'group',
    description: 'All of us',
  })
  const ann = await accounts.createAccount({ name: 'ann@example.org', description: 'Ann' })
  await accounts.createAccount({ name: 'gone@example.org', enabled: false })
  const all = await directory.all()
  assert.deepEqual(all, [
    {
      id: team.id,
      name: 'team@example.org',
      isGroup: true,
      email: 'team@example.org',
      description: 'All of us',
      timeZone: null,
    },
    {
      id: ann.id,
      name: 'ann@example.org',
      isGroup: false,
      email: 'ann@example.org',
      description: 'Ann',
      timeZone: null,
    },
  ])
  assert.equal(await directory.all(), all, 'kept as long as nothing changes')
})
