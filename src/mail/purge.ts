/**
 * Removes all that an account has left behind under its number: first its messages, page by page, so that
 * their bytes lose their links, and its uploads, then what was shared by it and with it, then every other row. May stop at any page and go on from there.
 *
 * What must always hold: it runs only for an account that is gone; numbers are never given out again, so
 * nothing of a later account is in its way.
 */
import type { AccountId } from '#base/id.ts'
import { ownerKinds } from '#kv/blob-rows.ts'
import { anyRowTable, rowPages } from '#kv/check.ts'
import type { Db } from '#kv/db.ts'
import { keyText } from '#kv/key.ts'
import { sequenceTable } from '#kv/sequence.ts'
import { accountPrefix } from '#kv/table.ts'
import { endIndex } from '#search/manifest.ts'
import { dropAllKept } from './kept-columns.ts'
import { removeGrantee, stopSharing } from './share.ts'
import { dropOldVerdicts } from './smime-status.ts'
import { countersTable, lastUidValidityTable, messageTable } from './tables.ts'
import { expireUploads } from './upload-expiry.ts'

const perCommit = 200

/** Returns how many messages were removed. */
export async function purgeAccount(db: Db, account: AccountId, signal: AbortSignal): Promise<number> {
  // From here on nothing comes in any more: there is no mail without counters.
  await db.write([account], async (tx) => {
    const { uidValidity = 0 } = (await tx.get(countersTable, account)) ?? {}
    if (uidValidity > ((await tx.get(lastUidValidityTable)) ?? 0))
      tx.put(lastUidValidityTable, [], uidValidity)
    tx.delete(countersTable, [account])
  })
  let messages = 0
  for (;;) {
    signal.throwIfAborted()
    const removed = await db.write([account], async (tx) => {
      const page = await tx.list(messageTable, [account], { limit: perCommit })
      for (const [[, id], row] of page) {
        tx.unlink(row.blob, { account, kind: ownerKinds.message, id })
        tx.delete(messageTable, [account, id])
      }
      return page.length
    })
    messages += removed
    if (removed < perCommit) break
  }
  await expireUploads(db, account, { uploadedBefore: Number.POSITIVE_INFINITY, signal })
  await db.write([], (tx) => endIndex(tx, account))
  await removeGrantee(db, account)
  await stopSharing(db, account)
  // By which commits are numbered, so it goes last.
  const sequenceKey = keyText(sequenceTable.key(account))
  for await (const page of rowPages(db, accountPrefix(account))) {
    signal.throwIfAborted()
    await db.write([account], async (tx) => {
      for (const [key] of page) if (keyText(key) !== sequenceKey) tx.delete(anyRowTable, [key])
    })
  }
  // Now that there is no mailbox of which more could be kept.
  await dropAllKept(db, account)
  await dropOldVerdicts(db, account, signal)
  await db.write([account], async (tx) => tx.delete(sequenceTable, [account]))
  return messages
}
