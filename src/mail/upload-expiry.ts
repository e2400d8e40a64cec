/**
 * Uploads end by their age (RFC 8620 §6), whether anybody comes again or not: of each user in each account a task
 * waits for the oldest one to expire, removes what has, and waits for the next.
 *
 * What must always hold: as long as there are uploads their task is there. The first upload makes it in its own
 * commit (`keepUpload`), and it goes, or waits anew, in the commit that removes the last ones that have expired.
 */
import type { Clock } from '#base/clock.ts'
import type { AccountId } from '#base/id.ts'
import type { Db } from '#kv/db.ts'
import type { TaskKind } from '#tasks/kind.ts'
import {
  expiryName,
  removeUpload,
  scheduleExpiry,
  type UploadKey,
  type UploadRow,
  type UploadsOf,
  uploadTable,
} from './upload.ts'

const perCommit = 200

export const uploadExpiryTask = (o: {
  readonly clock: Clock
  /** How long an upload is kept. */
  readonly ttlMs: () => number
}): TaskKind<UploadsOf> => ({
  ...expiryName,
  leaseMs: 600_000,
  retry: { firstMs: 10_000, mostMs: 3_600_000 },
  async run(uploads, task) {
    const { account, uploader } = uploads
    const ttlMs = o.ttlMs()
    const uploadedBefore = o.clock.now() - ttlMs
    for (let isDone = false; !isDone;) {
      task.signal.throwIfAborted()
      isDone = await task.db.write([account], async (tx) => {
        const rows = await tx.list(uploadTable, [account, uploader])
        const old = rows.filter(([, row]) => row.uploadedAt < uploadedBefore)
        for (const [key] of old.slice(0, perCommit)) removeUpload(tx, key)
        if (old.length > perCommit) return false
        await task.done(tx)
        const oldest = rows
          .map(([, { uploadedAt }]) => uploadedAt)
          .filter((at) => at >= uploadedBefore)
          .reduce((a, b) => Math.min(a, b), Infinity)
        if (oldest < Infinity) scheduleExpiry(tx, uploads, oldest + ttlMs)
        return true
      })
    }
  },
})

/** Removes uploads to an account that are older than this, or all. Returns how many. */
export async function expireUploads(
  db: Db,
  account: AccountId,
  o: { readonly uploadedBefore: number; readonly signal: AbortSignal },
): Promise<number> {
  let removed = 0
  let after: UploadKey | undefined
  for (;;) {
    o.signal.throwIfAborted()
    const from = after
    const page = await db.read((tx) =>
      tx.list(uploadTable, [account], { limit: perCommit, ...(from === undefined ? {} : { after: from }) }),
    )
    const old = page.filter(([, row]) => row.uploadedAt < o.uploadedBefore)
    if (old.length > 0) removed += await removeOld(db, account, old, o.uploadedBefore)
    after = page.at(-1)?.[0]
    if (page.length < perCommit) return removed
  }
}

/** Those that are still old: what was uploaded again meanwhile is young. */
async function removeOld(
  db: Db,
  account: AccountId,
  old: readonly (readonly [UploadKey, UploadRow])[],
  uploadedBefore: number,
): Promise<number> {
  return db.write([account], async (tx) => {
    const rows = await tx.getMany(
      uploadTable,
      old.map(([key]) => key),
    )
    let removed = 0
    for (const [i, row] of rows.entries()) {
      if (row === undefined || row.uploadedAt >= uploadedBefore) continue
      removeUpload(tx, old[i]![0])
      removed++
    }
    return removed
  })
}
