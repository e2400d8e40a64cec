import assert from 'node:assert/strict'
import { test } from 'node:test'
import { accountId, JmapTestServer } from '../fixture.test.ts'
import type { JsonObject } from '../value.ts'

const all = async (server: JmapTestServer): Promise<readonly JsonObject[]> =>
  (await server.call('Mailbox/get', { ids: null }))['list'] as readonly JsonObject[]

test('RFC 8620 §5.1: all, some, the same one twice, and what is not found', async () => {
  const server = await JmapTestServer.start()
  const [inbox, second] = await all(server)
  assert.deepEqual([inbox!['role'], inbox!['name'], inbox!['parentId']], ['inbox', 'Inbox', null])
  const ids = [second!['id'], 'Fzz', inbox!['id'], inbox!['id'], 'M1', 'no id!', '#none']
  const { list, notFound, accountId: told } = await server.call('Mailbox/get', { ids, properties: ['name'] })
  assert.deepEqual(list, [
    { id: second!['id'], name: second!['name'] },
    { id: inbox!['id'], name: 'Inbox' },
  ])
  assert.deepEqual(notFound, ['Fzz', 'M1', 'no id!', '#none'])
  assert.equal(told, accountId)
  assert.deepEqual((await server.call('Mailbox/get', { ids: [] }))['list'], [])
})

test('RFC 8620 §5.1: a property that is not known, twice the ids that may be asked for', async () => {
  const server = await JmapTestServer.start({ getMaxResults: 2 })
  assert.equal(
    await server.error('Mailbox/get', { ids: null, properties: ['name', 'x'] }),
    'invalidArguments',
  )
  assert.equal(await server.error('Mailbox/get', { ids: ['a', 'b', 'c'] }), 'requestTooLarge')
  assert.equal(await server.error('Mailbox/get', { ids: null }), 'requestTooLarge')
  assert.equal(await server.error('Mailbox/get', { ids: ['a'], more: 1 }), 'invalidArguments')
  assert.equal(await server.error('Mailbox/get', { ids: 'a' }), 'invalidArguments')
  assert.deepEqual((await server.call('Mailbox/get', { ids: ['a', 'a', 'b'] }))['notFound'], ['a', 'b'])
})

test('RFC 8620 §5.1: the state is that of the type: only what changes mailboxes changes it', async () => {
  const server = await JmapTestServer.start()
  const state = async (): Promise<unknown> => (await server.call('Mailbox/get', { ids: [] }))['state']
  const before = await state()
  assert.equal(await state(), before)
  await server.deliver('Subject: x\n\nx\n')
  assert.notEqual(await state(), before)
})
