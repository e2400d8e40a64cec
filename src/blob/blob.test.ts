import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { isFault } from '#base/fault.ts'
import type { AccountId, BlobHash } from '#base/id.ts'
import type { Staged } from '#kv/backend.ts'
import { blobTable, ownerKinds } from '#kv/blob-rows.ts'
import { openTestStore } from '../../test/harness/store.ts'
import { listSegments, segmentPath, stagingPath } from './engines/segments.ts'
import { contentOfRecord, readRecord } from './read-record.ts'
import { DamagedBlob, chunkBytes, headerBytes, packRecord, readHeader } from './record.ts'
import type { BlobStore } from './store.ts'

const alice = 1 as AccountId
const owner = (id: number): { account: AccountId; kind: typeof ownerKinds.message; id: number } => ({
  account: alice,
  kind: ownerKinds.message,
  id,
})
const pattern = (length: number, seed = 0): Buffer =>
  Buffer.from(Array.from({ length }, (_, i) => ((i + seed) * 31) % 251))

async function stage(
  blobs: BlobStore,
  content: Uint8Array,
  pieceBytes = 10_000,
  maxBytes = 1e9,
): Promise<Staged> {
  const stager = blobs.stager({ maxBytes })
  for (let at = 0; at < content.length; at += pieceBytes)
    await stager.write(content.subarray(at, at + pieceBytes))
  return stager.finish()
}

async function gather(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of source) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** What is in use on the heap, without garbage. */
function heapBytes(): number {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  collect()
  return process.memoryUsage().heapUsed
}

describe('blob record', () => {
  it('gives back any content, and any range of it, with and without compression', async () => {
    const length = fc.oneof(
      fc.nat(200),
      fc.constantFrom(chunkBytes - 1, chunkBytes, chunkBytes + 1, 3 * chunkBytes + 5),
    )
    await fc.assert(
      fc.asyncProperty(
        length,
        fc.nat(),
        fc.nat(),
        fc.constantFrom('none' as const, 'zstd' as const),
        async (size, a, b, codec) => {
          const content = pattern(size, a)
          const { record, hash } = packRecord(content, codec)
          assert.equal(hash, createHash('sha256').update(content).digest('hex'))
          assert.ok(content.equals(contentOfRecord(record)))
          const [start, end] = [a % (size + 1), b % (size + 2)].sort((x, y) => x - y) as [number, number]
          const found = await gather(
            readRecord((from, to) => Promise.resolve(record.subarray(from, to)), record.length, start, end),
          )
          assert.ok(content.subarray(start, end).equals(found))
        },
      ),
      { numRuns: 60 },
    )
  })

  it('stores compressible content smaller and the rest no larger', () => {
    assert.ok(packRecord(Buffer.alloc(50_000, 'abc'), 'zstd').record.length < 1000)
    const noise = createHash('sha512').update('noise').digest()
    assert.equal(packRecord(noise, 'zstd').record.length, packRecord(noise, 'none').record.length)
  })

  it('never takes damaged bytes for content: any changed byte, any cut', () => {
    const { record } = packRecord(pattern(300), 'none')
    for (let at = 0; at < record.length; at++) {
      // Bytes 6 and 7 are reserved but under the header's checksum like the rest; 68 to 71 are padding.
      if (at >= 68 && at < headerBytes) continue
      const damaged = Buffer.from(record)
      damaged[at]! ^= 0x40
      assert.throws(() => contentOfRecord(damaged), DamagedBlob, `byte ${at}`)
    }
    for (let length = 0; length < record.length; length++)
      assert.throws(() => contentOfRecord(record.subarray(0, length)), DamagedBlob)
  })
})

describe('segments', () => {
  it('keeps blobs of every size over a restart and names them by content', async () => {
    const contents = [0, 1, 5000, chunkBytes, chunkBytes + 1, 400_000].map((size, i) => pattern(size, i))
    const hashes: BlobHash[] = []
    await using store = await openTestStore('lmdb')
    for (const [i, content] of contents.entries()) {
      const staged = await stage(store.blobs, content)
      hashes.push(await store.db.write([alice], async (tx) => tx.attach(staged, owner(i))))
    }
    for (const [i, hash] of hashes.entries()) {
      assert.ok(contents[i]!.equals(await gather(store.blobs.read(hash))), `size ${contents[i]!.length}`)
      assert.ok(contents[i]!.subarray(1, 4000).equals(await store.blobs.readRange(hash, 1, 4000)))
    }
    assert.deepEqual(readdirSync(stagingPath(join(store.directory, 'blobs'))), [])
    const other = store.another()
    for (const [i, hash] of hashes.entries())
      assert.ok(contents[i]!.equals(await gather(other.blobs.read(hash))))
  })

  it('makes the same of a blob in pieces of any size, in memory of the size of the bytes', async () => {
    await using store = await openTestStore('lmdb')
    const content = pattern(2 * chunkBytes + 100)
    const hash = createHash('sha256').update(content).digest('hex')
    for (const pieceBytes of [1, 3, 1000, chunkBytes - 1, chunkBytes, chunkBytes + 1, content.length]) {
      const staged = await stage(store.blobs, content, pieceBytes)
      assert.deepEqual([staged.hash, staged.sizeBytes], [hash, content.length])
    }
    // Pieces of one byte, as dots at the beginning of lines make them: one buffer holds them, not one each.
    const before = heapBytes()
    const stagers = Array.from({ length: 20 }, () => store.blobs.stager({ maxBytes: 1e9 }))
    for (const stager of stagers) {
      for (let at = 0; at < 40_000; at++) await stager.write(content.subarray(at, at + 1))
    }
    const heldBytes = heapBytes() - before
    assert.ok(heldBytes < 10_000_000, `${heldBytes} bytes for 800,000 of messages`)
    for (const stager of stagers) await stager.abort()
  })

  it('writes the bytes of equal blobs once', async () => {
    await using store = await openTestStore('lmdb')
    const content = pattern(9000)
    const write = async (id: number): Promise<void> => {
      const staged = await stage(store.blobs, content)
      await store.db.write([alice], async (tx) => void tx.attach(staged, owner(id)))
    }
    await Promise.all([1, 2, 3].map(write))
    await write(4)
    const blobs = join(store.directory, 'blobs')
    const [segment] = listSegments(blobs)
    const { recordBytes } = (await store.db.read((tx) =>
      tx.get(blobTable, packRecord(content, 'none').hash),
    ))!
    assert.equal(statSync(segmentPath(blobs, segment!)).size, recordBytes)
  })

  it('begins to write behind a torn tail and never over it', async () => {
    await using store = await openTestStore('lmdb')
    const blobs = join(store.directory, 'blobs')
    const first = await stage(store.blobs, pattern(100))
    await store.db.write([alice], async (tx) => void tx.attach(first, owner(1)))
    const file = segmentPath(blobs, 1)
    const before = readFileSync(file)
    writeFileSync(file, Buffer.concat([before, Buffer.from('torn')]))
    const { SegmentWriter } = await import('./engines/segments.ts')
    using writer = new SegmentWriter(blobs)
    const { record, hash } = packRecord(pattern(50), 'none')
    const blob = { hash, sizeBytes: 50, record: { bytes: record } }
    const places = writer.place([{ checks: [], puts: [], deletes: [], blobs: [blob] }], () => undefined)
    const [[put]] = [...places.values()] as unknown as [readonly { value: Uint8Array }[]]
    const location = blobTable.value.decode(put!.value)
    assert.equal(location.offset, before.length + 4)
    assert.equal(readHeader(readFileSync(file).subarray(location.offset)).hash, hash)
  })

  it('refuses what is over the limit, and an abort leaves no file', async () => {
    await using store = await openTestStore('lmdb')
    const stager = store.blobs.stager({ maxBytes: 200_000 })
    await stager.write(pattern(150_000))
    assert.equal(readdirSync(stagingPath(join(store.directory, 'blobs'))).length, 1)
    assert.throws(
      () => stager.write(pattern(60_000)),
      (error) => isFault(error, 'tooLarge'),
    )
    await stager.abort()
    await stager.abort()
    assert.equal(readdirSync(stagingPath(join(store.directory, 'blobs'))).length, 0)
  })

  it('reports a damaged record instead of handing it out', async () => {
    await using store = await openTestStore('lmdb')
    const staged = await stage(store.blobs, pattern(1000))
    await store.db.write([alice], async (tx) => void tx.attach(staged, owner(1)))
    const file = segmentPath(join(store.directory, 'blobs'), 1)
    const bytes = readFileSync(file)
    bytes[headerBytes + 10]! ^= 1
    writeFileSync(file, bytes)
    await assert.rejects(async () => gather(store.another().blobs.read(staged.hash)), DamagedBlob)
  })

  it('refuses blobs but not deletions when the disk is nearly full', async () => {
    await using store = await openTestStore('lmdb', { reserveBytes: Number.MAX_SAFE_INTEGER })
    const staged = await stage(store.blobs, pattern(10))
    await assert.rejects(
      store.db.write([alice], async (tx) => void tx.attach(staged, owner(1))),
      (error) => isFault(error, 'unavailable'),
    )
    await store.db.write([alice], async (tx) => tx.changed(alice, 'Email', 1, 'destroyed'))
  })
})
