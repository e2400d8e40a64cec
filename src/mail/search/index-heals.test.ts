import assert from 'node:assert/strict'
import test from 'node:test'
import type { AccountId, BlobHash } from '#base/id.ts'
import { DamagedBlob } from '#blob/record.ts'
import { type BlobLocation, blobLinkTable, blobTable, ownerKinds } from '#kv/blob-rows.ts'
import { indexTroubles } from '#search/check-indexes.ts'
import { type Manifest, manifestTable } from '#search/manifest.ts'
import { runIndexJob, type IndexJob } from './index-work.ts'
import { indexStatus, reindex } from './index-status.ts'
import { attachments, find, type Indexed, openIndexed } from './indexed-account.test.ts'
import { purgeAccount } from '../purge.ts'
import { account, mail } from '../test-account.ts'

const needle = { kind: 'subject', text: 'needle' } as const

const manifestOf = ({ db }: Indexed): Promise<Manifest | undefined> =>
  db.read((tx) => tx.get(manifestTable, account))

/** Blobs of index segments that something holds on to. */
async function segmentLinks({ db }: Indexed): Promise<readonly BlobHash[]> {
  const rows = await db.read((tx) => tx.list(blobLinkTable, []))
  return rows.filter(([[, , kind]]) => kind === ownerKinds.search).map(([[hash]]) => hash)
}

async function* only(id: AccountId): AsyncGenerator<AccountId> {
  yield id
}

async function fill(box: Indexed, count = 60): Promise<void> {
  for (let i = 0; i < count; i++) await box.append(mail(`Subject: ${i === 40 ? 'needle' : 'hay'} ${i}`))
  box.indexer.look(account)
  await box.indexer.settled()
}

test('an index that cannot be read is taken away, and made anew; searches find the same all the time', async () => {
  const box = await openIndexed()
  await fill(box)
  const before = await manifestOf(box)
  const damaged = before!.segments[0]!.blob
  const intact = box.blobs.readRange.bind(box.blobs)
  box.blobs.readRange = async (hash, start, end) => {
    if (hash === damaged) throw new DamagedBlob('planted')
    return intact(hash, start, end)
  }
  assert.deepEqual(await find(box, needle, true), [41])
  assert.ok(box.told.includes('search.index-damaged'))
  assert.deepEqual(await segmentLinks(box), [])
  box.blobs.readRange = intact
  await box.indexer.settled()
  const after = await manifestOf(box)
  assert.equal(after!.indexedTo, 60)
  // A number of a segment is never used again: its link would be taken for the old one's.
  assert.ok(after!.segments[0]!.id >= before!.nextSegment)
  assert.deepEqual(await find(box, needle, true), [41])
})

test('messages that make the thread fail are passed over, and searches read them themselves', async () => {
  let failures = 0
  const runner = {
    async run(job: IndexJob) {
      const isPoisoned = job.kind === 'index' && job.documents.some(({ id }) => id === 41)
      if (!isPoisoned || job.isFailing) return runIndexJob(box.blobs, attachments, job)
      failures++
      throw new Error('planted')
    },
  }
  const box: Indexed = await openIndexed({ runner })
  await fill(box)
  assert.equal((await manifestOf(box)) ?? undefined, undefined)
  // Each time after a pause; here there is none.
  for (let round = 0; round < 16 && ((await manifestOf(box))?.indexedTo ?? 0) < 60; round++)
    await box.indexer.settled()
  assert.equal((await manifestOf(box))?.indexedTo, 60)
  assert.ok(failures >= 4 && failures < 12, `${failures} failures`)
  assert.ok(box.told.includes('search.index-failed'))
  assert.deepEqual(await find(box, needle, true), [41])
})

test('an index of another version is made anew', async () => {
  const box = await openIndexed()
  await fill(box)
  const { db } = box
  const stored = manifestTable.value.encode((await manifestOf(box))!)
  stored[0]!--
  await db.write([], async (tx) =>
    tx.put(
      { ...manifestTable, value: { ...manifestTable.value, encode: () => stored } },
      [account],
      (await manifestOf(box))!,
    ),
  )
  assert.deepEqual(await find(box, needle, true), [41])
  box.indexer.look(account)
  await box.indexer.settled()
  assert.equal((await manifestOf(box))!.indexedTo, 60)
  assert.equal((await segmentLinks(box)).length, (await manifestOf(box))!.segments.length)
  assert.deepEqual(await find(box, needle, true), [41])
})

test('what is written while an index is taken away does not come back into it', async () => {
  const box: Indexed = await openIndexed({
    runner: {
      async run(job) {
        const result = await runIndexJob(box.blobs, attachments, job)
        // As an administrator does it, at the worst moment.
        if (times++ === 0) await reindex(box.db, { publish: () => undefined, on: () => null! }, only(account))
        return result
      },
    },
  })
  let times = 0
  await fill(box)
  const manifest = (await manifestOf(box))!
  assert.equal(manifest.indexedTo, 60)
  assert.deepEqual(
    await segmentLinks(box),
    manifest.segments.map(({ blob }) => blob),
  )
})

test('how far an index is, and that it goes with its account', async () => {
  const box = await openIndexed({ mostBehind: 64 })
  await fill(box, 100)
  assert.deepEqual(await indexStatus(box.db, only(account)), {
    accounts: 1,
    behind: 0,
    messages: 100,
    waiting: 0,
    segments: 1,
    sizeBytes: (await manifestOf(box))!.segments[0]!.sizeBytes,
  })
  await reindex(box.db, { publish: () => undefined, on: () => null! }, only(account))
  const { behind, waiting, segments } = await indexStatus(box.db, only(account))
  assert.deepEqual({ behind, waiting, segments }, { behind: 1, waiting: 100, segments: 0 })
  box.indexer.look(account)
  await box.indexer.settled()
  await purgeAccount(box.db, account, new AbortController().signal)
  assert.equal(await manifestOf(box), undefined)
  assert.deepEqual(await segmentLinks(box), [])
})

test('the check finds an index without account, without segment, without link and without sense', async () => {
  const box = await openIndexed()
  await fill(box)
  const find = async (isAccount = true): Promise<string[]> => {
    const names: string[] = []
    for await (const { kind } of indexTroubles({ ...box, isAccount: async () => isAccount }))
      names.push(kind.name)
    return names
  }
  const { db } = box
  const manifest = (await manifestOf(box))!
  const [segment] = manifest.segments
  assert.deepEqual(await find(), [])
  assert.deepEqual(await find(false), ['search-account-missing'])
  const link = [segment!.blob, account, ownerKinds.search, segment!.id] as const
  await db.write([], async (tx) => tx.delete(blobLinkTable, link))
  assert.deepEqual(await find(), ['search-segment-missing'])
  await db.write([], async (tx) => tx.put(blobLinkTable, link, true))
  const location = (await db.read((tx) => tx.get(blobTable, segment!.blob))) as BlobLocation
  const condemned = { ...location, condemnedAt: 1 }
  await db.write([], async (tx) => tx.put(blobTable, [segment!.blob], condemned))
  assert.deepEqual(await find(), ['search-segment-missing'], 'the sweep is about to take it')
  await db.write([], async (tx) => tx.put(blobTable, [segment!.blob], location))
  const segments = [{ ...segment!, sizeBytes: segment!.sizeBytes + 1 }]
  await db.write([], async (tx) => tx.put(manifestTable, [account], { ...manifest, segments }))
  assert.deepEqual(await find(), ['search-segment-missing'])
  await db.write([], async (tx) =>
    tx.put(
      { ...manifestTable, value: { ...manifestTable.value, encode: () => Buffer.of(9) } },
      [account],
      manifest,
    ),
  )
  assert.deepEqual(await find(), ['search-row-unreadable'])
  for await (const { fix } of indexTroubles({ ...box, isAccount: async () => true }))
    await db.write([], async (tx) => fix!(tx))
  assert.deepEqual(await find(), [])
})
