/**
 * The check of a store and messages to many recipients: a chunk of these that is still to be delivered
 * (`chunk.ts`) owns a link to the message's bytes, and nothing but the row of its task says so. That row is read
 * as bytes, since it may be damaged; one that makes no sense is no chunk.
 */
import type { BlobHash } from '#base/id.ts'
import { type Link, linkAgain, type OwnerCheck } from '#blob/check.ts'
import type { KvRow } from '#kv/backend.ts'
import { blobLinkTable, blobTable, ownerKinds } from '#kv/blob-rows.ts'
import {
  anyRowTable,
  type BlobScan,
  type CheckUnit,
  type FindingKind,
  getRow,
  openRow,
  rowPages,
  type Trouble,
  unitThatMisses,
} from '#kv/check.ts'
import type { Db } from '#kv/db.ts'
import { taskTable } from '#kv/task-rows.ts'
import type { ReadTx } from '#kv/tx.ts'
import { deliverChunkName, serverAccount } from './chunk.ts'

const kinds = {
  linkMissing: {
    name: 'chunk-link-missing',
    means:
      'The bytes of a message that many are still to get are not held for them, and may be swept before.',
    repair: 'The link is written anew.',
  },
  bytesGone: {
    name: 'chunk-bytes-gone',
    means: 'The bytes of a message that many are still to get are gone.',
    repair: 'The segments are searched for the bytes; where they are not, it goes on being tried.',
  },
} as const satisfies Record<string, FindingKind>

const pageSize = 500

/** What the check has to know of a chunk. */
interface Chunk {
  readonly owner: number
  readonly blob: BlobHash
}

/** Says which of the links belong to a chunk that has this blob. */
export const chunkHoldsBlob: OwnerCheck = async (tx, links: readonly Link[]) => {
  const wanted = new Set(links.map(({ owner }) => owner.id))
  const found = new Set<string>()
  for await (const { owner, blob } of chunks(tx)) if (wanted.has(owner)) found.add(`${owner} ${blob}`)
  return links.map(({ hash, owner }) => owner.account === serverAccount && found.has(`${owner.id} ${hash}`))
}

/** Each chunk has its bytes, and they are held for it. */
export const chunkCheck = (scan: BlobScan): CheckUnit =>
  unitThatMisses(scan, (missing) => chunkTroubles(scan.db, missing))

async function* chunkTroubles(db: Db, missing: Set<BlobHash>): AsyncGenerator<Trouble> {
  for await (const page of rowPages(db, taskTable.prefix())) {
    for (const chunk of page.map(chunkOf)) if (chunk !== undefined) yield* oneChunk(db, chunk, missing)
  }
}

async function* oneChunk(
  db: Db,
  { owner: id, blob }: Chunk,
  missing: Set<BlobHash>,
): AsyncGenerator<Trouble> {
  const owner = { account: serverAccount, kind: ownerKinds.queue, id }
  const { link, location } = await db.read(async (tx) => ({
    link: await getRow(tx, blobLinkTable, blob, owner.account, owner.kind, id),
    location: await getRow(tx, blobTable, blob),
  }))
  const what = `chunk ${id}: blob ${blob}`
  if (link === undefined) yield { kind: kinds.linkMissing, what, fix: (tx) => linkAgain(tx, blob, owner) }
  if (location === undefined) {
    missing.add(blob)
    yield { kind: kinds.bytesGone, what }
  }
}

async function* chunks(tx: ReadTx): AsyncGenerator<Chunk> {
  let after: readonly [Uint8Array] | undefined
  for (;;) {
    const from = after === undefined ? {} : { after }
    const page = await tx.list(anyRowTable, [taskTable.prefix()], { limit: pageSize, ...from })
    for (const [[key], value] of page) {
      const chunk = chunkOf([key, value])
      if (chunk !== undefined) yield chunk
    }
    if (page.length < pageSize) return
    after = page.at(-1)![0]
  }
}

function chunkOf(row: KvRow): Chunk | undefined {
  const task = openRow(taskTable, row)?.value
  if (task?.task !== deliverChunkName.name) return undefined
  const { blob, owner } = (task.payload ?? {}) as Record<string, unknown>
  const isBlob = typeof blob === 'string' && /^[0-9a-f]{64}$/.test(blob)
  if (!isBlob || !Number.isSafeInteger(owner) || (owner as number) < 0 || (owner as number) >= 2 ** 48)
    return undefined
  return { blob: blob as BlobHash, owner: owner as number }
}
