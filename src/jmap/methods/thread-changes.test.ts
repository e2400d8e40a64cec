import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MailboxId, Uid } from '#base/id.ts'
import { copyMessages, moveMessages } from '#mail/copy.ts'
import { expungeMessages } from '#mail/expunge.ts'
import { storeFlags } from '#mail/flags.ts'
import { inboxId } from '#mail/mailbox.ts'
import { account } from '../../../test/harness/memory-accounts.ts'
import { JmapTestServer } from '../fixture.test.ts'
import type { JsonObject } from '../value.ts'

const archive = 6 as MailboxId
const place = (mailbox: MailboxId) => ({ account, mailbox })

const stateOf = async (server: JmapTestServer, as?: string): Promise<string> =>
  (await server.call('Thread/get', { ids: [] }, as === undefined ? {} : { as }))['state'] as string

type Told = readonly [created: unknown, updated: unknown, destroyed: unknown]
const changes = async (server: JmapTestServer, sinceState: string, as?: string): Promise<Told> => {
  const told: JsonObject = await server.call('Thread/changes', { sinceState }, as === undefined ? {} : { as })
  return [told['created'], told['updated'], told['destroyed']]
}

const first = 'Message-ID: <a@x>\nSubject: s\n\nx\n'
const answer = 'Message-ID: <b@x>\nReferences: <a@x>\nSubject: s\n\nx\n'

test('RFC 8621 §3.2: created, updated by an Email that comes or goes, destroyed with the last', async () => {
  const server = await JmapTestServer.start()
  const start = await stateOf(server)
  const { uid } = await server.deliver(first)
  assert.deepEqual(await changes(server, start), [['T1'], [], []])
  const one = await stateOf(server)
  await server.deliver(answer)
  assert.deepEqual(await changes(server, one), [[], ['T1'], []])
  const two = await stateOf(server)
  await server.db.write([account], (tx) =>
    storeFlags(tx, account, inboxId, [uid], { how: 'add', keywords: ['$seen'] }),
  )
  assert.equal(await stateOf(server), two, 'keywords change no thread')
  await server.db.write([account], (tx) =>
    expungeMessages(tx, account, inboxId, [uid], { onlyDeleted: false }),
  )
  assert.deepEqual(await changes(server, two), [[], ['T1'], []])
  await server.db.write([account], (tx) =>
    expungeMessages(tx, account, inboxId, 'all', { onlyDeleted: false }),
  )
  assert.deepEqual(await changes(server, two), [[], [], ['T1']])
  assert.deepEqual(await changes(server, start), [[], [], []])
})

test('RFC 8621 §4.1.1: \\Deleted takes an Email out of its thread, and what is undeleted comes back', async () => {
  const server = await JmapTestServer.start()
  const { uid } = await server.deliver(first)
  const before = await stateOf(server)
  const mark = (how: 'add' | 'remove') =>
    server.db.write([account], (tx) =>
      storeFlags(tx, account, inboxId, [uid], { how, keywords: [], deleted: true }),
    )
  await mark('add')
  assert.deepEqual(await changes(server, before), [[], [], ['T1']])
  const without = await stateOf(server)
  await mark('remove')
  assert.deepEqual(await changes(server, without), [['T1'], [], []])
  assert.deepEqual(await changes(server, before), [[], ['T1'], []])
})

test('RFC 8620 §5.2: states that are none', async () => {
  const server = await JmapTestServer.start()
  assert.equal(await server.error('Thread/changes', { sinceState: 'nothing!' }), 'cannotCalculateChanges')
  assert.equal(await server.error('Thread/changes', { sinceState: 'zzzzz' }), 'cannotCalculateChanges')
})

test('RFC 8621 §2: in a shared account threads appear and go with what the user may read', async () => {
  const server = await JmapTestServer.start()
  const { name: as, id } = await server.add(8, 'ann@example.org')
  await server.share(archive, id, 'lr')
  await server.deliver(first)
  await server.deliver('Subject: secret\n\nx\n')
  let since = await stateOf(server, as)
  await server.deliver('Subject: another secret\n\nx\n')
  await server.db.write([account], (tx) =>
    expungeMessages(tx, account, inboxId, [2 as Uid], { onlyDeleted: false }),
  )
  assert.deepEqual(await changes(server, since, as), [[], [], []])
  // A copy into the mailbox that is shared is a thread that was not there before.
  since = await stateOf(server, as)
  await server.db.write([account], (tx) =>
    copyMessages(tx, { from: place(inboxId), uids: [1 as Uid], to: place(archive) }, { savedAt: 1 }),
  )
  assert.deepEqual(await changes(server, since, as), [['T7_1'], [], []])
  since = await stateOf(server, as)
  await server.deliver(answer)
  assert.deepEqual(await changes(server, since, as), [[], [], []], 'an answer that is not to be seen')
  await server.deliver('Message-ID: <c@x>\nReferences: <a@x>\nSubject: s\n\nx\n', { mailbox: archive })
  assert.deepEqual(await changes(server, since, as), [[], ['T7_1'], []])
  since = await stateOf(server, as)
  const mark = { how: 'add', keywords: [], deleted: true } as const
  await server.db.write([account], (tx) => storeFlags(tx, account, archive, [1 as Uid, 2 as Uid], mark))
  assert.deepEqual(await changes(server, since, as), [[], [], ['T7_1']])
})

test('RFC 8621 §2: what left a shared mailbox is told, and nothing of what left others', async () => {
  const server = await JmapTestServer.start()
  const { name: as, id } = await server.add(8, 'ann@example.org')
  await server.share(archive, id, 'lr')
  const { uid } = await server.deliver(first, { mailbox: archive })
  await server.deliver(answer, { mailbox: archive })
  await server.deliver('Subject: secret\n\nx\n')
  const since = await stateOf(server, as)
  await server.db.write([account], (tx) =>
    moveMessages(tx, { from: place(archive), uids: [uid], to: place(inboxId) }, { savedAt: 1 }),
  )
  await server.db.write([account], (tx) =>
    expungeMessages(tx, account, inboxId, [1 as Uid], { onlyDeleted: false }),
  )
  assert.deepEqual(await changes(server, since, as), [[], ['T7_1'], []])
  await server.db.write([account], async (tx) => {
    await expungeMessages(tx, account, inboxId, 'all', { onlyDeleted: false })
    await expungeMessages(tx, account, archive, 'all', { onlyDeleted: false })
  })
  assert.deepEqual(await changes(server, since, as), [[], [], ['T7_1']])
})

test('RFC 8620 §5.2: members of a group are told what left a mailbox that it shares with nobody else', async () => {
  const server = await JmapTestServer.start()
  const group = await server.add(20, 'team@example.org', { isGroup: true })
  const { name: as } = await server.add(8, 'ann@example.org', { groups: [group.id] })
  await server.share(archive, group.id, '', group.id)
  await server.deliver(first, { to: group.id })
  const get = async (): Promise<unknown> =>
    (await server.call('Thread/get', { accountId: 'Ak', ids: [] }, { as }))['state']
  const sinceState = await get()
  await server.db.write([group.id], (tx) =>
    expungeMessages(tx, group.id, inboxId, 'all', { onlyDeleted: false }),
  )
  const told = await server.call('Thread/changes', { accountId: 'Ak', sinceState }, { as })
  assert.deepEqual([told['created'], told['updated'], told['destroyed']], [[], [], ['Tk_1']])
})

// Planted: what left a mailbox that became readable is not looked at in the parts that follow.
test('RFC 8620 §5.2: what is told in parts has threads whose Emails went elsewhere in between', async () => {
  const server = await JmapTestServer.start()
  const { name: as, id: guest } = await server.add(9, 'guest@example.org')
  await server.share(archive, guest, 'lr')
  for (const subject of ['y', 'z']) await server.deliver(`Subject: ${subject}\n\nx\n`)
  const { uid } = await server.deliver(first)
  await server.deliver(answer, { mailbox: archive })
  let state = await stateOf(server, as)
  await server.share(inboxId, guest, 'lr')
  const told: unknown[] = []
  for (let more = true; more;) {
    const page = await server.call('Thread/changes', { sinceState: state, maxChanges: 2 }, { as })
    told.push([page['created'], page['updated'], page['destroyed']])
    if (told.length === 1)
      await server.db.write([account], (tx) =>
        moveMessages(tx, { from: place(inboxId), uids: [uid], to: place(archive) }, { savedAt: 1 }),
      )
    state = page['newState'] as string
    more = page['hasMoreChanges'] as boolean
  }
  assert.deepEqual(told, [
    [['T7_1', 'T7_2'], [], []],
    [[], ['T7_3'], []],
    // Of the move: the thread is what it was.
    [[], [], []],
  ])
})
