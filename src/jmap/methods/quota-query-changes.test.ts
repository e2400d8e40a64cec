import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountId, JmapTestServer } from '../fixture.test.ts'
import type { JsonObject } from '../value.ts'

const all = ['octets', 'messages', 'mailboxes']

async function start(): Promise<{ server: JmapTestServer; state: string }> {
  const server = await JmapTestServer.start()
  server.limits = { bytes: 10_000, messages: 100, mailboxes: 10 }
  const { queryState } = await server.call('Quota/query')
  return { server, state: queryState as string }
}

const changes = (server: JmapTestServer, sinceQueryState: string, more: JsonObject = {}) =>
  server.call('Quota/queryChanges', { sinceQueryState, ...more })

/** RFC 8620 §5.6: what a client does with the response. */
function applied(before: readonly string[], { removed, added }: JsonObject): readonly string[] {
  const ids = before.filter((id) => !(removed as string[]).includes(id))
  for (const { id, index } of added as { id: string; index: number }[]) ids.splice(index, 0, id)
  return ids
}

test('RFC 9425 §4.5: what changes in numbers only stays where it is', async () => {
  const { server, state } = await start()
  await server.deliver('Subject: x\n\nx\n')
  const { newQueryState, ...rest } = await changes(server, state, { calculateTotal: true })
  assert.deepEqual(rest, { accountId, oldQueryState: state, total: 3, removed: [], added: [] })
  assert.equal(newQueryState, (await server.call('Quota/query'))['queryState'])
})

test('RFC 9425 §4.5: quotas that come, go or are in another order', async () => {
  const { server, state } = await start()
  const byUse = { sort: [{ property: 'used', isAscending: false }] }
  const before = (await server.call('Quota/query', byUse))['ids'] as string[]
  for (let i = 0; i < 7; i++) await server.deliver('Subject: x\n\nx\n')
  const after = (await server.call('Quota/query', byUse))['ids'] as string[]
  assert.notDeepEqual(after, before)
  assert.deepEqual(applied(before, await changes(server, state, byUse)), after)
  server.limits = { bytes: 0, messages: 100, mailboxes: 10 }
  const gone = await changes(server, state)
  assert.deepEqual(applied(all, gone), ['messages', 'mailboxes'])
  assert.ok((gone['removed'] as string[]).includes('octets'))
  const filter = { resourceType: 'count' }
  const { removed, added } = await changes(server, state, { filter })
  assert.deepEqual([removed, added], [[], []])
})

test('RFC 8620 §5.6: too many changes, and states and filters that are none', async () => {
  const { server, state } = await start()
  server.limits = { bytes: 0, messages: 100, mailboxes: 10 }
  assert.equal(
    await server.error('Quota/queryChanges', { sinceQueryState: state, maxChanges: 1 }),
    'tooManyChanges',
  )
  assert.equal(await server.error('Quota/queryChanges', { sinceQueryState: 'x' }), 'cannotCalculateChanges')
  assert.equal(
    await server.error('Quota/queryChanges', { sinceQueryState: state, filter: { x: 1 } }),
    'unsupportedFilter',
  )
  assert.equal(
    await server.error('Quota/queryChanges', { sinceQueryState: state, sort: [{ property: 'x' }] }),
    'unsupportedSort',
  )
  assert.deepEqual(
    (await changes(server, state, { upToId: 'octets', sort: null, filter: null }))['oldQueryState'],
    state,
  )
})
