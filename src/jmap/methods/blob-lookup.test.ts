import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId, MailboxId } from '#base/id.ts'
import { copyMessages } from '#mail/copy.ts'
import { storeFlags } from '#mail/flags.ts'
import { inboxId } from '#mail/mailbox.ts'
import { emailObjectId, mailboxObjectId, threadObjectId } from '#mail/object-id.ts'
import { blobIdOf, uploaded } from '../blob-fixture.test.ts'
import { account } from '../../../test/harness/memory-accounts.ts'
import { accountId, JmapTestServer } from '../fixture.test.ts'

const typeNames = ['Mailbox', 'Thread', 'Email']
const archive = 6 as MailboxId
const nowhere = { Mailbox: [], Thread: [], Email: [] }

test('RFC 9404 §4.3: the Email, its Thread and its Mailboxes, of a message and of its parts', async () => {
  const server = await JmapTestServer.start()
  const message = await server.deliver('Subject: x\n\nx\n')
  await server.db.write([account], (tx) =>
    copyMessages(
      tx,
      { from: { account, mailbox: inboxId }, uids: [message.uid], to: { account, mailbox: archive } },
      { savedAt: 1 },
    ),
  )
  const matchedIds = {
    Mailbox: [mailboxObjectId(inboxId, ''), mailboxObjectId(archive, '')],
    Thread: [threadObjectId(message.thread, '')],
    Email: [emailObjectId(message.id, '')],
  }
  const ids = [await blobIdOf(server, message), await blobIdOf(server, message, { part: 0 })]
  const {
    accountId: of,
    list,
    notFound,
  } = await server.call('Blob/lookup', { typeNames, ids: [...ids, 'not-a-blob'] })
  assert.equal(of, accountId)
  assert.deepEqual(
    list,
    ids.map((id) => ({ id, matchedIds })),
  )
  assert.deepEqual(notFound, ['not-a-blob'])
  const { list: emails } = await server.call('Blob/lookup', { typeNames: ['Email'], ids: ids.slice(0, 1) })
  assert.deepEqual(emails, [{ id: ids[0], matchedIds: { Email: matchedIds.Email } }])
})

test('RFC 8621 §4.1.1: what IMAP has marked as deleted in one of its mailboxes is in the others', async () => {
  const server = await JmapTestServer.start()
  const message = await server.deliver('Subject: x\n\nx\n')
  await server.db.write([account], async (tx) => {
    await copyMessages(
      tx,
      { from: { account, mailbox: inboxId }, uids: [message.uid], to: { account, mailbox: archive } },
      { savedAt: 1 },
    )
    await storeFlags(tx, account, inboxId, [message.uid], { how: 'add', keywords: [], deleted: true })
  })
  const ids = [await blobIdOf(server, message)]
  const { list } = await server.call('Blob/lookup', { typeNames: ['Mailbox', 'Email'], ids })
  const matchedIds = { Mailbox: [mailboxObjectId(archive, '')], Email: [emailObjectId(message.id, '')] }
  assert.deepEqual(list, [{ id: ids[0], matchedIds }])
})

test('RFC 9404 §4.3: of what is there and not for the user, as of what is not there, the lists are empty', async () => {
  const server = await JmapTestServer.start()
  await server.add(8, 'anna@example.org')
  const message = await server.deliver('Subject: x\n\nx\n')
  const archived = await server.deliver('Subject: y\n\ny\n', { mailbox: archive })
  await server.share(inboxId, 8 as AccountId, 'l')
  const id = await blobIdOf(server, message)
  const hidden = await blobIdOf(server, archived)
  const upload = await uploaded(server, 'x')
  const ids = [id, hidden, upload, `U${'ab'.repeat(32)}`, `${id}-9`]
  const look = async () => server.call('Blob/lookup', { typeNames, ids }, { as: 'anna@example.org' })
  const { list, notFound } = await look()
  assert.deepEqual(notFound, [])
  assert.deepEqual(
    list,
    ids.map((one) => ({ id: one, matchedIds: nowhere })),
  )
  await server.share(inboxId, 8 as AccountId, 'lr')
  const seen = (await look())['list'] as { matchedIds: object }[]
  assert.deepEqual(seen[0]!.matchedIds, {
    Mailbox: [mailboxObjectId(inboxId, '7_')],
    Thread: [threadObjectId(message.thread, '7_')],
    Email: [emailObjectId(message.id, '7_')],
  })
  assert.deepEqual(seen[1]!.matchedIds, nowhere)
})

test('RFC 9404 §4.3: an unknown type, and one whose capability the request does not use', async () => {
  const server = await JmapTestServer.start()
  const ids = [await uploaded(server, 'x')]
  for (const name of ['NoSuchType', 'email', '', '__proto__', 'x'.repeat(10_000)])
    assert.equal(await server.error('Blob/lookup', { typeNames: ['Email', name], ids }), 'unknownDataType')
  const call = ['Blob/lookup', { accountId, typeNames: ['Email'], ids }, 'c'] as const
  const { answers } = await server.request([call], {
    using: ['urn:ietf:params:jmap:core', 'urn:ietf:params:jmap:blob'],
  })
  assert.equal(answers[0]![0], 'error')
  assert.equal(answers[0]![1]['type'], 'unknownDataType')
  const none = await server.call('Blob/lookup', { typeNames: [], ids })
  assert.deepEqual(none['list'], [{ id: ids[0], matchedIds: {} }])
})

test('RFC 9404 §4.3: blobs made in the same request, each once, and no more than may be asked for', async () => {
  const server = await JmapTestServer.start({ getMaxResults: 2 })
  const { answers } = await server.request([
    ['Blob/upload', { accountId, create: { a: { data: [] } } }, 'a'],
    ['Blob/lookup', { accountId, typeNames, ids: ['#a', '#b'] }, 'b'],
  ])
  const { a } = answers[0]![1]['created'] as { a: { id: string } }
  assert.deepEqual(answers[1]![1]['list'], [{ id: a.id, matchedIds: nowhere }])
  assert.deepEqual(answers[1]![1]['notFound'], ['#b'])
  const twice = await server.call('Blob/lookup', { typeNames: ['Email'], ids: [a.id, a.id] })
  assert.equal((twice['list'] as unknown[]).length, 1)
  assert.equal(await server.error('Blob/lookup', { typeNames, ids: ['a', 'b', 'c'] }), 'requestTooLarge')
})
