import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MailboxId } from '#base/id.ts'
import { accountId, JmapTestServer } from '../fixture.test.ts'
import type { JsonObject } from '../value.ts'

const junk = 4 as MailboxId
const archive = 6 as MailboxId

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

const named = async (server: JmapTestServer, name: string, more: object = {}): Promise<JsonObject> => {
  const { list } = await server.call('Mailbox/get', { ids: null, ...more })
  return (list as readonly JsonObject[]).find((one) => one['name'] === name)!
}

test('RFC 8621 §2: every property of a mailbox, with the counts of Emails and Threads', async () => {
  const server = await JmapTestServer.start()
  await server.deliver('Message-ID: <a@x>\nSubject: s\n\nx\n', { keywords: ['$seen'] })
  await server.deliver('Message-ID: <b@x>\nReferences: <a@x>\nSubject: s\n\nx\n')
  await server.deliver('Subject: draft\n\nx\n', { keywords: ['$draft'] })
  await server.deliver('Subject: other\n\nx\n', { deleted: true })
  assert.deepEqual(await named(server, 'Inbox'), {
    id: 'F1',
    name: 'Inbox',
    parentId: null,
    role: 'inbox',
    sortOrder: 0,
    totalEmails: 3,
    unreadEmails: 1,
    totalThreads: 2,
    unreadThreads: 1,
    myRights: {
      mayReadItems: true,
      mayAddItems: true,
      mayRemoveItems: true,
      maySetSeen: true,
      maySetKeywords: true,
      mayCreateChild: true,
      mayRename: false,
      mayDelete: false,
      maySubmit: true,
      mayShare: true,
    },
    isSubscribed: true,
    shareWith: null,
  })
})

test('RFC 8620 §1.8: what comes with sharing is not there for a request that does not use it', async () => {
  const server = await JmapTestServer.start()
  const using = ['urn:ietf:params:jmap:core', 'urn:ietf:params:jmap:mail']
  const get = (properties: readonly string[] | null) =>
    server.request([['Mailbox/get', { accountId, ids: ['F1'], properties }, 'c']], { using })
  const { answers } = await get(null)
  const [inbox] = answers[0]![1]['list'] as readonly JsonObject[]
  assert.equal('shareWith' in inbox!, false)
  assert.equal('mayShare' in (inbox!['myRights'] as JsonObject), false)
  assert.equal((await get(['shareWith'])).answers[0]![0], 'error')
})

test('RFC 9670 §4: with whom a mailbox is shared, for those who may say so', async () => {
  const server = await JmapTestServer.start()
  const ann = await server.add(8, 'ann@example.org')
  const bob = await server.add(9, 'bob@example.org')
  await server.share(archive, ann.id, 'lrs')
  await server.share(archive, bob.id, 'lra')
  const { shareWith } = (await named(server, 'Archive')) as { shareWith: Record<string, JsonObject> }
  assert.deepEqual(Object.keys(shareWith), ['P8', 'P9'])
  assert.deepEqual(
    Object.keys(shareWith['P8']!).filter((name) => shareWith['P8']![name] === true),
    ['mayReadItems', 'maySetSeen'],
  )
  const seenBy = async (as: string): Promise<unknown> => {
    const { list } = await server.call('Mailbox/get', { ids: null }, { as })
    return (list as readonly JsonObject[])[0]!['shareWith']
  }
  assert.equal(await seenBy(ann.name), null)
  assert.deepEqual(Object.keys((await seenBy(bob.name)) as object), ['P8', 'P9'])
})

test('RFC 8621 §2: of a shared account only what the user may see, and nothing of what they may not read', async () => {
  const server = await JmapTestServer.start()
  const ann = await server.add(8, 'ann@example.org')
  await server.share(archive, ann.id, 'lr')
  await server.share(junk, ann.id, 'l')
  await server.deliver('Message-ID: <a@x>\nSubject: s\n\nx\n', { mailbox: archive, keywords: ['$seen'] })
  await server.deliver('Message-ID: <b@x>\nReferences: <a@x>\nSubject: s\n\nx\n')
  await server.deliver('Subject: t\n\nx\n', { mailbox: junk })
  const { list, notFound } = await server.call(
    'Mailbox/get',
    { ids: ['F7_6', 'F7_4', 'F7_1', 'F6'] },
    { as: ann.name },
  )
  const told = (list as readonly JsonObject[]).map((one) => [
    one['name'],
    one['totalEmails'],
    one['totalThreads'],
    one['unreadThreads'],
    one['isSubscribed'],
  ])
  assert.deepEqual(told, [
    ['Archive', 1, 1, 0, false],
    ['Junk', 0, 0, 0, false],
  ])
  assert.deepEqual(notFound, ['F7_1', 'F6'])
  assert.equal((await named(server, 'Archive'))['unreadThreads'], 1)
})

test('RFC 8621 §2: a mailbox whose parent may not be seen is at the top', async () => {
  const server = await JmapTestServer.start()
  const ann = await server.add(8, 'ann@example.org')
  const { created } = await server.call('Mailbox/set', { create: { k: { name: 'Below', parentId: 'F6' } } })
  const id = ((created as JsonObject)['k'] as JsonObject)['id'] as string
  await server.share(Number.parseInt(id.slice(1), 36) as MailboxId, ann.id, 'lr')
  const { list } = await server.call('Mailbox/get', { ids: null }, { as: ann.name })
  assert.deepEqual(
    (list as readonly JsonObject[]).map((one) => [one['name'], one['parentId']]),
    [['Below', null]],
  )
})
