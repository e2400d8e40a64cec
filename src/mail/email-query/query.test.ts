import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { MessageId, Uid } from '#base/id.ts'
import { everything, idsOf, naive, open, optionsOf, queries, steps, take } from '../email-model.test.ts'
import { queryEmails } from './query.ts'
import { expungeMessages } from '../expunge.ts'
import { account, inbox, openTestAccount } from '../test-account.ts'
import { AccountViews } from '../view.ts'

test('RFC 8621 §4.4: filters, sorts and threads are what looking at every message shows', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(steps, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 3 }),
      fc.array(queries, { minLength: 1, maxLength: 6 }),
      fc.nat({ max: 4 }),
      async (rounds, asked, first) => {
        const of = await openTestAccount()
        const kept = await open(of)
        for (const round of rounds) {
          for (const step of round) await take(of, step)
          const view = await kept.loadEmails()
          const all = await everything(of)
          for (const query of asked) {
            const expected = naive(all, query)
            assert.deepEqual(await idsOf(of, view, query), expected)
            for (const needsTotal of [false, true]) {
              const part = await queryEmails({ ...optionsOf(of, view, query), first, needsTotal })
              assert.deepEqual(
                Array.from(part.slots.subarray(0, first), (slot) => view.ids[slot]),
                expected.slice(0, first),
              )
              if (needsTotal) assert.equal(part.total, expected.length)
            }
          }
        }
      },
    ),
    { numRuns: 150 },
  )
})

const oldestFirst = { key: 'receivedAt', isAscending: true } as const

test('a result is kept with its view, for the one who may read the same', async () => {
  const of = await openTestAccount()
  await of.fill(5)
  const account7 = await open(of)
  const view = await account7.loadEmails()
  const query = { filter: { condition: { subject: 'filler' } }, sort: [], collapseThreads: false }
  // Whoever wants the first ones only is told of all, where all of them had to be looked at.
  const first = await queryEmails({ ...optionsOf(of, view, { ...query, sort: [oldestFirst] }), first: 2 })
  assert.equal(first.total, 5)
  const found = await queryEmails(optionsOf(of, view, query))
  assert.equal(found.total, 5)
  const kept = await queryEmails({ ...optionsOf(of, view, query), first: 2 })
  assert.deepEqual([kept.slots, kept.total], [found.slots, 5])
  assert.equal((await queryEmails(optionsOf(of, view, query, () => false))).total, 0)
  for (const id of [1, 2]) {
    const isAmong = [{ among: new Set([id as MessageId]), isIn: true }]
    const one = { ...query, filter: { condition: { isAmong } } }
    assert.deepEqual(await idsOf(of, view, one), [id])
  }
  await of.fill(1)
  assert.equal((await queryEmails(optionsOf(of, await account7.loadEmails(), query))).total, 6)
})

test('where there is no room for the messages of an account, they are read each time', async () => {
  const of = await openTestAccount()
  await of.fill(50)
  const views = new AccountViews({ db: of.db, budgetBytes: 1 })
  const account7 = await views.open(account)
  const query = { filter: undefined, sort: [], collapseThreads: false }
  for (let count = 50; count < 53; count++) {
    assert.equal((await idsOf(of, await account7.loadEmails(), query)).length, count)
    assert.equal(views.sizeBytes, 0)
    await of.fill(1)
  }
})

test('what very many messages leave behind is given up, and views that are held stay as they were', async () => {
  const of = await openTestAccount()
  const account7 = await open(of)
  await of.fill(2500)
  const before = await account7.loadEmails()
  const query = {
    filter: undefined,
    sort: [{ key: 'size', isAscending: true }],
    collapseThreads: true,
  } as const
  assert.equal((await idsOf(of, before, query)).length, 2500)
  const bytes = account7.sizeBytes
  const uids = Array.from({ length: 2000 }, (_, i) => (i + 1) as Uid)
  await of.db.write([account], (tx) => expungeMessages(tx, account, inbox, uids, { onlyDeleted: false }))
  await of.fill(3)
  const after = await account7.loadEmails()
  assert.equal(after.count, 503)
  assert.ok(account7.sizeBytes < bytes / 2)
  assert.deepEqual(
    await idsOf(of, after, query),
    Array.from({ length: 503 }, (_, i) => 2001 + i),
  )
  assert.equal((await idsOf(of, before, query)).length, 2500)
  assert.equal(after.slotOf(1), -1)
})
