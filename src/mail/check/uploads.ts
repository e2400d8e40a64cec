/**
 * The check of uploads: each row can be read, and its bytes are there and held for it. An upload without bytes is
 * worth nothing: the client has them still.
 */
import type { AccountId } from '#base/id.ts'
import { type Link, linkAgain, type OwnerCheck } from '#blob/check.ts'
import { blobLinkTable, blobTable } from '#kv/blob-rows.ts'
import { anyRowTable, getRow, getRows, keyInHex, openRow, rowPages, type Trouble } from '#kv/check.ts'
import type { WriteTx } from '#kv/tx.ts'
import { kinds } from './kinds.ts'
import type { MailScan } from './scan.ts'
import { ownerOfUpload, uploadTable } from '../upload.ts'

/** Says which uploads exist and have the blob that is linked in their name. */
export const uploadHoldsBlob: OwnerCheck = async (tx, links: readonly Link[]) => {
  const rows = await getRows(
    tx,
    uploadTable,
    links.map(({ hash, owner }) => [owner.account, owner.id as AccountId, hash] as const),
  )
  return rows.map((row) => row !== undefined && row !== 'damaged')
}

export async function* checkUploads({
  db,
  account,
}: Pick<MailScan, 'db' | 'account'>): AsyncGenerator<Trouble> {
  for await (const page of rowPages(db, uploadTable.prefix(account))) {
    for (const row of page) {
      const opened = openRow(uploadTable, row)
      const lost = (what: string): Trouble => ({
        kind: kinds.uploadLost,
        what,
        fix: (tx: WriteTx) => tx.delete(anyRowTable, [row[0]]),
      })
      if (opened?.value === undefined) {
        yield lost(`key ${keyInHex(row[0])}`)
        continue
      }
      const [, uploader, hash] = opened.elements
      const owner = ownerOfUpload(account, uploader)
      const [location, link] = await db.read(async (tx) => [
        await getRow(tx, blobTable, hash),
        await getRow(tx, blobLinkTable, hash, owner.account, owner.kind, owner.id),
      ])
      if (location === undefined || location === 'damaged') yield lost(`blob ${hash}`)
      else if (link === undefined)
        yield {
          kind: kinds.uploadLinkMissing,
          what: `blob ${hash}`,
          fix: (tx) => linkAgain(tx, hash, owner),
        }
    }
  }
}
