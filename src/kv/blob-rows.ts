/**
 * The rows of blobs: where a blob's record is, and who owns it.
 *
 * Location and links of a blob are neighbours, so that storing and linking touch one page. A blob without a
 * link is swept in two steps that need no range lock on any engine: first its location is marked condemned,
 * later, when still nobody owns it, it is deleted. Whoever links it in between takes the mark away, so that the
 * second step is a conflict; a link of the very moment of the first is seen by the next sweep.
 */
import type { AccountId, BlobHash } from '#base/id.ts'
import { PackReader, PackWriter } from '#base/pack.ts'
import { nothing } from './codec.ts'
import { hex, u32, u48, u8 } from './key.ts'
import { type Codec, globalTable } from './table.ts'

export interface BlobLocation {
  readonly segment: number
  readonly offset: number
  /** Length of the whole record in the segment. */
  readonly recordBytes: number
  readonly sizeBytes: number
  /** When the sweeper found no owner, 0 while the blob is live. Milliseconds. */
  readonly condemnedAt: number
}

export const isLive = (location: BlobLocation): boolean => location.condemnedAt === 0

const locationCodec: Codec<BlobLocation> = {
  encode: (at) =>
    new PackWriter(24)
      .uint(at.segment)
      .uint(at.offset)
      .uint(at.recordBytes)
      .uint(at.sizeBytes)
      .uint(at.condemnedAt)
      .done(),
  decode(bytes) {
    const from = new PackReader(bytes)
    return {
      segment: from.uint(),
      offset: from.uint(),
      recordBytes: from.uint(),
      sizeBytes: from.uint(),
      condemnedAt: from.uint(),
    }
  },
}

/** Codes are on disk: append only. */
export const ownerKinds = { message: 0, queue: 1, upload: 2, search: 3 } as const
export type OwnerKind = (typeof ownerKinds)[keyof typeof ownerKinds]

export interface BlobOwner {
  /** 0 for the server itself. */
  readonly account: AccountId
  readonly kind: OwnerKind
  readonly id: number
}

export const blobTable = globalTable({
  name: 'blob',
  letter: 'b',
  key: [hex<BlobHash>(32)],
  kind: 0,
  value: locationCodec,
})
export const blobLinkTable = globalTable({
  name: 'blob-link',
  letter: 'b',
  key: [hex<BlobHash>(32), u32<AccountId>(), u8<OwnerKind>(), u48()],
  kind: 1,
  value: nothing,
})
