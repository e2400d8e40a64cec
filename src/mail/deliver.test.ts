import assert from 'node:assert/strict'
import test from 'node:test'
import type { AccountId, MessageId } from '#base/id.ts'
import { blobLinkTable } from '#kv/blob-rows.ts'
import { parseStructure } from '#message/mime.ts'
import { StoredStructure } from '#message/structure-codec.ts'
import {
  applyDelivery,
  type DeliveryPlan,
  type IncomingMessage,
  planDeliveries,
  planDelivery,
  type RecipientOutcome,
} from './deliver.ts'
import { expungeMessages } from './expunge.ts'
import { noLimits } from './limits.ts'
import { deleteMailbox, provisionAccount, quotaUsage } from './mailbox.ts'
import { readMessage, readMessageRange } from './message-bytes.ts'
import { messageTable, structureTable } from './tables.ts'
import {
  account,
  archive,
  createdAt,
  inbox,
  mail,
  openTestAccount,
  type TestAccount,
} from './test-account.ts'

const bob = 8 as AccountId
const text = mail('Message-ID: <a@x>', 'Subject: Hello').replaceAll('\n', '\r\n')

async function read(pieces: AsyncIterable<Uint8Array>): Promise<string> {
  const all: Uint8Array[] = []
  for await (const piece of pieces) all.push(piece)
  return Buffer.concat(all).toString()
}

async function incoming(box: TestAccount): Promise<IncomingMessage> {
  const bytes = Buffer.from(text)
  return {
    staged: await box.stage(bytes),
    structure: parseStructure(bytes),
    envelopeFrom: 'a@example.org',
    prefixFor: (address) => Buffer.from(`Delivered-To: ${address}\r\n`),
    receivedAt: createdAt + 5000,
  }
}

test('one message for two accounts is stored once, each with a header of its own', async () => {
  const box = await openTestAccount()
  await box.db.write([bob], (tx) => provisionAccount(tx, bob, createdAt))
  const plans = await planDeliveries(await incoming(box), [
    { id: account, address: 'al@example.org', limits: noLimits },
    { id: bob, address: 'bob@example.org', limits: noLimits },
  ])
  const outcomes = await box.db.write([account, bob], async (tx) => [
    await applyDelivery(tx, plans[0]!),
    await applyDelivery(tx, plans[1]!),
  ])
  assert.deepEqual(
    outcomes.map(({ kind }) => kind),
    ['delivered', 'delivered'],
  )
  for (const [id, address] of [
    [account, 'al@example.org'],
    [bob, 'bob@example.org'],
  ] as const) {
    const [row, structure] = await box.db.read(async (tx) => [
      await tx.get(messageTable, id, 1 as MessageId),
      await tx.get(structureTable, id, 1 as MessageId),
    ])
    const expected = `Delivered-To: ${address}\r\n${text}`
    assert.equal(await read(readMessage(box.blobs, row!)), expected)
    const stored = new StoredStructure(structure!)
    assert.equal(stored.sizeBytes, expected.length)
    assert.equal(stored.headerEnd, expected.indexOf('body'))
    const part = stored.parts()
    assert.equal(
      Buffer.from(await readMessageRange(box.blobs, row!, part.bodyStart, part.bodyEnd)).toString(),
      'body\r\n',
    )
    for (const [start, end] of [
      [0, 5],
      [3, 40],
      [10, 20],
      [50, 60],
      [0, 1000],
    ] as const) {
      assert.equal(
        Buffer.from(await readMessageRange(box.blobs, row!, start, end)).toString(),
        expected.slice(start, end),
      )
      assert.equal(await read(readMessage(box.blobs, row!, start, end)), expected.slice(start, end))
    }
    assert.equal(row!.receivedAt, createdAt + 5000)
  }
  const links = await box.db.read((tx) => tx.list(blobLinkTable, []))
  assert.equal(links.length, 2)
  await box.db.write([bob], (tx) => expungeMessages(tx, bob, inbox, 'all', { onlyDeleted: false }))
  assert.deepEqual(
    (await box.db.read((tx) => tx.list(blobLinkTable, []))).map(([[, owner]]) => owner),
    [account],
  )
})

test('a full account and one that is gone refuse, and leave the others alone', async () => {
  const box = await openTestAccount()
  await box.db.write([bob], (tx) => provisionAccount(tx, bob, createdAt))
  const gone = 9 as AccountId
  const message = await incoming(box)
  const size = text.length + 'Delivered-To: x\r\n'.length
  const plan = (id: AccountId, quotaBytes: number): Promise<DeliveryPlan> =>
    planDelivery(message, { id, address: 'x', limits: { ...noLimits, bytes: quotaBytes } })
  const plans = [await plan(account, size - 1), await plan(bob, size), await plan(gone, 0)]
  const outcomes = await box.db.write([account, bob, gone], async (tx) => {
    const done = []
    for (const one of plans) done.push(await applyDelivery(tx, one))
    return done
  })
  assert.deepEqual(outcomes[0], { kind: 'overQuota', limit: size - 1 })
  assert.equal(outcomes[1]!.kind, 'delivered')
  assert.equal(outcomes[2]?.kind === 'refused' && outcomes[2].fault.code, 'notFound')
  assert.deepEqual(await box.db.read((tx) => quotaUsage(tx, account)), { usedBytes: 0, messages: 0 })
  assert.deepEqual(await box.db.read((tx) => quotaUsage(tx, bob)), { usedBytes: size, messages: 1 })
  assert.equal((await box.db.read((tx) => tx.list(blobLinkTable, []))).length, 1)
  assert.equal(await box.db.read((tx) => tx.sequence(account)), 1, 'the refusal is no commit of the account')
})

test('a role without a mailbox means the Inbox', async () => {
  const box = await openTestAccount()
  const plan = await planDelivery(await incoming(box), { id: account, address: 'x', limits: noLimits })
  const deliver = (into: 'junk' | 'archive'): Promise<RecipientOutcome> =>
    box.db.write([account], (tx) =>
      applyDelivery(tx, { ...plan, actions: [{ kind: 'file', into, keywords: ['$Junk'] }] }),
    )
  const junk = await deliver('junk')
  assert.equal(junk.kind === 'delivered' && junk.mailbox, 4)
  await box.db.write([account], (tx) => deleteMailbox(tx, account, archive))
  const filed = await deliver('archive')
  assert.equal(filed.kind === 'delivered' && filed.mailbox, inbox)
})
