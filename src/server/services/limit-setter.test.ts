import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Access } from '#account/access.ts'
import { makeStore } from '#account/fixture.test.ts'
import { builtInRoles } from '#account/permission.ts'
import type { AccountId } from '#base/id.ts'
import { limitSetter } from './limit-setter.ts'

test('limits are set as management does it, and only by whoever may', async () => {
  const store = makeStore()
  await store.accounts.createDomain({ name: 'example.org' })
  const { id } = await store.accounts.createAccount({
    name: 'anna@example.org',
    quotas: { diskBytes: 1, emails: 2, mailboxes: 3, appPasswords: 4, apiKeys: 5 },
  })
  const setLimits = limitSetter({ ...store, usedBytes: async () => 0 })
  const by = (role: string): Access => ({
    account: 1 as AccountId,
    name: `${role}@example.org`,
    emails: [],
    groups: [],
    permissions: new Set(builtInRoles.get(role)!.enabled),
  })
  const limits = { bytes: 1000, messages: 0, mailboxes: 7 }
  await assert.rejects(setLimits(by('user'), '192.0.2.1', id, limits), { code: 'forbidden' })
  await setLimits(by('admin'), '192.0.2.1', id, limits)
  const { quotas } = (await store.accounts.get(id))!
  assert.deepEqual(quotas, { diskBytes: 1000, emails: 0, mailboxes: 7, appPasswords: 4, apiKeys: 5 })
  assert.deepEqual(
    store.told
      .filter(({ event }) => event === 'registry.object-changed')
      .map(({ by: who, what }) => [who, what]),
    [['admin@example.org', 'update Account anna@example.org']],
  )
  await assert.rejects(setLimits(by('admin'), '192.0.2.1', 99 as AccountId, limits), { code: 'notFound' })
})
