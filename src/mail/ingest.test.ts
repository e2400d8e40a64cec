import assert from 'node:assert/strict'
import test from 'node:test'
import { isFault } from '#base/fault.ts'
import type { Batch } from '#kv/backend.ts'
import { changesSince } from '#kv/change-log.ts'
import { ingest } from './ingest.ts'
import { noLimits } from './limits.ts'
import { quotaUsage } from './mailbox.ts'
import { account, createdAt, inbox, mail, openTestAccount } from './test-account.ts'

const options = { mailbox: inbox, keywords: [], savedAt: createdAt, limits: noLimits }

test('a delivery writes nine rows, and one that answers a known message no thread key but its own', async () => {
  const box = await openTestAccount()
  const batches: Batch[] = []
  const commit = box.engine.commit.bind(box.engine)
  box.engine.commit = (batch) => {
    batches.push(batch)
    return commit(batch)
  }
  await box.append(mail('Message-ID: <a@x>', 'Subject: s'))
  await box.append(mail('Message-ID: <b@x>', 'References: <a@x>', 'Subject: s'))
  await box.append(mail('Subject: s'))
  // Sequence, change log, message, structure, entry, mailbox, counters, blob link; then thread key and thread.
  assert.deepEqual(
    batches.map(({ puts }) => puts.length),
    [9, 10, 8],
  )
  const bytes = batches[0]!.puts.reduce((sum, { key, value }) => sum + key.length + value.length, 0)
  assert.ok(bytes < 1000, `${bytes} bytes of rows`)
})

test('what a delivery changes is in the log', async () => {
  const box = await openTestAccount()
  const from = await box.db.read((tx) => tx.sequence(account))
  const done = await box.append(mail('Subject: s'))
  assert.deepEqual(done, {
    id: 1,
    uid: 1,
    uidValidity: createdAt / 1000,
    thread: 1,
    modseq: from + 1,
  })
  const since = (type: 'Email' | 'Mailbox' | 'Thread'): Promise<unknown> =>
    box.db.read(async (tx) => {
      const changes = await changesSince(tx, account, type, from, 100)
      return changes === 'tooOld' ? changes : [changes.created, changes.updated, changes.countsOnly]
    })
  assert.deepEqual(await since('Email'), [[1], [], false])
  assert.deepEqual(await since('Mailbox'), [[], [inbox], true])
  assert.deepEqual(await since('Thread'), [[1], [], false])
})

test('the quota is exact, also when many come at once', async () => {
  const box = await openTestAccount()
  const message = await box.prepare(mail('Subject: s'))
  const size = message.staged.sizeBytes
  const limited = { ...options, limits: { ...noLimits, bytes: 5 * size + size - 1 } }
  const all = await Promise.allSettled(
    Array.from({ length: 20 }, () => box.db.write([account], (tx) => ingest(tx, account, message, limited))),
  )
  const refused = all.filter((one) => one.status === 'rejected')
  assert.equal(refused.length, 15)
  assert.ok(refused.every(({ reason }) => isFault(reason, 'overQuota')))
  assert.deepEqual(await box.db.read((tx) => quotaUsage(tx, account)), { usedBytes: 5 * size, messages: 5 })
  const uids = all.flatMap((one) => (one.status === 'fulfilled' ? [one.value.uid] : []))
  assert.deepEqual(uids, [1, 2, 3, 4, 5], 'what was refused used up no UID')
})

test('the number of messages is limited as exactly as their bytes', async () => {
  const box = await openTestAccount()
  const message = await box.prepare(mail('Subject: s'))
  const limited = { ...options, limits: { ...noLimits, messages: 3 } }
  const one = () => box.db.write([account], (tx) => ingest(tx, account, message, limited))
  const all = await Promise.allSettled([one(), one(), one(), one(), one()])
  const refused = all.flatMap((done) => (done.status === 'rejected' ? [done.reason] : []))
  assert.equal(refused.length, 2)
  assert.ok(refused.every((reason) => isFault(reason, 'overQuota') && reason.detail.limit === 3))
})
