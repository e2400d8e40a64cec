import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MailboxId } from '#base/id.ts'
import { JmapTestServer } from '../fixture.test.ts'
import type { JsonObject } from '../value.ts'

/** Below the Archive (F6): F7 Work, with F8 alpha and F9 Beta; at the top FA Über. */
async function filled(): Promise<JmapTestServer> {
  const server = await JmapTestServer.start()
  const create = {
    work: { name: 'Work', parentId: 'F6', sortOrder: 5 },
    a: { name: 'alpha', parentId: '#work' },
    b: { name: 'Beta', parentId: '#work', sortOrder: 1 },
    u: { name: 'Über', isSubscribed: false },
  }
  const { notCreated } = await server.call('Mailbox/set', { create })
  assert.equal(notCreated, null)
  return server
}

async function names(server: JmapTestServer, args: object, as?: string): Promise<readonly unknown[]> {
  const o = as === undefined ? {} : { as }
  const { ids } = await server.call('Mailbox/query', { ...args }, o)
  const { list } = await server.call('Mailbox/get', { ids }, o)
  const all = new Map((list as readonly JsonObject[]).map((one) => [one['id'], one['name']]))
  return (ids as readonly string[]).map((id) => all.get(id))
}

const byName = { sort: [{ property: 'name' }] }

test('RFC 8621 §2.3: sorts', async () => {
  const server = await filled()
  const all = ['alpha', 'Archive', 'Beta', 'Drafts', 'Inbox', 'Junk', 'Sent', 'Trash', 'Über', 'Work']
  assert.deepEqual(await names(server, byName), all)
  assert.deepEqual(
    await names(server, { sort: [{ property: 'name', isAscending: false }] }),
    all.toReversed(),
  )
  assert.deepEqual(
    (await names(server, { sort: [{ property: 'name', collation: 'i;octet' }] })).at(-2),
    'alpha',
  )
  const sorted = await names(server, {
    sort: [{ property: 'sortOrder', isAscending: false }, ...byName.sort],
  })
  assert.deepEqual(sorted.slice(0, 3), ['Work', 'Beta', 'alpha'])
  assert.deepEqual(await names(server, { sort: [] }), await names(server, { sort: null, filter: null }))
  assert.equal(
    await server.error('Mailbox/query', { sort: [{ property: 'totalEmails' }] }),
    'unsupportedSort',
  )
})

test('RFC 8621 §2.3: sortAsTree puts each mailbox in front of those below it', async () => {
  const server = await filled()
  assert.deepEqual(await names(server, { ...byName, sortAsTree: true }), [
    'Archive',
    'Work',
    'alpha',
    'Beta',
    'Drafts',
    'Inbox',
    'Junk',
    'Sent',
    'Trash',
    'Über',
  ])
  const down = { sort: [{ property: 'name', isAscending: false }], sortAsTree: true }
  assert.deepEqual((await names(server, down)).slice(-4), ['Archive', 'Work', 'Beta', 'alpha'])
  // Those between need not be in the result.
  const filter = { operator: 'NOT', conditions: [{ name: 'Work' }] }
  assert.deepEqual((await names(server, { ...byName, sortAsTree: true, filter })).slice(0, 3), [
    'Archive',
    'alpha',
    'Beta',
  ])
})

test('RFC 8621 §2.3: every condition', async () => {
  const server = await filled()
  const found = (filter: object): Promise<readonly unknown[]> => names(server, { ...byName, filter })
  assert.deepEqual(await found({ parentId: 'F7' }), ['alpha', 'Beta'])
  assert.deepEqual(await found({ parentId: 'F1' }), [])
  assert.deepEqual(await found({ parentId: 'nothing' }), [])
  assert.deepEqual((await found({ parentId: null })).length, 7)
  assert.deepEqual(await found({ name: 'A' }), ['alpha', 'Archive', 'Beta', 'Drafts', 'Trash'])
  assert.deepEqual(await found({ name: 'über' }), ['Über'])
  assert.deepEqual(await found({ role: 'inbox' }), ['Inbox'])
  assert.deepEqual(await found({ role: 'no such role' }), [])
  assert.deepEqual(await found({ role: null }), ['alpha', 'Beta', 'Über', 'Work'])
  assert.deepEqual((await found({ hasAnyRole: true })).length, 6)
  assert.deepEqual(await found({ hasAnyRole: false }), ['alpha', 'Beta', 'Über', 'Work'])
  assert.ok((await found({ isSubscribed: false })).includes('Über'))
  assert.ok(!(await found({ isSubscribed: true })).includes('Über'))
  assert.deepEqual(await found({ parentId: 'F7', name: 'be' }), ['Beta'])
  assert.deepEqual((await found({})).length, 10)
  const either = { operator: 'OR', conditions: [{ role: 'sent' }, { parentId: 'F6' }] }
  assert.deepEqual(await found(either), ['Sent', 'Work'])
})

test('RFC 8621 §2.3: filterAsTree wants all ancestors too', async () => {
  const server = await filled()
  const filter = { name: 'a' }
  assert.deepEqual(await names(server, { ...byName, filter, filterAsTree: true }), [
    'Archive',
    'Drafts',
    'Trash',
  ])
  const noSent = { operator: 'NOT', conditions: [{ role: 'sent' }] }
  assert.equal((await names(server, { filter: noSent, filterAsTree: true })).length, 9)
  const noArchive = { operator: 'NOT', conditions: [{ role: 'archive' }] }
  assert.equal((await names(server, { filter: noArchive, filterAsTree: true })).length, 6)
})

test('RFC 8620 §5.5: windows of the result, and arguments of the wrong type', async () => {
  const server = await filled()
  const told = await server.call('Mailbox/query', { ...byName, position: -2, limit: 1, calculateTotal: true })
  assert.deepEqual(
    [told['ids'], told['position'], told['total'], told['canCalculateChanges']],
    [['Fa'], 8, 10, true],
  )
  const anchored = await server.call('Mailbox/query', { ...byName, anchor: 'F1', anchorOffset: 1, limit: 2 })
  assert.deepEqual([anchored['ids'], anchored['position']], [['F4', 'F3'], 5])
  assert.equal(await server.error('Mailbox/query', { anchor: 'F99' }), 'anchorNotFound')
  for (const args of [
    { limit: -1 },
    { sortAsTree: 'yes' },
    { filterAsTree: null },
    { filter: { parentId: 5 } },
    { filter: { hasAnyRole: null } },
    { filter: { name: null } },
    { filter: { isSubscribed: 1 } },
    { filter: { role: 5 } },
    { more: 1 },
  ])
    assert.equal(await server.error('Mailbox/query', args), 'invalidArguments', JSON.stringify(args))
  assert.equal(await server.error('Mailbox/query', { filter: { sortOrder: 1 } }), 'unsupportedFilter')
})

test('RFC 8621 §2: of a shared account only what may be seen is found', async () => {
  const server = await filled()
  await server.add(9, 'guest@example.org')
  await server.share(8 as MailboxId, 9 as never, 'lr')
  const guest = 'guest@example.org'
  assert.deepEqual(await names(server, {}, guest), ['alpha'])
  // The one above it is not there.
  assert.deepEqual(await names(server, { filter: { parentId: null }, filterAsTree: true }, guest), ['alpha'])
  assert.deepEqual(await names(server, { filter: { isSubscribed: true } }, guest), [])
})
