import assert from 'node:assert/strict'
import { statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import type { AccountId } from '#base/id.ts'
import { blobTable, isLive, ownerKinds } from '#kv/blob-rows.ts'
import { openTestStore, type TestStore } from '../../test/harness/store.ts'
import { listSegments, segmentPath } from './engines/segments.ts'
import { sweepBlobs } from './sweep.ts'

const alice = 1 as AccountId
const owner = (id: number) => ({ account: alice, kind: ownerKinds.message, id })
const graceMs = 1000
/** Beyond any time of a file here. */
const later = Date.now() + 3_600_000

async function put(store: TestStore, id: number, content: Uint8Array) {
  const stager = store.blobs.stager({ maxBytes: 1e9 })
  await stager.write(content)
  const staged = await stager.finish()
  await store.db.write([alice], async (tx) => void tx.attach(staged, owner(id)))
  return staged.hash
}
const blobs = (store: TestStore): string => join(store.directory, 'blobs')
const sweep = (store: TestStore, now: number) =>
  sweepBlobs({ db: store.db, directory: blobs(store), now, graceMs, signal: new AbortController().signal })
/** Too large to be packed into a segment with others, so that it is one. */
const large = (seed: number): Buffer =>
  Buffer.from(Uint8Array.from({ length: 2 << 20 }, (_, i) => (i * seed) & 255))

describe('a sweep', () => {
  it('gives the whole time again to what had an owner in between', async () => {
    await using store = await openTestStore('lmdb')
    const content = Buffer.from('some text')
    const hash = await put(store, 1, content)
    const unlink = (id: number) => store.db.write([alice], async (tx) => tx.unlink(hash, owner(id)))
    const location = () => store.db.read((tx) => tx.get(blobTable, hash))
    await unlink(1)
    assert.equal((await sweep(store, later)).condemned, 1)
    await store.db.write([alice], async (tx) => tx.link(hash, owner(2)))
    assert.deepEqual(await sweep(store, later + 2 * graceMs), { condemned: 0, deleted: 0, segments: 0 })
    assert.ok(isLive((await location())!))
    await unlink(2)
    assert.deepEqual(await sweep(store, later + 4 * graceMs), { condemned: 1, deleted: 0, segments: 0 })
    assert.equal((await sweep(store, later + 4 * graceMs + graceMs - 1)).deleted, 0)
    assert.equal((await sweep(store, later + 5 * graceMs)).deleted, 1)
    assert.equal(await location(), undefined)
  })

  it('takes no bytes that somebody brings once more while they are condemned', async () => {
    await using store = await openTestStore('lmdb')
    const content = Buffer.from('some text')
    const hash = await put(store, 1, content)
    const before = await store.db.read((tx) => tx.get(blobTable, hash))
    await store.db.write([alice], async (tx) => tx.unlink(hash, owner(1)))
    await sweep(store, later)
    await put(store, 2, content)
    const after = await store.db.read((tx) => tx.get(blobTable, hash))
    // Whoever read the row while it was condemned may have seen them go: they are written anew.
    assert.notDeepEqual([after?.segment, after?.offset], [before?.segment, before?.offset])
    assert.ok(isLive(after!))
  })

  it('deletes segments of which nothing is left, but not the last one and none that is young', async () => {
    await using store = await openTestStore('lmdb')
    const all: Awaited<ReturnType<typeof put>>[] = []
    for (const id of [1, 2, 3]) all.push(await put(store, id, large(id)))
    assert.deepEqual(listSegments(blobs(store)), [1, 2, 3])
    for (const [i, hash] of all.entries())
      await store.db.write([alice], async (tx) => tx.unlink(hash, owner(i + 1)))
    await sweep(store, later)
    // The second was written to a moment ago: the commit of what is in it may be on its way.
    const young = segmentPath(blobs(store), 2)
    const at = later + 2 * graceMs
    utimesSync(young, at / 1000, (at - graceMs / 2) / 1000)
    assert.deepEqual(await sweep(store, at), { condemned: 0, deleted: 3, segments: 1 })
    assert.deepEqual(listSegments(blobs(store)), [2, 3])
    assert.equal((await sweep(store, at + graceMs)).segments, 1)
    assert.deepEqual(listSegments(blobs(store)), [3])
    assert.ok(statSync(segmentPath(blobs(store), 3)).size > 0)
  })
})
