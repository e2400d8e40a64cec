/**
 * Workers that write the same push subscription at once: nothing that one acknowledged is undone by another.
 *
 * Fault that turns all of it red: in `kv/transaction.ts` rows of no account are not checked. One that turns the test of
 * what has expired red: in `push-subscriber.ts` it is deleted unread.
 */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import {
  type PushSubscriptionRow,
  pushSubscriptionTable,
  tellPushSubscriptions,
} from '#account/push-subscription.ts'
import { LocalBus } from '#bus/engines/local.ts'
import { KvDb } from '#kv/db.ts'
import type { WriteTx } from '#kv/tx.ts'
import { account } from '../../test/harness/memory-accounts.ts'
import { type Pushing, startPushing, touch, until } from './push-fixture.test.ts'

const keyOf = (id: string) => [account, id.slice(1)] as const

/** What another worker does to the row between the next body of a write here that changed it, and its commit. */
function between(t: TestContext, p: Pushing, id: string, change: (tx: WriteTx) => void): Promise<void> {
  const { db, engine } = p.server
  const worker = new KvDb(engine, new LocalBus({ onError: (error) => assert.fail(String(error)) }))
  const write = db.write.bind(db)
  const done = Promise.withResolvers<void>()
  let isOver = false
  t.mock.method(db, 'write', async (accounts: never, body: (tx: WriteTx) => Promise<unknown>, o: never) => {
    let isIt = false
    const result = await write(
      accounts,
      async (tx) => {
        const before = JSON.stringify(await tx.get(pushSubscriptionTable, ...keyOf(id)))
        const found = await body(tx)
        if (!isOver && JSON.stringify(await tx.get(pushSubscriptionTable, ...keyOf(id))) !== before) {
          isOver = isIt = true
          await worker.write([account], async (other) => change(other))
        }
        return found
      },
      o,
    )
    if (isIt) done.resolve()
    return result
  })
  return done.promise
}

const rowOf = (p: Pushing, id: string): Promise<PushSubscriptionRow | undefined> =>
  p.server.db.read((tx) => tx.get(pushSubscriptionTable, ...keyOf(id)))

describe('push subscriptions on several workers', () => {
  it('one that is destroyed while it is noted what was told stays so', async (t) => {
    await using p = await startPushing()
    const id = await p.verified()
    await until(async () => (await rowOf(p, id))!.isAsked)
    const noted = between(t, p, id, (tx) => tx.delete(pushSubscriptionTable, keyOf(id)))
    await touch(p)
    await p.receiver.next()
    await noted
    assert.equal(await rowOf(p, id), undefined)
  })

  it('one that is verified while it is noted that it was asked stays so', async (t) => {
    await using p = await startPushing()
    const asked = Promise.withResolvers<number>()
    p.receiver.answer = () => asked.promise
    const { id } = await p.create()
    const row = (await rowOf(p, id))!
    const noted = between(t, p, id, (tx) =>
      tx.put(pushSubscriptionTable, keyOf(id), { ...row, isVerified: true }),
    )
    asked.resolve(201)
    await noted
    const now = (await rowOf(p, id))!
    assert.deepEqual([now.isVerified, now.isAsked], [true, true])
  })

  it('one that its client renews while it is found to have expired stays', async (t) => {
    await using p = await startPushing()
    const id = await p.verified()
    await until(async () => (await rowOf(p, id))!.isAsked)
    const row = (await rowOf(p, id))!
    const renewed = between(t, p, id, (tx) =>
      tx.put(pushSubscriptionTable, keyOf(id), { ...row, expiresAt: row.expiresAt + 1000 }),
    )
    p.server.clock.advance(row.expiresAt - p.server.clock.now())
    tellPushSubscriptions(p.server.bus, account)
    await renewed
    await touch(p)
    await p.receiver.next()
    assert.equal((await rowOf(p, id))?.expiresAt, row.expiresAt + 1000)
  })

  it('what was told stays so while its client changes it', async (t) => {
    await using p = await startPushing()
    const id = await p.verified()
    await p.dispatcher[Symbol.asyncDispose]()
    const row = (await rowOf(p, id))!
    const changed = between(t, p, id, (tx) =>
      tx.put(pushSubscriptionTable, keyOf(id), { ...row, told: 'more' }),
    )
    await p.call('PushSubscription/set', { update: { [id]: { types: ['Email'] } } })
    await changed
    const now = (await rowOf(p, id))!
    assert.deepEqual([now.told, now.types], ['more', ['Email']])
  })
})
