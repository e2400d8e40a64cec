import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MailboxId } from '#base/id.ts'
import { storeFlags } from '#mail/flags.ts'
import { account } from '../../../test/harness/memory-accounts.ts'
import { JmapTestServer } from '../fixture.test.ts'
import type { JsonObject } from '../value.ts'

const archive = 6 as MailboxId
const countNames = ['totalEmails', 'unreadEmails', 'totalThreads', 'unreadThreads']

const stateOf = async (server: JmapTestServer, as?: string): Promise<string> =>
  (await server.call('Mailbox/get', { ids: [] }, as === undefined ? {} : { as }))['state'] as string

const changes = (server: JmapTestServer, sinceState: string, more: object = {}): Promise<JsonObject> =>
  server.call('Mailbox/changes', { sinceState, ...more })

test('RFC 8620 §5.2: nothing changed; created, updated and destroyed', async () => {
  const server = await JmapTestServer.start()
  const since = await stateOf(server)
  assert.deepEqual(await changes(server, since), {
    accountId: 'A7',
    oldState: since,
    newState: since,
    hasMoreChanges: false,
    created: [],
    updated: [],
    destroyed: [],
    updatedProperties: null,
  })
  await server.call('Mailbox/set', {
    create: { k: { name: 'New' } },
    update: { F6: { sortOrder: 5 } },
    destroy: ['F4'],
  })
  const told = await changes(server, since)
  assert.deepEqual([told['created'], told['updated'], told['destroyed']], [['F7'], ['F6'], ['F4']])
  assert.equal(told['updatedProperties'], null)
  assert.equal(told['newState'], await stateOf(server))
})

test('RFC 8620 §5.2: as many as were asked for, and then the others', async () => {
  const server = await JmapTestServer.start()
  let since = await stateOf(server)
  await server.call('Mailbox/set', { create: { a: { name: 'A' }, b: { name: 'B' }, c: { name: 'C' } } })
  const seen: unknown[] = []
  for (let more = true; more;) {
    const told = await changes(server, since, { maxChanges: 2 })
    const created = told['created'] as readonly string[]
    assert.ok(created.length <= 2)
    seen.push(...created)
    more = told['hasMoreChanges'] === true
    since = told['newState'] as string
  }
  assert.deepEqual(seen, ['F7', 'F8', 'F9'])
  assert.equal(since, await stateOf(server))
})

test('RFC 8620 §5.2: a state that is none, and a number of changes that is none', async () => {
  const server = await JmapTestServer.start()
  assert.equal(await server.error('Mailbox/changes', { sinceState: 'zzzz' }), 'cannotCalculateChanges')
  assert.equal(await server.error('Mailbox/changes', { sinceState: '' }), 'cannotCalculateChanges')
  assert.equal(await server.error('Mailbox/changes', {}), 'invalidArguments')
  const sinceState = await stateOf(server)
  for (const maxChanges of [0, -1, 1.5, '1'])
    assert.equal(await server.error('Mailbox/changes', { sinceState, maxChanges }), 'invalidArguments')
})

test('RFC 8621 §2.2: where only counts changed, these are told', async () => {
  const server = await JmapTestServer.start()
  const { uid } = await server.deliver('Message-ID: <a@x>\nSubject: s\n\nx\n', {
    mailbox: archive,
    keywords: ['$seen'],
  })
  const since = await stateOf(server)
  await server.deliver('Message-ID: <b@x>\nReferences: <a@x>\nSubject: s\n\nx\n')
  const told = await changes(server, since)
  // The thread is unread in the Archive too.
  assert.deepEqual((told['updated'] as string[]).toSorted(), ['F1', 'F6'])
  assert.deepEqual(told['updatedProperties'], countNames)
  await server.call('Mailbox/set', { update: { F6: { name: 'Old' } } })
  assert.equal((await changes(server, since))['updatedProperties'], null)
  const later = await stateOf(server)
  await server.db.write([account], (tx) =>
    storeFlags(tx, account, archive, [uid], { how: 'add', keywords: ['$flagged'] }),
  )
  const flagged = await changes(server, later)
  assert.deepEqual([flagged['updated'], flagged['newState']], [[], later])
})

test('RFC 8621 §2: who may see some mailboxes is told of these only', async () => {
  const server = await JmapTestServer.start()
  const { name: as, id } = await server.add(8, 'ann@example.org')
  await server.share(archive, id, 'lr')
  const since = await stateOf(server, as)
  await server.call('Mailbox/set', { create: { k: { name: 'Secret' } }, update: { F4: { name: 'Spam' } } })
  await server.deliver('Subject: s\n\nx\n')
  const get = (): Promise<JsonObject> => server.call('Mailbox/changes', { sinceState: since }, { as })
  const told = await get()
  assert.deepEqual([told['created'], told['updated'], told['destroyed']], [[], [], []])
  await server.deliver('Subject: s\n\nx\n', { mailbox: archive })
  assert.deepEqual((await get())['updated'], ['F7_6'])
})

test('RFC 8620 §5.2: a mailbox begins to be there for a guest, and is gone, with the rights on it or by itself', async () => {
  const server = await JmapTestServer.start()
  const { name: as, id } = await server.add(8, 'ann@example.org')
  await server.share(archive, id, 'lr')
  const told = async (sinceState: string): Promise<readonly unknown[]> => {
    const { created, updated, destroyed } = await server.call('Mailbox/changes', { sinceState }, { as })
    return [created, updated, destroyed]
  }
  const since = await stateOf(server, as)
  await server.share(4 as MailboxId, id, 'lr')
  assert.deepEqual(await told(since), [['F7_4'], [], []])
  const later = await stateOf(server, as)
  await server.call('Mailbox/set', { destroy: ['F5', 'F4'] })
  assert.deepEqual(await told(later), [[], [], ['F7_4']])
  assert.deepEqual(await told(since), [[], [], []])
  await server.share(archive, id, 'l')
  assert.deepEqual(await told(later), [[], ['F7_6'], ['F7_4']])
})

test('RFC 8621 §2, unreadThreads: with the rights on one mailbox the counts of others are other ones', async () => {
  const server = await JmapTestServer.start()
  const { name: as, id } = await server.add(8, 'ann@example.org')
  for (const mailbox of [1, 2, 3, 4, 5, 6] as MailboxId[]) await server.share(mailbox, id, 'lr')
  await server.deliver('Message-ID: <a@x>\nSubject: s\n\nx\n', { mailbox: archive, keywords: ['$seen'] })
  await server.deliver('Message-ID: <b@x>\nReferences: <a@x>\nSubject: s\n\nx\n')
  const unread = async (): Promise<unknown> => {
    const { list } = await server.call('Mailbox/get', { ids: ['F7_6'] }, { as })
    return (list as JsonObject[])[0]!['unreadThreads']
  }
  const since = await stateOf(server, as)
  assert.equal(await unread(), 1)
  await server.share(1 as MailboxId, id, '')
  assert.equal(await unread(), 0)
  const { updated } = await server.call('Mailbox/changes', { sinceState: since }, { as })
  assert.ok((updated as string[]).includes('F7_6'))
})
