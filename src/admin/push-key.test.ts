import assert from 'node:assert/strict'
import { test } from 'node:test'
import { pushKeysTable } from '#account/push-keys.ts'
import { makeApi } from './fixture.test.ts'
import type { RotatedPushKey } from './push-key.ts'

test('the key of push services is exchanged, with time for what has the old one or at once, and that is in the audit log', async () => {
  const api = await makeApi()
  const rotate = async (query = ''): Promise<RotatedPushKey> => {
    const { status, body } = await api.call('POST', `/api/push/rotate${query}`)
    assert.equal(status, 200, JSON.stringify(body))
    return (body as { data: RotatedPushKey }).data
  }
  const row = () => api.db.read((tx) => tx.get(pushKeysTable))
  const first = await rotate()
  assert.match(first.publicKey, /^[\w-]{87}$/)
  assert.equal(first.oldUntil, new Date(api.clock.now() + 7 * 86_400_000).toISOString())
  const second = await rotate()
  assert.equal((await row())!.before?.publicKey, first.publicKey)
  const third = await rotate('?now=true')
  assert.equal(third.oldUntil, null)
  assert.deepEqual([(await row())!.current.publicKey, (await row())!.before], [third.publicKey, undefined])
  assert.equal(new Set([first, second, third].map(({ publicKey }) => publicKey)).size, 3)
  const { body } = await api.call('GET', '/api/object/AuditEntry')
  const text = JSON.stringify(body)
  const { items } = (body as { data: { items: { object: string; after: unknown }[] } }).data
  assert.deepEqual([items[0]?.object, items[0]?.after], ['RotatePushKey', third])
  assert.ok(!text.includes((await row())!.current.privateKey))
})
