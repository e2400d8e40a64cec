import assert from 'node:assert/strict'
import { test } from 'node:test'
import { noLimits } from '#mail/limits.ts'
import { JmapTestServer } from '../fixture.test.ts'
import type { JsonObject } from '../value.ts'

async function start(): Promise<JmapTestServer> {
  const server = await JmapTestServer.start()
  server.limits = { bytes: 10_000, messages: 100, mailboxes: 10 }
  await server.deliver('Subject: x\n\nx\n')
  return server
}

const find = async (server: JmapTestServer, filter: unknown, sort: unknown = null): Promise<unknown> =>
  (await server.call('Quota/query', { filter, sort }))['ids']

const all = ['octets', 'messages', 'mailboxes']

test('RFC 9425 §4.4: conditions, of which all must be met', async () => {
  const server = await start()
  for (const [filter, ids] of [
    [null, all],
    [{}, all],
    [{ name: 'a' }, ['octets', 'messages', 'mailboxes']],
    [{ name: 'Stor' }, ['octets']],
    [{ name: 'nothing' }, []],
    [{ scope: 'account' }, all],
    [{ scope: 'domain' }, []],
    [{ resourceType: 'count' }, ['messages', 'mailboxes']],
    [{ resourceType: 'coun' }, []],
    [{ type: 'Email' }, ['octets', 'messages']],
    [{ type: 'Mailbox' }, ['mailboxes']],
    [{ type: 'Mail' }, []],
    [{ type: 'Email', resourceType: 'count' }, ['messages']],
    [{ operator: 'NOT', conditions: [{ type: 'Email' }] }, ['mailboxes']],
    [{ operator: 'OR', conditions: [{ type: 'Mailbox' }, { name: 'Storage' }] }, ['octets', 'mailboxes']],
    [{ operator: 'AND', conditions: [] }, all],
    [{ operator: 'OR', conditions: [] }, []],
    [{ operator: 'NOT', conditions: [] }, all],
    [
      { operator: 'AND', conditions: [{ type: 'Email' }, { operator: 'NOT', conditions: [{ name: 'M' }] }] },
      ['octets'],
    ],
  ] as const)
    assert.deepEqual(await find(server, filter), ids, JSON.stringify(filter))
  for (const [filter, type] of [
    [{ id: 'octets' }, 'unsupportedFilter'],
    [{ name: 5 }, 'invalidArguments'],
    ['name', 'invalidArguments'],
  ] as const)
    assert.equal(await server.error('Quota/query', { filter }), type)
})

test('RFC 9425 §4.4: sorted by name and by used', async () => {
  const server = await start()
  for (const [sort, ids] of [
    [[], all],
    [[{ property: 'name' }], ['mailboxes', 'messages', 'octets']],
    [[{ property: 'name', isAscending: false }], ['octets', 'messages', 'mailboxes']],
    [[{ property: 'used' }], ['messages', 'mailboxes', 'octets']],
    [
      [{ property: 'used', isAscending: false }, { property: 'name' }],
      ['octets', 'mailboxes', 'messages'],
    ],
  ] as const)
    assert.deepEqual(await find(server, null, sort), ids, JSON.stringify(sort))
  assert.equal(await server.error('Quota/query', { sort: [{ property: 'hardLimit' }] }), 'unsupportedSort')
})

test('RFC 8620 §5.5: the window, the total and the state', async () => {
  const server = await start()
  const result = await server.call('Quota/query', { position: 1, limit: 1, calculateTotal: true })
  const { queryState, ...rest } = result as JsonObject & { queryState: string }
  assert.deepEqual(rest, {
    accountId: 'A7',
    canCalculateChanges: true,
    position: 1,
    ids: ['messages'],
    total: 3,
  })
  const anchored = await server.call('Quota/query', { anchor: 'mailboxes', anchorOffset: -1 })
  assert.deepEqual([anchored['position'], anchored['ids']], [1, ['messages', 'mailboxes']])
  assert.deepEqual((await server.call('Quota/query', { position: -1 }))['ids'], ['mailboxes'])
  assert.equal(await server.error('Quota/query', { anchor: 'x' }), 'anchorNotFound')
  assert.equal((await server.call('Quota/query'))['queryState'], queryState)
  server.limits = noLimits
  const none = await server.call('Quota/query', { calculateTotal: true })
  assert.deepEqual([none['ids'], none['total']], [[], 0])
  assert.notEqual(none['queryState'], queryState)
})
