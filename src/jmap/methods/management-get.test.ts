import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeManaged } from '../managed-fixture.test.ts'

test('RFC 8620 §5.1: every object of the management can be read, and asks for its permission', async () => {
  const { call, management } = await makeManaged()
  assert.ok(management.objects.length > 20)
  for (const { name, kind } of management.objects) {
    const { list, state } = await call(`x:${name}/get`, { ids: null })
    assert.ok(Array.isArray(list) && typeof state === 'string', name)
    if (kind === 'singleton') assert.equal(list.length, 1, name)
    const refused = await call(`x:${name}/get`, { ids: null }, { permissions: [], expect: 'error' })
    assert.equal(refused['type'], 'forbidden', name)
  }
})

test('RFC 8620 §5.1: properties that are not known are refused, and secrets are never shown', async () => {
  const { call, boss } = await makeManaged()
  const wrong = await call('x:Account/get', { ids: null, properties: ['nope'] }, { expect: 'error' })
  assert.equal(wrong['type'], 'invalidArguments')
  const { list } = await call('x:Account/get', { ids: [String(boss.id)] })
  assert.ok(!JSON.stringify(list).includes('correct horse'))
})
