/**
 * The check of a whole store on disk: nothing to find after any history, each planted fault found by its name
 * (rows, links, addresses, segment files), and after a repair nothing more, with mail going on.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { Accounts } from '#account/account.ts'
import {
  accountNameTable,
  accountRowTable,
  addressTable,
  domainDefaults,
  domainTable,
  lastIdTable,
  listDefaults,
  type ListId,
  listTable,
  memberTable,
} from '#account/tables.ts'
import { passwordCredential, passwordTable } from '#account/credential-tables.ts'
import { makeStore } from '#account/fixture.test.ts'
import { type PushSubscriptionRow, pushSubscriptionTable } from '#account/push-subscription.ts'
import type { AccountId, BlobHash, MailboxId, MessageId, Modseq, ThreadId, Uid } from '#base/id.ts'
import { listSegments, segmentPath } from '#blob/engines/segments.ts'
import { type BlobLocation, blobLinkTable, blobTable, ownerKinds } from '#kv/blob-rows.ts'
import { changeLogTable } from '#kv/change-log.ts'
import { sequenceTable } from '#kv/sequence.ts'
import { taskTable } from '#kv/task-rows.ts'
import { append, apply, history } from '#mail/check/history.test.ts'
import { inboxId, provisionAccount } from '#mail/mailbox.ts'
import { readMessage } from '#mail/message-bytes.ts'
import type { MessageRow } from '#mail/message-row.ts'
import { countersTable, entryTable, mailboxTable, messageTable, structureTable } from '#mail/tables.ts'
import { uploadTable } from '#mail/upload.ts'
import { silentTelemetry } from '#telemetry/telemetry.ts'
import {
  openTestStore,
  spawnCommitter,
  temporaryDirectory,
  type TestStore,
} from '../../../test/harness/store.ts'
import { Advice } from '../terminal/advice.ts'
import { checkDirectory } from './check.ts'
import { check, drop, empty, garbage, names, now, plant, type Plant, put } from './check-fixture.test.ts'
import { describeCheck, shownCheck } from './check-report.ts'
import { lockDirectory } from '../store/data-directory.ts'
import { chooseEngine } from '../store/engine-choice.ts'

const alice = 1 as AccountId
const bob = 2 as AccountId
const [first, second, third] = [1, 2, 3] as MessageId[] as [MessageId, MessageId, MessageId]

/** Alice has three messages (one large), Bob one that Alice has too. */
async function fill(store: TestStore): Promise<void> {
  const accounts = new Accounts({
    db: store.db,
    bus: store.bus,
    passwords: makeStore().passwords,
    telemetry: silentTelemetry,
    provision: (tx, account) => provisionAccount(tx, account, now),
  })
  await accounts.createDomain({ name: 'example.org' })
  for (const name of ['alice', 'bob']) {
    const emails = [`${name}@example.org`, `${name}.x@example.org`]
    await accounts.createAccount({ name: `${name}@example.org`, emails, password: 'secret secret' })
  }
  accounts[Symbol.dispose]()
  await append(store, alice, inboxId, { text: 'Message-ID: <a@x>\nSubject: shared\n\nshared\n' })
  await append(store, bob, inboxId, { text: 'Message-ID: <a@x>\nSubject: shared\n\nshared\n' })
  await append(store, alice, inboxId, { text: 'Subject: two\n\nsecond\n', words: ['$seen'] })
  await append(store, alice, 6 as MailboxId, { text: `Subject: large\n\n${'large text\n'.repeat(20_000)}` })
}

const rowOf = (store: TestStore, id: MessageId): Promise<MessageRow> =>
  store.db.read(async (tx) => (await tx.get(messageTable, alice, id))!)

const locationOf = async (store: TestStore, id: MessageId): Promise<readonly [BlobHash, BlobLocation]> => {
  const { blob } = await rowOf(store, id)
  return [blob, await store.db.read(async (tx) => (await tx.get(blobTable, blob))!)]
}

const listId = 1 as ListId
const list = { ...listDefaults, name: 'team@example.org' }
const pushRow: PushSubscriptionRow = {
  credential: passwordCredential,
  passwordAt: 0,
  deviceClientId: 'd',
  url: 'https://push.example.com/',
  keys: null,
  serverKey: '',
  types: null,
  createdAt: 0,
  expiresAt: 0,
  code: 'c',
  isAsked: true,
  isVerified: true,
  told: '',
}

/** Faults in rows that a repair puts right, by the name under which they must be found. */
const faults: readonly (readonly [name: string, what: string, Plant])[] = [
  [
    'blob-link-missing',
    'dropped link',
    async (store) => [
      drop(blobLinkTable, (await rowOf(store, second)).blob, alice, ownerKinds.message, second),
    ],
  ],
  [
    'blob-link-unowned',
    'doubled link',
    async (store) => [
      put(blobLinkTable, [(await rowOf(store, second)).blob, alice, ownerKinds.message, first], true),
    ],
  ],
  [
    'blob-link-unowned',
    'link of no message',
    async (store) => [
      put(blobLinkTable, [(await rowOf(store, second)).blob, bob, ownerKinds.message, 77], true),
    ],
  ],
  [
    'blob-link-unowned',
    'link of no upload',
    async (store) => [
      put(blobLinkTable, [(await rowOf(store, second)).blob, alice, ownerKinds.upload, bob], true),
    ],
  ],
  [
    'upload-link-missing',
    'upload without link',
    async (store) => [
      put(uploadTable, [alice, bob, (await rowOf(store, second)).blob], { sizeBytes: 5, uploadedAt: now }),
    ],
  ],
  [
    'upload-lost',
    'upload without bytes',
    async () => [
      put(uploadTable, [alice, bob, 'ab'.repeat(32) as BlobHash], { sizeBytes: 5, uploadedAt: now }),
    ],
  ],
  [
    'blob-location-missing',
    'location dropped',
    async (store) => [drop(blobTable, (await rowOf(store, second)).blob)],
  ],
  [
    'blob-location-missing',
    'location of a large one dropped',
    async (store) => [drop(blobTable, (await rowOf(store, third)).blob)],
  ],
  [
    'message-bytes-gone',
    'location and link dropped',
    async (store) => {
      const { blob } = await rowOf(store, second)
      return [drop(blobTable, blob), drop(blobLinkTable, blob, alice, ownerKinds.message, second)]
    },
  ],
  [
    'blob-row-unreadable',
    'location unreadable',
    async (store) => [garbage(blobTable, (await rowOf(store, second)).blob)],
  ],
  [
    'blob-header-wrong',
    'location of another blob',
    async (store) => {
      const [hash] = await locationOf(store, second)
      const [, other] = await locationOf(store, first)
      return [put(blobTable, [hash], other)]
    },
  ],
  [
    'blob-size-wrong',
    'size in the location',
    async (store) => {
      const [hash, at] = await locationOf(store, second)
      return [put(blobTable, [hash], { ...at, sizeBytes: at.sizeBytes + 1 })]
    },
  ],
  [
    'blob-condemned-in-use',
    'condemned',
    async (store) => {
      const [hash, at] = await locationOf(store, second)
      return [put(blobTable, [hash], { ...at, condemnedAt: 5 })]
    },
  ],
  [
    'message-bytes-gone',
    'another blob in the row',
    async (store) => {
      const row = await rowOf(store, second)
      return [
        put(messageTable, [alice, second], { ...row, blob: randomBytes(32).toString('hex') as BlobHash }),
      ]
    },
  ],
  ['message-row-missing', 'message row dropped', async () => [drop(messageTable, alice, second)]],
  ['message-row-unreadable', 'message row unreadable', async () => [garbage(messageTable, alice, third)]],
  [
    'message-row-unreadable',
    'with nothing but the bytes left',
    async () => [
      garbage(messageTable, alice, second),
      drop(entryTable, alice, inboxId, 2 as Uid),
      drop(structureTable, alice, second),
    ],
  ],
  [
    'message-row-unreadable',
    'without a link to the bytes',
    async (store) => {
      const row = await rowOf(store, second)
      const bytes = messageTable.value.encode(row)
      return [
        [messageTable.key(alice, second), bytes.subarray(0, 40)],
        drop(blobLinkTable, row.blob, alice, ownerKinds.message, second),
        drop(entryTable, alice, inboxId, 2 as Uid),
        drop(structureTable, alice, second),
      ]
    },
  ],
  [
    'message-row-missing',
    'only the structure and the bytes left',
    async () => [drop(messageTable, alice, second), drop(entryTable, alice, inboxId, 2 as Uid)],
  ],
  [
    'message-lost',
    'neither bytes nor structure',
    async (store) => {
      const row = await rowOf(store, second)
      const blob = '11'.repeat(32) as BlobHash
      return [
        put(messageTable, [alice, second], { ...row, blob }),
        drop(blobLinkTable, row.blob, alice, ownerKinds.message, second),
        drop(structureTable, alice, second),
      ]
    },
  ],
  ['structure-missing', 'structure dropped', async () => [drop(structureTable, alice, second)]],
  [
    'structure-wrong',
    'structure of another message',
    async (store) => [
      put(
        structureTable,
        [alice, second],
        await store.db.read(async (tx) => (await tx.get(structureTable, alice, third))!),
      ),
    ],
  ],
  ['entry-missing', 'entry dropped', async () => [drop(entryTable, alice, inboxId, 1 as Uid)]],
  [
    'entry-orphan',
    'entry of nothing',
    async () => [put(entryTable, [bob, inboxId, 9 as Uid], 99 as MessageId)],
  ],
  [
    'account-counters-wrong',
    'used bytes',
    async (store) => [
      put(countersTable, [alice], {
        ...(await store.db.read(async (tx) => (await tx.get(countersTable, alice))!)),
        usedBytes: 1,
      }),
    ],
  ],
  ['sequence-too-low', 'sequence set back', async () => [put(sequenceTable, [alice], 2 as Modseq)]],
  [
    'change-log-entry-missing',
    'log row dropped',
    async (store) => [drop(changeLogTable, alice, (await rowOf(store, second)).entries[0]!.modseq)],
  ],
  [
    'mailboxes-missing',
    'all rows of an account',
    async (store) => {
      const mailboxes = await store.db.read((tx) => tx.list(mailboxTable, [bob]))
      return [
        ...mailboxes.map(([key]) => drop(mailboxTable, ...key)),
        drop(countersTable, bob),
        drop(messageTable, bob, first),
        drop(structureTable, bob, first),
        drop(entryTable, bob, inboxId, 1 as Uid),
        drop(blobLinkTable, (await rowOf(store, first)).blob, bob, ownerKinds.message, first),
      ]
    },
  ],
  ['address-missing', 'address dropped', async () => [drop(addressTable, 'example.org', 'bob')]],
  [
    'address-dangling',
    'address of somebody else',
    async () => [put(addressTable, ['example.org', 'alice'], { kind: 'account', id: bob })],
  ],
  [
    'address-dangling',
    'address that nobody lists',
    async () => [put(addressTable, ['example.org', 'carol'], { kind: 'account', id: bob })],
  ],
  [
    'account-missing',
    'address of no account',
    async () => [put(addressTable, ['example.org', 'carol'], { kind: 'account', id: 44 as AccountId })],
  ],
  [
    'address-of-two-accounts',
    'listed twice',
    async (store) => {
      const row = await store.db.read(async (tx) => (await tx.get(accountRowTable, bob))!)
      const alias = { address: 'alice.x@example.org', enabled: true, description: '' }
      return [put(accountRowTable, [bob], { ...row, aliases: [...row.aliases, alias] })]
    },
  ],
  ['account-name-missing', 'name dropped', async () => [drop(accountNameTable, 'bob@example.org')]],
  [
    'account-name-dangling',
    'name of another',
    async () => [put(accountNameTable, ['carol@example.org'], bob)],
  ],
  ['account-missing', 'account dropped', async () => [drop(accountRowTable, bob)]],
  ['account-row-unreadable', 'account unreadable', async () => [garbage(accountRowTable, bob)]],
  ['domain-missing', 'domain dropped', async () => [drop(domainTable, 'example.org')]],
  [
    'password-dangling',
    'push subscription of nobody',
    async () => [put(pushSubscriptionTable, [55 as AccountId, '0123456789abcdef'], pushRow)],
  ],
  [
    'account-row-unreadable',
    'push subscription unreadable',
    async () => [garbage(pushSubscriptionTable, alice, '0123456789abcdef')],
  ],
  [
    'password-dangling',
    'password of nobody',
    async () => [put(passwordTable, [55 as AccountId], { verifiers: ['x'], changedAt: 0 })],
  ],
  ['list-address-missing', 'list without its address', async () => [put(listTable, [listId], list)]],
  ['group-member-dangling', 'member that does not know', async () => [put(memberTable, [bob, alice], true)]],
  [
    'group-member-missing',
    'member that the group does not know',
    async (store) => {
      const row = await store.db.read(async (tx) => (await tx.get(accountRowTable, alice))!)
      return [put(accountRowTable, [alice], { ...row, memberOf: [bob] })]
    },
  ],
  [
    'domain-alias-missing',
    'alias that leads nowhere',
    async () => [put(domainTable, ['example.org'], { ...domainDefaults, aliases: ['example.net'] })],
  ],
  [
    'domain-alias-dangling',
    'alias that nobody lists',
    async () => [put(domainTable, ['example.com'], { ...domainDefaults, aliasOf: 'example.org' })],
  ],
  ['account-id-reused', 'last id too low', async () => [put(lastIdTable, ['account'], 1)]],
  ['task-damaged', 'task unreadable', async () => [garbage(taskTable, 5, '00'.repeat(8))]],
  [
    'thread-wrong',
    'thread of another message',
    async (store) => [
      put(messageTable, [alice, third], { ...(await rowOf(store, third)), thread: 1 as ThreadId }),
    ],
  ],
]

async function goOn(store: TestStore): Promise<void> {
  for (const account of [alice, bob]) {
    for (const one of fc.sample(history, { numRuns: 1, seed: 3 })[0]!.slice(0, 8))
      await apply(store, account, one)
    await append(store, account, inboxId)
  }
  assert.deepEqual(names(await check(store)), [])
}

/** Every message can be read whole. */
async function readAll(store: TestStore, account: AccountId): Promise<number> {
  const rows = await store.db.read((tx) => tx.list(messageTable, [account]))
  for (const [, row] of rows) {
    let bytes = 0
    for await (const chunk of readMessage(store.blobs, row)) bytes += chunk.length
    assert.equal(bytes, row.prefix.length + row.blobBytes)
  }
  return rows.length
}

async function findAndRepair(store: TestStore, name: string, rows: Plant): Promise<void> {
  await fill(store)
  await plant(store, await rows(store))
  const found = await check(store)
  assert.ok(names(found).includes(name), `found ${names(found).join(', ') || 'nothing'}`)
  const repaired = await check(store, { repair: true })
  assert.deepEqual(names(repaired), [])
  assert.ok(repaired.report.tallies.find(({ kind }) => kind.name === name)!.repaired > 0)
  const kept = name === 'message-lost' ? 2 : 3
  assert.equal(await readAll(store, alice), kept, 'no message is lost that has bytes')
  await goOn(store)
}

/** A closed store in a directory; `change` harms its files. */
async function harmed(change: (directory: string, location: BlobLocation) => void): Promise<string> {
  const directory = temporaryDirectory()
  let location: BlobLocation
  {
    await using store = await openTestStore('lmdb', { directory })
    await fill(store)
    ;[, location] = await locationOf(store, second)
  }
  change(directory, location)
  return directory
}

describe('check of a store', () => {
  it('finds nothing after any history, also in a store that was opened again', async () => {
    for (const steps of fc.sample(history, { numRuns: 2 })) {
      const directory = temporaryDirectory()
      {
        await using store = await openTestStore('lmdb', { directory })
        await fill(store)
        for (const one of steps) await apply(store, alice, one)
        assert.deepEqual((await check(store)).report.tallies, [])
        assert.deepEqual((await check(store, { isQuick: true })).report.tallies, [])
      }
      const o = { repair: false, isQuick: false, now, progress: () => {}, spawn: spawnCommitter }
      const { report, accounts } = await checkDirectory(directory, o)
      assert.deepEqual(names({ report, accounts }), [])
      assert.equal(accounts, 2)
      await rm(directory, { recursive: true })
    }
  })

  // One store for all of them, since a new one takes far longer than its check.
  it('finds each fault in rows by its name, and repairs it', async (t) => {
    await using store = await openTestStore('lmdb')
    for (const [name, what, rows] of faults) {
      await t.test(`${name} (${what})`, async () => {
        await empty(store)
        await using fresh = store.another()
        await findAndRepair({ ...store, ...fresh }, name, rows)
      })
    }
  })

  it('finds a flipped byte, and tells of it as long as there is no other copy', async () => {
    const directory = await harmed((at, { segment, offset }) => {
      const path = segmentPath(join(at, 'blobs'), segment)
      const bytes = readFileSync(path)
      bytes[offset + 80]! ^= 1
      writeFileSync(path, bytes)
    })
    await using store = await openTestStore('lmdb', { directory })
    for (const repair of [false, true, false]) {
      assert.deepEqual(names(await check(store, { repair })), ['blob-damaged', 'message-bytes-damaged'])
    }
    assert.equal((await rowOf(store, second)).entries.length, 1, 'the message is still listed')
    assert.deepEqual(names(await check(store, { isQuick: true })), [])
    await rm(directory, { recursive: true })
  })

  it('uses another whole copy of damaged bytes', async () => {
    const directory = await harmed((at, { segment, offset, recordBytes }) => {
      const path = segmentPath(join(at, 'blobs'), segment)
      const bytes = readFileSync(path)
      const copy = bytes.subarray(offset, offset + recordBytes)
      // Behind the rest of a write that a crash cut off.
      writeFileSync(
        segmentPath(join(at, 'blobs'), 90),
        Buffer.concat([copy.subarray(0, 75), Buffer.from('PBLB'), copy]),
      )
      bytes[offset + 80]! ^= 1
      writeFileSync(path, bytes)
    })
    await using store = await openTestStore('lmdb', { directory })
    assert.deepEqual(names(await check(store)), ['blob-damaged', 'message-bytes-damaged'])
    assert.deepEqual(names(await check(store, { repair: true })), [])
    await readAll(store, alice)
    await goOn(store)
    await rm(directory, { recursive: true })
  })

  it('finds a segment that was cut off, and one that is gone', async () => {
    const directory = await harmed((at) => {
      const blobs = join(at, 'blobs')
      const [small, large] = listSegments(blobs)
      truncateSync(segmentPath(blobs, small!), 100)
      rmSync(segmentPath(blobs, large!))
    })
    await using store = await openTestStore('lmdb', { directory })
    const found = names(await check(store))
    assert.ok(found.includes('blob-cut-off') && found.includes('blob-segment-missing'), found.join())
    const left = names(await check(store, { repair: true }))
    assert.ok(left.includes('blob-cut-off') && left.includes('message-bytes-damaged'), left.join())
    const rows = await store.db.read((tx) => tx.list(entryTable, [alice]))
    assert.equal(rows.length, 3, 'the messages are still listed')
    await rm(directory, { recursive: true })
  })

  it('finds what several faults at once have done, and repairs all of it', async () => {
    await using store = await openTestStore('lmdb')
    await fill(store)
    const some = faults.filter(([name]) => name !== 'mailboxes-missing' && name !== 'message-lost')
    for (let i = 0; i < some.length; i += 3) await plant(store, await some[i]![2](store).catch(() => []))
    assert.ok(names(await check(store)).length > 5)
    assert.deepEqual(names(await check(store, { repair: true })), [])
    assert.deepEqual(names(await check(store)), [])
    await goOn(store)
  })

  it('says what it found, what it means and what was done', async () => {
    await using store = await openTestStore('lmdb')
    await fill(store)
    await plant(store, [drop(addressTable, 'example.org', 'bob')])
    const { directory } = store
    const found = describeCheck(shownCheck({ directory, ...(await check(store)) }), { repair: false })
    assert.match(found, /address-missing: 1 found\n  Mail to an address of an account is refused/)
    assert.match(found, /bob@example\.org of account 2/)
    assert.match(found, /1 problem\. Nothing was changed; --repair repairs what can be\.\n$/)
    const repaired = describeCheck(shownCheck({ directory, ...(await check(store, { repair: true })) }), {
      repair: true,
    })
    assert.match(repaired, /\(repaired\)\n\n2 accounts in .*: 1 problem repaired, none left\.\n$/)
  })

  it('looks at no directory without a store, and at none that a server has', async () => {
    const directory = temporaryDirectory()
    const o = { repair: false, isQuick: false, now, progress: () => {}, spawn: spawnCommitter }
    await assert.rejects(checkDirectory(join(directory, 'none'), o), Advice)
    chooseEngine(directory, 'lmdb')
    {
      using _lock = lockDirectory(directory)
      await assert.rejects(checkDirectory(directory, o), /running/)
    }
    await rm(directory, { recursive: true })
  })
})
