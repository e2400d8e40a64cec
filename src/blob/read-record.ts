/**
 * Reading ranges of a record through any source of positioned reads: one read for a small record, the chunk
 * table and then chunk by chunk for a large one. Every chunk is verified before a byte of it is handed out.
 */
import {
  type ChunkEntry,
  DamagedBlob,
  chunkBytes,
  chunkLength,
  headerBytes,
  readHeader,
  readTable,
  tableEntryBytes,
  unpackChunk,
} from './record.ts'

/** Bytes `start` to `end` of a record; fewer only where the record is cut off. */
export type RecordSource = (start: number, end: number) => Promise<Uint8Array>

/** Records up to this size are read at once. */
const wholeBytes = headerBytes + chunkBytes + tableEntryBytes

export async function* readRecord(
  source: RecordSource,
  recordBytes: number,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array> {
  const whole = recordBytes <= wholeBytes ? await source(0, recordBytes) : undefined
  const at: RecordSource =
    whole === undefined ? source : (from, to) => Promise.resolve(whole.subarray(from, to))
  const header = readHeader(await at(0, headerBytes))
  if (header.recordBytes !== recordBytes) throw new DamagedBlob('record length')
  const table = readTable(await at(recordBytes - header.chunks * tableEntryBytes, recordBytes), header.chunks)
  const last = Math.min(end, header.sizeBytes)
  let offset = headerBytes
  for (const [i, entry] of table.entries()) {
    const first = i * chunkBytes
    if (first >= last) return
    if (first + chunkBytes > start) {
      const plain = unpackChunk(
        await at(offset, offset + entry.storedBytes),
        entry,
        chunkLength(header.sizeBytes, i),
      )
      yield plain.subarray(Math.max(0, start - first), Math.min(plain.length, last - first))
    }
    offset += entry.storedBytes
  }
}

/** A small record that is in memory whole: its content, verified. */
export function contentOfRecord(record: Uint8Array): Uint8Array {
  const header = readHeader(record)
  if (header.recordBytes !== record.length) throw new DamagedBlob('record length')
  const table = readTable(record.subarray(record.length - header.chunks * tableEntryBytes), header.chunks)
  const plain: Uint8Array[] = []
  let offset = headerBytes
  for (const [i, entry] of table.entries()) {
    plain.push(unpackChunk(chunkAt(record, offset, entry), entry, chunkLength(header.sizeBytes, i)))
    offset += entry.storedBytes
  }
  return plain.length === 1 ? plain[0]! : Buffer.concat(plain)
}

const chunkAt = (record: Uint8Array, offset: number, entry: ChunkEntry): Uint8Array =>
  record.subarray(offset, offset + entry.storedBytes)
