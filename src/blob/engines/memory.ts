/** Blobs of tests: records in a map, placed by the memory engine's commits. */
import { Fault } from '#base/fault.ts'
import type { BlobHash } from '#base/id.ts'
import type { Batch, BlobPut, BlobSink, Staged } from '#kv/backend.ts'
import { blobTable } from '#kv/blob-rows.ts'
import { keyText } from '#kv/key.ts'
import { contentOfRecord } from '../read-record.ts'
import { packRecord } from '../record.ts'
import type { BlobStore, Stager } from '../store.ts'

export class MemoryBlobs implements BlobStore, BlobSink {
  readonly #records = new Map<string, Uint8Array>()

  stager({ maxBytes }: { maxBytes: number }): Stager {
    const pieces: Uint8Array[] = []
    let size = 0
    return {
      write(chunk) {
        size += chunk.length
        if (size > maxBytes) throw new Fault('tooLarge', 'message too large', { limit: maxBytes })
        pieces.push(Uint8Array.from(chunk))
      },
      finish(): Staged {
        const { record, hash } = packRecord(Buffer.concat(pieces), 'none')
        return { hash, sizeBytes: size, record: { bytes: record } }
      },
      abort: () => Promise.resolve(),
    }
  }

  async *read(hash: BlobHash, start = 0, end = Number.POSITIVE_INFINITY): AsyncGenerator<Uint8Array> {
    yield await this.readRange(hash, start, end)
  }

  async readRange(hash: BlobHash, start: number, end: number): Promise<Uint8Array> {
    const record = this.#records.get(hash)
    if (record === undefined) throw new Fault('notFound', 'no such blob', { what: 'blob' })
    return contentOfRecord(record).subarray(start, end)
  }

  place(batches: readonly Batch[]): ReadonlyMap<Batch, readonly BlobPut[]> {
    return new Map(batches.map((batch) => [batch, batch.blobs.map((blob) => this.#keep(blob))]))
  }

  sync(): void {}

  renew(): void {}

  restore(): void {}

  [Symbol.dispose](): void {}

  async [Symbol.asyncDispose](): Promise<void> {}

  #keep({ hash, sizeBytes, record }: Staged): BlobPut {
    const { bytes } = record as { bytes: Uint8Array }
    this.#records.set(hash, bytes)
    const at = { segment: 0, offset: 0, recordBytes: bytes.length, sizeBytes, condemnedAt: 0 }
    return { key: keyText(blobTable.key(hash)), value: blobTable.value.encode(at) }
  }
}
