import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  onPushSubscriptions,
  type PushSubscriptionRow,
  pushSubscriptionTable,
} from '#account/push-subscription.ts'
import { account, createdAt } from '../../../test/harness/memory-accounts.ts'
import { JmapTestServer } from '../fixture.test.ts'
import { ClientKeys } from '../push-receiver.test.ts'
import type { JsonObject } from '../value.ts'

const now = createdAt + 60_000
const iso = (ms: number): string => new Date(ms).toISOString().replace('.000Z', 'Z')
const dayMs = 86_400_000
const wanted = {
  deviceClientId: 'a889-ffea-910',
  url: 'https://example.com/push/?device=X8980fc',
  types: null,
}

const set = (server: JmapTestServer, args: object): Promise<JsonObject> =>
  server.call('PushSubscription/set', { accountId: undefined, ...args })

async function create(server: JmapTestServer, more: object = {}): Promise<JsonObject> {
  const answer = await set(server, { create: { k: { ...wanted, ...more } } })
  const { created, notCreated } = answer as Record<string, JsonObject | null>
  return (created ?? notCreated)!['k'] as JsonObject
}

const rowOf = async (server: JmapTestServer, id: unknown): Promise<PushSubscriptionRow> =>
  (await server.db.read((tx) => tx.get(pushSubscriptionTable, account, String(id).slice(1))))!

const update = async (server: JmapTestServer, id: unknown, patch: object): Promise<unknown> => {
  const answer = (await set(server, { update: { [id as string]: patch } })) as Record<
    string,
    JsonObject | null
  >
  const outcome = answer['updated'] ?? answer['notUpdated']
  return outcome![id as string]
}

describe('RFC 8620 §7.2.2: PushSubscription/set, create', () => {
  it('answers with what the server chose: id, the longest expiry, and what was left out; with no state', async () => {
    const server = await JmapTestServer.start()
    const heard: unknown[] = []
    using _ = onPushSubscriptions(server.bus, (one) => heard.push(one))
    const answer = await set(server, { create: { '4f29': wanted } })
    const { id } = (answer['created'] as Record<string, JsonObject>)['4f29']!
    assert.deepEqual(JSON.parse(JSON.stringify(answer)), {
      created: { '4f29': { id, keys: null, verificationCode: null, expires: iso(now + 7 * dayMs) } },
      updated: null,
      destroyed: null,
      notCreated: null,
      notUpdated: null,
      notDestroyed: null,
    })
    assert.match(id as string, /^P[0-9a-f]{16}$/)
    assert.deepEqual(heard, [account])
    const row = await rowOf(server, id)
    assert.ok(row.code.length >= 32 && !row.isVerified && !row.isAsked)
  })

  it('keeps an expiry that is not too late, and the longest is at least 7 days', async () => {
    const server = await JmapTestServer.start()
    for (const [expires, kept] of [
      [iso(now + dayMs), undefined],
      [iso(now + 7 * dayMs), undefined],
      [iso(now + 30 * dayMs), iso(now + 7 * dayMs)],
      [null, iso(now + 7 * dayMs)],
    ] as const) {
      const created = await create(server, { expires })
      assert.equal(created['expires'], kept)
      assert.equal(iso((await rowOf(server, created['id'])).expiresAt), kept ?? expires)
    }
  })

  it('takes the keys of a client', async () => {
    const server = await JmapTestServer.start()
    const { keys } = new ClientKeys()
    const created = await create(server, { keys, types: ['Email'] })
    assert.ok(!('keys' in created) && !('types' in created))
    assert.deepEqual((await rowOf(server, created['id'])).keys, keys)
    const padded = await create(server, { keys: { p256dh: `${keys.p256dh}=`, auth: `${keys.auth}==` } })
    assert.deepEqual((await rowOf(server, padded['id'])).keys, keys)
  })

  const { keys } = new ClientKeys()
  const offCurve = Buffer.concat([Buffer.of(4), Buffer.alloc(64, 7)]).toString('base64url')
  for (const [name, value] of [
    ['url', undefined],
    ['url', 'http://example.com/'],
    ['url', 'HTTPS://example.com/'],
    ['url', 'ftp://example.com/'],
    ['url', 'https://'],
    ['url', '/push'],
    ['url', 5],
    ['url', 'https://user:password@example.com/'],
    ['url', 'https://127.0.0.1/'],
    ['url', 'https://2130706433/'],
    ['url', 'https://[::1]/'],
    ['url', `https://example.com/${'x'.repeat(3000)}`],
    ['deviceClientId', undefined],
    ['deviceClientId', ''],
    ['deviceClientId', 5],
    ['deviceClientId', 'x'.repeat(1000)],
    ['keys', {}],
    ['keys', { p256dh: keys.p256dh }],
    ['keys', { ...keys, auth: 'AAAA' }],
    ['keys', { ...keys, p256dh: 'AAAA' }],
    ['keys', { ...keys, p256dh: offCurve }],
    ['keys', { ...keys, p256dh: `${keys.p256dh.slice(0, -1)}+` }],
    ['keys', 'none'],
    ['verificationCode', 'x'],
    ['expires', 'tomorrow'],
    ['expires', '2027-01-01T00:00:00+01:00'],
    ['expires', iso(now)],
    ['types', 'Email'],
    ['types', [5]],
    ['types', ['']],
    ['id', 'P1'],
    ['nothing', 1],
  ] as const)
    it(`refuses ${name}: ${JSON.stringify(value)?.slice(0, 60)}`, async () => {
      const server = await JmapTestServer.start()
      const { type, properties } = await create(server, { [name]: value })
      assert.equal(type, 'invalidProperties')
      assert.ok((properties as unknown as string[]).every((one) => one.split('/')[0] === name))
      assert.ok((properties as unknown as string[]).length > 0)
      assert.deepEqual(await server.db.read((tx) => tx.list(pushSubscriptionTable, [])), [])
    })

  it('makes so many of an account; those that have expired do not count', async () => {
    const server = await JmapTestServer.start({ maxSubscriptions: 2 })
    await create(server, { expires: iso(now + 1000) })
    await create(server)
    assert.equal((await create(server))['type'], 'overQuota')
    server.clock.advance(2000)
    assert.equal((await create(server))['type'], undefined)
  })
})

describe('RFC 8620 §7.2.2: PushSubscription/set, update and destroy', () => {
  it('takes the verification code, and no other', async () => {
    const server = await JmapTestServer.start()
    const { id } = await create(server)
    const { code } = await rowOf(server, id)
    for (const verificationCode of ['', 'wrong', `${code}x`, code.toUpperCase(), null]) {
      const refused = (await update(server, id, { verificationCode })) as JsonObject
      assert.equal(refused['type'], 'invalidProperties')
      assert.deepEqual(refused['properties'], ['verificationCode'])
    }
    assert.equal((await rowOf(server, id)).isVerified, false)
    assert.equal(await update(server, id, { verificationCode: code }), null)
    assert.equal((await rowOf(server, id)).isVerified, true)
    assert.equal(await update(server, id, { verificationCode: code }), null)
  })

  it('changes expiry and types, within the limits, and leaves the rest', async () => {
    const server = await JmapTestServer.start()
    const { id } = await create(server)
    await update(server, id, { verificationCode: (await rowOf(server, id)).code })
    assert.deepEqual(await update(server, id, { expires: iso(now + 30 * dayMs) }), {
      expires: iso(now + 7 * dayMs),
    })
    assert.equal(await update(server, id, { expires: iso(now + dayMs), types: ['Email'] }), null)
    const row = await rowOf(server, id)
    assert.deepEqual([row.expiresAt, row.types, row.isVerified], [now + dayMs, ['Email'], true])
    assert.equal(await update(server, id, { types: null }), null)
    assert.equal((await rowOf(server, id)).types, null)
    assert.deepEqual(await update(server, id, { expires: null }), { expires: iso(now + 7 * dayMs) })
  })

  for (const [name, value] of [
    ['url', 'https://example.com/other'],
    ['keys', new ClientKeys().keys],
    ['deviceClientId', 'other'],
    ['id', 'Pother'],
    ['expires', iso(now - 1000)],
    ['types', 5],
    ['nothing', null],
    ['keys/auth', 'x'],
  ] as const)
    it(`refuses to change ${name} to ${JSON.stringify(value).slice(0, 40)}`, async () => {
      const server = await JmapTestServer.start()
      const { id } = await create(server)
      const before = await rowOf(server, id)
      const refused = (await update(server, id, { types: ['Email'], [name]: value })) as JsonObject
      assert.equal(refused['type'], 'invalidProperties')
      assert.deepEqual(await rowOf(server, id), before)
    })

  it('takes what cannot be changed where it is the same', async () => {
    const server = await JmapTestServer.start()
    const { id } = await create(server)
    const { deviceClientId, url } = wanted
    assert.equal(await update(server, id, { id, deviceClientId, url, keys: null }), null)
  })

  it('destroys; what is not there, or of another credential, is not found', async () => {
    const server = await JmapTestServer.start()
    const { id } = await create(server)
    const { id: others } = (await create(server)) as { id: string }
    const row = await rowOf(server, others)
    await server.db.write([account], async (tx) =>
      tx.put(pushSubscriptionTable, [account, others.slice(1)], { ...row, credential: 5 as never }),
    )
    const answer = (await set(server, { destroy: [id, others, 'nothing'] })) as Record<string, unknown>
    assert.deepEqual(answer['destroyed'], [id])
    assert.deepEqual(JSON.parse(JSON.stringify(answer['notDestroyed'])), {
      [others]: { type: 'notFound' },
      nothing: { type: 'notFound' },
    })
    assert.equal(((await update(server, others, { types: null })) as JsonObject)['type'], 'notFound')
    assert.equal((await server.db.read((tx) => tx.list(pushSubscriptionTable, []))).length, 1)
  })

  it('can be named by its creation id in the same request', async () => {
    const server = await JmapTestServer.start()
    const { answers } = await server.request([
      ['PushSubscription/set', { create: { k: wanted } }, 'a'],
      ['PushSubscription/get', { ids: ['#k'], properties: ['deviceClientId'] }, 'b'],
      ['PushSubscription/set', { destroy: ['#k'] }, 'c'],
    ])
    assert.equal(
      (answers[1]![1]['list'] as unknown as JsonObject[])[0]!['deviceClientId'],
      wanted.deviceClientId,
    )
    assert.equal((answers[2]![1]['destroyed'] as unknown as string[]).length, 1)
  })

  it('takes neither an account nor a state', async () => {
    const server = await JmapTestServer.start()
    assert.equal(await server.error('PushSubscription/set', {}), 'invalidArguments')
    const args = { accountId: undefined, ifInState: null }
    assert.equal(await server.error('PushSubscription/set', args), 'invalidArguments')
  })

  it('needs the permission', async () => {
    const server = await JmapTestServer.start()
    server.people[0] = { ...server.people[0]!, permissions: ['jmapAuthenticate'] }
    const args = { accountId: undefined, create: { k: wanted } }
    assert.equal(await server.error('PushSubscription/set', args), 'forbidden')
    assert.deepEqual(await server.db.read((tx) => tx.list(pushSubscriptionTable, [])), [])
  })
})
