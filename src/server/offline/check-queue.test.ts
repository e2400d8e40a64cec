/**
 * The check of mail that waits, in a store on disk: nothing is found after ordinary work, each planted fault is
 * found by its name, and after a repair every message that has bytes and a recipient is still to be sent.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { AccountId, BlobHash } from '#base/id.ts'
import { sweepBlobs } from '#blob/sweep.ts'
import { blobLinkTable, blobTable, ownerKinds } from '#kv/blob-rows.ts'
import { taskRow, taskTable } from '#kv/task-rows.ts'
import { enqueue, putRecipient, QueueIds, removeIfDone } from '#queue/enqueue.ts'
import {
  dueTable,
  type QueuedMessage,
  queuedMessageTable,
  type QueuedRecipient,
  queuedRecipientTable,
  type QueueId,
} from '#queue/tables.ts'
import { type ChunkPayload, deliverChunkName, serverAccount } from '#smtp/server/chunk.ts'
import { join } from 'node:path'
import { openTestStore, type TestStore } from '../../../test/harness/store.ts'
import { check, drop, empty, garbage, names, now, plant, type Plant, put } from './check-fixture.test.ts'

const expiresAt = now + 1000
const text = 'Subject: waits\r\n\r\nfor its turn\r\n'

/** One message for two recipients, one for one, and one that is done. */
async function fill(store: TestStore): Promise<readonly QueueId[]> {
  const ids = new QueueIds()
  const queued: QueueId[] = []
  for (const [i, to] of [['a@x.example', 'b@y.example'], ['c@x.example'], ['d@x.example']].entries()) {
    const stager = store.blobs.stager({ maxBytes: 1000 })
    await stager.write(Buffer.from(`${text}${i}`))
    const staged = await stager.finish()
    const recipients = to.map((address) => ({ address, queue: 'remote', expiresAt }))
    queued.push(await store.db.write([], (tx) => enqueue(tx, ids, staged, message, recipients)))
    await stager.abort()
  }
  const done = queued.pop()!
  await store.db.write([], async (tx) => {
    putRecipient(tx, done, 0, await tx.get(queuedRecipientTable, done, 0), undefined)
    await removeIfDone(tx, done)
  })
  return queued
}

const message = {
  before: '',
  added: {},
  is8bit: false,
  needsUtf8: false,
  from: 'alice@example.org',
  source: 'submitted',
  account: 1 as AccountId,
  receivedAt: now,
  heldUntil: 0,
} as const

const first = async (store: TestStore): Promise<readonly [QueueId, QueuedMessage]> => {
  const [[[id], row] = assert.fail()] = await store.db.read((tx) => tx.list(queuedMessageTable, []))
  return [id, row]
}

const linkOf = (id: number, blob: BlobHash) => [blob, serverAccount, ownerKinds.queue, id] as const

/** The name, what was planted, how many recipients are still due after the repair, and the rows. */
const faults: readonly (readonly [name: string, what: string, due: number, Plant])[] = [
  [
    'queue-link-missing',
    'link dropped',
    3,
    async (store) => {
      const [id, { blob }] = await first(store)
      return [drop(blobLinkTable, ...linkOf(id, blob))]
    },
  ],
  [
    'blob-link-unowned',
    'link of no message and no chunk',
    3,
    async (store) => {
      const [, { blob }] = await first(store)
      return [put(blobLinkTable, linkOf(77, blob), true)]
    },
  ],
  [
    'blob-link-unowned',
    'link of a message that has other bytes',
    3,
    async (store) => {
      const [id] = await first(store)
      const blobs = await store.db.read((tx) => tx.list(blobTable, []))
      const [, { blob }] = await first(store)
      const [other] = blobs.find(([[hash]]) => hash !== blob)![0]
      return [put(blobLinkTable, linkOf(id, other), true)]
    },
  ],
  [
    'queue-message-lost',
    'message dropped, its link left',
    3,
    async (store) => {
      const [id] = await first(store)
      return [drop(queuedMessageTable, id)]
    },
  ],
  [
    'queue-message-lost',
    'message unreadable, its link left',
    3,
    async (store) => {
      const [id] = await first(store)
      return [garbage(queuedMessageTable, id)]
    },
  ],
  [
    'queue-message-lost',
    'message dropped, and its link',
    1,
    async (store) => {
      const [id, { blob }] = await first(store)
      return [drop(queuedMessageTable, id), drop(blobLinkTable, ...linkOf(id, blob))]
    },
  ],
  [
    'queue-message-done',
    'all recipients dropped',
    1,
    async (store) => {
      const [id] = await first(store)
      return [0, 1].flatMap((n) => [drop(queuedRecipientTable, id, n), drop(dueTable, 'remote', now, id, n)])
    },
  ],
  [
    'queue-bytes-gone',
    'location and link dropped',
    3,
    async (store) => {
      const [id, { blob }] = await first(store)
      return [drop(blobTable, blob), drop(blobLinkTable, ...linkOf(id, blob))]
    },
  ],
  [
    'queue-due-missing',
    'due row dropped',
    3,
    async (store) => {
      const [id] = await first(store)
      return [drop(dueTable, 'remote', now, id, 1)]
    },
  ],
  [
    'queue-due-wrong',
    'due twice',
    3,
    async (store) => {
      const [id] = await first(store)
      return [put(dueTable, ['remote', now + 5, id, 1], true)]
    },
  ],
  [
    'queue-due-wrong',
    'due in another queue',
    3,
    async (store) => {
      const [id] = await first(store)
      return [drop(dueTable, 'remote', now, id, 0), put(dueTable, ['local', now, id, 0], true)]
    },
  ],
  [
    'queue-due-wrong',
    'recipient dropped',
    2,
    async (store) => {
      const [id] = await first(store)
      return [drop(queuedRecipientTable, id, 0)]
    },
  ],
  [
    'queue-row-unreadable',
    'recipient unreadable',
    2,
    async (store) => {
      const [id] = await first(store)
      return [garbage(queuedRecipientTable, id, 0)]
    },
  ],
  [
    'queue-row-unreadable',
    'recipient that is none',
    2,
    async (store) => {
      const [id] = await first(store)
      return [put(queuedRecipientTable, [id, 0], { address: 5 } as unknown as QueuedRecipient)]
    },
  ],
]

/** How many recipients are due, each of a message whose bytes can be read. */
async function countDue(store: TestStore): Promise<number> {
  const due = await store.db.read((tx) => tx.list(dueTable, []))
  for (const [[queue, dueAt, id, n]] of due) {
    const [row, recipient] = await store.db.read(async (tx) => [
      await tx.get(queuedMessageTable, id),
      await tx.get(queuedRecipientTable, id, n),
    ])
    assert.deepEqual([recipient?.queue, recipient?.dueAt], [queue, dueAt])
    const bytes = Buffer.from(await store.blobs.readRange(row!.blob, 0, row!.sizeBytes))
    assert.ok(bytes.toString().startsWith(text))
  }
  return due.length
}

describe('check of mail that waits', () => {
  it('finds each fault by its name, and repairs it', async (t) => {
    await using store = await openTestStore('lmdb')
    for (const [name, what, due, rows] of faults) {
      await t.test(`${name} (${what})`, async () => {
        await empty(store)
        await using fresh = store.another()
        const one = { ...store, ...fresh }
        await fill(one)
        assert.deepEqual(names(await check(one)), [])
        await plant(one, await rows(one))
        const found = names(await check(one))
        assert.ok(found.includes(name), `found ${found.join(', ') || 'nothing'}`)
        const repaired = await check(one, { repair: true })
        assert.deepEqual(names(repaired), [])
        assert.ok(repaired.report.tallies.find(({ kind }) => kind.name === name)!.repaired > 0)
        assert.equal(await countDue(one), due)
      })
    }
  })

  it('makes a lost message again with its bytes and the time when it came, and without a sender', async () => {
    await using store = await openTestStore('lmdb')
    const [id = assert.fail()] = await fill(store)
    const [, before] = await first(store)
    await plant(store, [garbage(queuedMessageTable, id)])
    await check(store, { repair: true })
    const [, { blob, sizeBytes, from, receivedAt }] = await first(store)
    assert.deepEqual({ blob, sizeBytes, receivedAt }, { ...pick(before), receivedAt: now })
    assert.equal(from, '')
  })

  it('takes a chunk that is to be delivered for an owner, and nothing else for one', async () => {
    await using store = await openTestStore('lmdb')
    await fill(store)
    const [, { blob }] = await first(store)
    const payload = { blob, owner: 77 } as ChunkPayload
    const task = put(taskTable, [now, '00'.repeat(8)], taskRow(deliverChunkName, payload))
    await plant(store, [put(blobLinkTable, linkOf(77, blob), true), task])
    assert.deepEqual(names(await check(store)), [])
    await plant(store, [drop(taskTable, now, '00'.repeat(8))])
    assert.deepEqual(names(await check(store)), ['blob-link-unowned'])
  })

  it('finds a chunk whose bytes are not held for it, or are gone, and repairs it before a sweep takes them', async () => {
    await using store = await openTestStore('lmdb')
    const [id = assert.fail()] = await fill(store)
    const [, { blob }] = await first(store)
    const payload = { blob, owner: 77 } as ChunkPayload
    await plant(store, [put(taskTable, [now, '00'.repeat(8)], taskRow(deliverChunkName, payload))])
    assert.deepEqual(names(await check(store)), ['chunk-link-missing'])
    const location = await store.db.read((tx) => tx.get(blobTable, blob))
    // Nobody else has it, and the sweeper has seen that.
    await plant(store, [
      ...[0, 1].flatMap((n) => [drop(queuedRecipientTable, id, n), drop(dueTable, 'remote', now, id, n)]),
      drop(queuedMessageTable, id),
      drop(blobLinkTable, ...linkOf(id, blob)),
      put(blobTable, [blob], { ...location!, condemnedAt: 1 }),
    ])
    assert.deepEqual(names(await check(store, { repair: true })), [])
    assert.deepEqual(names(await check(store)), [])
    assert.equal((await store.db.read((tx) => tx.get(blobTable, blob)))?.condemnedAt, 0)

    await plant(store, [drop(blobTable, blob), drop(blobLinkTable, ...linkOf(77, blob))])
    assert.deepEqual(names(await check(store)), ['chunk-link-missing', 'chunk-bytes-gone'])
    assert.deepEqual(names(await check(store, { repair: true })), [])
    assert.deepEqual(names(await check(store)), [])
  })

  it('takes a task that makes no sense for no chunk', async () => {
    await using store = await openTestStore('lmdb')
    for (const payload of [null, { blob: 'x', owner: 1 }, { blob: '0'.repeat(64), owner: -1 }])
      await plant(store, [put(taskTable, [now, '00'.repeat(8)], taskRow(deliverChunkName, payload as never))])
    assert.deepEqual(names(await check(store)), [])
  })

  it('is followed by a sweep that leaves the bytes of what waits, and takes those of what is done', async () => {
    await using store = await openTestStore('lmdb')
    await fill(store)
    const sweep = (at: number) =>
      sweepBlobs({
        db: store.db,
        directory: join(store.directory, 'blobs'),
        now: at,
        graceMs: 10,
        signal: new AbortController().signal,
      })
    assert.equal((await sweep(now)).condemned, 1)
    assert.equal((await sweep(now + 20)).deleted, 1)
    assert.equal(await countDue(store), 3)
    assert.deepEqual(names(await check(store)), [])
  })
})

const pick = ({ blob, sizeBytes }: QueuedMessage) => ({ blob, sizeBytes })
