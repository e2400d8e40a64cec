import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeManaged } from '../managed-fixture.test.ts'
import type { JsonObject } from '../value.ts'

const one = (object: unknown): JsonObject => Object.values(object as object)[0] as JsonObject

test('RFC 8620 §5.3: a domain is created, changed and destroyed, and the audit log has it', async () => {
  const { call } = await makeManaged()
  const made = await call('x:Domain/set', {
    create: {
      d: { name: 'example.net' },
      bad: { name: 'not a domain' },
      odd: { name: 'example.com', nope: 1 },
    },
  })
  const id = one(made['created'])['id'] as string
  assert.notEqual(made['oldState'], made['newState'])
  const refused = made['notCreated'] as Record<string, JsonObject>
  assert.deepEqual([refused['bad']!['type'], refused['bad']!['properties']], ['invalidProperties', ['name']])
  assert.deepEqual(refused['odd']!['properties'], ['nope'])
  const changed = await call('x:Domain/set', {
    update: { [id]: { enabled: false }, nope: { enabled: true } },
    ifInState: made['newState'],
  })
  assert.equal(Object.keys(changed['updated'] as object)[0], id)
  assert.equal((one(changed['notUpdated']) as { type: string }).type, 'notFound')
  const { list } = await call('x:Domain/get', { ids: [id], properties: ['name', 'enabled'] })
  assert.deepEqual(list, [{ id, name: 'example.net', enabled: false }])
  const gone = await call('x:Domain/set', { destroy: [id, 'nope'] })
  assert.deepEqual(gone['destroyed'], [id])
  assert.deepEqual((await call('x:Domain/get', { ids: [id] }))['notFound'], [id])
  const audit = await call('x:AuditEntry/get', {
    ids: null,
    properties: ['verb', 'object', 'protocol', 'ip'],
  })
  const told = (audit['list'] as readonly JsonObject[]).slice(0, 3).map(({ id: _, ...rest }) => rest)
  const entry = { object: 'Domain', protocol: 'jmap', ip: '192.0.2.7' }
  assert.deepEqual(new Set(told.map((each) => JSON.stringify(each))).size, 3)
  for (const each of told) assert.deepEqual({ ...each, verb: '' }, { ...entry, verb: '' })
})

test('RFC 8620 §5.3: another state is stateMismatch, and nothing changes', async () => {
  const { call } = await makeManaged()
  const error = await call(
    'x:Domain/set',
    { ifInState: 'x', create: { d: { name: 'example.net' } } },
    { expect: 'error' },
  )
  assert.equal(error['type'], 'stateMismatch')
  const { list } = await call('x:Domain/get', { ids: null, properties: ['name'] })
  assert.deepEqual(
    (list as readonly JsonObject[]).map(({ name }) => name),
    ['example.org'],
  )
})

test('RFC 8620 §5.3: there is one of a singleton', async () => {
  const { call } = await makeManaged()
  const set = await call('x:Imap/set', {
    create: { a: {} },
    destroy: ['singleton'],
    update: { singleton: { maxAuthFailures: 5 } },
  })
  assert.deepEqual(one(set['notCreated']), { type: 'singleton' })
  assert.deepEqual(one(set['notDestroyed']), { type: 'singleton' })
  const { list } = await call('x:Imap/get', { ids: null, properties: ['maxAuthFailures'] })
  assert.deepEqual(list, [{ id: 'singleton', maxAuthFailures: 5 }])
})

test('an app password is told once, and who has no permission gets nowhere', async () => {
  const { call } = await makeManaged()
  const made = await call('x:AppPassword/set', { create: { p: { description: 'phone' } } })
  const created = one(made['created'])
  const { id, secret } = created as { id: string; secret: string }
  assert.match(secret, /./)
  const { list } = await call('x:AppPassword/get', { ids: [id] })
  assert.ok(
    !('secret' in (list as readonly JsonObject[])[0]!) ||
      (list as readonly JsonObject[])[0]!['secret'] === null,
  )
  const none = { permissions: ['authenticate'] as const }
  const refused = await call('x:Domain/set', { create: { d: { name: 'example.net' } } }, none)
  assert.equal(one(refused['notCreated'])['type'], 'forbidden')
  assert.equal((await call('x:Domain/get', { ids: null }, { ...none, expect: 'error' }))['type'], 'forbidden')
  assert.equal((await call('x:Domain/query', {}, { ...none, expect: 'error' }))['type'], 'forbidden')
})
