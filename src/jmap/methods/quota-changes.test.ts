import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createMailbox } from '#mail/mailbox.ts'
import { account } from '../../../test/harness/memory-accounts.ts'
import { accountId, JmapTestServer } from '../fixture.test.ts'
import type { JsonObject } from '../value.ts'

const text = 'Subject: x\n\nx\n'

async function start(): Promise<JmapTestServer> {
  const server = await JmapTestServer.start()
  server.limits = { bytes: 10_000, messages: 100, mailboxes: 10 }
  return server
}

const stateOf = async (server: JmapTestServer): Promise<string> =>
  (await server.call('Quota/get', { ids: [] }))['state'] as string

const changes = (server: JmapTestServer, sinceState: string, more: JsonObject = {}) =>
  server.call('Quota/changes', { sinceState, ...more })

const makeMailbox = ({ db }: JmapTestServer) =>
  db.write([account], (tx) => createMailbox(tx, account, { name: 'new', parent: 0 }))

test('RFC 9425 §4.3: where only the usage changed, updatedProperties says so', async () => {
  const server = await start()
  const before = await stateOf(server)
  await server.deliver(text)
  const after = await stateOf(server)
  assert.notEqual(after, before)
  assert.deepEqual(await changes(server, before), {
    accountId,
    oldState: before,
    newState: after,
    hasMoreChanges: false,
    updatedProperties: ['used'],
    created: [],
    updated: ['octets', 'messages'],
    destroyed: [],
  })
  await makeMailbox(server)
  assert.deepEqual((await changes(server, after))['updated'], ['mailboxes'])
  const { answers } = await server.request([
    ['Quota/changes', { accountId, sinceState: before }, '0'],
    [
      'Quota/get',
      {
        accountId,
        '#ids': { resultOf: '0', name: 'Quota/changes', path: '/updated' },
        '#properties': { resultOf: '0', name: 'Quota/changes', path: '/updatedProperties' },
      },
      '1',
    ],
  ])
  const list = answers[1]![1]['list'] as JsonObject[]
  assert.deepEqual(
    list.map((one) => Object.keys(one)),
    [
      ['id', 'used'],
      ['id', 'used'],
      ['id', 'used'],
    ],
  )
})

test('RFC 9425 §4.3: other limits are told, and quotas that come and go', async () => {
  const server = await start()
  const before = await stateOf(server)
  server.limits = { bytes: 20_000, messages: 100, mailboxes: 0 }
  await server.deliver(text)
  const { created, updated, destroyed, updatedProperties, newState } = await changes(server, before)
  assert.deepEqual(
    { created, updated, destroyed, updatedProperties },
    {
      created: [],
      updated: ['octets', 'messages'],
      destroyed: ['mailboxes'],
      updatedProperties: null,
    },
  )
  server.limits = { ...server.limits, mailboxes: 3 }
  const back = await changes(server, newState as string)
  assert.deepEqual([back['created'], back['updated'], back['destroyed']], [['mailboxes'], [], []])
})

test('RFC 8620 §5.2: nothing changed; the state after a restart is the same', async () => {
  const server = await start()
  const state = await stateOf(server)
  const { newState, updatedProperties, created, updated, destroyed } = await changes(server, state)
  assert.equal(newState, state)
  assert.deepEqual([created, updated, destroyed, updatedProperties], [[], [], [], null])
})

test('RFC 8620 §5.2: no more changes than were asked for, with states between', async () => {
  const server = await start()
  const before = await stateOf(server)
  await server.deliver(text)
  await makeMailbox(server)
  const told: unknown[] = []
  let state = before
  for (let more = true; more;) {
    const page = await changes(server, state, { maxChanges: 1 })
    told.push(...(page['updated'] as unknown[]))
    more = page['hasMoreChanges'] as boolean
    state = page['newState'] as string
    assert.ok(told.length <= 3)
  }
  assert.deepEqual(told, ['octets', 'messages', 'mailboxes'])
  assert.equal(state, await stateOf(server))
})

test('RFC 8620 §5.2: a state that we never gave out', async () => {
  const server = await start()
  const state = await stateOf(server)
  for (const sinceState of [
    '',
    'q-',
    'x',
    `${state}.x`,
    'q-0.1.1-0.1.1',
    'q-1.1.1-0.1.1',
    `${state}${state}`,
    'q-3.1.1',
    'q-1.1.1-0.1.1-',
    'q-0.01.1',
    'q-0.zzzzzzzzzzz.1',
    'q-0.1.1'.repeat(1_000_000),
  ])
    assert.equal(
      await server.error('Quota/changes', { sinceState }),
      'cannotCalculateChanges',
      sinceState.slice(0, 50),
    )
})
