/**
 * The check of an account's mail: it finds nothing after any history, finds each planted fault by its name,
 * and after a repair finds nothing and mail goes on working.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { AccountId, BlobHash, MailboxId, MessageId, Modseq, ThreadId, Uid } from '#base/id.ts'
import { blobLinkTable, ownerKinds } from '#kv/blob-rows.ts'
import { changeLogTable, expungeLogTable, logFloorTable } from '#kv/change-log.ts'
import { sharedLogTable } from '#kv/shared-log.ts'
import { CheckReport, unitOf } from '#kv/check.ts'
import { sequenceTable } from '#kv/sequence.ts'
import { keyText } from '#kv/key.ts'
import type { Table } from '#kv/table.ts'
import { addedText, withAddedFields } from '#message/added-fields.ts'
import { parseStructure } from '#message/mime.ts'
import { mailCheck } from './check.ts'
import { append, apply, history, type MailStore } from './check/history.test.ts'
import { shareIndexTroubles } from './check/shares.ts'
import { expungeMessages } from './expunge.ts'
import { ingest } from './ingest.ts'
import { noLimits } from './limits.ts'
import { pastGroupsTable } from './past-groups.ts'
import { shareNotificationTable } from './share-notification.ts'
import { noCounts } from './mailbox-counts.ts'
import type { MailboxRow } from './mailbox-row.ts'
import type { MessageRow } from './message-row.ts'
import { prepareMessage } from './prepare.ts'
import { anyone, type Grant, noRights, type Rights, rightsOf } from './rights.ts'
import { setGrants } from './share.ts'
import {
  countersTable,
  entryTable,
  mailboxTable,
  messageTable,
  shareTable,
  structureTable,
  threadKeyTable,
  threadTable,
} from './tables.ts'
import { account, archive, createdAt, inbox, openTestAccount, type TestAccount } from './test-account.ts'

const missing: ReadonlySet<BlobHash> = new Set()

async function check(
  { db, engine, blobs }: TestAccount,
  o: { repair?: boolean; isQuick?: boolean; unowned?: ReadonlyMap<number, BlobHash> } = {},
): Promise<CheckReport> {
  const report = new CheckReport()
  const unit = mailCheck({
    db,
    engine,
    blobs,
    account,
    isQuick: o.isQuick ?? false,
    now: createdAt,
    unowned: o.unowned ?? new Map(),
    findBlobs: async () => missing,
    isAccount: async (id) => id <= reader,
    progress: () => {},
  })
  await report.run(unit, { repair: o.repair ?? false })
  await report.run(
    unitOf({ db, engine }, () => shareIndexTroubles(db)),
    { repair: o.repair ?? false },
  )
  return report
}

const names = (report: CheckReport): readonly string[] =>
  report.tallies.filter(({ left }) => left > 0).map(({ kind }) => kind.name)

/** Writes rows past everything that keeps them right, as a fault would. */
async function plant(
  { engine }: TestAccount,
  puts: readonly (readonly [key: Uint8Array, value: Uint8Array | undefined])[],
): Promise<void> {
  await engine.commit({
    checks: [],
    blobs: [],
    puts: puts.flatMap(([key, value]) => (value === undefined ? [] : [{ key: keyText(key), value }])),
    deletes: puts.filter(([, value]) => value === undefined).map(([key]) => keyText(key)),
  })
}

const put = <K extends readonly unknown[], V>(
  table: Table<K, V>,
  key: K,
  value: V,
): readonly [Uint8Array, Uint8Array] => [table.key(...key), table.value.encode(value)]
const drop = <K extends readonly unknown[], V>(
  table: Table<K, V>,
  ...key: K
): readonly [Uint8Array, undefined] => [table.key(...key), undefined]
const garbage = <K extends readonly unknown[], V>(
  table: Table<K, V>,
  ...key: K
): readonly [Uint8Array, Uint8Array] => [table.key(...key), Buffer.from([0xff, 0xff, 0xff])]

/** An account that mailboxes are shared with; those with higher ids do not exist. */
const reader = 8 as AccountId
const [first, second, third] = [1, 2, 3] as MessageId[] as [MessageId, MessageId, MessageId]
const [sub, deep] = [7, 8] as MailboxId[] as [MailboxId, MailboxId]

const grants: readonly Grant[] = [
  { grantee: account, granted: rightsOf('lra'), denied: noRights },
  { grantee: reader, granted: rightsOf('lr'), denied: rightsOf('w') },
  { grantee: anyone, granted: rightsOf('l'), denied: noRights },
]

/**
 * Five messages: two in a thread, one in two mailboxes, one expunged; two mailboxes below each other, of which
 * one is shared.
 */
async function settled(): Promise<TestAccount> {
  const box = await openTestAccount()
  const store: MailStore = box
  await apply(store, account, { do: 'create', box: 0, n: 2 })
  await apply(store, account, { do: 'create', box: 6, n: 1 })
  await append(store, account, inbox, { text: 'Message-ID: <a@x>\nSubject: one\n\nfirst\n' })
  await append(store, account, inbox, {
    text: 'Message-ID: <b@x>\nIn-Reply-To: <a@x>\nSubject: Re: one\n\nsecond one\n',
  })
  await append(store, account, archive, {
    text: 'Message-ID: <c@x>\nSubject: other\n\nthird\n',
    words: ['$seen'],
  })
  await append(store, account, inbox, { text: 'Subject: gone\n\nx\n' })
  await apply(store, account, { do: 'copy', box: 5, to: 0, n: 1, move: false })
  await box.db.write([account], (tx) =>
    expungeMessages(tx, account, inbox, [3 as Uid], { onlyDeleted: false }),
  )
  await append(store, account, sub, { text: 'Subject: last\n\nfifth\n' })
  await box.db.write([account], (tx) => setGrants(tx, { account, mailbox: deep }, grants, { maxShares: 9 }))
  return box
}

const rowOf = (box: TestAccount, id: MessageId): Promise<MessageRow> =>
  box.db.read(async (tx) => (await tx.get(messageTable, account, id))!)
const mailboxOf = (box: TestAccount, id: MailboxId): Promise<MailboxRow> =>
  box.db.read(async (tx) => (await tx.get(mailboxTable, account, id))!)

type Plant = (box: TestAccount) => Promise<readonly (readonly [Uint8Array, Uint8Array | undefined])[]>

const message = async (box: TestAccount, id: MessageId, change: (row: MessageRow) => Partial<MessageRow>) => {
  const row = await rowOf(box, id)
  return put(messageTable, [account, id], { ...row, ...change(row) })
}
const mailbox = async (box: TestAccount, id: MailboxId, change: Partial<MailboxRow>) =>
  put(mailboxTable, [account, id], { ...(await mailboxOf(box, id)), ...change })
const counters = async (box: TestAccount, change: object) =>
  put(countersTable, [account], {
    ...(await box.db.read((tx) => tx.get(countersTable, account)))!,
    ...change,
  })
const firstEntry = (change: object) => (row: MessageRow) => ({
  entries: row.entries.map((entry, i) => (i === 0 ? { ...entry, ...change } : entry)),
})

/** A fault each, by the name under which it must be found. */
const faults: Readonly<Record<string, readonly (readonly [what: string, Plant])[]>> = {
  'mailbox-counters-wrong': [
    ['messages', async (box) => [await mailbox(box, inbox, { messages: 9 })]],
    ['unseen', async (box) => [await mailbox(box, archive, { unseen: 1 })]],
    ['deleted', async (box) => [await mailbox(box, inbox, { deleted: 1 })]],
    ['size', async (box) => [await mailbox(box, inbox, { sizeBytes: 1 })]],
    ['threads', async (box) => [await mailbox(box, inbox, { counts: noCounts })]],
  ],
  'account-counters-wrong': [
    ['used bytes', async (box) => [await counters(box, { usedBytes: 5 })]],
    ['messages', async (box) => [await counters(box, { messages: 50 })]],
    ['trash', async (box) => [await counters(box, { trash: inbox })]],
  ],
  'account-counters-missing': [
    ['dropped', async () => [drop(countersTable, account)]],
    ['unreadable', async () => [garbage(countersTable, account)]],
  ],
  'next-id-too-low': [
    ['messages', async (box) => [await counters(box, { nextMessage: 2 })]],
    ['mailboxes', async (box) => [await counters(box, { nextMailbox: 2 })]],
    ['uidvalidity', async (box) => [await counters(box, { uidValidity: 2 })]],
  ],
  'uidnext-too-low': [
    ['below an entry', async (box) => [await mailbox(box, inbox, { uidNext: 2 as Uid })]],
    [
      'below an expunged UID',
      async (box) => {
        await box.db.write([account], (tx) =>
          expungeMessages(tx, account, sub, 'all', { onlyDeleted: false }),
        )
        return [await mailbox(box, sub, { uidNext: 1 as Uid })]
      },
    ],
  ],
  'uid-twice': [
    [
      'two messages',
      async (box) => [
        await message(box, second, firstEntry({ uid: 1 })),
        drop(entryTable, account, inbox, 2 as Uid),
      ],
    ],
    ['none', async (box) => [await message(box, second, firstEntry({ uid: 0 }))]],
  ],
  'uid-reused': [
    [
      'after an expunge',
      async (box) => [
        await message(box, second, firstEntry({ uid: 3 })),
        drop(entryTable, account, inbox, 2 as Uid),
        put(entryTable, [account, inbox, 3 as Uid], second),
      ],
    ],
  ],
  'structure-missing': [['dropped', async () => [drop(structureTable, account, first)]]],
  'structure-wrong': [
    [
      'of another message',
      async (box) => [
        put(
          structureTable,
          [account, first],
          await box.db.read(async (tx) => (await tx.get(structureTable, account, third))!),
        ),
      ],
    ],
    ['unreadable', async () => [garbage(structureTable, account, first)]],
  ],
  'structure-orphan': [
    ['of no message', async () => [put(structureTable, [account, 99 as MessageId], Buffer.from('x'))]],
  ],
  'entry-orphan': [
    ['no such message', async () => [put(entryTable, [account, inbox, 9 as Uid], 99 as MessageId)]],
    ['a message that is elsewhere', async () => [put(entryTable, [account, inbox, 9 as Uid], first)]],
    ['message row dropped', async () => [drop(messageTable, account, first)]],
  ],
  'entry-missing': [['dropped', async () => [drop(entryTable, account, inbox, 1 as Uid)]]],
  'entry-mailbox-missing': [
    ['dropped', async () => [drop(mailboxTable, account, sub), drop(mailboxTable, account, deep)]],
  ],
  'mailbox-unreadable': [
    ['garbage', async () => [garbage(mailboxTable, account, sub)]],
    ['garbage in a shared one', async () => [garbage(mailboxTable, account, deep)]],
  ],
  'inbox-wrong': [
    ['no role', async (box) => [await mailbox(box, inbox, { role: undefined })]],
    ['dropped', async () => [drop(mailboxTable, account, inbox)]],
  ],
  'mailbox-parent-missing': [
    ['dangling', async (box) => [await mailbox(box, sub, { parent: 77 as MailboxId })]],
  ],
  'mailbox-parent-cycle': [
    [
      'of two',
      async (box) => [await mailbox(box, sub, { parent: deep }), await mailbox(box, deep, { parent: sub })],
    ],
    ['of one', async (box) => [await mailbox(box, sub, { parent: sub })]],
  ],
  'mailbox-name-wrong': [
    ['twice', async (box) => [await mailbox(box, sub, { name: 'Archive', parent: 0 })]],
    ['with a slash', async (box) => [await mailbox(box, sub, { name: 'a/b' })]],
  ],
  'mailbox-role-twice': [['two Sents', async (box) => [await mailbox(box, sub, { role: 'sent' })]]],
  'mailbox-uidvalidity-wrong': [
    ['none', async (box) => [await mailbox(box, sub, { uidValidity: 0 })]],
    [
      'of another',
      async (box) => [await mailbox(box, sub, { uidValidity: (await mailboxOf(box, inbox)).uidValidity })],
    ],
  ],
  'mailbox-modseq-too-low': [
    ['below an entry', async (box) => [await mailbox(box, inbox, { highestModseq: 1 as Modseq })]],
  ],
  'sequence-too-low': [
    ['entry', async (box) => [await message(box, first, firstEntry({ modseq: 500 }))]],
    ['mailbox', async (box) => [await mailbox(box, inbox, { highestModseq: 600 as Modseq })]],
    ['log entry', async () => [put(changeLogTable, [account, 700 as Modseq], new Map())]],
    ['sequence row', async () => [put(sequenceTable, [account], 2 as Modseq)]],
  ],
  'sequence-lost': [
    ['dropped', async () => [drop(sequenceTable, account)]],
    ['unreadable', async () => [garbage(sequenceTable, account)]],
  ],
  'modseq-wrong': [['absurd', async (box) => [await message(box, first, firstEntry({ modseq: 2 ** 48 }))]]],
  'change-log-entry-missing': [
    [
      'of a delivery',
      async (box) => [drop(changeLogTable, account, (await rowOf(box, first)).entries[0]!.modseq)],
    ],
    [
      'of an expunge',
      async (box) => {
        const rows = await box.db.read((tx) => tx.list(expungeLogTable, [account, inbox]))
        return [drop(changeLogTable, account, rows[0]![0][2])]
      },
    ],
  ],
  'change-log-damaged': [
    ['garbage', async () => [garbage(changeLogTable, account, 3 as Modseq)]],
    [
      'an id twice',
      async () => [[changeLogTable.key(account, 3 as Modseq), Buffer.from([1, 1, 1, 5, 1, 5, 0, 0])]],
    ],
  ],
  'expunge-log-damaged': [
    ['garbage', async () => [garbage(expungeLogTable, account, inbox, 2 as Modseq)]],
    ['of a shared mailbox', async () => [garbage(sharedLogTable, account, inbox, 2 as Modseq)]],
    ['of no message', async () => [put(expungeLogTable, [account, inbox, 2 as Modseq], [])]],
    [
      'a message twice',
      async () => [put(expungeLogTable, [account, inbox, 2 as Modseq], [1 as Uid, 1 as Uid])],
    ],
  ],
  'log-floor-wrong': [['in the future', async () => [put(logFloorTable, [account], 9999 as Modseq)]]],
  'message-in-no-mailbox': [
    ['no entries', async (box) => [await message(box, third, () => ({ entries: [] }))]],
  ],
  'message-size-wrong': [
    ['other size', async (box) => [await message(box, first, () => ({ blobBytes: 3 }))]],
  ],
  'message-row-unreadable': [['garbage', async () => [garbage(messageTable, account, first)]]],
  'keywords-wrong': [
    [
      'not in order',
      async (box) => [await message(box, first, () => ({ keywords: ['zz', '$seen', 'a b'] }))],
    ],
  ],
  'thread-keys-wrong': [
    ['others', async (box) => [await message(box, third, () => ({ threadKeys: Buffer.alloc(8, 1) }))]],
  ],
  'blob-link-missing': [
    [
      'dropped',
      async (box) => [
        drop(blobLinkTable, (await rowOf(box, first)).blob, account, ownerKinds.message, first),
      ],
    ],
  ],
  'thread-wrong': [
    ['row dropped', async () => [drop(threadTable, account, 1 as ThreadId)]],
    ['row unreadable', async () => [garbage(threadTable, account, 1 as ThreadId)]],
    [
      'member missing',
      async () => [put(threadTable, [account, 1 as ThreadId], { messages: [first], keys: Buffer.alloc(0) })],
    ],
    ['member of another', async (box) => [await message(box, second, () => ({ thread: 3 as ThreadId }))]],
    [
      'key dropped',
      async (box) => [
        drop(threadKeyTable, account, Buffer.from((await rowOf(box, third)).threadKeys).toString('hex')),
      ],
    ],
  ],
  'thread-key-dangling': [
    ['no such thread', async () => [put(threadKeyTable, [account, '00'.repeat(8)], 55 as ThreadId)]],
  ],
  'mailbox-rights-wrong': [
    ['not in order', async (box) => [await mailbox(box, deep, { grants: grants.toReversed() })]],
    ['twice', async (box) => [await mailbox(box, deep, { grants: [grants[1]!, ...grants.slice(1)] })]],
    [
      'rights that do not exist',
      async (box) => [await mailbox(box, deep, { grants: [{ ...grants[1]!, denied: 0xffff as Rights }] })],
    ],
  ],
  'mailbox-rights-dangling': [
    [
      'no such account',
      async (box) => [await mailbox(box, deep, { grants: [{ ...grants[1]!, grantee: 99 as AccountId }] })],
    ],
  ],
  'share-missing': [
    ['dropped', async () => [drop(shareTable, reader, account, deep)]],
    ['of anyone', async () => [drop(shareTable, anyone, account, deep)]],
    ['a grant that came by itself', async (box) => [await mailbox(box, sub, { grants })]],
  ],
  'share-dangling': [
    ['no such mailbox', async () => [put(shareTable, [reader, account, 99 as MailboxId], true)]],
    ['no such account', async () => [put(shareTable, [reader, 55 as AccountId, inbox], true)]],
    ['no grant', async () => [put(shareTable, [reader, account, inbox], true)]],
    ['of the owner', async () => [put(shareTable, [account, account, deep], true)]],
    ['mailbox dropped', async () => [drop(mailboxTable, account, deep)]],
  ],
  'mail-row-unreadable': [
    ['a notification', async () => [garbage(shareNotificationTable, account, 5)]],
    ['the groups of before', async () => [garbage(pastGroupsTable, account)]],
    [
      'a key that is too long',
      async () => [[Buffer.concat([mailboxTable.key(account, inbox), Buffer.of(1)]), Buffer.of(1)]],
    ],
  ],
}

/** Goes on with mail as if nothing had been; the check must still find nothing. */
async function goOn(box: TestAccount): Promise<void> {
  for (const one of fc.sample(history, { numRuns: 1, seed: 7 })[0]!) await apply(box, account, one)
  await append(box, account, inbox)
  assert.deepEqual(names(await check(box)), [])
}

describe('check of mail', () => {
  it('finds nothing after any history', async () => {
    await fc.assert(
      fc.asyncProperty(history, async (steps) => {
        const box = await openTestAccount()
        for (const one of steps) await apply(box, account, one)
        const report = await check(box)
        assert.deepEqual(report.tallies, [])
        assert.deepEqual((await check(box, { isQuick: true })).tallies, [])
      }),
      { numRuns: 40 },
    )
  })

  it('finds nothing in a settled account', async () => {
    assert.deepEqual((await check(await settled())).tallies, [])
  })

  // Planted fault: the bytes are looked at without what was put in front of them.
  it('finds nothing in a message that lacked Date and Message-ID when it was submitted', async () => {
    const box = await openTestAccount()
    const bytes = Buffer.from('Subject: x\r\n\r\nbody\r\n')
    const date = { text: 'Sat, 21 Nov 2026 05:00:00 +0000', ms: Date.UTC(2026, 10, 21, 5) }
    const added = { date, messageId: 'made@mail.example.org' }
    const message = prepareMessage({
      staged: await box.stage(bytes),
      structure: withAddedFields(added, parseStructure(bytes)),
      prefix: Buffer.from(`Return-Path: <alice@example.org>\r\n${addedText(added)}`),
      receivedAt: createdAt,
    })
    const options = { mailbox: inbox, keywords: [], savedAt: createdAt, limits: noLimits }
    await box.db.write([account], (tx) => ingest(tx, account, message, options))
    assert.deepEqual((await check(box)).tallies, [])
  })

  for (const [name, plants] of Object.entries(faults)) {
    for (const [what, rows] of plants) {
      it(`finds ${name} (${what}) and repairs it`, async () => {
        const box = await settled()
        await plant(box, await rows(box))
        const found = await check(box)
        assert.ok(names(found).includes(name), `found ${names(found).join(', ') || 'nothing'}`)
        assert.equal(found.repaired, 0)
        assert.deepEqual(names(await check(box)), names(found), 'a check changes nothing')
        const repaired = await check(box, { repair: true })
        assert.deepEqual(names(repaired), [])
        assert.ok(repaired.tallies.find(({ kind }) => kind.name === name)!.repaired > 0)
        assert.deepEqual((await check(box)).tallies, [])
        await goOn(box)
      })
    }
  }
})
