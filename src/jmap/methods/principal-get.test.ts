import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AccountId, MailboxId } from '#base/id.ts'
import { JmapTestServer } from '../fixture.test.ts'
import type { JsonObject } from '../value.ts'

const archive = 6 as MailboxId

const list = async (
  server: JmapTestServer,
  args: object = { ids: null },
  as?: string,
): Promise<readonly JsonObject[]> =>
  (await server.call('Principal/get', { ...args }, as === undefined ? {} : { as }))[
    'list'
  ] as readonly JsonObject[]

test('RFC 9670 §2: every property of a person and of a group', async () => {
  const server = await JmapTestServer.start()
  await server.add(8, 'ann@example.org', { description: 'Ann Other' })
  await server.add(20, 'team@example.org', { isGroup: true, description: 'All of us' })
  const [fred, ann, team] = await list(server)
  assert.deepEqual(ann, {
    id: 'P8',
    type: 'individual',
    name: 'Ann Other',
    description: null,
    email: 'ann@example.org',
    timeZone: null,
    capabilities: {},
    accounts: null,
  })
  assert.deepEqual(
    [team!['type'], team!['name'], team!['description']],
    ['group', 'team@example.org', 'All of us'],
  )
  assert.equal(fred!['name'], 'fred@example.org')
})

test('RFC 9670 §2: the accounts that the user can see, as in the session', async () => {
  const server = await JmapTestServer.start()
  await server.add(8, 'ann@example.org')
  await server.shareFollowed(archive, 8 as AccountId, 'lr')
  const session = (await (await server.fetch('/jmap/session', {}, 'ann@example.org')).json()) as {
    accounts: Record<string, JsonObject>
  }
  const [fred, ann] = await list(server, { accountId: 'A8', ids: ['P7', 'P8'] }, 'ann@example.org')
  assert.deepEqual(fred!['accounts'], { A7: session.accounts['A7'] })
  assert.deepEqual(ann!['accounts'], { A8: session.accounts['A8'] })
  assert.equal((await list(server, { ids: ['P8'] }))[0]!['accounts'], null, 'nothing of hers is shared')
})

test('RFC 8620 §5.1: some, what is not found, a property that is none', async () => {
  const server = await JmapTestServer.start()
  const told = await server.call('Principal/get', { ids: ['P7', 'P9', 'A7', 'P7'], properties: ['email'] })
  assert.deepEqual(told['list'], [{ id: 'P7', email: 'fred@example.org' }])
  assert.deepEqual(told['notFound'], ['P9', 'A7'])
  assert.equal(await server.error('Principal/get', { ids: [], properties: ['phone'] }), 'invalidArguments')
})

test('RFC 9670 §6.4: strangers of other domains are not there, but for who shares or is shared with', async () => {
  const server = await JmapTestServer.start()
  const eve = await server.add(8, 'eve@example.net')
  assert.deepEqual(
    (await list(server)).map(({ id }) => id),
    ['P7'],
  )
  assert.deepEqual((await server.call('Principal/get', { ids: ['P8'] }))['notFound'], ['P8'])
  const shareWith = { P8: { mayReadItems: true } }
  const { notUpdated } = await server.call('Mailbox/set', { update: { F6: { shareWith } } })
  assert.ok(notUpdated, 'nobody learns that she is there')
  await server.share(archive, eve.id, 'lr')
  assert.deepEqual(
    (await list(server)).map(({ id }) => id),
    ['P7', 'P8'],
  )
  assert.deepEqual(
    (await list(server, { accountId: 'A8', ids: null }, eve.name)).map(({ id }) => id),
    ['P7', 'P8'],
  )
})

test('RFC 9670 §2: accounts of others have no Principals', async () => {
  const server = await JmapTestServer.start()
  const { id, name } = await server.add(8, 'ann@example.org')
  await server.share(archive, id, 'lr')
  assert.equal(await server.error('Principal/get', { ids: null }, name), 'accountNotSupportedByMethod')
})
