import assert from 'node:assert/strict'
import test from 'node:test'
import { isFault } from '#base/fault.ts'
import type { AccountId, MessageId, Uid } from '#base/id.ts'
import { blobLinkTable, ownerKinds } from '#kv/blob-rows.ts'
import { copyMessages, moveMessages, type TransferOptions } from './copy.ts'
import type { Place } from './mailbox-row.ts'
import { noLimits } from './limits.ts'
import { listMailboxes, provisionAccount, quotaUsage } from './mailbox.ts'
import type { MessageRow } from './message-row.ts'
import type { FlagRights } from './rights.ts'
import { messageTable, structureTable } from './tables.ts'
import {
  account,
  archive,
  at,
  createdAt,
  inbox,
  mail,
  openTestAccount,
  type TestAccount,
} from './test-account.ts'
import { threadMessages } from './thread.ts'

const other = 8 as AccountId
const there: Place = { account: other, mailbox: archive }
const onlySeen: FlagRights = { seen: true, deleted: false, others: false }

async function two(): Promise<TestAccount> {
  const box = await openTestAccount()
  await box.db.write([other], (tx) => provisionAccount(tx, other, createdAt))
  return box
}

const transfer = (
  box: TestAccount,
  how: typeof copyMessages,
  uids: readonly number[],
  to: Place = there,
  o: Partial<TransferOptions> = {},
): ReturnType<typeof copyMessages> =>
  box.db.write([account, other], (tx) =>
    how(tx, { from: at(inbox), uids: uids as Uid[], to }, { savedAt: 5, ...o }),
  )
const messages = async (
  box: TestAccount,
  of: AccountId,
): Promise<readonly (readonly [MessageId, MessageRow])[]> =>
  (await box.db.read((tx) => tx.list(messageTable, [of]))).map(([[, id], row]) => [id, row])
const usage = (box: TestAccount, of: AccountId) => box.db.read((tx) => quotaUsage(tx, of))

test('a copy to another account is a message of its own there: bytes, structure, flags, thread, quota', async () => {
  const box = await two()
  await box.append(mail('Message-ID: <a@x>', 'Subject: s'), { prefix: 'X-Added: 1\r\n' })
  await box.append(mail('Message-ID: <b@x>', 'In-Reply-To: <a@x>', 'Subject: Re: s'), {
    keywords: ['$seen', 'work'],
    deleted: true,
  })
  const copied = await transfer(box, copyMessages, [2, 1, 99])
  assert.deepEqual(copied.pairs, [
    [1, 1],
    [2, 2],
  ])
  const [first, second] = await messages(box, other)
  const [source] = await messages(box, account)
  assert.deepEqual([first![0], second![0]], [1, 2])
  assert.equal(first![1].blob, source![1].blob)
  assert.deepEqual(first![1].prefix, source![1].prefix)
  assert.deepEqual(second![1].keywords, ['$seen', 'work'])
  assert.deepEqual(second![1].entries, [
    { mailbox: archive, uid: 2, modseq: second![1].entries[0]!.modseq, savedAt: 5, deleted: true },
  ])
  await box.db.read(async (tx) => {
    const keys = [account, other].map((of) => [of, 1 as MessageId] as const)
    const [here, copy] = await tx.getMany(structureTable, keys)
    assert.deepEqual(copy, here)
    assert.deepEqual(await threadMessages(tx, other, second![1].thread), [1, 2])
    const links = await tx.list(blobLinkTable, [first![1].blob])
    assert.deepEqual(
      links.map(([[, owner, kind]]) => [owner, kind]),
      [
        [account, ownerKinds.message],
        [other, ownerKinds.message],
      ],
    )
  })
  assert.deepEqual(await usage(box, other), await usage(box, account))
})

test('a move to another account leaves nothing behind', async () => {
  const box = await two()
  await box.append(mail('Subject: s'))
  const { usedBytes } = await usage(box, account)
  await transfer(box, moveMessages, [1])
  assert.deepEqual(await usage(box, account), { usedBytes: 0, messages: 0 })
  assert.deepEqual(await usage(box, other), { usedBytes, messages: 1 })
  const [[, row]] = (await messages(box, other)) as [[MessageId, MessageRow]]
  const links = await box.db.read((tx) => tx.list(blobLinkTable, [row.blob]))
  assert.deepEqual(
    links.map(([[, owner]]) => owner),
    [other],
  )
})

test('the quota of the account that the message comes into is asked, and a copy is all or nothing', async () => {
  const box = await two()
  await box.fill(3)
  const refused = transfer(box, copyMessages, [1, 2, 3], there, { limits: { ...noLimits, messages: 2 } })
  await assert.rejects(refused, (error) => isFault(error, 'overQuota'))
  assert.deepEqual(await usage(box, other), { usedBytes: 0, messages: 0 })
  await transfer(box, copyMessages, [1, 2], there, { limits: { ...noLimits, messages: 2 } })
})

test('flags that the copy may not have are left out, and the original keeps them', async () => {
  const box = await two()
  await box.append(mail('Subject: s'), { keywords: ['$seen', '$flagged'], deleted: true })
  await transfer(box, copyMessages, [1], there, { may: onlySeen })
  const [[, abroad]] = (await messages(box, other)) as [[MessageId, MessageRow]]
  assert.deepEqual(abroad.keywords, ['$seen'])
  assert.equal(abroad.entries[0]!.deleted, false)
  // In the same account too, where a copy would share the keywords of the message.
  await transfer(box, copyMessages, [1], at(archive), { may: onlySeen })
  const [[, original], [, copy]] = (await messages(box, account)) as [
    [MessageId, MessageRow],
    [MessageId, MessageRow],
  ]
  assert.deepEqual(original.keywords, ['$flagged', '$seen'])
  assert.deepEqual(copy.keywords, ['$seen'])
  assert.equal(copy.thread, original.thread)
  assert.deepEqual(
    copy.entries.map(({ mailbox, deleted }) => [mailbox, deleted]),
    [[archive, false]],
  )
  await transfer(box, moveMessages, [1], at(archive), { may: onlySeen })
  const left = await messages(box, account)
  assert.deepEqual(
    left.map(([, { keywords }]) => keywords),
    [['$seen'], ['$seen']],
  )
  assert.equal((await usage(box, account)).messages, 2)
})

test('a message whose flags the copy may have stays the same message', async () => {
  const box = await two()
  await box.append(mail('Subject: s'), { keywords: ['$seen'], deleted: true })
  await transfer(box, copyMessages, [1], at(archive), { may: onlySeen })
  const [[, row]] = (await messages(box, account)) as [[MessageId, MessageRow]]
  assert.deepEqual(
    row.entries.map(({ mailbox, deleted }) => [mailbox, deleted]),
    [
      [inbox, true],
      [archive, false],
    ],
  )
  const boxes = await box.db.read((tx) => listMailboxes(tx, account))
  assert.deepEqual(
    boxes.map(({ messages, deleted }) => `${messages}/${deleted}`),
    ['1/1', '0/0', '0/0', '0/0', '0/0', '1/0'],
  )
})
