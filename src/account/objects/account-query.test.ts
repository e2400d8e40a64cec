import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeStore } from '../fixture.test.ts'
import { queryAccounts } from './account-query.ts'

/** Which accounts a filter finds, by the first letter of their names. */
async function finder() {
  const { accounts, db } = makeStore()
  await accounts.createDomain({ name: 'example.org' })
  await accounts.createDomain({ name: 'example.net' })
  const staff = await accounts.createAccount({ type: 'group', name: 'staff@example.org' })
  await accounts.createAccount({
    name: 'ann@example.org',
    description: 'Ann "Nan" O\\Lee',
    memberOf: [staff.id],
    roles: ['admin'],
  })
  await accounts.createAccount({ name: 'bob@example.net', description: 'Jürgen', enabled: false })
  return async (filter: Readonly<Record<string, unknown>>): Promise<string> => {
    const { ids } = await queryAccounts(db, { filter, position: 0, limit: 10 })
    const found = await Promise.all(ids.map((id) => accounts.get(Number(id) as never)))
    return found.map((account) => account!.name[0]).join('')
  }
}

test('accounts are found by each of the filters, and by all that are given together', async () => {
  const find = await finder()
  const expected: readonly (readonly [Readonly<Record<string, unknown>>, string])[] = [
    [{}, 'abs'],
    [{ type: 'group' }, 's'],
    [{ domain: 'example.org' }, 'as'],
    [{ enabled: true }, 'as'],
    [{ enabled: false }, 'b'],
    [{ role: 'Admin' }, 'a'],
    // Where an account names no role it has that of its type.
    [{ role: 'user' }, 'b'],
    [{ memberOf: 'staff@example.org' }, 'a'],
    [{ memberOf: 'nobody@example.org' }, ''],
    [{ enabled: true, type: 'user' }, 'a'],
    [{ enabled: false, type: 'group' }, ''],
  ]
  for (const [filter, names] of expected) assert.equal(await find(filter), names, JSON.stringify(filter))
})

// Turns red where the text is looked for in the stored bytes as it is, and not as JSON has it.
test('a text is found in names, addresses and descriptions, whatever stands in it', async () => {
  const find = await finder()
  for (const [text, names] of [
    ['ANN', 'a'],
    ['"nan"', 'a'],
    ['o\\lee', 'a'],
    ['JÜRGEN', 'b'],
    ['@example.net', 'b'],
    // What only the row has, and none of these.
    ['emailAddress', ''],
    ['\\"', ''],
  ] as const)
    assert.equal(await find({ text }), names, text)
})
