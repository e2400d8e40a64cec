/**
 * What an account's index consists of: one row. Messages never change and their ids only rise, so one number
 * says how far the index has come, and every document lies in one segment.
 *
 * The row belongs to the whole store and not to the account, whose sequence would rise with it; whoever writes
 * it has read it for update.
 */
import type { AccountId, BlobHash } from '#base/id.ts'
import { PackReader, PackWriter } from '#base/pack.ts'
import { ownerKinds, type BlobOwner } from '#kv/blob-rows.ts'
import { u32 } from '#kv/key.ts'
import { type Codec, globalTable } from '#kv/table.ts'
import type { WriteTx } from '#kv/tx.ts'

export interface SegmentRow {
  /** Never given to another segment of the account. */
  readonly id: number
  readonly blob: BlobHash
  readonly sizeBytes: number
  readonly documents: number
}

export interface Manifest {
  /** Documents up to this id are in a segment, or are gone. */
  readonly indexedTo: number
  readonly nextSegment: number
  /** By ascending ids of their documents. */
  readonly segments: readonly SegmentRow[]
}

export const emptyManifest: Manifest = { indexedTo: 0, nextSegment: 1, segments: [] }

/** Changes where what is found in a text changes: an index of another version is made anew. */
const version = 6

const codec: Codec<Manifest> = {
  encode(manifest) {
    const out = new PackWriter(16 + 48 * manifest.segments.length)
    out.u8(version).uint(manifest.indexedTo).uint(manifest.nextSegment).uint(manifest.segments.length)
    for (const { id, blob, sizeBytes, documents } of manifest.segments)
      out.uint(id).raw(Buffer.from(blob, 'hex')).uint(sizeBytes).uint(documents)
    return out.done()
  },
  decode(bytes) {
    const from = new PackReader(bytes)
    const isCurrent = from.u8() === version
    const indexedTo = from.uint()
    const nextSegment = from.uint()
    const segments: SegmentRow[] = []
    for (let left = from.uint(); left > 0; left--) {
      const id = from.uint()
      const blob = Buffer.from(from.raw(32)).toString('hex') as BlobHash
      segments.push({ id, blob, sizeBytes: from.uint(), documents: from.uint() })
    }
    return { indexedTo: isCurrent ? indexedTo : -1, nextSegment, segments }
  },
}

export const manifestTable = globalTable({
  name: 'search-manifest',
  letter: 'e',
  key: [u32<AccountId>()],
  value: codec,
})

/** An index that was written by another version: its segments are of no use. */
export const isOutdated = (manifest: Manifest): boolean => manifest.indexedTo < 0

export const segmentOwner = (account: AccountId, id: number): BlobOwner => ({
  account,
  kind: ownerKinds.search,
  id,
})

/** Takes the index of an account away for good. */
export async function endIndex(tx: WriteTx, account: AccountId): Promise<void> {
  await dropIndex(tx, account)
  tx.delete(manifestTable, [account])
}

/** Takes the index of an account away; it will be made anew where there is mail. */
export async function dropIndex(tx: WriteTx, account: AccountId): Promise<void> {
  const manifest = await tx.get(manifestTable, account)
  if (manifest === undefined) return
  for (const { id, blob } of manifest.segments) tx.unlink(blob, segmentOwner(account, id))
  // The numbers of segments go on, so that no link is mistaken for that of another.
  tx.put(manifestTable, [account], { ...emptyManifest, nextSegment: manifest.nextSegment })
}
