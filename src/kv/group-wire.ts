/**
 * The payload of one journal record: the accepted batches of a commit group, where their blobs were put, and
 * the bytes of those that are not on disk anywhere else yet.
 */
import { PackReader, PackWriter } from '#base/pack.ts'
import type { BlobPut, PlacedRecord } from './backend.ts'
import { decodeRows } from './batch-wire.ts'

export interface GroupPart {
  /** As encoded by `encodeBatch`. */
  readonly rows: Uint8Array
  readonly blobs: readonly BlobPut[]
}

/** In pieces, for one vectored write. */
export function encodeGroup(parts: readonly GroupPart[]): Uint8Array[] {
  const head = new PackWriter(64 * parts.length + 64)
  const pieces: Uint8Array[] = []
  head.uint(parts.length)
  for (const { rows, blobs } of parts) {
    head.uint(rows.length).uint(blobs.length)
    pieces.push(rows)
    for (const { key, value, placed } of blobs) {
      head
        .latin1(key)
        .bytes(value)
        .u8(placed === undefined ? 0 : 1)
      if (placed === undefined) continue
      head.uint(placed.segment).uint(placed.offset).uint(placed.record.length)
      pieces.push(placed.record)
    }
  }
  const headBytes = head.done()
  return [new PackWriter(8).uint(headBytes.length).done(), headBytes, ...pieces]
}

export interface DecodedGroup {
  /** In the order of the batches; value null deletes. */
  readonly rows: readonly (readonly [key: string, value: Uint8Array | null])[]
  readonly placed: readonly PlacedRecord[]
}

/** Values and records are views of the payload. Throws SyntaxFault on damage, which a matching checksum rules out. */
export function decodeGroup(payload: Uint8Array): DecodedGroup {
  const whole = new PackReader(payload)
  const head = new PackReader(whole.bytes())
  const rows: (readonly [string, Uint8Array | null])[] = []
  const placed: PlacedRecord[] = []
  for (let parts = head.uint(); parts > 0; parts--) {
    const rowBytes = head.uint()
    const { puts, deletes } = decodeRows(whole.raw(rowBytes))
    for (const { key, value } of puts) rows.push([key, value])
    for (const key of deletes) rows.push([key, null])
    for (let blobs = head.uint(); blobs > 0; blobs--) {
      rows.push([head.latin1(), head.bytes()])
      if (head.u8() === 1)
        placed.push({ segment: head.uint(), offset: head.uint(), record: whole.raw(head.uint()) })
    }
  }
  return { rows, placed }
}
