/**
 * The work of making a search index, done on a thread of its own so that no session waits for it.
 *
 * The thread has no part in the store: it is told where the bytes are, and gives back a staged blob, which the
 * main thread commits or forgets.
 */
import { setPriority } from 'node:os'
import type { MessagePort, Worker } from 'node:worker_threads'
import type { BlobHash } from '#base/id.ts'
import { SegmentBlobs } from '#blob/engines/segment-reader.ts'
import type { Staged } from '#kv/backend.ts'
import type { BlobLocation } from '#kv/blob-rows.ts'
import type { BlobStore } from '#blob/store.ts'
import { type AttachmentReader, AttachmentThread } from '#search/attachment-thread.ts'
import { loadLanguages } from '#search/languages.ts'
import { Segment } from '#search/segment.ts'
import { mergeSegments } from '#search/segment-merge.ts'
import { SegmentWriter } from '#search/segment-writer.ts'
import { type Indexable, indexMessage, noteMessage } from './index-document.ts'

export type Located = readonly (readonly [BlobHash, BlobLocation])[]

export type IndexJob =
  /** `isFailing`: reading them has made a thread fail, so they are only noted as not indexed. */
  | { readonly kind: 'index'; readonly documents: readonly Indexable[]; readonly isFailing: boolean }
  /** By ascending ids, with the ids of documents that are gone. */
  | { readonly kind: 'merge'; readonly segments: readonly BlobHash[]; readonly gone: ReadonlySet<number> }

export interface IndexResult {
  readonly staged: Staged
  readonly documents: number
  /** The last document that was looked at: not all need have been. */
  readonly upTo: number
}

/** Words, headers and stems that are gathered before a segment is written: some 30 MB of memory. */
const mostOccurrences = 1_500_000
const mostBytes = 1 << 30

/** On this thread; for tests too. */
export async function runIndexJob(
  blobs: BlobStore,
  attachments: AttachmentReader,
  job: IndexJob,
): Promise<IndexResult> {
  if (job.kind === 'merge') {
    const segments = await Promise.all(job.segments.map((hash) => Segment.open(blobs, hash)))
    const pieces = await mergeSegments(segments, (id) => job.gone.has(id))
    const documents = segments.reduce((sum, { ids }) => sum + ids.length, 0) - job.gone.size
    return { staged: await stage(blobs, pieces), documents, upTo: segments.at(-1)!.ids.at(-1) ?? 0 }
  }
  const writer = new SegmentWriter()
  const tools = { attachments, languages: await loadLanguages() }
  let upTo = 0
  for (const document of job.documents) {
    if (job.isFailing) noteMessage(writer, document)
    else await indexMessage(writer, blobs, tools, document)
    upTo = document.id
    if (writer.occurrences > mostOccurrences) break
  }
  return { documents: writer.documents, staged: await stage(blobs, writer.done()), upTo }
}

async function stage(blobs: BlobStore, pieces: readonly Uint8Array[]): Promise<Staged> {
  const stager = blobs.stager({ maxBytes: mostBytes })
  try {
    for (const piece of pieces) await stager.write(piece)
    return await stager.finish()
  } catch (error) {
    await stager.abort()
    throw error
  }
}

export interface IndexOrder {
  readonly directory: string
  readonly job: IndexJob
  /** Of all blobs that the job reads. */
  readonly located: Located
}

export type IndexAnswer = { readonly result: IndexResult } | { readonly error: unknown }

/** What the thread runs whose role is `index`: one job after the other. */
export function serveIndexing(port: MessagePort, spawn: () => Worker): void {
  // On Linux the priority is the thread's own: it takes what the sessions leave.
  if (process.platform === 'linux') setPriority(10)
  const attachments = new AttachmentThread({ spawn })
  port.on('message', (order: IndexOrder) => {
    void answer(order, attachments).then((said) => port.postMessage(said))
  })
}

async function answer(
  { directory, job, located }: IndexOrder,
  attachments: AttachmentReader,
): Promise<IndexAnswer> {
  const places = new Map(located)
  // Compressed: what is read as a whole, and seldom.
  await using blobs = new SegmentBlobs({ directory, codec: 'zstd', locate: async (hash) => places.get(hash) })
  try {
    return { result: await runIndexJob(blobs, attachments, job) }
  } catch (error) {
    return { error }
  }
}
