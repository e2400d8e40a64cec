/**
 * Staging: takes the bytes of a message as they arrive and hashes them on the way.
 *
 * Up to 64 KiB wait in memory as a finished record; more than that streams into a file of its own, in the
 * final format and synced, which the committer adopts as a segment. A thousand sessions never share a file,
 * and each holds at most two chunks.
 */
import { type Hash, randomBytes } from 'node:crypto'
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
import type { OnDiskTrouble, Stager } from './store.ts'

const nothing = Buffer.alloc(0)

export class BlobStager implements Stager {
  readonly #directory: string
  readonly #codec: CodecName
  readonly #maxBytes: number
  /** The current chunk is the first `#held` bytes: one buffer, so that tiny pieces cost no more than their bytes. */
  #chunk: Buffer = nothing
  #held = 0
  #sizeBytes = 0
  #file: StagingFile | undefined
  readonly #onTrouble: OnDiskTrouble

  constructor(o: { directory: string; codec: CodecName; maxBytes: number; onTrouble: OnDiskTrouble }) {
    this.#directory = o.directory
    this.#codec = o.codec
    this.#maxBytes = o.maxBytes
    this.#onTrouble = o.onTrouble
  }

  write(piece: Uint8Array): Promise<void> | undefined {
    this.#sizeBytes += piece.length
    if (this.#sizeBytes > this.#maxBytes)
      throw new Fault('tooLarge', 'message too large', { limit: this.#maxBytes })
    if (this.#held + piece.length > chunkBytes)
      return this.#spill(piece).catch((error: unknown) => this.#fail(error))
    this.#keep(piece)
    return undefined
  }

  finish(): Staged | Promise<Staged> {
    const last = this.#chunk.subarray(0, this.#held)
    this.#release()
    if (this.#file !== undefined)
      return this.#file.finish(last, this.#sizeBytes).catch((error: unknown) => this.#fail(error))
    const { record, hash } = packRecord(last, this.#codec)
    return { hash, sizeBytes: this.#sizeBytes, record: { bytes: record } }
  }

  async abort(): Promise<void> {
    this.#release()
    await this.#file?.abort()
    this.#file = undefined
  }

  async #spill(piece: Uint8Array): Promise<void> {
    this.#file ??= await StagingFile.create(this.#directory, this.#codec)
    let at = 0
    while (this.#held + piece.length - at > chunkBytes) {
      const room = chunkBytes - this.#held
      this.#keep(piece.subarray(at, at + room))
      at += room
      await this.#file.add(this.#chunk)
      this.#held = 0
    }
    this.#keep(piece.subarray(at))
  }

  #fail(cause: unknown): never {
    const reason = `${this.#directory}: ${(cause as Error).message}`
    this.#onTrouble('writing', reason)
    throw new Fault('unavailable', 'it cannot be stored now', {}, { reason, cause })
  }

  /** Copies: the caller's piece is a view of the socket's buffer, which would be kept alive whole. */
  #keep(piece: Uint8Array): void {
    const needed = this.#held + piece.length
    if (needed > this.#chunk.length) {
      // Most messages come in one piece: that much is enough for them.
      const grown = Math.min(chunkBytes, Math.max(needed, 2 * this.#chunk.length))
      const larger = Buffer.allocUnsafeSlow(grown)
      this.#chunk.copy(larger, 0, 0, this.#held)
      this.#chunk = larger
    }
    this.#chunk.set(piece, this.#held)
    this.#held = needed
  }

  #release(): void {
    this.#chunk = nothing
    this.#held = 0
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
