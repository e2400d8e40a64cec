/**
 * The check of what telling push services of changes needs, in a store on disk: the lease of who does it, and the keys
 * by which they know the server. Nothing is found after ordinary work, each planted fault is found by its name, and
 * after a repair the work goes on.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  currentPushKey,
  exchangePushKey,
  findPushKey,
  type PushKey,
  pushKeysTable,
} from '#account/push-keys.ts'
import { fixedClock } from '#base/clock.ts'
import { LeasedWork, leaseTable } from '#tasks/lease.ts'
import { openTestStore, type TestStore } from '../../../test/harness/store.ts'
import { check, garbage, names, now, plant, put, type Row } from './check-fixture.test.ts'

const work = 'web-push'
const until = now + 120_000

interface Keys {
  readonly current: PushKey
  readonly before: PushKey & { readonly until: number }
}

async function fill({ db }: TestStore): Promise<Keys> {
  const before = await db.write([], currentPushKey)
  const current = await db.write([], (tx) => exchangePushKey(tx, until))
  await db.write([], async (tx) => tx.put(leaseTable, [work], { holder: 'here', until }))
  return { current, before: { ...before, until } }
}

/** The name, what was planted, which keys are there after the repair, and the rows. */
const faults: readonly (readonly [
  name: string,
  what: string,
  left: readonly (keyof Keys)[],
  (keys: Keys) => Row,
])[] = [
  ['lease-damaged', 'unreadable', ['current', 'before'], () => garbage(leaseTable, work)],
  ['lease-damaged', 'of nobody', ['current', 'before'], () => put(leaseTable, [work], { until } as never)],
  ['lease-damaged', 'empty', ['current', 'before'], () => put(leaseTable, [work], null as never)],
  [
    'lease-damaged',
    'for years',
    ['current', 'before'],
    () => put(leaseTable, [work], { holder: 'there', until: now + 1e11 }),
  ],
  ['push-key-damaged', 'unreadable', [], () => garbage(pushKeysTable)],
  ['push-key-damaged', 'empty', [], () => put(pushKeysTable, [], {} as never)],
  [
    'push-key-damaged',
    'no key',
    [],
    ({ current }) => put(pushKeysTable, [], { current: { ...current, privateKey: 'AAAA' } }),
  ],
  [
    'push-key-damaged',
    'halves of two keys',
    [],
    ({ current, before }) =>
      put(pushKeysTable, [], { current: { ...current, publicKey: before.publicKey }, before }),
  ],
  [
    'push-key-before-damaged',
    'halves of two keys',
    ['current'],
    ({ current, before }) =>
      put(pushKeysTable, [], { current, before: { ...before, privateKey: current.privateKey } }),
  ],
  [
    'push-key-before-damaged',
    'without an end',
    ['current'],
    ({ current, before: { until: _, ...rest } }) =>
      put(pushKeysTable, [], { current, before: rest as never }),
  ],
]

describe('the check of pushing', () => {
  it('finds nothing after ordinary work, nor where there was none', async () => {
    await using store = await openTestStore('lmdb')
    assert.deepEqual(names(await check(store)), [])
    const keys = await fill(store)
    assert.deepEqual(names(await check(store)), [])
    await plant(store, [put(pushKeysTable, [], { current: keys.current })])
    assert.deepEqual(names(await check(store)), [])
  })

  for (const [name, what, left, row] of faults) {
    it(`finds and repairs ${name}: ${what}`, async () => {
      await using store = await openTestStore('lmdb')
      const keys = await fill(store)
      await plant(store, [row(keys)])
      const found = await check(store)
      assert.deepEqual(names(found), [name])
      // Nothing secret is told.
      assert.ok(!JSON.stringify(found.report.tallies).includes(keys.current.privateKey))
      assert.deepEqual(names(await check(store, { repair: true })), [])
      for (const which of ['current', 'before'] as const) {
        const key = await store.db.read((tx) => findPushKey(tx, keys[which].publicKey))
        assert.equal(key?.privateKey, left.includes(which) ? keys[which].privateKey : undefined)
      }
      const begun = Promise.withResolvers<void>()
      await using _leased = new LeasedWork(
        work,
        { db: store.db, clock: fixedClock(until), holder: 'here', leaseMs: 1000 },
        () => {
          begun.resolve()
          return { [Symbol.asyncDispose]: () => Promise.resolve() }
        },
      )
      await begun.promise
      assert.ok((await store.db.write([], currentPushKey)).publicKey.length > 0)
    })
  }
})
