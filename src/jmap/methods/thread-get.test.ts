import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MailboxId, Uid } from '#base/id.ts'
import { storeFlags } from '#mail/flags.ts'
import { inboxId } from '#mail/mailbox.ts'
import { account } from '../../../test/harness/memory-accounts.ts'
import { JmapTestServer } from '../fixture.test.ts'

const archive = 6 as MailboxId
const at = (minute: number): number => Date.UTC(2026, 0, 1, 0, minute)

const list = async (server: JmapTestServer, args: object, as?: string): Promise<unknown> =>
  (await server.call('Thread/get', { ...args }, as === undefined ? {} : { as }))['list']

test('RFC 8621 §3.1: the Emails of a thread by receivedAt, oldest first, and then by id', async () => {
  const server = await JmapTestServer.start()
  await server.deliver('Message-ID: <a@x>\nSubject: s\n\nx\n', { receivedAt: at(3) })
  await server.deliver('Message-ID: <b@x>\nReferences: <a@x>\nSubject: s\n\nx\n', { receivedAt: at(1) })
  await server.deliver('Message-ID: <c@x>\nReferences: <a@x>\nSubject: s\n\nx\n', { receivedAt: at(1) })
  await server.deliver('Subject: alone\n\nx\n')
  const told = await server.call('Thread/get', { ids: ['T4', 'T1', 'T1', 'T2', 'Tzz', 'M1', '#x'] })
  assert.deepEqual(told['list'], [
    { id: 'T4', emailIds: ['M4'] },
    { id: 'T1', emailIds: ['M2', 'M3', 'M1'] },
  ])
  assert.deepEqual(told['notFound'], ['T2', 'Tzz', 'M1', '#x'])
  assert.equal(told['accountId'], 'A7')
})

test('RFC 8620 §5.1: all of them; too many; only some properties', async () => {
  const server = await JmapTestServer.start({ getMaxResults: 2 })
  await server.deliver('Subject: a\n\nx\n')
  await server.deliver('Subject: b\n\nx\n')
  assert.deepEqual(await list(server, { ids: null, properties: ['id'] }), [{ id: 'T1' }, { id: 'T2' }])
  await server.deliver('Subject: c\n\nx\n')
  assert.equal(await server.error('Thread/get', { ids: null }), 'requestTooLarge')
  assert.equal(await server.error('Thread/get', { ids: [], properties: ['subject'] }), 'invalidArguments')
  assert.deepEqual(await list(server, { ids: [] }), [])
})

test('RFC 8621 §4.1.1: what has \\Deleted is in no thread', async () => {
  const server = await JmapTestServer.start()
  const { uid } = await server.deliver('Message-ID: <a@x>\nSubject: s\n\nx\n')
  await server.deliver('Message-ID: <b@x>\nReferences: <a@x>\nSubject: s\n\nx\n')
  const mark = (how: 'add' | 'remove', uids: readonly Uid[]) =>
    server.db.write([account], (tx) =>
      storeFlags(tx, account, inboxId, uids, { how, keywords: [], deleted: true }),
    )
  await mark('add', [uid])
  assert.deepEqual(await list(server, { ids: ['T1'] }), [{ id: 'T1', emailIds: ['M2'] }])
  await mark('add', [2 as Uid])
  assert.deepEqual((await server.call('Thread/get', { ids: ['T1'] }))['notFound'], ['T1'])
  await mark('remove', [uid])
  assert.deepEqual(await list(server, { ids: ['T1'] }), [{ id: 'T1', emailIds: ['M1'] }])
})

test('RFC 8621 §2: of a shared account only Emails in mailboxes that the user may read', async () => {
  const server = await JmapTestServer.start()
  const { name: as, id } = await server.add(8, 'ann@example.org')
  await server.share(archive, id, 'lr')
  await server.share(4 as MailboxId, id, 'l')
  await server.deliver('Message-ID: <a@x>\nSubject: s\n\nx\n')
  await server.deliver('Message-ID: <b@x>\nReferences: <a@x>\nSubject: s\n\nx\n', { mailbox: archive })
  await server.deliver('Message-ID: <c@x>\nReferences: <a@x>\nSubject: s\n\nx\n', { mailbox: 4 as MailboxId })
  await server.deliver('Subject: t\n\nx\n')
  const told = await server.call('Thread/get', { ids: ['T7_1', 'T7_4', 'T1'] }, { as })
  assert.deepEqual(told['list'], [{ id: 'T7_1', emailIds: ['M7_2'] }])
  assert.deepEqual(told['notFound'], ['T7_4', 'T1'])
  assert.deepEqual(await list(server, { ids: null }, as), [{ id: 'T7_1', emailIds: ['M7_2'] }])
})
