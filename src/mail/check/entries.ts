/**
 * The check of the lists of mailboxes: each entry has its message, which has that entry. Messages whose row is
 * gone while their bytes are there are made again here, where it is known which lists had them.
 */
import type { BlobHash, MessageId } from '#base/id.ts'
import { getRows, openRow, rowPages, type Trouble } from '#kv/check.ts'
import { blobTable } from '#kv/blob-rows.ts'
import type { Link, OwnerCheck } from '#blob/check.ts'
import type { KvRow } from '#kv/backend.ts'
import { dropEntry, type FoundMessage, remakeMessage } from './fixes.ts'
import { kinds } from './kinds.ts'
import { unknownRow } from './mailboxes.ts'
import { isU48, type MailScan, recountOf } from './scan.ts'
import { readBytes, storedStructure } from './structure.ts'
import { entryTable, messageTable } from '../tables.ts'
import { threadKeys } from '../thread.ts'

/** Says which messages exist and have the blob that is linked in their name. */
export const holdsBlob: OwnerCheck = async (tx, links: readonly Link[]) => {
  const rows = await getRows(
    tx,
    messageTable,
    links.map(({ owner }) => [owner.account, owner.id as MessageId] as const),
  )
  return links.map(({ hash }, i) => {
    const row = rows[i]
    return row !== undefined && row !== 'damaged' && row.blob === hash
  })
}

export async function* checkLists(scan: MailScan): AsyncGenerator<Trouble> {
  for await (const page of rowPages(scan.db, entryTable.prefix(scan.account))) yield* checkPage(scan, page)
  yield* checkLost(scan)
}

async function* checkPage(scan: MailScan, page: readonly KvRow[]): AsyncGenerator<Trouble> {
  const { db, account, unowned, lost, total } = scan
  const opened = page.map((row) => openRow(entryTable, row))
  const ids = opened.map((row) => (row?.value !== undefined && isU48(row.value) ? row.value : undefined))
  const rows = await db.read((tx) =>
    getRows(
      tx,
      messageTable,
      ids.map((id) => [account, id ?? (0 as MessageId)] as const),
    ),
  )
  for (const [i, row] of opened.entries()) {
    const id = ids[i]
    const message = rows[i]
    if (row === undefined || id === undefined) {
      yield unknownRow(page[i]![0])
      continue
    }
    const [, mailbox, uid] = row.elements
    const recount = recountOf(scan, mailbox)
    recount.highestUid = Math.max(recount.highestUid, uid)
    total.highestId = Math.max(total.highestId, id)
    if ((message === undefined || message === 'damaged') && unowned.has(id)) {
      const places = lost.get(id) ?? []
      places.push([mailbox, uid])
      lost.set(id, places)
    } else if (message === 'damaged') continue
    else if (message?.entries.some((entry) => entry.mailbox === mailbox && entry.uid === uid) !== true) {
      const why = message === undefined ? 'which does not exist' : 'which is not in it'
      yield {
        kind: kinds.entryOrphan,
        what: `UID ${uid} of mailbox ${mailbox} is message ${id}, ${why}`,
        fix: (tx) => dropEntry(tx, account, mailbox, uid),
      }
    }
  }
}

async function* checkLost(scan: MailScan): AsyncGenerator<Trouble> {
  const { account, unowned, now } = scan
  for (const [id, places] of scan.lost) {
    const found = await findMessage(scan, unowned.get(id)!)
    const where = places.map(([mailbox, uid]) => `UID ${uid} of mailbox ${mailbox}`).join(', ')
    yield {
      kind: kinds.messageMissing,
      what: `message ${id}${where === '' ? '' : ` (${where})`}`,
      ...(found === undefined ? {} : { fix: (tx) => remakeMessage(tx, account, { id, places }, found, now) }),
    }
  }
}

async function findMessage({ db, blobs, now }: MailScan, blob: BlobHash): Promise<FoundMessage | undefined> {
  const [location] = await db.read((tx) => getRows(tx, blobTable, [[blob]]))
  if (location === undefined || location === 'damaged') return undefined
  const bytes = await readBytes(blobs, blob)
  if (bytes.state === 'gone') return undefined
  const { structure } = bytes
  return {
    blob,
    blobBytes: location.sizeBytes,
    structure: storedStructure(structure, 0),
    threadKeys: threadKeys(structure),
    receivedAt: structure.sentAt ?? now,
  }
}
