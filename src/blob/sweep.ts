/**
 * Sweeping: removes the rows of blobs that nobody owns. Their bytes become garbage in the segments, and a
 * segment in which nothing is live any more is deleted as a whole.
 *
 * Two steps with a grace time between them (`kv/blob-rows.ts`): condemn, then delete what is still condemned
 * and still without a link. Whoever links a blob in between makes one of the two commits a conflict, so a
 * linked blob is never removed. A reader that already knows the location may still read for the grace time.
 */
import { stat, unlink } from 'node:fs/promises'
import type { BlobHash } from '#base/id.ts'
import { blobLinkTable, blobTable, isLive } from '#kv/blob-rows.ts'
import type { Db } from '#kv/db.ts'
import { listSegments, segmentPath } from './engines/segments.ts'

const pageSize = 500

export interface SweepResult {
  readonly condemned: number
  readonly deleted: number
  readonly segments: number
}

/** One pass over all blobs. `graceMs` is how long a condemned blob stays; `now` in milliseconds. */
export async function sweepBlobs(o: {
  db: Db
  directory: string
  now: number
  graceMs: number
  signal: AbortSignal
}): Promise<SweepResult> {
  let condemned = 0
  let deleted = 0
  const used = new Set<number>()
  const segments = listSegments(o.directory)
  let after: readonly [BlobHash] | undefined
  for (;;) {
    o.signal.throwIfAborted()
    const from = after
    const rows = await o.db.read((tx) =>
      tx.list(blobTable, [], { limit: pageSize, ...(from === undefined ? {} : { after: from }) }),
    )
    for (const [[hash], location] of rows) {
      const outcome = await judge(o, hash)
      if (outcome === 'condemned') condemned++
      if (outcome === 'deleted') deleted++
      else used.add(location.segment)
    }
    const last = rows.at(-1)
    if (rows.length < pageSize || last === undefined) break
    after = last[0]
  }
  // The last one is being written to. A young one may hold records whose commit is still on its way.
  let removed = 0
  for (const segment of segments.slice(0, -1).filter((number) => !used.has(number))) {
    const file = segmentPath(o.directory, segment)
    if (o.now - (await stat(file)).mtimeMs < o.graceMs) continue
    await unlink(file)
    removed++
  }
  return { condemned, deleted, segments: removed }
}

/** Looks before it writes: nearly every blob has an owner and costs two reads. */
async function judge(
  o: { db: Db; now: number; graceMs: number },
  hash: BlobHash,
): Promise<'kept' | 'condemned' | 'deleted'> {
  const owned = await o.db.read(async (tx) => {
    const location = await tx.get(blobTable, hash)
    return (
      location !== undefined &&
      isLive(location) &&
      (await tx.list(blobLinkTable, [hash], { limit: 1 })).length > 0
    )
  })
  if (owned) return 'kept'
  return o.db.write([], async (tx) => {
    const location = await tx.get(blobTable, hash)
    if (location === undefined) return 'deleted'
    const links = await tx.list(blobLinkTable, [hash], { limit: 1 })
    if (links.length > 0) {
      if (!isLive(location)) tx.put(blobTable, [hash], { ...location, condemnedAt: 0 })
      return 'kept'
    }
    if (isLive(location)) {
      tx.put(blobTable, [hash], { ...location, condemnedAt: o.now })
      return 'condemned'
    }
    if (o.now - location.condemnedAt < o.graceMs) return 'kept'
    tx.delete(blobTable, [hash])
    return 'deleted'
  })
}
