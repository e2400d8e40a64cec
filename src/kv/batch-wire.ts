/**
 * A batch as one run of bytes, so that it crosses to the committer thread as a single transferred buffer.
 * Both ends are this process, so damage is a programming error and shows as SyntaxFault.
 */
import { asBuffer } from '#base/bytes.ts'
import type { BlobHash } from '#base/id.ts'
import { PackReader, PackWriter } from '#base/pack.ts'
import type { Batch, Staged } from './backend.ts'

export function encodeBatch(batch: Batch): Uint8Array<ArrayBuffer> {
  let room = 64
  for (const { key, was } of batch.checks) room += key.length + (was?.length ?? 0) + 12
  for (const { key, value } of batch.puts) room += key.length + value.length + 12
  for (const key of batch.deletes) room += key.length + 6
  for (const blob of batch.blobs)
    room += ('bytes' in blob.record ? blob.record.bytes.length : 4 * blob.record.file.length) + 64
  const out = new PackWriter(Buffer.allocUnsafeSlow(room))
  out.uint(batch.checks.length)
  for (const { key, was } of batch.checks) {
    out.bytes(key).u8(was === undefined ? 0 : 1)
    if (was !== undefined) out.bytes(was)
  }
  out.uint(batch.puts.length)
  for (const { key, value } of batch.puts) out.bytes(key).bytes(value)
  out.uint(batch.deletes.length)
  for (const key of batch.deletes) out.bytes(key)
  out.uint(batch.blobs.length)
  for (const { hash, sizeBytes, record } of batch.blobs) {
    out.raw(Buffer.from(hash, 'hex')).uint(sizeBytes)
    if ('bytes' in record) out.u8(0).bytes(record.bytes)
    else out.u8(1).text(record.file).uint(record.recordBytes)
  }
  return out.done() as Uint8Array<ArrayBuffer>
}

/** Keys and values are views of `bytes`. */
export function decodeBatch(bytes: Uint8Array): Batch {
  const from = new PackReader(bytes)
  const checks = many(from, () => ({ key: from.bytes(), was: from.u8() === 1 ? from.bytes() : undefined }))
  const puts = many(from, () => ({ key: from.bytes(), value: from.bytes() }))
  const deletes = many(from, () => from.bytes())
  const blobs = many<Staged>(from, () => ({
    hash: asBuffer(from.raw(32)).toString('hex') as BlobHash,
    sizeBytes: from.uint(),
    record: from.u8() === 0 ? { bytes: from.bytes() } : { file: from.text(), recordBytes: from.uint() },
  }))
  return { checks, puts, deletes, blobs }
}

function many<T>(from: PackReader, read: () => T): T[] {
  const all: T[] = []
  for (let count = from.uint(); count > 0; count--) all.push(read())
  return all
}
