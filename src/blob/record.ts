/**
 * The format of a stored blob, final from the first release.
 *
 *     header (72 bytes) | chunks | chunk table (8 bytes a chunk)
 *
 * Content is cut into chunks of 64 KiB; each is stored as it is or compressed, with a checksum of its own, so
 * that ranged reads, damage detection, compression and (later, by `keyId`) encryption need no other format.
 * The header carries the content's SHA-256, so that locations can be rebuilt from the segments alone.
 * All integers are big endian.
 */
import { createHash, hash as hashOnce } from 'node:crypto'
import { crc32, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { asBuffer } from '#base/bytes.ts'
import type { BlobHash } from '#base/id.ts'

export const chunkBytes = 64 * 1024
export const headerBytes = 72
export const tableEntryBytes = 8

const magic = 0x50424c42
const version = 1

/** Codes are on disk. `zstd` still stores a chunk as it is where compression gains nothing. */
const codecs = { none: 0, zstd: 1 } as const
export type CodecName = keyof typeof codecs

export interface RecordHeader {
  readonly codec: CodecName
  readonly keyId: number
  readonly chunks: number
  readonly sizeBytes: number
  readonly recordBytes: number
  readonly hash: BlobHash
}

/** Where a chunk lies in the record, and what it must be. */
export interface ChunkEntry {
  readonly storedBytes: number
  readonly checksum: number
}

export class DamagedBlob extends Error {
  constructor(what: string) {
    super(`damaged blob: ${what}`)
    this.name = 'DamagedBlob'
  }
}

const hashOf = (bytes: Uint8Array): BlobHash => hashOnce('sha256', bytes, 'hex') as BlobHash
export const newHash = (): ReturnType<typeof createHash> => createHash('sha256')

export function writeHeader(header: RecordHeader): Buffer {
  const out = Buffer.alloc(headerBytes)
  out.writeUInt32BE(magic, 0)
  out[4] = version
  out[5] = codecs[header.codec]
  out.writeUInt32BE(header.keyId, 8)
  out.writeUInt32BE(header.chunks, 12)
  out.writeBigUInt64BE(BigInt(header.sizeBytes), 16)
  out.writeBigUInt64BE(BigInt(header.recordBytes), 24)
  out.write(header.hash, 32, 'hex')
  out.writeUInt32BE(crc32(out.subarray(0, 64)), 64)
  return out
}

/** Throws DamagedBlob where the bytes are not a header. */
export function readHeader(bytes: Uint8Array): RecordHeader {
  const from = asBuffer(bytes)
  if (from.length < headerBytes || from.readUInt32BE(0) !== magic) throw new DamagedBlob('no header')
  if (from.readUInt32BE(64) !== crc32(from.subarray(0, 64))) throw new DamagedBlob('header checksum')
  if (from[4] !== version) throw new DamagedBlob(`version ${from[4]} is of a newer release`)
  return {
    codec: from[5] === codecs.zstd ? 'zstd' : 'none',
    keyId: from.readUInt32BE(8),
    chunks: from.readUInt32BE(12),
    sizeBytes: Number(from.readBigUInt64BE(16)),
    recordBytes: Number(from.readBigUInt64BE(24)),
    hash: from.toString('hex', 32, 64) as BlobHash,
  }
}

/** A chunk as it is stored, with its table entry. */
export function packChunk(plain: Uint8Array, codec: CodecName): { stored: Uint8Array; entry: ChunkEntry } {
  let stored = plain
  if (codec === 'zstd') {
    const packed = zstdCompressSync(plain)
    if (packed.length < plain.length) stored = packed
  }
  return { stored, entry: { storedBytes: stored.length, checksum: crc32(stored) } }
}

/** The content of a stored chunk; throws DamagedBlob where it is not what was written. */
export function unpackChunk(stored: Uint8Array, entry: ChunkEntry, plainBytes: number): Uint8Array {
  if (stored.length !== entry.storedBytes || crc32(stored) !== entry.checksum)
    throw new DamagedBlob('chunk checksum')
  if (entry.storedBytes === plainBytes) return stored
  try {
    const plain = zstdDecompressSync(stored, { maxOutputLength: chunkBytes })
    if (plain.length === plainBytes) return plain
  } catch {
    // Falls through: a valid checksum over an invalid frame is damage too.
  }
  throw new DamagedBlob('chunk length')
}

export function writeTable(entries: readonly ChunkEntry[]): Buffer {
  const out = Buffer.allocUnsafe(entries.length * tableEntryBytes)
  for (const [i, { storedBytes, checksum }] of entries.entries()) {
    out.writeUInt32BE(storedBytes, i * tableEntryBytes)
    out.writeUInt32BE(checksum, i * tableEntryBytes + 4)
  }
  return out
}

export function readTable(bytes: Uint8Array, chunks: number): ChunkEntry[] {
  const from = asBuffer(bytes)
  if (from.length < chunks * tableEntryBytes) throw new DamagedBlob('short chunk table')
  return Array.from({ length: chunks }, (_, i) => ({
    storedBytes: from.readUInt32BE(i * tableEntryBytes),
    checksum: from.readUInt32BE(i * tableEntryBytes + 4),
  }))
}

/** Plain bytes of chunk `i` of a blob. */
export const chunkLength = (sizeBytes: number, i: number): number =>
  Math.min(chunkBytes, sizeBytes - i * chunkBytes)

/** A whole record for content that is in memory. */
export function packRecord(
  content: Uint8Array,
  codec: CodecName,
  keyId = 0,
): { record: Uint8Array; hash: BlobHash } {
  const hash = hashOf(content)
  const parts: Uint8Array[] = []
  const entries: ChunkEntry[] = []
  let stored = 0
  for (let at = 0; at < content.length; at += chunkBytes) {
    const chunk = packChunk(content.subarray(at, at + chunkBytes), codec)
    parts.push(chunk.stored)
    entries.push(chunk.entry)
    stored += chunk.stored.length
  }
  const recordBytes = headerBytes + stored + entries.length * tableEntryBytes
  const header = writeHeader({
    codec,
    keyId,
    chunks: entries.length,
    sizeBytes: content.length,
    recordBytes,
    hash,
  })
  return { record: Buffer.concat([header, ...parts, writeTable(entries)], recordBytes), hash }
}
