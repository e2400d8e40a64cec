import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AccountId } from '#base/id.ts'
import { passwordTable } from '#account/credential-tables.ts'
import { pushSubscriptionTable } from '#account/push-subscription.ts'
import { LocalBus } from '#bus/engines/local.ts'
import { KvDb } from '#kv/db.ts'
import { inboxId } from '#mail/mailbox.ts'
import { account } from '../../test/harness/memory-accounts.ts'
import { accountId } from './fixture.test.ts'
import { claimsOf, ClientKeys } from './push-receiver.test.ts'
import { json, startPushing, touch, typesOf, until } from './push-fixture.test.ts'
import type { JsonObject } from './value.ts'

const letter = 'From: a@example.org\nSubject: one\n\nText.\n'

describe('RFC 8620 §7.2.2: verification', () => {
  it('is pushed at once, with an id and a code, signed by the server (RFC 9749 §4)', async () => {
    await using p = await startPushing()
    const { id, code, push } = await p.create()
    assert.equal(push.path, '/push?device=1')
    assert.equal(push.headers['content-type'], 'application/json')
    assert.match(push.headers['ttl'] as string, /^\d+$/)
    assert.deepEqual(json(push), {
      '@type': 'PushVerification',
      pushSubscriptionId: id,
      verificationCode: code,
    })
    const key = await p.server.services.vapid.publicKey()
    assert.equal(claimsOf(push.headers['authorization'], key)['aud'], new URL(p.receiver.url('/')).origin)
  })

  // Fault that turns it red: what is told from is read where the verification is sent.
  it('is not sent again once it was confirmed, and what happened since is told, also where the server stopped before the push service answered', async () => {
    await using p = await startPushing()
    p.receiver.answer = () => undefined
    const { id, code } = await p.create()
    await p.call('PushSubscription/set', { update: { [id]: { verificationCode: code } } })
    await touch(p)
    p.receiver.answer = () => 201
    await p.restart()
    assert.deepEqual(typesOf(await p.receiver.next()), ['Identity'])
  })

  it('comes before anything else, and what happened since is told after it', async () => {
    await using p = await startPushing()
    const { id, code } = await p.create()
    await until(
      async () => (await p.server.db.read((tx) => tx.list(pushSubscriptionTable, [])))[0]![1].isAsked,
    )
    await p.server.deliver(letter)
    await p.restart()
    await touch(p)
    await p.server.call('Mailbox/get')
    assert.equal(p.receiver.waiting, 0)
    await p.call('PushSubscription/set', { update: { [id]: { verificationCode: code } } })
    const push = await p.receiver.next()
    assert.deepEqual(typesOf(push), ['Email', 'EmailDelivery', 'Identity', 'Mailbox', 'Thread'])
  })

  it('is encrypted where the client gave keys (RFC 8291), as all is', async () => {
    await using p = await startPushing()
    const client = new ClientKeys()
    const { id, code, push } = await p.create({ keys: client.keys })
    assert.deepEqual(client.decrypt(push), {
      '@type': 'PushVerification',
      pushSubscriptionId: id,
      verificationCode: code,
    })
    await p.call('PushSubscription/set', { update: { [id]: { verificationCode: code } } })
    await p.server.deliver(letter)
    const { state } = await p.server.call('Mailbox/get')
    const change = client.decrypt(await p.receiver.next())
    assert.equal(change['@type'], 'StateChange')
    assert.equal((change['changed'] as Record<string, JsonObject>)[accountId]!['Mailbox'], state)
  })

  it('is not asked for again and again at one URL', async () => {
    await using p = await startPushing({ pushVerifyTimeout: 3_600_000 })
    const { id } = await p.create()
    await p.call('PushSubscription/set', { destroy: [id] })
    const url = p.receiver.url('/push?device=1')
    await p.call('PushSubscription/set', { create: { k: { deviceClientId: 'd', url } } })
    await p.create({ url: p.receiver.url('/other') })
    assert.equal(p.receiver.waiting, 0)
  })
})

describe('RFC 8620 §7.2: pushes', () => {
  it('tell changes by whomever of the types that the client wants, for each account', async () => {
    await using p = await startPushing()
    const ann = await p.server.add(8, 'ann@example.org')
    await p.server.shareFollowed(inboxId, ann.id, 'lr')
    await p.verified({ types: ['EmailDelivery', 'Identity'] }, ann.name)
    await p.server.db.write([account], async (tx) => tx.changed(account, 'Email', 99, 'updated'))
    const worker = new KvDb(p.server.engine, new LocalBus({ onError: (error) => assert.fail(String(error)) }))
    await p.server.deliver(letter)
    const push = await p.receiver.next()
    assert.equal(json(push)['@type'], 'StateChange')
    assert.deepEqual(typesOf(push), ['EmailDelivery'])
    await worker.write([ann.id], async (tx) => tx.changed(ann.id, 'Identity', 1, 'created'))
    p.server.accountWatch.beat()
    assert.deepEqual(typesOf(await p.receiver.next(), 'A8'), ['Identity'])
  })

  it('go on with what the client wants now', async () => {
    await using p = await startPushing()
    const id = await p.verified({ types: ['Thread'] })
    await p.call('PushSubscription/set', { update: { [id]: { types: ['Identity'] } } })
    await touch(p, 'Thread')
    await touch(p, 'Identity')
    assert.deepEqual(typesOf(await p.receiver.next()), ['Identity'])
  })

  it('are tried again, and lose nothing: not by failures, and not by a restart', async () => {
    await using p = await startPushing({ pushMaxAttempts: 3 })
    await p.verified()
    p.receiver.answer = () => 503
    await touch(p, 'Thread')
    for (let i = 0; i < 3; i++) assert.deepEqual(typesOf(await p.receiver.next()), ['Thread'])
    await touch(p, 'Identity')
    await until(() => p.told.length === 3)
    assert.equal(p.told[0]!.event, 'jmap.push-not-sent')
    assert.equal(p.told[0]!['host'], 'push.example.com')
    assert.ok(!JSON.stringify(p.told).includes('device=1'))
    assert.equal(p.receiver.waiting, 0)
    p.receiver.answer = () => 201
    await p.restart()
    assert.deepEqual(typesOf(await p.receiver.next()), ['Identity', 'Thread'])
    await touch(p, 'Thread')
    assert.deepEqual(typesOf(await p.receiver.next()), ['Thread'])
    // Until the row says so, it would be told again.
    const now = (await p.server.db.read((tx) => tx.sequence(account))).toString(36)
    await until(
      async () =>
        (await p.server.db.read((tx) => tx.list(pushSubscriptionTable, [])))[0]![1].told?.startsWith(
          `${accountId}-${now}_`,
        ) === true,
    )
    await p.restart()
    await touch(p, 'Identity')
    assert.deepEqual(typesOf(await p.receiver.next()), ['Identity'])
  })

  it('come again after the pause that follows failed attempts', async () => {
    await using p = await startPushing({ pushMaxAttempts: 1, pushAttemptWait: 20 })
    await p.verified()
    let failures = 2
    p.receiver.answer = () => (failures-- > 0 ? 500 : 201)
    await touch(p, 'Thread')
    for (let i = 0; i < 3; i++) assert.deepEqual(typesOf(await p.receiver.next()), ['Thread'])
  })

  it('are fewer after a 429, and one tells all that came in between', async () => {
    await using p = await startPushing({ pushAttemptWait: 20 })
    await p.verified()
    p.receiver.answer = () => ({ status: 429, headers: { 'Retry-After': '1' } })
    await touch(p, 'Thread')
    await p.receiver.next()
    p.receiver.answer = () => 201
    for (let i = 0; i < 20; i++) await touch(p, 'Identity')
    assert.equal(p.receiver.waiting, 0)
    assert.deepEqual(typesOf(await p.receiver.next()), ['Identity', 'Thread'])
  })

  it('are few where changes are many', async () => {
    await using p = await startPushing({ pushThrottle: 3_600_000 })
    await p.verified()
    await touch(p, 'Thread')
    await p.receiver.next()
    for (let i = 0; i < 200; i++) await touch(p)
    await p.server.call('Mailbox/get')
    assert.equal(p.receiver.waiting, 0)
  })

  it('of one account wait for each other, and not those of others', async () => {
    await using p = await startPushing({ maxSubscriptions: 20 })
    await p.server.add(8, 'ann@example.org')
    for (let i = 0; i < 10; i++) await p.verified({ url: p.receiver.url(`/slow/${i}`) })
    await p.verified({ url: p.receiver.url('/quick'), types: ['Identity'] }, 'ann@example.org')
    p.receiver.answer = ({ path }) => (path === '/quick' ? 201 : undefined)
    await touch(p, 'Thread')
    for (let i = 0; i < 4; i++) assert.match((await p.receiver.next()).path, /^\/slow/)
    await p.server.db.write([8 as AccountId], async (tx) =>
      tx.changed(8 as AccountId, 'Identity', 1, 'created'),
    )
    assert.equal((await p.receiver.next()).path, '/quick')
    assert.equal(p.receiver.waiting, 0)
  })
})

describe('RFC 8620 §7.2: the end of a push subscription', () => {
  for (const status of [404, 410])
    it(`comes with ${status}: its row is removed`, async () => {
      await using p = await startPushing()
      await p.verified()
      p.receiver.answer = () => status
      await touch(p)
      await p.receiver.next()
      await until(async () => (await p.rows()) === 0)
      assert.equal(p.told.at(-1)!.event, 'jmap.push-ended')
    })

  it('comes when it is destroyed', async () => {
    await using p = await startPushing()
    const id = await p.verified()
    const other = await p.verified({ url: p.receiver.url('/other'), types: ['Thread'] })
    await p.call('PushSubscription/set', { destroy: [id] })
    await touch(p, 'Identity')
    await touch(p, 'Thread')
    assert.equal((await p.receiver.next()).path, '/other')
    assert.equal(p.receiver.waiting, 0)
    assert.notEqual(other, id)
  })

  it('comes with its expiry', async () => {
    await using p = await startPushing()
    await p.verified({ expires: '2026-01-01T00:01:01Z' })
    p.server.clock.advance(5000)
    await touch(p)
    await until(async () => (await p.rows()) === 0)
    assert.equal(p.receiver.waiting, 0)
  })

  it('comes with another password, also while the server was down', async () => {
    await using p = await startPushing()
    await p.verified()
    await p.dispatcher[Symbol.asyncDispose]()
    await p.server.db.write([], async (tx) =>
      tx.put(passwordTable, [account], { verifiers: [], changedAt: 5 }),
    )
    await touch(p)
    await p.restart()
    await until(async () => (await p.rows()) === 0)
    assert.equal(p.receiver.waiting, 0)
  })

  it('comes with the account, or when that may not sign in any more', async () => {
    await using p = await startPushing()
    await p.verified()
    await until(() => p.server.accessChanges.size > 0)
    p.server.people.length = 0
    for (const changed of p.server.accessChanges) changed(undefined)
    await until(async () => (await p.rows()) === 0)
    await touch(p)
    assert.equal(p.receiver.waiting, 0)
  })
})
