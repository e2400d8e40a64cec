/**
 * A batch as bytes, so that it crosses to the committer as one transferred buffer, is written to the journal
 * as it is, and is read back from there after a crash. Versioned by the journal; both ends are this program.
 */
import { asBuffer } from '#base/bytes.ts'
import type { BlobHash } from '#base/id.ts'
import { PackReader, PackWriter } from '#base/pack.ts'
import type { Batch, Staged } from './backend.ts'

/** Records of small blobs travel beside the batch: the rows are kept for a while, the records are not. */
export interface EncodedBatch {
  readonly rows: Uint8Array<ArrayBuffer>
  readonly records: readonly Uint8Array[]
}

export function encodeBatch(batch: Batch): EncodedBatch {
  let room = 64
  for (const { key, was } of batch.checks) room += key.length + (was?.length ?? 0) + 12
  for (const { key, value } of batch.puts) room += key.length + value.length + 12
  for (const key of batch.deletes) room += key.length + 6
  for (const { record } of batch.blobs) room += ('bytes' in record ? 0 : 4 * record.file.length) + 64
  const out = new PackWriter(Buffer.allocUnsafeSlow(room))
  const records: Uint8Array[] = []
  out.uint(batch.puts.length)
  for (const { key, value } of batch.puts) out.latin1(key).bytes(value)
  out.uint(batch.deletes.length)
  for (const key of batch.deletes) out.latin1(key)
  out.uint(batch.checks.length)
  for (const { key, was } of batch.checks) {
    out.latin1(key).u8(was === undefined ? 0 : 1)
    if (was !== undefined) out.bytes(was)
  }
  out.uint(batch.blobs.length)
  for (const { hash, sizeBytes, record } of batch.blobs) {
    out.raw(Buffer.from(hash, 'hex')).uint(sizeBytes)
    if ('bytes' in record) {
      out.u8(0)
      records.push(record.bytes)
    } else out.u8(1).text(record.file).uint(record.recordBytes)
  }
  return { rows: out.done() as Uint8Array<ArrayBuffer>, records }
}

/** Values are views of the encoded bytes. */
export function decodeBatch({ rows, records }: { rows: Uint8Array; records: readonly Uint8Array[] }): Batch {
  const from = new PackReader(rows)
  const { puts, deletes } = readRows(from)
  const checks = many(from, () => ({ key: from.latin1(), was: from.u8() === 1 ? from.bytes() : undefined }))
  let next = 0
  const blobs = many<Staged>(from, () => ({
    hash: asBuffer(from.raw(32)).toString('hex') as BlobHash,
    sizeBytes: from.uint(),
    record: from.u8() === 0 ? { bytes: records[next++]! } : { file: from.text(), recordBytes: from.uint() },
  }))
  return { checks, puts, deletes, blobs }
}

/** What an encoded batch changes; checks and blobs, which come behind, are not looked at. */
export const decodeRows = (rows: Uint8Array): Pick<Batch, 'puts' | 'deletes'> =>
  readRows(new PackReader(rows))

function readRows(from: PackReader): Pick<Batch, 'puts' | 'deletes'> {
  return {
    puts: many(from, () => ({ key: from.latin1(), value: from.bytes() })),
    deletes: many(from, () => from.latin1()),
  }
}

function many<T>(from: PackReader, read: () => T): T[] {
  const all: T[] = []
  for (let count = from.uint(); count > 0; count--) all.push(read())
  return all
}
