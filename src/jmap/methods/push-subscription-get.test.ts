import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { pushKeysTable } from '#account/push-keys.ts'
import { type PushSubscriptionRow, pushSubscriptionTable } from '#account/push-subscription.ts'
import type { CredentialId } from '#account/shown-once.ts'
import { account, createdAt } from '../../../test/harness/memory-accounts.ts'
import { JmapTestServer } from '../fixture.test.ts'
import type { JsonObject } from '../value.ts'

const row: PushSubscriptionRow = {
  credential: 0 as CredentialId,
  passwordAt: 0,
  deviceClientId: 'b37ff8001ca0',
  url: 'https://push.example.com/secret',
  keys: { p256dh: 'secret', auth: 'secret' },
  serverKey: 'current',
  types: ['Mailbox', 'EmailDelivery'],
  createdAt,
  expiresAt: Date.UTC(2026, 0, 5, 0, 13, 21),
  code: 'b210ef734fe5f439c1ca386421359f7b',
  isAsked: true,
  isVerified: true,
  told: '',
}
const ids = [
  '0000000000000001',
  '0000000000000002',
  '0000000000000003',
  '0000000000000004',
  '0000000000000005',
]

async function start(): Promise<JmapTestServer> {
  const server = await JmapTestServer.start()
  const rows: readonly PushSubscriptionRow[] = [
    row,
    { ...row, isVerified: false, types: null },
    { ...row, credential: 5 as CredentialId },
    { ...row, expiresAt: createdAt },
    { ...row, serverKey: 'of before' },
  ]
  await server.db.write([account], async (tx) => {
    tx.put(pushKeysTable, [], { current: { publicKey: 'current', privateKey: '' } })
    for (const [i, one] of rows.entries()) tx.put(pushSubscriptionTable, [account, ids[i]!], one)
  })
  await server.add(8, 'ann@example.org')
  return server
}

const get = (server: JmapTestServer, args: object = {}, as?: string): Promise<JsonObject> =>
  server.call('PushSubscription/get', { accountId: undefined, ...args }, as === undefined ? {} : { as })

describe('RFC 8620 §7.2.1: PushSubscription/get', () => {
  it('returns all of the credential that was signed in with, with neither URL nor keys nor a state', async () => {
    const server = await start()
    const answer = await get(server, { ids: null })
    assert.deepEqual(answer, {
      list: [
        {
          id: `P${ids[0]}`,
          deviceClientId: 'b37ff8001ca0',
          verificationCode: 'b210ef734fe5f439c1ca386421359f7b',
          expires: '2026-01-05T00:13:21Z',
          types: ['Mailbox', 'EmailDelivery'],
        },
        {
          id: `P${ids[1]}`,
          deviceClientId: 'b37ff8001ca0',
          // A code that was not given back is known to the receiver of the push only.
          verificationCode: null,
          expires: '2026-01-05T00:13:21Z',
          types: null,
        },
      ],
      notFound: [],
    })
    assert.ok(!JSON.stringify(answer).includes('secret'))
    assert.deepEqual(await get(server), answer)
    assert.deepEqual(await get(server, {}, 'ann@example.org'), { list: [], notFound: [] })
  })

  it('returns those that are asked for, once each and in their order, and says which are not there', async () => {
    const server = await start()
    const [first, second, other, expired] = ids.map((id) => `P${id}`)
    const answer = await get(server, { ids: [second, 'nothing', first, second, other, expired, ids[0]] })
    assert.deepEqual(
      (answer['list'] as unknown as JsonObject[]).map(({ id }) => id),
      [second, first],
    )
    assert.deepEqual(answer['notFound'], ['nothing', other, expired, ids[0]])
  })

  it('returns the properties that are asked for; the hidden ones are forbidden, others are not known', async () => {
    const server = await start()
    const some = await get(server, { ids: [`P${ids[0]}`], properties: ['expires', 'expires'] })
    assert.deepEqual(some['list'], [{ id: `P${ids[0]}`, expires: '2026-01-05T00:13:21Z' }])
    for (const name of ['url', 'keys']) {
      const args = { accountId: undefined, properties: ['id', name] }
      assert.equal(await server.error('PushSubscription/get', args), 'forbidden')
    }
    for (const properties of [['told'], ['constructor'], ['code']])
      assert.equal(
        await server.error('PushSubscription/get', { accountId: undefined, properties }),
        'invalidArguments',
      )
  })

  it('takes no account', async () => {
    const server = await start()
    assert.equal(await server.error('PushSubscription/get', {}), 'invalidArguments')
  })

  it('needs the permission', async () => {
    const server = await start()
    server.people.push({ ...server.people[0]!, name: 'weak@example.org', permissions: ['jmapAuthenticate'] })
    const args = { accountId: undefined }
    assert.equal(await server.error('PushSubscription/get', args, 'weak@example.org'), 'forbidden')
  })
})
