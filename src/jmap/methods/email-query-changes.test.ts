import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { MailboxId, Uid } from '#base/id.ts'
import { expungeMessages } from '#mail/expunge.ts'
import { storeFlags } from '#mail/flags.ts'
import { inboxId } from '#mail/mailbox.ts'
import { emailObjectId } from '#mail/object-id.ts'
import { account, createdAt } from '../../../test/harness/memory-accounts.ts'
import { accountId, JmapTestServer } from '../fixture.test.ts'
import type { JsonObject } from '../value.ts'

const archive = 6 as MailboxId
const sort = [{ property: 'receivedAt', isAscending: false }]

async function filled(): Promise<JmapTestServer> {
  const server = await JmapTestServer.start()
  for (let minute = 1; minute <= 3; minute++)
    await server.deliver(`Subject: tea ${minute}\n\ntext\n`, { receivedAt: createdAt + 60_000 * minute })
  return server
}

const stateOf = async (server: JmapTestServer, args: object): Promise<unknown> =>
  (await server.call('Email/query', { ...args }))['queryState']

const store = (server: JmapTestServer, uid: number, keyword: string): Promise<unknown> =>
  server.db.write([account], (tx) =>
    storeFlags(tx, account, inboxId, [uid as Uid], { how: 'add', keywords: [keyword] }),
  )

const expunge = (server: JmapTestServer, uid: number): Promise<unknown> =>
  server.db.write([account], (tx) =>
    expungeMessages(tx, account, inboxId, [uid as Uid], { onlyDeleted: false }),
  )

test('RFC 8620 §5.6: what is told, and the state with which to ask again', async () => {
  const server = await filled()
  const args = { filter: { inMailbox: 'F1' }, sort }
  const sinceQueryState = await stateOf(server, args)
  await server.deliver('Subject: new\n\ntext\n', { receivedAt: createdAt + 600_000 })
  await expunge(server, 2)
  const told = await server.call('Email/queryChanges', { ...args, sinceQueryState, calculateTotal: true })
  assert.deepEqual(told, {
    accountId: 'A7',
    oldQueryState: sinceQueryState,
    newQueryState: await stateOf(server, args),
    total: 3,
    removed: ['M2'],
    added: [{ id: 'M4', index: 0 }],
  })
  const again = await server.call('Email/queryChanges', { ...args, sinceQueryState: told['newQueryState'] })
  assert.deepEqual([again['removed'], again['added'], again['total']], [[], [], undefined])
})

test('RFC 8620 §5.6: more changes than are wanted', async () => {
  const server = await filled()
  const args = { filter: { hasKeyword: '$flagged' }, sort }
  const sinceQueryState = await stateOf(server, args)
  for (const uid of [1, 2]) await store(server, uid, '$flagged')
  const changes = { ...args, sinceQueryState }
  assert.equal(await server.error('Email/queryChanges', { ...changes, maxChanges: 1 }), 'tooManyChanges')
  const told = await server.call('Email/queryChanges', { ...changes, maxChanges: 2 })
  assert.deepEqual(told['added'], [
    { id: 'M2', index: 0 },
    { id: 'M1', index: 1 },
  ])
  await server.call('Email/queryChanges', { ...changes, maxChanges: null })
})

test('RFC 8620 §5.6: states that we never gave out', async () => {
  const server = await filled()
  for (const sinceQueryState of ['', 'no state', 'zzzz', '0-i', '1-uffffffffffffffff', '-'])
    assert.equal(await server.error('Email/queryChanges', { sinceQueryState }), 'cannotCalculateChanges')
  const sinceQueryState = await stateOf(server, { filter: { text: 'tea' } })
  assert.equal(await server.error('Email/queryChanges', { sinceQueryState }), 'cannotCalculateChanges')
})

test('RFC 8620 §5.6: arguments of the wrong type', async () => {
  const server = await filled()
  const sinceQueryState = await stateOf(server, {})
  const error = (args: object): Promise<string> =>
    server.error('Email/queryChanges', { sinceQueryState, ...args })
  for (const wrong of [
    { sinceQueryState: 5 },
    { sinceQueryState: null },
    { maxChanges: -1 },
    { maxChanges: '5' },
    { upToId: 5 },
    { calculateTotal: 'yes' },
    { collapseThreads: null },
    { filter: 'x' },
    { sort: 'x' },
    { position: 0 },
  ])
    assert.equal(await error(wrong), 'invalidArguments', JSON.stringify(wrong))
  assert.equal(await error({ filter: { nothing: 1 } }), 'unsupportedFilter')
  assert.equal(await error({ sort: [{ property: 'nothing' }] }), 'unsupportedSort')
  assert.equal(await server.error('Email/queryChanges', {}), 'invalidArguments')
})

test('RFC 8620 §5.6: what is told when rights change, or groups, is what came and went for who asks', async () => {
  const server = await filled()
  const guest = await server.add(9, 'guest@example.org')
  const team = await server.add(20, 'team@example.org', { isGroup: true })
  await server.share(inboxId, guest.id, 'lr')
  await server.share(archive, team.id, 'lr')
  await server.deliver('Subject: tea\n\ntea\n', { mailbox: archive })
  const as = guest.name
  for (const args of [{ filter: { hasKeyword: 'none' } }, {}, { filter: { text: 'tea' } }]) {
    const query = async () => server.call('Email/query', args, { as })
    const start = await query()
    const since = async (state: unknown): Promise<JsonObject> =>
      server.call('Email/queryChanges', { ...args, sinceQueryState: state, calculateTotal: true }, { as })
    const ids = async (): Promise<readonly string[]> => (await query())['ids'] as readonly string[]
    const steps = [
      () => void (guest.groups = [team.id]),
      () => server.share(inboxId, guest.id, 'l'),
      () => void (guest.groups = []),
      () => server.share(inboxId, guest.id, 'lr'),
    ]
    for (const step of steps) {
      const before = await query()
      await step()
      for (const earlier of [start, before]) {
        const told = await since(earlier['queryState'])
        assert.deepEqual(spliced(earlier['ids'] as readonly string[], told), await ids())
        assert.equal(told['newQueryState'], (await query())['queryState'])
      }
    }
  }
})

test('RFC 8620 §5.6: nobody is told what went where they could not read', async () => {
  const server = await filled()
  const guest = await server.add(9, 'guest@example.org')
  await server.share(archive, guest.id, 'lr')
  const hidden = await server.deliver('Subject: tea\n\ntea\n')
  const seen = await server.deliver('Subject: tea\n\ntea\n', { mailbox: archive })
  const as = { as: guest.name }
  const args = { filter: { text: 'tea' } }
  const { queryState } = await server.call('Email/query', args, as)
  const gone = [hidden.id, seen.id].map((id) => emailObjectId(id, ''))
  await server.call('Email/set', { destroy: gone })
  const told = await server.call('Email/queryChanges', { ...args, sinceQueryState: queryState }, as)
  assert.deepEqual([told['removed'], told['added']], [[emailObjectId(seen.id, '7_')], []])
})

function spliced(before: readonly string[], told: JsonObject): readonly string[] {
  const ids = before.filter((id) => !(told['removed'] as readonly string[]).includes(id))
  for (const { id, index } of told['added'] as readonly { id: string; index: number }[])
    ids.splice(index, 0, id)
  return ids
}

const asked = [
  { filter: { inMailbox: 'F1' }, sort },
  { filter: { text: 'tea' }, sort },
  { filter: { subject: '"tea 1"' }, sort: [{ property: 'subject' }], collapseThreads: true },
  { filter: { notKeyword: '$flagged' }, sort: [{ property: 'hasKeyword', keyword: '$seen' }, ...sort] },
  { filter: { noneInThreadHaveKeyword: '$flagged' }, sort, collapseThreads: true },
  {
    sort: [{ property: 'someInThreadHaveKeyword', keyword: '$seen' }, { property: 'size' }],
    collapseThreads: true,
  },
] as const

test('RFC 8620 §5.6: the splice makes of every old result the new one', async () => {
  const step = fc.record({
    kind: fc.constantFrom('deliver', 'answer', 'flag', 'seen', 'expunge'),
    uid: fc.integer({ min: 1, max: 8 }),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), fc.boolean(), async (steps, isNew) => {
      const server = await filled()
      const all = async (): Promise<readonly JsonObject[]> => {
        const calls = asked.map((args, i) => ['Email/query', { accountId, ...args }, `${i}`] as const)
        return (await server.request(calls)).answers.map(([, told]) => told)
      }
      const before = await all()
      for (const { kind, uid } of steps) {
        const header = kind === 'answer' ? `\nReferences: <${uid % 2}@example.org>` : ''
        if (kind === 'flag' || kind === 'seen')
          await store(server, uid, kind === 'flag' ? '$flagged' : '$seen')
        else if (kind === 'expunge') await expunge(server, uid)
        else
          await server.deliver(`Subject: tea ${uid % 3}${header}\n\ntext\n`, {
            receivedAt: createdAt + 60_000 * uid,
          })
      }
      if (isNew) (await server.services.views.open(account)).drop()
      const after = await all()
      for (const [i, args] of asked.entries()) {
        const sinceQueryState = before[i]!['queryState']
        const told = await server.call('Email/queryChanges', {
          ...args,
          sinceQueryState,
          calculateTotal: true,
        })
        const ids = after[i]!['ids'] as readonly string[]
        assert.deepEqual(spliced(before[i]!['ids'] as readonly string[], told), ids)
        assert.equal(told['total'], ids.length)
        assert.equal(told['newQueryState'], after[i]!['queryState'])
      }
    }),
    { numRuns: 60 },
  )
})

test('RFC 8621 §2: a result is not kept for who sees the same Emails by way of other mailboxes', async () => {
  const server = await JmapTestServer.start()
  const guest = await server.add(9, 'guest@example.org')
  await server.share(archive, guest.id, 'lr')
  const { id } = await server.deliver('Subject: tea\n\ntea\n')
  const both = { mailboxIds: { F1: true, F6: true } }
  await server.call('Email/set', { update: { [emailObjectId(id, '')]: both } })
  const found = await server.call('Email/query', { filter: { inMailbox: 'F1' }, calculateTotal: true })
  assert.deepEqual(found['ids'], [emailObjectId(id, '')])
  const asGuest = async (inMailbox: string): Promise<unknown> =>
    (await server.call('Email/query', { filter: { inMailbox } }, { as: guest.name }))['ids']
  assert.deepEqual(await asGuest('F7_1'), [])
  assert.deepEqual(await asGuest('F7_6'), [emailObjectId(id, '7_')])
})
