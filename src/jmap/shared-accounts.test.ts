/** Accounts of others in the session, and whose they are. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MailboxId } from '#base/id.ts'
import { JmapTestServer } from './fixture.test.ts'
import type { JsonObject } from './value.ts'

const archive = 6 as MailboxId
const principals = 'urn:ietf:params:jmap:principals'
const ann = 'ann@example.org'

interface Session {
  readonly capabilities: JsonObject
  readonly primaryAccounts: JsonObject
  readonly accounts: Readonly<
    Record<
      string,
      {
        isPersonal: boolean
        isReadOnly: boolean
        name: string
        accountCapabilities: Record<string, JsonObject>
      }
    >
  >
}

const session = async (server: JmapTestServer, as: string): Promise<Session> =>
  (await (await server.fetch('/jmap/session', {}, as)).json()) as Session

test('RFC 9670 §1.5.1: the own account has the Principals, and says who of them the user is', async () => {
  const server = await JmapTestServer.start()
  await server.add(8, ann)
  await server.shareFollowed(archive, 8 as never, 'lr')
  const { capabilities, accounts, primaryAccounts } = await session(server, ann)
  assert.deepEqual(capabilities[principals], {})
  assert.deepEqual(accounts['A8']!.accountCapabilities[principals], { currentUserPrincipalId: 'P8' })
  assert.equal(accounts['A7']!.accountCapabilities[principals], undefined)
  assert.equal(primaryAccounts[principals], 'A8')
})

test('RFC 9670 §1.5.2: whose each account is, only among the capabilities of accounts', async () => {
  const server = await JmapTestServer.start()
  await server.add(8, ann)
  await server.shareFollowed(archive, 8 as never, 'lr')
  const owner = `${principals}:owner`
  const { capabilities, accounts, primaryAccounts } = await session(server, ann)
  assert.equal(capabilities[owner], undefined)
  assert.equal(primaryAccounts[owner], undefined)
  assert.deepEqual(accounts['A8']!.accountCapabilities[owner], {
    accountIdForPrincipal: 'A8',
    principalId: 'P8',
  })
  assert.deepEqual(accounts['A7']!.accountCapabilities[owner], {
    accountIdForPrincipal: 'A8',
    principalId: 'P7',
  })
  const { status } = await server.request([], { using: [owner] })
  assert.equal(status, 400)
})

test('RFC 8620 §2: accounts that show something to the user, with what can be done there', async () => {
  const server = await JmapTestServer.start()
  await server.add(8, ann, { groups: [20 as never] })
  await server.add(20, 'team@example.org', { isGroup: true })
  await server.add(9, 'bob@example.org')
  await server.shareFollowed(archive, 8 as never, 'r', 9 as never)
  const read = async () => (await session(server, ann)).accounts
  assert.deepEqual(Object.keys(await read()), ['A8', 'Ak'], 'a right to read is none to see')
  await server.shareFollowed(archive, 8 as never, 'lr')
  const { A7, A8, Ak } = await read()
  const said = [A8!, A7!, Ak!].map((one) => [
    one.name,
    one.isPersonal,
    one.isReadOnly,
    one.accountCapabilities['urn:ietf:params:jmap:mail']!['mayCreateTopLevelMailbox'],
  ])
  assert.deepEqual(said, [
    [ann, true, false, true],
    ['fred@example.org', false, true, false],
    ['team@example.org', false, false, true],
  ])
  await server.shareFollowed(archive, 8 as never, 'lrs')
  assert.equal((await read())['A7']!.isReadOnly, false)
  await server.shareFollowed(archive, 8 as never, '')
  assert.equal((await read())['A7'], undefined)
  assert.equal(await server.error('Mailbox/get', { ids: null }, ann), 'accountNotFound')
})

test('RFC 9670 §1.4: accounts in which nothing is subscribed to are not in the session, and can be subscribed to', async () => {
  const server = await JmapTestServer.start()
  await server.add(8, ann)
  await server.shareFollowed(archive, 8 as never, 'lr')
  const subscribe = async (isSubscribed: boolean): Promise<readonly string[]> => {
    const update = { F7_6: { isSubscribed } }
    const set = await server.call('Mailbox/set', { accountId: 'A7', update }, { as: ann })
    assert.equal(set['notUpdated'], null, JSON.stringify(set))
    return Object.keys((await session(server, ann)).accounts)
  }
  assert.deepEqual(await subscribe(false), ['A8'])
  const { list } = await server.call('Principal/get', { accountId: 'A8', ids: ['P7'] }, { as: ann })
  assert.deepEqual(Object.keys((list as JsonObject[])[0]!['accounts'] as object), ['A7'])
  assert.deepEqual(await subscribe(true), ['A8', 'A7'])
})
