/**
 * Staging: takes the bytes of a message as they arrive and hashes them on the way.
 *
 * Up to 64 KiB wait in memory as a finished record; more than that streams into a file of its own, in the
 * final format and synced, which the committer adopts as a segment. A thousand sessions never share a file,
 * and each holds at most two chunks.
 */
import type { Hash } from 'node:crypto'
import { randomBytes } from 'node:crypto'
import { type FileHandle, open, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault } from '#base/fault.ts'
import type { BlobHash } from '#base/id.ts'
import type { Staged } from '#kv/backend.ts'
import {
  type ChunkEntry,
  type CodecName,
  chunkBytes,
  headerBytes,
  newHash,
  packChunk,
  packRecord,
  tableEntryBytes,
  writeHeader,
  writeTable,
} from './record.ts'
import type { Stager } from './store.ts'

export class BlobStager implements Stager {
  readonly #directory: string
  readonly #codec: CodecName
  readonly #maxBytes: number
  /** The current chunk's pieces. */
  #pieces: Uint8Array[] = []
  #pieceBytes = 0
  #sizeBytes = 0
  #file: StagingFile | undefined

  constructor(o: { directory: string; codec: CodecName; maxBytes: number }) {
    this.#directory = o.directory
    this.#codec = o.codec
    this.#maxBytes = o.maxBytes
  }

  write(chunk: Uint8Array): Promise<void> | undefined {
    this.#sizeBytes += chunk.length
    if (this.#sizeBytes > this.#maxBytes)
      throw new Fault('tooLarge', 'message too large', { limit: this.#maxBytes })
    if (this.#pieceBytes + chunk.length <= chunkBytes) {
      // A copy: the caller's chunk is a view of the socket's buffer, which would be kept alive whole.
      this.#pieces.push(Uint8Array.prototype.slice.call(chunk))
      this.#pieceBytes += chunk.length
      return undefined
    }
    return this.#spill(chunk)
  }

  finish(): Staged | Promise<Staged> {
    if (this.#file !== undefined) return this.#file.finish(this.#takePieces(), this.#sizeBytes)
    const { record, hash } = packRecord(this.#takePieces(), this.#codec)
    return { hash, sizeBytes: this.#sizeBytes, record: { bytes: record } }
  }

  async abort(): Promise<void> {
    this.#pieces = []
    await this.#file?.abort()
    this.#file = undefined
  }

  async #spill(chunk: Uint8Array): Promise<void> {
    this.#file ??= await StagingFile.create(this.#directory, this.#codec)
    let rest = Buffer.concat([this.#takePieces(), chunk])
    while (rest.length > chunkBytes) {
      await this.#file.add(rest.subarray(0, chunkBytes))
      rest = rest.subarray(chunkBytes)
    }
    this.#pieces = [rest]
    this.#pieceBytes = rest.length
  }

  #takePieces(): Uint8Array {
    const pieces = this.#pieces
    this.#pieces = []
    this.#pieceBytes = 0
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces)
  }
}

class StagingFile {
  readonly #path: string
  readonly #handle: FileHandle
  readonly #codec: CodecName
  readonly #hash: Hash = newHash()
  readonly #entries: ChunkEntry[] = []
  #at = headerBytes
  #closed = false

  private constructor(path: string, handle: FileHandle, codec: CodecName) {
    this.#path = path
    this.#handle = handle
    this.#codec = codec
  }

  static async create(directory: string, codec: CodecName): Promise<StagingFile> {
    const path = join(directory, `${randomBytes(12).toString('hex')}.staged`)
    return new StagingFile(path, await open(path, 'wx', 0o600), codec)
  }

  async add(plain: Uint8Array): Promise<void> {
    this.#hash.update(plain)
    const { stored, entry } = packChunk(plain, this.#codec)
    this.#entries.push(entry)
    await this.#write(stored)
  }

  async finish(last: Uint8Array, sizeBytes: number): Promise<Staged> {
    if (last.length > 0) await this.add(last)
    await this.#write(writeTable(this.#entries))
    const hash = this.#hash.digest('hex') as BlobHash
    const recordBytes = this.#at
    if (recordBytes < headerBytes + tableEntryBytes) throw new Error('empty staging file')
    const header = writeHeader({
      codec: this.#codec,
      keyId: 0,
      chunks: this.#entries.length,
      sizeBytes,
      recordBytes,
      hash,
    })
    await this.#handle.write(header, 0, headerBytes, 0)
    await this.#handle.datasync()
    await this.#close()
    return { hash, sizeBytes, record: { file: this.#path, recordBytes } }
  }

  async abort(): Promise<void> {
    await this.#close()
    // Adopted by a commit, or already removed.
    await unlink(this.#path).catch(() => {})
  }

  async #close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#handle.close()
  }

  async #write(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const { bytesWritten } = await this.#handle.write(bytes, at, bytes.length - at, this.#at)
      at += bytesWritten
      this.#at += bytesWritten
    }
  }
}
