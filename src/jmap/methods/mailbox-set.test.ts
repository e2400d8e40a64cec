import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MailboxId, Uid } from '#base/id.ts'
import { copyMessages } from '#mail/copy.ts'
import { storeFlags } from '#mail/flags.ts'
import { inboxId, listMailboxes } from '#mail/mailbox.ts'
import { listForeignSubscriptions } from '#mail/subscription.ts'
import { account } from '../../../test/harness/memory-accounts.ts'
import { JmapTestServer } from '../fixture.test.ts'
import type { JsonObject } from '../value.ts'

const archive = 6 as MailboxId
const ann = 'ann@example.org'

const set = (server: JmapTestServer, args: object, as?: string): Promise<JsonObject> =>
  server.call('Mailbox/set', { ...args }, as === undefined ? {} : { as })

const get = async (server: JmapTestServer, id: string, as?: string): Promise<JsonObject> => {
  const { list } = await server.call('Mailbox/get', { ids: [id] }, as === undefined ? {} : { as })
  return (list as readonly JsonObject[])[0]!
}

const errorOf = (response: JsonObject, list: string, id: string): JsonObject =>
  (response[list] as Record<string, JsonObject>)[id]!
const wrong = (response: JsonObject, list: string, id: string): unknown => {
  const { type, properties } = errorOf(response, list, id)
  return type === 'invalidProperties' ? properties : type
}

const names = async (server: JmapTestServer): Promise<readonly string[]> =>
  (await server.db.read((tx) => listMailboxes(tx, account))).map(({ name }) => name)

test('RFC 8621 §2.5: a mailbox is created, and what the client did not say is told', async () => {
  const server = await JmapTestServer.start()
  const told = await set(server, { create: { k: { name: 'Projects', sortOrder: 3 } } })
  const { myRights, ...rest } = errorOf(told, 'created', 'k')
  assert.deepEqual(rest, {
    id: 'F7',
    parentId: null,
    role: null,
    totalEmails: 0,
    unreadEmails: 0,
    totalThreads: 0,
    unreadThreads: 0,
    isSubscribed: true,
    shareWith: null,
  })
  assert.ok(Object.values(myRights as object).every((may) => may === true))
  assert.notEqual(told['oldState'], told['newState'])
  assert.deepEqual([told['updated'], told['destroyed'], told['notCreated']], [null, null, null])
  assert.equal((await get(server, 'F7'))['sortOrder'], 3)
})

test('RFC 8621 §2: names of at least one and at most 255 bytes, in NFC, without what IMAP cannot have', async () => {
  const server = await JmapTestServer.start()
  const bad = ['', 'a/b', 'a\u0000', 'x'.repeat(256), 'é'.repeat(128), 'tab\t', 5, null]
  for (const name of bad) {
    const told = await set(server, { create: { k: { name } }, update: { F6: { name } } })
    assert.deepEqual(wrong(told, 'notCreated', 'k'), ['name'], String(name))
    assert.deepEqual(wrong(told, 'notUpdated', 'F6'), ['name'], String(name))
  }
  assert.deepEqual(wrong(await set(server, { create: { k: {} } }), 'notCreated', 'k'), ['name'])
  const told = await set(server, {
    create: { k: { name: 'e\u0301'.repeat(2) }, l: { name: 'x'.repeat(255) } },
  })
  assert.equal(errorOf(told, 'created', 'k')['name'], 'éé')
  assert.ok(errorOf(told, 'created', 'l')['id'])
})

test('RFC 8621 §2: siblings have different names; at the top INBOX is one name in any case', async () => {
  const server = await JmapTestServer.start()
  const told = await set(server, {
    create: {
      a: { name: 'Archive' },
      b: { name: 'INBOX' },
      c: { name: 'archive' },
      d: { name: 'Archive', parentId: 'F1' },
    },
    update: { F5: { name: 'Junk' } },
  })
  const { a, b } = told['notCreated'] as Record<string, JsonObject>
  assert.deepEqual([a!['type'], a!['existingId']], ['alreadyExists', 'F6'])
  assert.deepEqual([b!['type'], b!['existingId']], ['alreadyExists', 'F1'])
  assert.deepEqual(wrong(told, 'notUpdated', 'F5'), ['name'])
  assert.deepEqual(Object.keys(told['created'] as object), ['c', 'd'])
})

test('RFC 8620 §5.3: names and roles may be exchanged, as what counts is how it is in the end', async () => {
  const server = await JmapTestServer.start()
  const told = await set(server, {
    update: {
      F4: { name: 'Trash', role: 'trash' },
      F5: { name: 'Junk', role: 'junk' },
      F6: { name: 'Sent', role: null },
    },
    create: { k: { name: 'Archive', role: 'archive' } },
    destroy: ['F3'],
  })
  assert.deepEqual([told['notUpdated'], told['notCreated'], told['notDestroyed']], [null, null, null])
  assert.deepEqual(await names(server), ['Inbox', 'Drafts', 'Trash', 'Junk', 'Sent', 'Archive'])
  assert.equal((await get(server, 'F4'))['role'], 'trash')
})

test('RFC 8620 §5.3: what cannot all be is done one after the other', async () => {
  const server = await JmapTestServer.start()
  const told = await set(server, {
    create: { a: { name: 'New' }, b: { name: 'New' } },
    destroy: ['F6', 'Fzz'],
  })
  assert.deepEqual(Object.keys(told['created'] as object), ['a'])
  assert.deepEqual(wrong(told, 'notCreated', 'b'), 'alreadyExists')
  assert.deepEqual(told['destroyed'], ['F6'])
  assert.deepEqual(wrong(told, 'notDestroyed', 'Fzz'), 'notFound')
})

test('RFC 8620 §5.3: creation ids stand for parents of the same call, in any order, and of earlier calls', async () => {
  const server = await JmapTestServer.start()
  const create = { c: { name: 'C', parentId: '#b' }, b: { name: 'B', parentId: '#a' }, a: { name: 'A' } }
  const { answers } = await server.request([
    ['Mailbox/set', { accountId: 'A7', create, update: { F6: { parentId: '#c' } } }, '0'],
    [
      'Mailbox/set',
      { accountId: 'A7', create: { d: { name: 'D', parentId: '#c' } }, destroy: ['#nobody'] },
      '1',
    ],
    ['Mailbox/get', { accountId: 'A7', ids: ['#c', '#d'], properties: ['parentId'] }, '2'],
  ])
  const made = answers[0]![1]['created'] as Record<string, JsonObject>
  const { a, b, c } = made
  assert.deepEqual(answers[0]![1]['updated'], { F6: null })
  assert.equal((await get(server, 'F6'))['parentId'], c!['id'])
  assert.equal((await get(server, b!['id'] as string))['parentId'], a!['id'])
  const list = answers[2]![1]['list'] as readonly JsonObject[]
  assert.deepEqual(
    list.map((one) => one['parentId']),
    [b!['id'], c!['id']],
  )
  assert.equal('parentId' in c!, false, 'it is what was asked')
  const told = await set(server, {
    create: { x: { name: 'X', parentId: '#y' }, y: { name: 'Y', parentId: '#x' } },
  })
  assert.deepEqual(
    [wrong(told, 'notCreated', 'x'), wrong(told, 'notCreated', 'y')],
    [['parentId'], ['parentId']],
  )
})

test('RFC 8621 §2: parents that are not there, mailboxes below themselves, and below too many', async () => {
  const server = await JmapTestServer.start()
  const told = await set(server, {
    create: { a: { name: 'A', parentId: 'Fzz' }, b: { name: 'B', parentId: 'F6' } },
    update: { F6: { parentId: 'F6' }, F5: { parentId: 'no id!' } },
  })
  assert.deepEqual(wrong(told, 'notCreated', 'a'), ['parentId'])
  assert.deepEqual(wrong(told, 'notUpdated', 'F6'), ['parentId'])
  assert.deepEqual(wrong(told, 'notUpdated', 'F5'), ['parentId'])
  const child = errorOf(told, 'created', 'b')['id'] as string
  assert.deepEqual(wrong(await set(server, { update: { F6: { parentId: child } } }), 'notUpdated', 'F6'), [
    'parentId',
  ])
  const session = (await (await server.fetch('/jmap/session')).json()) as {
    accounts: Record<string, { accountCapabilities: Record<string, { maxMailboxDepth: number }> }>
  }
  const depth = session.accounts['A7']!.accountCapabilities['urn:ietf:params:jmap:mail']!.maxMailboxDepth
  let parentId: string | null = null
  for (let i = 1; i <= depth; i++) {
    const done: JsonObject = await set(server, { create: { k: { name: `L${i}`, parentId } } })
    parentId = errorOf(done, 'created', 'k')['id'] as string
  }
  const deep = await set(server, {
    create: { k: { name: 'too deep', parentId } },
    update: { F6: { parentId } },
  })
  assert.deepEqual(wrong(deep, 'notCreated', 'k'), ['parentId'])
  assert.deepEqual(wrong(deep, 'notUpdated', 'F6'), ['parentId'])
})

test('RFC 8621 §2: no two mailboxes have one role, and roles are those of the registry', async () => {
  const server = await JmapTestServer.start()
  for (const role of ['Archive', 'all', 'flagged', 'subscribed', 'haschildren', '', 5, 'inbox'])
    assert.deepEqual(wrong(await set(server, { create: { k: { name: 'K', role } } }), 'notCreated', 'k'), [
      'role',
    ])
  assert.deepEqual(
    wrong(await set(server, { create: { k: { name: 'K', role: 'archive' } } }), 'notCreated', 'k'),
    ['role'],
  )
  assert.deepEqual(wrong(await set(server, { update: { F5: { role: 'junk' } } }), 'notUpdated', 'F5'), [
    'role',
  ])
  const told = await set(server, {
    create: { k: { name: 'K', role: 'important' } },
    update: { F6: { role: null } },
  })
  assert.deepEqual(told['updated'], { F6: null })
  assert.equal((await get(server, 'F7'))['role'], 'important')
  assert.equal((await get(server, 'F6'))['role'], null)
})

test('RFC 8621 §2: sortOrder from 0 to below 2^31; null is what it is by default', async () => {
  const server = await JmapTestServer.start()
  for (const sortOrder of [-1, 2 ** 31, 1.5, '1', true])
    assert.deepEqual(wrong(await set(server, { update: { F6: { sortOrder } } }), 'notUpdated', 'F6'), [
      'sortOrder',
    ])
  await set(server, { update: { F6: { sortOrder: 2 ** 31 - 1 } } })
  assert.equal((await get(server, 'F6'))['sortOrder'], 2 ** 31 - 1)
  assert.deepEqual((await set(server, { update: { F6: { sortOrder: null } } }))['updated'], { F6: null })
  assert.equal((await get(server, 'F6'))['sortOrder'], 0)
})

test('RFC 8620 §5.3: properties of the server, and those that are not known', async () => {
  const server = await JmapTestServer.start()
  const now = await get(server, 'F6')
  const told = await set(server, {
    create: { a: { name: 'A', totalEmails: 0 }, b: { name: 'B', colour: 'red' }, c: { name: 'C', id: 'F9' } },
    update: {
      F6: now,
      F5: { totalEmails: 7 },
      F4: { 'myRights/mayDelete': false },
      F3: { colour: null },
      F2: { id: 'F6' },
    },
  })
  assert.deepEqual(wrong(told, 'notCreated', 'a'), ['totalEmails'])
  assert.deepEqual(wrong(told, 'notCreated', 'b'), ['colour'])
  assert.deepEqual(wrong(told, 'notCreated', 'c'), ['id'])
  assert.deepEqual(told['updated'], { F6: null })
  assert.deepEqual(wrong(told, 'notUpdated', 'F5'), ['totalEmails'])
  assert.deepEqual(wrong(told, 'notUpdated', 'F4'), ['myRights'])
  assert.deepEqual(wrong(told, 'notUpdated', 'F3'), ['colour'])
  assert.deepEqual(wrong(told, 'notUpdated', 'F2'), ['id'])
  assert.deepEqual(
    wrong(await set(server, { update: { F6: { 'name/x': 1 } } }), 'notUpdated', 'F6'),
    'invalidPatch',
  )
})

test('RFC 8621 §2.5: the Inbox stays where it is, can be subscribed to or not, and is never destroyed', async () => {
  const server = await JmapTestServer.start()
  for (const patch of [{ name: 'Eingang' }, { parentId: 'F6' }, { role: null }, { role: 'important' }])
    assert.deepEqual(wrong(await set(server, { update: { F1: patch } }), 'notUpdated', 'F1'), 'forbidden')
  assert.deepEqual(
    wrong(await set(server, { destroy: ['F1'], onDestroyRemoveEmails: true }), 'notDestroyed', 'F1'),
    'forbidden',
  )
  const told = await set(server, { update: { F1: { isSubscribed: false, sortOrder: 1, name: 'Inbox' } } })
  assert.deepEqual(told['updated'], { F1: null })
  assert.equal((await get(server, 'F1'))['isSubscribed'], false)
})

test('RFC 8621 §2.5: mailboxHasChild; parents and children go together, in any order', async () => {
  const server = await JmapTestServer.start()
  await set(server, {
    create: { a: { name: 'A' }, b: { name: 'B', parentId: '#a' }, c: { name: 'C', parentId: '#b' } },
  })
  assert.deepEqual(wrong(await set(server, { destroy: ['F7'] }), 'notDestroyed', 'F7'), 'mailboxHasChild')
  const told = await set(server, { destroy: ['F7', 'F8', 'F9'] })
  assert.deepEqual([told['destroyed'], told['notDestroyed']], [['F7', 'F8', 'F9'], null])
})

test('RFC 8621 §2.5: mailboxHasEmail, and onDestroyRemoveEmails', async () => {
  const server = await JmapTestServer.start()
  await server.deliver('Subject: only here\n\nx\n', { mailbox: archive })
  await server.deliver('Subject: also in the Inbox\n\nx\n', { mailbox: archive })
  const from = { account, mailbox: archive }
  await server.db.write([account], (tx) =>
    copyMessages(tx, { from, uids: [2 as Uid], to: { account, mailbox: inboxId } }, { savedAt: 1 }),
  )
  assert.deepEqual(wrong(await set(server, { destroy: ['F6'] }), 'notDestroyed', 'F6'), 'mailboxHasEmail')
  const told = await set(server, { destroy: ['F6', 'F6'], onDestroyRemoveEmails: true })
  assert.deepEqual(told['destroyed'], ['F6'])
  assert.equal((await get(server, 'F1'))['totalEmails'], 1)
  assert.deepEqual((await server.call('Thread/get', { ids: ['T1'] }))['notFound'], ['T1'])
})

test('RFC 8621 §4.1.1: a mailbox in which everything has \\Deleted has no Emails', async () => {
  const server = await JmapTestServer.start()
  const { uid } = await server.deliver('Subject: s\n\nx\n', { mailbox: archive })
  await server.db.write([account], (tx) =>
    storeFlags(tx, account, archive, [uid], { how: 'add', keywords: [], deleted: true }),
  )
  assert.deepEqual((await set(server, { destroy: ['F6'] }))['destroyed'], ['F6'])
})

test('RFC 8621 §2.5: a mailbox of very many Emails is emptied first; one that stays is not', async () => {
  const server = await JmapTestServer.start()
  await server.deliver('Subject: s\n\nx\n', { mailbox: archive })
  for (let count = 1; count < 1200; count *= 2)
    await server.db.write([account], (tx) => {
      const uids = Array.from({ length: Math.min(count, 999) }, (_, i) => (i + 1) as Uid)
      const place = { account, mailbox: archive }
      return copyMessages(tx, { from: place, uids, to: place }, { savedAt: 1 })
    })
  await set(server, { create: { k: { name: 'Child', parentId: 'F6' } } })
  const kept = await set(server, { destroy: ['F6'], onDestroyRemoveEmails: true })
  assert.deepEqual(wrong(kept, 'notDestroyed', 'F6'), 'mailboxHasChild')
  assert.ok((await get(server, 'F6'))['totalEmails'] !== 0)
  const told = await set(server, { destroy: ['F6', 'F7'], onDestroyRemoveEmails: true })
  assert.deepEqual(told['destroyed'], ['F6', 'F7'])
})

test('RFC 8620 §5.3: willDestroy, ifInState', async () => {
  const server = await JmapTestServer.start()
  const { newState } = await set(server, { create: { k: { name: 'K' } } })
  const told = await set(server, { update: { F7: { name: 'L' } }, destroy: ['F7'], ifInState: newState })
  assert.deepEqual([wrong(told, 'notUpdated', 'F7'), told['destroyed']], ['willDestroy', ['F7']])
  assert.equal(await server.error('Mailbox/set', { ifInState: newState, destroy: ['F6'] }), 'stateMismatch')
  assert.equal((await get(server, 'F6'))['name'], 'Archive')
})

test('RFC 8620 §5.3: no more mailboxes than the account may have', async () => {
  const server = await JmapTestServer.start()
  server.limits = { bytes: 0, messages: 0, mailboxes: 7 }
  const told = await set(server, { create: { a: { name: 'A' }, b: { name: 'B' } } })
  assert.deepEqual(Object.keys(told['created'] as object), ['a'])
  assert.deepEqual(wrong(told, 'notCreated', 'b'), 'overQuota')
})

test("RFC 8621 §2: isSubscribed of a shared mailbox is each one's own", async () => {
  const server = await JmapTestServer.start()
  const { id } = await server.add(8, ann)
  await server.share(archive, id, 'lr')
  assert.equal((await get(server, 'F7_6', ann))['isSubscribed'], false)
  assert.deepEqual((await set(server, { update: { F7_6: { isSubscribed: true } } }, ann))['updated'], {
    F7_6: null,
  })
  assert.equal((await get(server, 'F7_6', ann))['isSubscribed'], true)
  const told = await server.db.read((tx) => listForeignSubscriptions(tx, id))
  assert.deepEqual(told, [{ account, mailbox: archive, path: 'Other Users/fred@example.org/Archive' }])
  await set(server, { update: { F6: { isSubscribed: false } } })
  assert.equal((await get(server, 'F7_6', ann))['isSubscribed'], true)
  await set(server, { update: { F7_6: { isSubscribed: false } } }, ann)
  assert.deepEqual(await server.db.read((tx) => listForeignSubscriptions(tx, id)), [])
})

test('RFC 8621 §2: with partial rights nothing is changed or told that may not be', async () => {
  const server = await JmapTestServer.start()
  const { id } = await server.add(8, ann)
  await server.share(archive, id, 'lr')
  const told = await set(
    server,
    {
      create: { a: { name: 'A', parentId: 'F7_6' }, b: { name: 'B' }, c: { name: 'C', parentId: 'F7_1' } },
      update: {
        F7_6: { name: 'Mine' },
        F7_1: { isSubscribed: true },
        F7_5: { name: 'x' },
        F5: { isSubscribed: true },
      },
      destroy: ['F7_4', 'F6'],
    },
    ann,
  )
  assert.deepEqual(wrong(told, 'notCreated', 'a'), 'forbidden')
  assert.deepEqual(wrong(told, 'notCreated', 'b'), 'forbidden')
  assert.deepEqual(wrong(told, 'notCreated', 'c'), ['parentId'], 'what may not be seen is not there')
  assert.deepEqual(wrong(told, 'notUpdated', 'F7_6'), 'forbidden')
  for (const one of ['F7_1', 'F7_5', 'F5']) assert.deepEqual(wrong(told, 'notUpdated', one), 'notFound', one)
  for (const one of ['F7_4', 'F6']) assert.deepEqual(wrong(told, 'notDestroyed', one), 'notFound', one)
  for (const patch of [
    { sortOrder: 4 },
    { parentId: 'F7_6' },
    { shareWith: { P8: { mayDelete: true } } },
    { role: 'junk' },
  ])
    assert.ok(
      ['forbidden'].includes(
        wrong(await set(server, { update: { F7_6: patch } }, ann), 'notUpdated', 'F7_6') as string,
      ),
    )
  assert.deepEqual(wrong(await set(server, { destroy: ['F7_6'] }, ann), 'notDestroyed', 'F7_6'), 'forbidden')
  assert.deepEqual(await names(server), ['Inbox', 'Drafts', 'Sent', 'Junk', 'Trash', 'Archive'])
})

test('RFC 8621 §2: what each right is for', async () => {
  const server = await JmapTestServer.start()
  const { id } = await server.add(8, ann)
  await server.share(archive, id, 'lrkx')
  const told = await set(
    server,
    { create: { k: { name: 'K', parentId: 'F7_6' } }, update: { F7_6: { name: 'Mine', sortOrder: 2 } } },
    ann,
  )
  const made = errorOf(told, 'created', 'k')
  assert.deepEqual([told['updated'], made['isSubscribed']], [{ F7_6: null }, true])
  assert.equal((await get(server, 'F7'))['isSubscribed'], false, 'for the owner')
  await server.deliver('Subject: s\n\nx\n', { mailbox: 7 as MailboxId })
  const child = made['id'] as string
  const o = { destroy: [child], onDestroyRemoveEmails: true }
  assert.deepEqual(wrong(await set(server, o, ann), 'notDestroyed', child), 'forbidden', 'without te')
  await server.share(7 as MailboxId, id, 'lrkxte')
  assert.deepEqual((await set(server, o, ann))['destroyed'], [child])
})

test('RFC 9670 §4: a mailbox is shared, by the whole map or a part of it, and not with its owner', async () => {
  const server = await JmapTestServer.start()
  const { id } = await server.add(8, ann)
  const all = { mayReadItems: true, maySetSeen: true }
  assert.deepEqual(
    Object.keys((await set(server, { update: { F6: { shareWith: { P8: all } } } }))['updated'] as object),
    ['F6'],
  )
  const rights = async (): Promise<unknown> => {
    const { mayReadItems, maySetSeen, mayAddItems } = (await get(server, 'F7_6', ann))[
      'myRights'
    ] as JsonObject
    return [mayReadItems, maySetSeen, mayAddItems]
  }
  assert.deepEqual(await rights(), [true, true, false])
  await set(server, {
    update: { F6: { 'shareWith/P8/mayAddItems': true, 'shareWith/P8/maySetSeen': false } },
  })
  assert.deepEqual(await rights(), [true, false, true])
  for (const shareWith of [
    { P7: all },
    { Pzz: all },
    { A8: all },
    { P8: { mayFly: true } },
    { P8: true },
    [],
  ])
    assert.ok(errorOf(await set(server, { update: { F6: { shareWith } } }), 'notUpdated', 'F6'))
  const told = await set(server, { create: { k: { name: 'K', shareWith: { P8: all } } } })
  assert.ok(errorOf(told, 'created', 'k')['id'])
  await server.share(archive, id, 'lra')
  const bob = await server.add(9, 'bob@example.org')
  await set(server, { update: { F7_6: { [`shareWith/P${bob.id}`]: all } } }, ann)
  assert.equal((await get(server, 'F7_6', bob.name))['name'], 'Archive')
  await set(server, { update: { F6: { shareWith: null } } })
  assert.equal(await server.error('Mailbox/get', { ids: ['F7_6'] }, bob.name), 'accountNotFound')
})

test('RFC 8621 §1.3.1: the members of a group may make mailboxes at the top where they may in its Inbox', async () => {
  const server = await JmapTestServer.start()
  const group = await server.add(20, 'team@example.org', { isGroup: true })
  await server.add(8, ann, { groups: [group.id] })
  const told = await set(server, { accountId: 'Ak', create: { k: { name: 'Plans' } } }, ann)
  assert.equal(errorOf(told, 'created', 'k')['id'], 'Fk_7')
})
