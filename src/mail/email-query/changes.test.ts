import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { zipSync } from 'fflate'
import type { MessageId, Modseq, Uid } from '#base/id.ts'
import { moveMessages } from '../copy.ts'
import type { EmailFilter } from './filter.ts'
import {
  deliver,
  deliveries,
  idsOf,
  isReadable,
  open,
  optionsOf,
  queries,
  steps,
  take,
} from '../email-model.test.ts'
import { queryEmailChanges } from './changes.ts'
import { queryEmails } from './query.ts'
import { expungeMessages } from '../expunge.ts'
import { indexedUpTo } from '../search/index-status.ts'
import { openIndexed } from '../search/indexed-account.test.ts'
import { deleteMailbox } from '../mailbox.ts'
import { account, archive, createdAt, inbox, openTestAccount } from '../test-account.ts'

interface Told {
  readonly removed: readonly number[]
  readonly added: readonly { readonly id: number; readonly index: number }[]
}

/** RFC 8620 §5.6. */
function spliced(before: readonly number[], { removed, added }: Told): readonly number[] {
  const ids = before.filter((id) => !removed.includes(id))
  for (const { id, index } of added) ids.splice(index, 0, id)
  return ids
}

test('RFC 8620 §5.6: what is removed and added makes of the old result the new one', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(deliveries, { maxLength: 8 }),
      fc.array(steps, { minLength: 1, maxLength: 6 }),
      fc.array(queries, { minLength: 1, maxLength: 5 }),
      fc.boolean(),
      async (earlier, later, asked, readsAll) => {
        const mayRead = readsAll ? () => true : isReadable
        const of = await openTestAccount()
        const kept = await open(of)
        for (const step of earlier) await take(of, step)
        const then = await kept.loadEmails()
        const before = await Promise.all(asked.map((query) => idsOf(of, then, query, mayRead)))
        for (const step of later) {
          await take(of, step)
          if (step.kind !== 'flag') await kept.refresh()
        }
        // One that remembers what was, and one that only has the change log.
        for (const view of [await kept.loadEmails(), await (await open(of)).loadEmails()]) {
          for (const [i, query] of asked.entries()) {
            const o = { ...optionsOf(of, view, query, mayRead), since: then.changedAt }
            const told = await queryEmailChanges(o)
            // Who may not read all is not told what is gone: it may never have been seen.
            if (told === 'unknown' && !readsAll) continue
            assert.ok(told !== 'unknown')
            const now = await idsOf(of, view, query, mayRead)
            // Orders that are made anew, of no earlier state.
            assert.deepEqual(now, await idsOf(of, await (await open(of)).loadEmails(), query, mayRead))
            assert.deepEqual(spliced(before[i]!, told), now)
            assert.equal(told.total, now.length)
            assert.equal(new Set(told.removed).size, told.removed.length)
            assert.deepEqual(
              told.added.map(({ index }) => index),
              told.added.map(({ index }) => index).sort((a, b) => a - b),
            )
          }
        }
      },
    ),
    { numRuns: 200 },
  )
})

test('RFC 8621 §4.4.1: text of attachments is found once it is indexed, and told as a change', async () => {
  const of = await openIndexed()
  const document = zipSync({ 'word/document.xml': Buffer.from('<w:p><w:t>quarterly figures</w:t></w:p>') })
  await of.append(
    [
      'Subject: report\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nsee there\n--b',
      'Content-Type: application/octet-stream; name="Numbers.docx"\nContent-Transfer-Encoding: base64\n',
      `${Buffer.from(document).toString('base64')}\n--b--\n`,
    ].join('\n'),
  )
  await of.append('Subject: other\n\nfigures\n')
  const view = await (await open(of)).loadEmails()
  const filter = { condition: { text: 'figure' } }
  const { indexes } = of
  const o = { ...optionsOf(of, view, { filter, sort: [], collapseThreads: false }), indexes }
  const found = async (): Promise<readonly number[]> =>
    Array.from((await queryEmails(o)).slots, (slot) => view.ids[slot]!)
  const before = await found()
  assert.deepEqual([before, await indexedUpTo(of.db, account)], [[2], 0])
  of.indexer.look(account)
  await of.indexer.settled()
  const after = await found()
  assert.deepEqual([after, await indexedUpTo(of.db, account)], [[2, 1], 2])
  const told = await queryEmailChanges({ ...o, since: view.changedAt, indexed: { before: 0, now: 2 } })
  assert.ok(told !== 'unknown')
  assert.deepEqual(spliced(before, told), after)
})

test('RFC 8620 §5.6: what lies behind upToId is left out where nothing can move', async () => {
  const of = await openTestAccount()
  const kept = await open(of)
  const letter = { topic: 0, from: 'anna', word: 'tea', filler: 0, hasFile: false }
  for (const minute of [1, 2, 3]) await deliver(of, { ...letter, topic: minute, minute }, inbox, [])
  const then = await kept.loadEmails()
  await deliver(of, { ...letter, topic: 9, minute: 0 }, inbox, [])
  await deliver(of, { ...letter, topic: 8, minute: 5 }, inbox, [])
  const view = await kept.loadEmails()
  const sort = [{ key: 'receivedAt', isAscending: false }] as const
  const changes = async (filter: EmailFilter | undefined, upTo: number): Promise<Told> => {
    const o = optionsOf(of, view, { filter, sort, collapseThreads: false })
    const told = await queryEmailChanges({ ...o, since: then.changedAt, upTo: upTo as MessageId })
    assert.ok(told !== 'unknown')
    return { removed: told.removed, added: told.added }
  }
  const newest = { id: 5, index: 0 }
  assert.deepEqual(await changes(undefined, 2), { removed: [], added: [newest] })
  assert.deepEqual(await changes(undefined, 99), { removed: [], added: [newest, { id: 4, index: 4 }] })
  const mutable = { condition: { inMailbox: inbox } }
  assert.deepEqual(await changes(mutable, 2), { removed: [], added: [newest, { id: 4, index: 4 }] })
})

test('RFC 8620 §5.6: an order that is first asked for with an earlier state has all that came since', async () => {
  const of = await openTestAccount()
  const kept = await open(of)
  const since = (await kept.loadEmails()).changedAt
  const query = {
    filter: undefined,
    sort: [{ key: 'subject', isAscending: true }],
    collapseThreads: false,
  } as const
  const letter = { from: 'anna', word: 'tea', filler: 0, minute: 1, hasFile: false }
  for (const topic of [3, 2, 1]) await deliver(of, { ...letter, topic }, inbox, [])
  assert.deepEqual(await idsOf(of, await kept.loadEmails(), query), [3, 2, 1])
  // The place of the next one cannot be found without the message that is gone.
  await take(of, { kind: 'expunge', nth: 1 })
  await deliver(of, { ...letter, topic: 2 }, inbox, [])
  const view = await kept.loadEmails()
  const told = await queryEmailChanges({ ...optionsOf(of, view, query), since })
  assert.ok(told !== 'unknown')
  assert.deepEqual(spliced([], told), [3, 4, 1])
  assert.deepEqual(await idsOf(of, view, query), [3, 4, 1])
})

test('RFC 8620 §5.6: a flag moves nothing in a result that does not depend on it', async () => {
  const of = await openTestAccount()
  const kept = await open(of)
  const letter = { topic: 0, from: 'anna', word: 'tea', filler: 0, hasFile: false }
  for (const minute of [1, 2, 3]) await deliver(of, { ...letter, topic: minute, minute }, inbox, [])
  const then = await kept.loadEmails()
  await take(of, { kind: 'flag', nth: 1, keyword: '$seen', how: 'add' })
  const filter = { condition: { inMailbox: inbox } }
  const query = { filter, sort: [{ key: 'receivedAt', isAscending: false }], collapseThreads: true } as const
  const o = { ...optionsOf(of, await kept.loadEmails(), query), since: then.changedAt }
  assert.deepEqual(await queryEmailChanges(o), { removed: [], added: [], total: 3 })
  assert.equal(await queryEmailChanges({ ...o, since: (o.view.modseq + 1) as Modseq }), 'unknown')
})

test('RFC 8620 §5.6: after much went at once the change log tells what did', async () => {
  const of = await openTestAccount()
  const kept = await open(of)
  await of.fill(2500)
  const then = await kept.loadEmails()
  const query = { filter: { condition: { inMailbox: inbox } }, sort: [], collapseThreads: true }
  const before = await idsOf(of, then, query, () => true)
  const uids = Array.from({ length: 2000 }, (_, i) => (i + 1) as Uid)
  await of.db.write([account], (tx) => expungeMessages(tx, account, inbox, uids, { onlyDeleted: false }))
  await of.fill(2)
  const view = await kept.loadEmails()
  const told = await queryEmailChanges({ ...optionsOf(of, view, query, () => true), since: then.changedAt })
  assert.ok(told !== 'unknown')
  assert.deepEqual([told.removed.length, told.added.length, told.total], [2000, 2, 502])
  assert.deepEqual(spliced(before, told), await idsOf(of, view, query, () => true))
})

test('RFC 8620 §5.6: what was in a mailbox that is gone was in the result', async () => {
  const of = await openTestAccount()
  const kept = await open(of)
  const letter = { topic: 0, from: 'anna', word: 'tea', filler: 0, hasFile: false }
  for (const minute of [1, 2, 3]) await deliver(of, { ...letter, topic: minute, minute }, archive, [])
  const then = await kept.loadEmails()
  const from = { account, mailbox: archive }
  await of.db.write([account], async (tx) => {
    await moveMessages(
      tx,
      { from, uids: [1 as Uid], to: { account, mailbox: inbox } },
      { savedAt: createdAt },
    )
    await expungeMessages(tx, account, archive, [2 as Uid, 3 as Uid], { onlyDeleted: false })
    await deleteMailbox(tx, account, archive)
  })
  const sort = [{ key: 'receivedAt', isAscending: true }] as const
  const query = { filter: undefined, sort, collapseThreads: false }
  const o = optionsOf(of, await kept.loadEmails(), query, () => true)
  const told = await queryEmailChanges({ ...o, since: then.changedAt })
  assert.ok(told !== 'unknown')
  assert.deepEqual(told.removed.toSorted(), [1, 2, 3])
  assert.deepEqual(told.added, [{ id: 1, index: 0 }])
})
