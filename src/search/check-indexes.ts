/**
 * The check of search indexes: each belongs to an account, can be read, and holds on to its segments. An index
 * follows from messages, so one that is wrong is taken away: the server makes it anew.
 */
import type { AccountId, BlobHash } from '#base/id.ts'
import type { OwnerCheck } from '#blob/check.ts'
import type { BlobStore } from '#blob/store.ts'
import { blobLinkTable, blobTable, isLive } from '#kv/blob-rows.ts'
import { anyRowTable, type FindingKind, getRow, openRow, rowPages, type Trouble } from '#kv/check.ts'
import type { Db } from '#kv/db.ts'
import type { WriteTx } from '#kv/tx.ts'
import { type Manifest, manifestTable, segmentOwner } from './manifest.ts'
import { Segment } from './segment.ts'

const madeAnew = 'The index is taken away and made anew when the server runs; nothing of the mail is lost.'

const kinds = {
  rowUnreadable: {
    name: 'search-row-unreadable',
    means: 'A row about a search index cannot be read.',
    repair: madeAnew,
  },
  accountMissing: {
    name: 'search-account-missing',
    means: 'There is a search index of an account that does not exist.',
    repair: 'The index is removed.',
  },
  segmentMissing: {
    name: 'search-segment-missing',
    means: 'Bytes of a search index are gone or damaged, so searches read every message.',
    repair: madeAnew,
  },
} as const satisfies Record<string, FindingKind>

/** Says which of the links belong to an index that has this segment. */
export const indexHoldsBlob: OwnerCheck = async (tx, links) => {
  const answers: boolean[] = []
  for (const { owner, hash } of links) {
    const manifest = await getRow(tx, manifestTable, owner.account)
    const segments = manifest === undefined || manifest === 'damaged' ? [] : manifest.segments
    answers.push(segments.some(({ id, blob }) => id === owner.id && blob === hash))
  }
  return answers
}

export async function* indexTroubles(o: {
  db: Db
  blobs: BlobStore
  isAccount: (id: AccountId) => Promise<boolean>
}): AsyncGenerator<Trouble> {
  for await (const page of rowPages(o.db, manifestTable.prefix())) {
    for (const row of page) {
      const opened = openRow(manifestTable, row)
      if (opened?.value === undefined) {
        const what = `row ${Buffer.from(row[0]).toString('hex')}`
        yield { kind: kinds.rowUnreadable, what, fix: async (tx) => tx.delete(anyRowTable, [row[0]]) }
        continue
      }
      const [account] = opened.elements
      const { segments } = opened.value
      const remove = async (tx: WriteTx): Promise<void> => removeIndex(tx, account, segments)
      const what = `account ${account}`
      if (!(await o.isAccount(account))) yield { kind: kinds.accountMissing, what, fix: remove }
      else if (!(await isWhole(o, account, segments))) yield { kind: kinds.segmentMissing, what, fix: remove }
    }
  }
}

/** Whatever state links are in. */
async function removeIndex(tx: WriteTx, account: AccountId, segments: Manifest['segments']): Promise<void> {
  for (const { id, blob } of segments) tx.unlink(blob, segmentOwner(account, id))
  tx.delete(manifestTable, [account])
}

/** Its bytes are there, and it holds on to them. */
async function isWhole(
  { db, blobs }: { db: Db; blobs: BlobStore },
  account: AccountId,
  segments: Manifest['segments'],
): Promise<boolean> {
  for (const { id, blob, sizeBytes } of segments) {
    const owner = segmentOwner(account, id)
    const [link, location] = await db.read(async (tx) => [
      await getRow(tx, blobLinkTable, blob, account, owner.kind, id),
      await getRow(tx, blobTable, blob),
    ])
    if (link !== true || location === undefined || location === 'damaged' || !isLive(location)) return false
    if (!(await isReadable(blobs, blob, sizeBytes))) return false
  }
  return true
}

async function isReadable(blobs: BlobStore, blob: BlobHash, sizeBytes: number): Promise<boolean> {
  try {
    let read = 0
    for await (const piece of blobs.read(blob)) read += piece.length
    await Segment.open(blobs, blob)
    return read === sizeBytes
  } catch {
    return false
  }
}
