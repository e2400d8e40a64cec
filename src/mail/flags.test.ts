import assert from 'node:assert/strict'
import test from 'node:test'
import fc from 'fast-check'
import { isFault, SyntaxFault } from '#base/fault.ts'
import type { MailboxId, Modseq, Uid } from '#base/id.ts'
import { copyMessages, maxEntries, moveMessages } from './copy.ts'
import { expungeMessages } from './expunge.ts'
import { flagSetOf, keywordOfFlag } from './flag-set.ts'
import { type FlagChange, type FlagsStored, storeFlags } from './flags.ts'
import { maxKeywords, normalizeKeywords } from './keywords.ts'
import { listMailboxes, quotaUsage } from './mailbox.ts'
import { type MessageRow, messageRowCodec } from './message-row.ts'
import { messageTable } from './tables.ts'
import { account, archive, at, inbox, mail, openTestAccount, type TestAccount } from './test-account.ts'
import { threadMessages } from './thread.ts'

const store = (
  box: TestAccount,
  uids: readonly number[],
  change: FlagChange,
  mailbox: MailboxId = inbox,
): Promise<FlagsStored> =>
  box.db.write([account], (tx) => storeFlags(tx, account, mailbox, uids as Uid[], change))
const numbers = (box: TestAccount): Promise<readonly string[]> =>
  box.db.read(async (tx) =>
    (await listMailboxes(tx, account)).map((m) => `${m.messages}/${m.unseen}/${m.deleted}`),
  )

test('keywords are shared by all entries of a message, also two in one mailbox; \\Deleted is not', async () => {
  const box = await openTestAccount()
  await box.append(mail('Subject: x'))
  const copy = (to: MailboxId): Promise<unknown> =>
    box.db.write([account], (tx) =>
      copyMessages(tx, { from: at(inbox), uids: [1 as Uid], to: at(to) }, { savedAt: 1 }),
    )
  await copy(archive)
  await copy(inbox)
  assert.deepEqual(await numbers(box), ['2/2/0', '0/0/0', '0/0/0', '0/0/0', '0/0/0', '1/1/0'])
  const seen = await store(box, [1], { how: 'add', keywords: ['$SEEN'], deleted: true })
  assert.deepEqual(seen.changed, [1])
  assert.deepEqual(await numbers(box), ['2/0/1', '0/0/0', '0/0/0', '0/0/0', '0/0/0', '1/0/0'])
  const [row] = (await box.db.read((tx) => tx.list(messageTable, [account]))).map(([, value]) => value)
  assert.deepEqual(
    row!.entries.map(({ modseq }) => modseq),
    [seen.modseq, seen.modseq, seen.modseq],
  )
  const highest = (await box.db.read((tx) => listMailboxes(tx, account))).map(
    ({ highestModseq }) => highestModseq,
  )
  assert.deepEqual(highest, [seen.modseq, 1, 1, 1, 1, seen.modseq])
  const before = await box.db.read((tx) => tx.sequence(account))
  assert.deepEqual((await store(box, [1, 2], { how: 'add', keywords: ['$seen'] })).changed, [])
  assert.equal(
    await box.db.read((tx) => tx.sequence(account)),
    before,
    'nothing changed, nothing is committed',
  )
  assert.deepEqual((await store(box, [1, 2], { how: 'remove', keywords: ['$seen'] })).changed, [1, 2])
})

test('flags that may not be changed stay as they are (RFC 4314 §4, STORE)', async () => {
  const box = await openTestAccount()
  await box.append(mail('Subject: x'), { keywords: ['$flagged', 'work'] })
  const flags = async (): Promise<string> => {
    const [[, row]] = (await box.db.read((tx) => tx.list(messageTable, [account]))) as [[unknown, MessageRow]]
    return [...row.keywords, ...(row.entries[0]!.deleted ? ['deleted'] : [])].join(' ')
  }
  const change = { how: 'replace', keywords: ['$seen', 'new'], deleted: true } as const
  const onlySeen = { seen: true, deleted: false, others: false }
  await store(box, [1], { ...change, may: onlySeen })
  assert.equal(await flags(), '$flagged $seen work')
  await store(box, [1], { ...change, may: { ...onlySeen, seen: false, deleted: true } })
  assert.equal(await flags(), '$flagged $seen work deleted')
  await store(box, [1], { how: 'replace', keywords: [], may: { seen: false, deleted: false, others: true } })
  assert.equal(await flags(), '$seen deleted')
  await store(box, [1], { how: 'remove', keywords: ['$seen'], deleted: true, may: onlySeen })
  assert.equal(await flags(), 'deleted')
  const nothing = await store(box, [1], { how: 'add', keywords: ['x'], may: onlySeen })
  assert.deepEqual(nothing.changed, [])
})

test('UNCHANGEDSINCE looks at how things were before the command', async () => {
  const box = await openTestAccount()
  const { modseq } = await box.append(mail('Subject: one'))
  await box.db.write([account], (tx) =>
    copyMessages(tx, { from: at(inbox), uids: [1 as Uid], to: at(inbox) }, { savedAt: 1 }),
  )
  const late = await store(box, [1, 2, 9], { how: 'add', keywords: ['a'], unchangedSince: modseq })
  assert.deepEqual([late.changed, late.modified], [[1], [2]])
  const both = await store(box, [1, 2], { how: 'add', keywords: ['b'], unchangedSince: late.modseq })
  assert.deepEqual([both.changed, both.modified], [[1, 2], []])
  const none = await store(box, [1, 2], { how: 'add', keywords: ['c'], unchangedSince: 0 as Modseq })
  assert.deepEqual([none.changed, none.modified], [[], [1, 2]])
})

test('ten thousand messages at once', async () => {
  const box = await openTestAccount()
  const uids = await box.fill(10_000)
  assert.equal(
    (await store(box, uids, { how: 'add', keywords: ['$seen', '$flagged'], deleted: true })).changed.length,
    10_000,
  )
  assert.equal((await numbers(box))[0], '10000/0/10000')
  const moved = await box.db.write([account], (tx) =>
    moveMessages(tx, { from: at(inbox), uids: uids.slice(0, 5000), to: at(archive) }, { savedAt: 1 }),
  )
  assert.deepEqual(moved.pairs.at(-1), [5000, 5000])
  const expunge = (mailbox: MailboxId, limit: number): Promise<Uid[]> =>
    box.db.write([account], (tx) =>
      expungeMessages(tx, account, mailbox, 'all', { onlyDeleted: true, limit }),
    )
  assert.equal((await expunge(inbox, 2000)).at(-1), 7000)
  assert.equal((await expunge(inbox, 10_000)).length, 3000)
  assert.deepEqual(await expunge(inbox, 10_000), [])
  assert.equal((await expunge(archive, 10_000)).length, 5000)
  assert.deepEqual(await box.db.read((tx) => quotaUsage(tx, account)), { usedBytes: 0, messages: 0 })
})

test('a message with very many entries is copied as a message of its own', async () => {
  const box = await openTestAccount()
  const { id, thread } = await box.append(mail('Subject: x', 'Message-ID: <a@x>'), { keywords: ['$seen'] })
  await box.db.write([account], async (tx) => {
    for (let i = 1; i < maxEntries; i++)
      await copyMessages(tx, { from: at(inbox), uids: [1 as Uid], to: at(archive) }, { savedAt: 1 })
  })
  const copied = await box.db.write([account], (tx) =>
    copyMessages(tx, { from: at(inbox), uids: [1 as Uid], to: at(archive) }, { savedAt: 1 }),
  )
  assert.deepEqual(copied.pairs, [[1, maxEntries]])
  const moved = await box.db.write([account], (tx) =>
    moveMessages(tx, { from: at(inbox), uids: [1 as Uid], to: at(archive) }, { savedAt: 1 }),
  )
  assert.deepEqual(moved.pairs, [[1, maxEntries + 1]])
  const rows = await box.db.read((tx) => tx.list(messageTable, [account]))
  assert.deepEqual(
    rows.map(([[, one], row]) => [one, row.entries.length, row.thread, row.keywords]),
    [
      [id, maxEntries, thread, ['$seen']],
      [id + 1, 1, thread, ['$seen']],
    ],
  )
  assert.deepEqual(await box.db.read((tx) => threadMessages(tx, account, thread)), [id, id + 1])
  assert.equal((await box.db.read((tx) => quotaUsage(tx, account))).messages, 2)
})

test('keywords are checked, lower-cased, sorted and bounded', () => {
  assert.deepEqual(normalizeKeywords(['$Seen', 'b', 'B', 'a']), ['$seen', 'a', 'b'])
  for (const bad of ['', 'a b', 'x(', 'a"', 'a\\', '%', '*', 'ü', '\x7f', 'x'.repeat(256)]) {
    assert.throws(
      () => normalizeKeywords([bad]),
      (error) => isFault(error, 'invalid'),
      bad,
    )
  }
  assert.equal(normalizeKeywords(['x'.repeat(255)]).length, 1)
  const many = Array.from({ length: maxKeywords }, (_, i) => `k${i}`)
  assert.equal(normalizeKeywords(many).length, maxKeywords)
  assert.throws(
    () => normalizeKeywords([...many, 'one-more']),
    (error) => isFault(error, 'tooLarge'),
  )
})

test('flag lists are ready to send, and flags map to keywords', () => {
  const wire = (keywords: string[], deleted = false): string =>
    Buffer.from(flagSetOf(normalizeKeywords(keywords), deleted).wire).toString()
  assert.equal(wire([]), '()')
  assert.equal(
    wire(['$seen', '$FORWARDED', 'custom', '$answered', '$mailflagbit0'], true),
    '(\\Answered \\Seen \\Deleted $Forwarded $MailFlagBit0 custom)',
  )
  assert.equal(keywordOfFlag('\\SEEN'), '$seen')
  assert.equal(keywordOfFlag('\\Deleted'), undefined)
  assert.equal(keywordOfFlag('\\Recent'), undefined)
  assert.equal(keywordOfFlag('NonJunk'), 'nonjunk')
})

const rowArbitrary: fc.Arbitrary<MessageRow> = fc.record({
  prefix: fc.uint8Array({ maxLength: 50 }),
  blob: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex')),
  blobBytes: fc.nat({ max: 2 ** 31 - 1 }),
  receivedAt: fc.integer({ min: -(10 ** 14), max: 10 ** 15 }),
  thread: fc.nat({ max: 2 ** 47 }),
  threadKeys: fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.alloc(8 * bytes.length, bytes[0])),
  keywords: fc.uniqueArray(fc.constantFrom('$seen', '$flagged', 'nonjunk', 'custom', 'x'.repeat(255))),
  entries: fc.array(
    fc.record({
      mailbox: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
      uid: fc.integer({ min: 1, max: 2 ** 32 - 1 }),
      modseq: fc.nat({ max: 2 ** 47 }),
      savedAt: fc.integer({ min: -1, max: 10 ** 15 }),
      deleted: fc.boolean(),
    }),
    { maxLength: 5 },
  ),
}) as fc.Arbitrary<unknown> as fc.Arbitrary<MessageRow>

test('a message row comes back as it was written', () => {
  fc.assert(
    fc.property(rowArbitrary, (row) => {
      const back = messageRowCodec.decode(messageRowCodec.encode(row))
      const plain = (one: MessageRow): unknown => ({
        ...one,
        entries: one.entries.map((entry) => ({ ...entry })),
        prefix: [...one.prefix],
        threadKeys: [...one.threadKeys],
      })
      assert.deepEqual(plain(back), plain(row))
    }),
  )
})

test('a damaged message row is a SyntaxFault and nothing else', () => {
  fc.assert(
    fc.property(rowArbitrary, fc.nat(), fc.nat({ max: 255 }), fc.nat(), (row, at, value, cut) => {
      const bytes = Uint8Array.from(messageRowCodec.encode(row))
      bytes[at % bytes.length] = value
      try {
        messageRowCodec.decode(bytes.subarray(0, cut % (bytes.length + 1)))
      } catch (error) {
        assert.ok(error instanceof SyntaxFault)
      }
    }),
  )
})
