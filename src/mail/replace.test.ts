import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '#base/fault.ts'
import type { Uid } from '#base/id.ts'
import { noLimits } from './limits.ts'
import { listMailboxes, quotaUsage } from './mailbox.ts'
import { replaceMessage } from './replace.ts'
import { account, archive, inbox, openTestAccount } from './test-account.ts'

const o = { keywords: ['$draft'], savedAt: 1, limits: noLimits }

test('the new message is another one of the same thread, and counters are those of what is left', async () => {
  const box = await openTestAccount()
  const text = 'Message-ID: <a@example.org>\nSubject: a draft\n\n'
  const before = await box.append(`${text}first\n`)
  const message = await box.prepare(`${text}second thoughts\n`)
  const place = { account, mailbox: inbox }
  const old = { place, uid: before.uid }
  const to = { account, mailbox: archive }
  const after = await box.db.write([account], (tx) => replaceMessage(tx, old, to, message, o))
  assert.equal(after.thread, before.thread)
  assert.notEqual(after.id, before.id)
  const { used, mailboxes } = await box.db.read(async (tx) => ({
    used: await quotaUsage(tx, account),
    mailboxes: await listMailboxes(tx, account),
  }))
  const bytes = message.staged.sizeBytes
  assert.deepEqual(used, { usedBytes: bytes, messages: 1 })
  assert.deepEqual(
    mailboxes.filter(({ id }) => id === inbox || id === archive).map((one) => [one.messages, one.sizeBytes]),
    [
      [0, 0],
      [1, bytes],
    ],
  )
  // Once more, and nothing comes or goes.
  await assert.rejects(
    box.db.write([account], (tx) => replaceMessage(tx, old, to, message, o)),
    (error) => isFault(error, 'conflict'),
  )
  await assert.rejects(
    box.db.write([account], (tx) => replaceMessage(tx, { place, uid: 9 as Uid }, to, message, o)),
    (error) => isFault(error, 'conflict'),
  )
  assert.deepEqual(await box.db.read((tx) => quotaUsage(tx, account)), used)
})
