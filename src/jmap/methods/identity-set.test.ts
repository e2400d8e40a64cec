import assert from 'node:assert/strict'
import { test } from 'node:test'
import { account } from '../../../test/harness/memory-accounts.ts'
import { SendingTest } from '../sending-fixture.test.ts'
import type { JsonObject } from '../value.ts'

const name = 'Identity/set'

async function stored(t: SendingTest, id: string): Promise<JsonObject | undefined> {
  const { list } = await t.server.call('Identity/get', { ids: [id] })
  return (list as JsonObject[])[0]
}

test('RFC 8621 §6.3: an identity is created with what it was given, and what it lacks by default', async () => {
  await using t = await SendingTest.start()
  const given = {
    email: 'fred+work@example.org',
    name: 'Fred at work',
    bcc: [{ name: null, email: 'archive@example.org' }],
    textSignature: '-- \nFred',
  }
  const answer = await t.server.call(name, { create: { w: given } })
  assert.deepEqual(answer['created'], {
    w: { id: 'I2', replyTo: null, htmlSignature: '', mayDelete: true },
  })
  assert.notEqual(answer['newState'], answer['oldState'])
  assert.deepEqual(await stored(t, 'I2'), {
    ...given,
    id: 'I2',
    replyTo: null,
    htmlSignature: '',
    mayDelete: true,
  })
})

test('RFC 8621 §6: several identities may have the same address', async () => {
  await using t = await SendingTest.start()
  const one = { email: 'fred@example.org' }
  const answer = await t.server.call(name, { create: { a: one, b: one } })
  assert.deepEqual(Object.keys(answer['created'] as object), ['a', 'b'])
})

test('RFC 8621 §6.3: forbiddenFrom for an address that the user may not send from', async () => {
  await using t = await SendingTest.start()
  const emails = ['bob@example.org', 'any@remote.example', '*@example.org', '*@remote.example']
  const create = Object.fromEntries(emails.map((email, i) => [`c${i}`, { email }]))
  const { notCreated } = await t.server.call(name, { create })
  assert.deepEqual(
    Object.values(notCreated as Record<string, JsonObject>).map(({ type }) => type),
    Array(4).fill('forbiddenFrom'),
  )
})

test('RFC 8621 §6.3: a star and addresses of groups where the account has them', async () => {
  await using t = await SendingTest.start()
  const group = await t.server.add(20, 'team@example.org', { isGroup: true })
  await t.setAddresses(group.id, ['team@example.org'])
  await t.setAddresses(account, ['fred@example.org', '@example.org'])
  t.server.people[0]!.groups = [group.id]
  const create = { a: { email: '*@example.org' }, b: { email: 'team@example.org' } }
  const answer = await t.server.call(name, { create })
  assert.equal(answer['notCreated'], null)
  t.server.people[0]!.groups = []
  const { list } = await t.server.call('Identity/get', { ids: null, properties: ['email'] })
  const emails = (list as JsonObject[]).map(({ email }) => email)
  assert.ok(!emails.includes('team@example.org'), 'who left the group may not send for it')
})

test('RFC 8620 §5.3: invalidProperties names all that is wrong', async () => {
  await using t = await SendingTest.start()
  const wrong: [object, string[]][] = [
    [{}, ['email']],
    [{ email: 'no address' }, ['email']],
    [{ email: 5, name: null }, ['email', 'name']],
    [{ email: 'fred@example.org', id: 'I7' }, ['id']],
    [{ email: 'fred@example.org', mayDelete: true }, ['mayDelete']],
    [{ email: 'fred@example.org', nonsense: 1 }, ['nonsense']],
    [{ email: 'fred@example.org', bcc: [{ name: 'x' }] }, ['bcc/0/email']],
    [{ email: 'fred@example.org', replyTo: 'x@example.org' }, ['replyTo']],
    [{ email: 'fred@example.org', htmlSignature: 'x'.repeat(300_000) }, ['htmlSignature']],
  ]
  for (const [object, properties] of wrong) {
    const { notCreated } = await t.server.call(name, { create: { a: object } })
    const error = (notCreated as JsonObject)['a'] as JsonObject
    assert.equal(error['type'], 'invalidProperties', JSON.stringify(object))
    assert.deepEqual((error['properties'] as string[]).toSorted(), properties)
  }
})

test('RFC 8621 §6: all but the address can be changed; null is the default', async () => {
  await using t = await SendingTest.start()
  const update = async (patch: object): Promise<JsonObject> => t.server.call(name, { update: { I1: patch } })
  const changed = await update({
    name: 'F.',
    replyTo: [{ email: 'x@remote.example' }],
    htmlSignature: '<b>F</b>',
  })
  assert.deepEqual(changed['updated'], { I1: null })
  const now = await stored(t, 'I1')
  assert.deepEqual(
    [now!['name'], now!['replyTo'], now!['htmlSignature'], now!['mayDelete']],
    ['F.', [{ name: null, email: 'x@remote.example' }], '<b>F</b>', false],
  )
  await update({ name: null, replyTo: null })
  const reset = await stored(t, 'I1')
  assert.deepEqual([reset!['name'], reset!['replyTo']], ['', null])
  const refused = await update({ email: 'fred+x@example.org' })
  const error = (refused['notUpdated'] as JsonObject)['I1'] as JsonObject
  assert.deepEqual([error['type'], error['properties']], ['invalidProperties', ['email']])
  const same = await update({ ...(await stored(t, 'I1')), textSignature: 'new' })
  assert.deepEqual(same['updated'], { I1: null })
})

test('RFC 8621 §6: the identity of an address is not destroyed, one that the user made is', async () => {
  await using t = await SendingTest.start()
  await t.server.call(name, { create: { a: { email: 'fred@example.org' } } })
  const answer = await t.server.call(name, { destroy: ['I1', 'I2', 'I9', 'nonsense'] })
  assert.deepEqual(answer['destroyed'], ['I2'])
  const types = Object.entries(answer['notDestroyed'] as Record<string, JsonObject>)
  assert.deepEqual(
    types.map(([id, { type }]) => [id, type]),
    [
      ['I1', 'forbidden'],
      ['I9', 'notFound'],
      ['nonsense', 'notFound'],
    ],
  )
})

test('RFC 8620 §5.3: nothing is changed where the state is another one', async () => {
  await using t = await SendingTest.start()
  const create = { a: { email: 'fred@example.org' } }
  const { state } = await t.server.call('Identity/get', { ids: null })
  assert.equal(await t.server.error(name, { ifInState: 'other', create }), 'stateMismatch')
  assert.ok((await t.server.call(name, { ifInState: state, create }))['created'])
})

test('RFC 8620 §5.3: there is a limit to identities', async () => {
  await using t = await SendingTest.start()
  const create = Object.fromEntries(
    Array.from({ length: 201 }, (_, i) => [`c${i}`, { email: 'fred@example.org' }]),
  )
  const { notCreated } = await t.server.call(name, { create })
  const errors = Object.values(notCreated as Record<string, JsonObject>)
  assert.deepEqual(
    errors.map(({ type }) => type),
    ['overQuota'],
  )
})
