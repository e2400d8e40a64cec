import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { isFault } from '#base/fault.ts'
import type { AccountId, MailboxId, MessageId, Uid } from '#base/id.ts'
import { changesSince } from '#kv/change-log.ts'
import { maxEntries } from './copy.ts'
import { AccountEdit } from './edit.ts'
import { changeEmail, copyEmail, destroyEmail, mailboxesOf } from './email.ts'
import { storeFlags } from './flags.ts'
import { ingestEmail } from './ingest.ts'
import { noLimits } from './limits.ts'
import { listMailboxes, provisionAccount, quotaUsage } from './mailbox.ts'
import { type MessageRow, sizeOf } from './message-row.ts'
import { entryTable, mailboxTable, messageTable } from './tables.ts'
import { account, createdAt, inbox, mail, openTestAccount, type TestAccount } from './test-account.ts'

const other = 8 as AccountId
const savedAt = createdAt + 5000
const options = { keywords: [], savedAt, limits: noLimits }
const box = (n: number): MailboxId => n as MailboxId

const rows = async ({ db }: TestAccount): Promise<ReadonlyMap<MessageId, MessageRow>> =>
  new Map((await db.read((tx) => tx.list(messageTable, [account]))).map(([[, id], row]) => [id, row]))

const inEdit = (stores: TestAccount, body: (edit: AccountEdit) => Promise<unknown>): Promise<void> =>
  stores.db.write([account], async (tx) => {
    const edit = await AccountEdit.open(tx, account)
    await body(edit)
    await edit.finish()
  })

/** The rows of mailboxes and entries say what follows from those of messages. */
async function assertCounted(stores: TestAccount): Promise<void> {
  const messages = await rows(stores)
  const entries = await stores.db.read((tx) => tx.list(entryTable, [account]))
  const expected = new Map<string, MessageId>()
  for (const [id, row] of messages)
    for (const { mailbox, uid } of row.entries) expected.set(`${mailbox} ${uid}`, id)
  assert.deepEqual(new Map(entries.map(([[, mailbox, uid], id]) => [`${mailbox} ${uid}`, id])), expected)
  for (const mailbox of await stores.db.read((tx) => listMailboxes(tx, account))) {
    const here = [...messages.values()].flatMap((row) =>
      row.entries.filter((entry) => entry.mailbox === mailbox.id).map((entry) => ({ row, entry })),
    )
    assert.equal(mailbox.messages, here.length)
    assert.equal(mailbox.deleted, here.filter(({ entry }) => entry.deleted).length)
    assert.equal(mailbox.unseen, here.filter(({ row }) => !row.keywords.includes('$seen')).length)
    assert.equal(
      mailbox.counts.emails,
      [...messages.values()].filter((row) => mailboxesOf(row).has(mailbox.id)).length,
    )
    for (const { entry } of here)
      assert.ok(entry.modseq <= mailbox.highestModseq && entry.uid < mailbox.uidNext)
  }
  const used = await stores.db.read((tx) => quotaUsage(tx, account))
  assert.equal(used.messages, messages.size)
  assert.equal(
    used.usedBytes,
    [...messages.values()].reduce((sum, row) => sum + sizeOf(row), 0),
  )
}

test('RFC 8621 §4.1.1: a message comes into several mailboxes at once', async () => {
  const stores = await openTestAccount()
  const message = await stores.prepare(mail('Subject: x'))
  const { id, uids } = await stores.db.write([account], (tx) =>
    ingestEmail(tx, account, message, [box(1), box(3), box(6)], { ...options, keywords: ['$Seen'] }),
  )
  assert.deepEqual(uids, [1, 1, 1])
  assert.deepEqual([...mailboxesOf((await rows(stores)).get(id)!)], [1, 3, 6])
  await assertCounted(stores)
})

test('keywords and mailboxes are what they are to be, after any changes', async () => {
  const place = fc.integer({ min: 1, max: 6 })
  const step = fc.record({
    message: fc.nat(2),
    mailboxes: fc.option(fc.uniqueArray(place, { minLength: 1, maxLength: 4 })),
    keywords: fc.option(fc.uniqueArray(fc.constantFrom('$seen', 'a', 'B'), { maxLength: 3 })),
    mark: fc.boolean(),
    destroy: fc.nat(9).map((n) => n === 0),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const stores = await openTestAccount()
      for (let i = 0; i < 3; i++) await stores.append(mail('Subject: x', `Message-ID: <${i % 2}@x>`))
      for (const { message, mailboxes, keywords, mark, destroy } of steps) {
        const id = (message + 1) as MessageId
        const before = (await rows(stores)).get(id)
        if (before === undefined) continue
        const from = await stores.db.read((tx) => tx.sequence(account))
        if (mark) {
          const [first] = before.entries
          const change = { how: 'add', keywords: [], deleted: true } as const
          await stores.db.write([account], (tx) =>
            storeFlags(tx, account, first!.mailbox, [first!.uid], change),
          )
        }
        await inEdit(stores, (edit) =>
          destroy
            ? destroyEmail(edit, id)
            : changeEmail(edit, id, {
                savedAt,
                ...(mailboxes === null ? {} : { mailboxes: new Set(mailboxes.map(box)) }),
                ...(keywords === null ? {} : { keywords }),
              }),
        )
        const after = (await rows(stores)).get(id)
        await assertCounted(stores)
        const changes = await stores.db.read((tx) => changesSince(tx, account, 'Email', from, 100))
        assert.ok(changes !== 'tooOld')
        if (destroy) {
          assert.equal(after, undefined)
          assert.deepEqual(changes.destroyed, [id])
          continue
        }
        if (mailboxes !== null) assert.deepEqual([...mailboxesOf(after!)].sort(), [...mailboxes].sort())
        if (keywords !== null) assert.deepEqual(after!.keywords, keywords.map((k) => k.toLowerCase()).sort())
      }
    }),
    { numRuns: 60 },
  )
})

/**
 * RFC 8620 §5.3: each object of a /set succeeds or fails by itself. Planted faults: keywords that are changed before
 * it is known whether there is room in all mailboxes; entries that are added as room is found.
 */
test('an edit of many messages holds what succeeded, and nothing of what was refused', async () => {
  const full = box(6)
  const places = fc.uniqueArray(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 3 })
  const step = fc.record({
    id: fc.integer({ min: 1, max: 4 }).map((n) => n as MessageId),
    mailboxes: fc.option(places),
    keywords: fc.uniqueArray(fc.constantFrom('$seen', 'a', 'no good'), { maxLength: 2 }),
    destroy: fc.nat(6).map((n) => n === 0),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 8 }), async (steps) => {
      const stores = await openTestAccount()
      for (let i = 0; i < 3; i++) await stores.append(mail('Subject: x', `Message-ID: <${i % 2}@x>`))
      await stores.db.write([account], async (tx) => {
        const row = (await tx.get(mailboxTable, account, full))!
        tx.put(mailboxTable, [account, full], { ...row, uidNext: 0xffff_ffff as Uid })
      })
      const expected = new Map<MessageId, readonly [MailboxId[], string[]]>()
      await inEdit(stores, async (edit) => {
        expected.clear()
        for (const n of [1, 2, 3]) expected.set(n as MessageId, [[inbox], []])
        for (const { id, mailboxes, keywords, destroy } of steps) {
          const wanted = mailboxes?.map(box)
          const change = {
            savedAt,
            keywords,
            ...(wanted === undefined ? {} : { mailboxes: new Set(wanted) }),
          }
          const done = await edit.tx.attempt(() =>
            destroy ? destroyEmail(edit, id) : changeEmail(edit, id, change),
          )
          const before = expected.get(id)
          const isRefused = wanted?.includes(full) === true || keywords.includes('no good')
          assert.equal(isFault(done), before === undefined || (!destroy && isRefused))
          if (isFault(done)) continue
          if (destroy) expected.delete(id)
          else expected.set(id, [wanted?.toSorted() ?? before![0], keywords.toSorted()])
        }
      })
      await assertCounted(stores)
      const found = [...(await rows(stores))].map(
        ([id, row]) => [id, [[...mailboxesOf(row)].sort(), row.keywords]] as const,
      )
      assert.deepEqual(found, [...expected])
    }),
    { numRuns: 100 },
  )
})

test('what changes nothing writes nothing', async () => {
  const stores = await openTestAccount()
  const { id } = await stores.append(mail('Subject: x'), { keywords: ['a'] })
  const before = await stores.db.read((tx) => tx.sequence(account))
  await inEdit(stores, (edit) =>
    changeEmail(edit, id, { savedAt, keywords: ['A'], mailboxes: new Set([inbox]) }),
  )
  assert.equal(await stores.db.read((tx) => tx.sequence(account)), before)
})

test('what is not there, and what is too much', async () => {
  const stores = await openTestAccount()
  const { id } = await stores.append(mail('Subject: x'))
  const change = (message: number, o: object) =>
    inEdit(stores, (edit) => changeEmail(edit, message as MessageId, { savedAt, ...o }))
  await assert.rejects(change(99, {}), (error) => isFault(error, 'notFound'))
  await assert.rejects(change(id, { mailboxes: new Set([box(99)]) }), (error) => isFault(error, 'notFound'))
  await assert.rejects(change(id, { keywords: ['no good'] }), (error) => isFault(error, 'invalid'))
  const many = new Set(Array.from({ length: maxEntries + 1 }, (_, i) => box(i + 2)))
  await assert.rejects(change(id, { mailboxes: many }), (error) => isFault(error, 'tooLarge'))
  await assert.rejects(
    inEdit(stores, (edit) => destroyEmail(edit, 99 as MessageId)),
    (error) => isFault(error, 'notFound'),
  )
  await assertCounted(stores)
})

test('RFC 8621 §4.7: a copy in another account is a message of its own there', async () => {
  const stores = await openTestAccount()
  await stores.db.write([other], (tx) => provisionAccount(tx, other, createdAt))
  const { id } = await stores.append(mail('Subject: x', 'Message-ID: <a@x>'), {
    prefix: 'X: y\r\n',
    keywords: ['a'],
  })
  const copy = (limits = noLimits) =>
    stores.db.write([account, other], (tx) =>
      copyEmail(tx, { account, id }, other, {
        mailboxes: [box(1), box(2)],
        keywords: ['b'],
        receivedAt: 5,
        savedAt,
        limits,
      }),
    )
  const copied = await copy()
  const row = await stores.db.read((tx) => tx.get(messageTable, other, copied.id))
  assert.deepEqual([row!.keywords, row!.receivedAt, [...mailboxesOf(row!)]], [['b'], 5, [1, 2]])
  assert.equal(sizeOf(row!), sizeOf((await rows(stores)).get(id)!))
  await assert.rejects(copy({ bytes: 1, messages: 0, mailboxes: 0 }), (error) => isFault(error, 'overQuota'))
  assert.equal((await stores.db.read((tx) => quotaUsage(tx, other))).messages, 1)
})
