import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { MailboxId } from '#base/id.ts'
import { accountId, JmapTestServer } from '../fixture.test.ts'
import type { JsonObject } from '../value.ts'

const stateOf = async (server: JmapTestServer, args: object = {}): Promise<unknown> =>
  (await server.call('Mailbox/query', { ...args }))['queryState']

test('RFC 8621 §2.4: what came, went and moved', async () => {
  const server = await JmapTestServer.start()
  const args = { sort: [{ property: 'name' }] }
  const sinceQueryState = await stateOf(server, args)
  await server.call('Mailbox/set', {
    create: { n: { name: 'Business' } },
    update: { F5: { name: 'Bin' } },
    destroy: ['F4'],
  })
  const told = await server.call('Mailbox/queryChanges', { ...args, sinceQueryState, calculateTotal: true })
  assert.deepEqual(told, {
    accountId: 'A7',
    oldQueryState: sinceQueryState,
    newQueryState: await stateOf(server, args),
    total: 6,
    removed: ['F4', 'F5'],
    added: [
      { id: 'F5', index: 1 },
      { id: 'F7', index: 2 },
    ],
  })
  const changes = { ...args, sinceQueryState }
  assert.equal(await server.error('Mailbox/queryChanges', { ...changes, maxChanges: 3 }), 'tooManyChanges')
  await server.call('Mailbox/queryChanges', { ...changes, maxChanges: 4 })
})

test('RFC 8621 §2.4: mail that comes in changes no result', async () => {
  const server = await JmapTestServer.start()
  const sinceQueryState = await stateOf(server)
  await server.deliver('Subject: x\n\nx\n')
  const told = await server.call('Mailbox/queryChanges', { sinceQueryState })
  assert.deepEqual([told['removed'], told['added']], [[], []])
})

test('RFC 8620 §5.6: states that we never gave out, and arguments of the wrong type', async () => {
  const server = await JmapTestServer.start()
  for (const sinceQueryState of ['', 'no state', 'zzzzz', '1-u0123456789abcdef'])
    assert.equal(await server.error('Mailbox/queryChanges', { sinceQueryState }), 'cannotCalculateChanges')
  const sinceQueryState = await stateOf(server)
  for (const args of [{ maxChanges: -1 }, { upToId: 5 }, { sortAsTree: 1 }, { filter: 1 }, { position: 1 }])
    assert.equal(
      await server.error('Mailbox/queryChanges', { sinceQueryState, ...args }),
      'invalidArguments',
      JSON.stringify(args),
    )
  assert.equal(await server.error('Mailbox/queryChanges'), 'invalidArguments')
})

test('RFC 8620 §5.6: of a shared account, what came and went with rights, groups and subscriptions', async () => {
  for (const args of [{}, { filter: { isSubscribed: true } }]) await tellsAll(args)
})

async function tellsAll(args: object): Promise<void> {
  const server = await JmapTestServer.start()
  const guest = await server.add(9, 'guest@example.org')
  const team = await server.add(20, 'team@example.org', { isGroup: true })
  const as = { as: guest.name }
  await server.share(1 as MailboxId, guest.id, 'lr')
  await server.share(5 as MailboxId, team.id, 'l')
  const subscribe = async (isSubscribed: boolean): Promise<void> => {
    const update = { F7_1: { isSubscribed } }
    assert.equal((await server.call('Mailbox/set', { update }, as))['notUpdated'], null)
  }
  const steps = [
    () => server.share(6 as MailboxId, guest.id, 'lr'),
    () => void (guest.groups = [team.id]),
    () => server.share(6 as MailboxId, guest.id, ''),
    () => subscribe(true),
    () => server.call('Mailbox/set', { destroy: ['F6', 'F4'] }),
    () => void (guest.groups = []),
    () => subscribe(false),
  ]
  const query = async (): Promise<JsonObject> => server.call('Mailbox/query', { ...args }, as)
  for (const step of steps) {
    const before = await query()
    await step()
    const now = await query()
    const since = { ...args, sinceQueryState: before['queryState'] }
    const told = await server.call('Mailbox/queryChanges', since, as)
    assert.deepEqual(spliced(before['ids'] as readonly string[], told), now['ids'])
    assert.equal(told['newQueryState'], now['queryState'])
    assert.ok(!(told['removed'] as readonly string[]).includes('F7_4'), 'it could never be seen')
  }
}

const asked = [
  { sort: [{ property: 'name' }] },
  { sort: [{ property: 'sortOrder' }, { property: 'name' }], sortAsTree: true },
  { filter: { name: 'a' }, filterAsTree: true },
  { filter: { parentId: 'F6' } },
  { filter: { isSubscribed: true }, sort: [{ property: 'name', isAscending: false }], sortAsTree: true },
] as const

function spliced(before: readonly string[], told: JsonObject): readonly string[] {
  const ids = before.filter((id) => !(told['removed'] as readonly string[]).includes(id))
  for (const { id, index } of told['added'] as readonly { id: string; index: number }[])
    ids.splice(index, 0, id)
  return ids
}

test('RFC 8620 §5.6: the splice makes of every old result the new one', async () => {
  const id = fc.integer({ min: 2, max: 12 }).map((n) => `F${n.toString(36)}`)
  const name = fc.constantFrom('a', 'b', 'Ab', 'zz', 'ä')
  const step = fc.oneof(
    fc.record({ create: fc.record({ n: fc.record({ name, parentId: fc.option(id) }) }) }),
    fc.tuple(id, fc.record({ name })).map(([one, patch]) => ({ update: { [one]: patch } })),
    fc
      .tuple(id, fc.record({ parentId: fc.option(id) }))
      .map(([one, patch]) => ({ update: { [one]: patch } })),
    fc
      .tuple(id, fc.record({ isSubscribed: fc.boolean(), sortOrder: fc.nat(5) }))
      .map(([one, patch]) => ({ update: { [one]: patch } })),
    id.map((one) => ({ destroy: [one] })),
  )
  const histories = fc.array(step, { minLength: 1, maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(histories, histories, async (earlier, later) => {
      const server = await JmapTestServer.start()
      const all = async (): Promise<readonly JsonObject[]> => {
        const calls = asked.map((args, i) => ['Mailbox/query', { accountId, ...args }, `${i}`] as const)
        return (await server.request(calls)).answers.map(([, told]) => told)
      }
      for (const args of earlier) await server.call('Mailbox/set', { ...args })
      const before = await all()
      for (const args of later) await server.call('Mailbox/set', { ...args })
      const after = await all()
      for (const [i, args] of asked.entries()) {
        const sinceQueryState = before[i]!['queryState']
        const told = await server.call('Mailbox/queryChanges', { ...args, sinceQueryState })
        assert.deepEqual(spliced(before[i]!['ids'] as readonly string[], told), after[i]!['ids'])
        assert.equal(told['newQueryState'], after[i]!['queryState'])
      }
    }),
    { numRuns: 60 },
  )
})
