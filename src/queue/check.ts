/**
 * The check of mail that waits: each message has recipients, its bytes and one link to them; each recipient has
 * its message, and exactly one due row, under the queue and time that its own row says.
 *
 * What must always hold: nothing that has bytes and an address is thrown away. A message whose row is lost is
 * made again from its link; a due row is derived from its recipient and never the other way round.
 */
import type { AccountId, BlobHash } from '#base/id.ts'
import { type Link, linkAgain, type OwnerCheck } from '#blob/check.ts'
import { blobLinkTable, blobTable } from '#kv/blob-rows.ts'
import {
  anyRowTable,
  type BlobScan,
  type CheckUnit,
  type FindingKind,
  getRow,
  getRows,
  keyInHex,
  type OpenedRow,
  openRow,
  rowPages,
  type Trouble,
  unitThatMisses,
} from '#kv/check.ts'
import type { Db } from '#kv/db.ts'
import type { Table } from '#kv/table.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import { putRecipient, queueOwner, receivedAtOf, removeIfDone } from './enqueue.ts'
import {
  dueTable,
  type QueuedMessage,
  queuedMessageTable,
  type QueuedRecipient,
  queuedRecipientTable,
  type QueueId,
  queueIdText,
} from './tables.ts'

const kinds = {
  rowUnreadable: {
    name: 'queue-row-unreadable',
    means: 'A recipient of a message that waits, or when it is due, cannot be read.',
    repair: 'The row is removed: nobody can tell whom it was for. Due times are written anew.',
  },
  messageLost: {
    name: 'queue-message-lost',
    means: 'The row of a message that waits is gone or cannot be read: it is not sent.',
    repair:
      'It is made again from its bytes, without its sender, who does not hear of failures. Without bytes its recipients are removed.',
  },
  messageDone: {
    name: 'queue-message-done',
    means: 'A message is kept in the queue that has no recipients left.',
    repair: 'It is removed.',
  },
  linkMissing: {
    name: 'queue-link-missing',
    means: 'The bytes of a message that waits are not held for it, and may be swept before it is sent.',
    repair: 'The link is written anew.',
  },
  bytesGone: {
    name: 'queue-bytes-gone',
    means: 'The bytes of a message that waits are gone: it cannot be sent.',
    repair:
      'The segments are searched for the bytes; where they are not, it is given up when it expires, and its sender is told.',
  },
  dueMissing: {
    name: 'queue-due-missing',
    means: 'A recipient has no due time, so it is never tried.',
    repair: 'The row is written anew from the recipient.',
  },
  dueWrong: {
    name: 'queue-due-wrong',
    means: 'Something is due that is not there, or is due at another time.',
    repair: 'The row is removed.',
  },
} as const satisfies Record<string, FindingKind>

export interface QueueScan extends BlobScan {
  /** Blobs that are linked in the name of a queued message that does not have them, by its id. */
  readonly unowned: () => ReadonlyMap<number, BlobHash>
}

/** Says which queued messages exist and have the blob that is linked in their name. */
export const queueHoldsBlob: OwnerCheck = async (tx, links: readonly Link[]) => {
  const rows = await getRows(
    tx,
    queuedMessageTable,
    links.map(({ owner }) => [owner.id as QueueId] as const),
  )
  return links.map(({ hash, owner }, i) => {
    const row = rows[i]
    return owner.account === serverAccount && isMessage(row) && row.blob === hash
  })
}

const serverAccount = 0 as AccountId

export const queueCheck = (scan: QueueScan): CheckUnit =>
  unitThatMisses(scan, (missing) => queueTroubles(scan, missing))

async function* queueTroubles(scan: QueueScan, missing: Set<BlobHash>): AsyncGenerator<Trouble> {
  yield* messageTroubles(scan, missing)
  yield* recipientTroubles(scan)
  yield* dueTroubles(scan.db)
}

/** Rows that can be read; a trouble for each other one. */
async function* readable<K extends readonly unknown[], V>(
  db: Db,
  table: Table<K, V>,
  isRight: (value: unknown) => value is V,
): AsyncGenerator<Trouble | OpenedRow<K, V>> {
  for await (const page of rowPages(db, table.prefix())) {
    for (const row of page) {
      const opened = openRow(table, row)
      if (opened !== undefined && isRight(opened.value)) yield opened
      else {
        const fix = (tx: WriteTx): void => tx.delete(anyRowTable, [row[0]])
        yield { kind: kinds.rowUnreadable, what: `${table.name}, key ${keyInHex(row[0])}`, fix }
      }
    }
  }
}

async function* messageTroubles(scan: QueueScan, missing: Set<BlobHash>): AsyncGenerator<Trouble> {
  for await (const page of rowPages(scan.db, queuedMessageTable.prefix())) {
    for (const row of page) {
      const opened = openRow(queuedMessageTable, row)
      const value: unknown = opened?.value
      if (opened === undefined) {
        const fix = (tx: WriteTx): void => tx.delete(anyRowTable, [row[0]])
        yield { kind: kinds.rowUnreadable, what: `queued-message, key ${keyInHex(row[0])}`, fix }
      } else if (isMessage(value)) yield* oneMessage(scan.db, opened.elements[0], value, missing)
      else yield lost(scan, opened.elements[0])
    }
  }
}

async function* oneMessage(
  db: Db,
  id: QueueId,
  { blob }: QueuedMessage,
  missing: Set<BlobHash>,
): AsyncGenerator<Trouble> {
  const owner = queueOwner(id)
  const { isWanted, link, location } = await db.read(async (tx) => ({
    isWanted: await hasRecipients(tx, id),
    link: await getRow(tx, blobLinkTable, blob, owner.account, owner.kind, id),
    location: await getRow(tx, blobTable, blob),
  }))
  const what = nameOf(id)
  if (!isWanted) yield { kind: kinds.messageDone, what, fix: (tx) => removeIfDone(tx, id) }
  if (link === undefined) {
    yield { kind: kinds.linkMissing, what, fix: (tx) => linkAgain(tx, blob, owner) }
  }
  if (location === undefined) {
    missing.add(blob)
    yield { kind: kinds.bytesGone, what: `${what}: blob ${blob}` }
  }
}

const hasRecipients = async (tx: ReadTx, id: QueueId): Promise<boolean> =>
  (await tx.list(anyRowTable, [queuedRecipientTable.prefix(id)], { limit: 1 })).length > 0

const nameOf = (id: QueueId): string => `queued message ${queueIdText(id)}`

function lost(scan: QueueScan, id: QueueId): Trouble {
  const blob = scan.unowned().get(id)
  return {
    kind: kinds.messageLost,
    what: `${nameOf(id)}, ${blob === undefined ? 'without bytes' : `blob ${blob}`}`,
    async fix(tx) {
      if (isMessage(await getRow(tx, queuedMessageTable, id))) return
      const location = blob === undefined ? undefined : await getRow(tx, blobTable, blob)
      if (blob !== undefined && location !== undefined && location !== 'damaged')
        tx.put(queuedMessageTable, [id], madeAgain(id, blob, location.sizeBytes))
      else await removeAll(tx, id)
    },
  }
}

/** Nothing is known of it but its bytes: 8-bit is what holds for any of them. */
const madeAgain = (id: QueueId, blob: BlobHash, sizeBytes: number): QueuedMessage => ({
  blob,
  sizeBytes,
  before: '',
  added: {},
  is8bit: true,
  needsUtf8: false,
  from: '',
  source: 'received',
  account: serverAccount,
  receivedAt: receivedAtOf(id),
  heldUntil: 0,
})

/** Due rows that are left behind are found as such. */
async function removeAll(tx: WriteTx, id: QueueId): Promise<void> {
  tx.delete(queuedMessageTable, [id])
  const rows = await tx.list(anyRowTable, [queuedRecipientTable.prefix(id)])
  for (const [key] of rows) tx.delete(anyRowTable, key)
}

async function* recipientTroubles(scan: QueueScan): AsyncGenerator<Trouble> {
  let last: QueueId | undefined
  for await (const row of readable(scan.db, queuedRecipientTable, isRecipient)) {
    if ('kind' in row) {
      yield row
      continue
    }
    const [id, n] = row.elements
    const { queue, dueAt } = row.value!
    const { message, due } = await scan.db.read(async (tx) => ({
      message: await getRow(tx, queuedMessageTable, id),
      due: await getRow(tx, dueTable, queue, dueAt, id, n),
    }))
    // Once for all of its recipients; one that cannot be read was told of.
    if (message === undefined && last !== id) yield lost(scan, id)
    last = id
    if (due !== undefined) continue
    const fix = async (tx: WriteTx): Promise<void> => {
      const now = await getRow(tx, queuedRecipientTable, id, n)
      if (isRecipient(now)) putRecipient(tx, id, n, undefined, now)
    }
    yield { kind: kinds.dueMissing, what: `recipient ${n} of ${nameOf(id)}`, fix }
  }
}

async function* dueTroubles(db: Db): AsyncGenerator<Trouble> {
  for await (const row of readable(db, dueTable, isMark)) {
    if ('kind' in row) {
      yield row
      continue
    }
    const [queue, dueAt, id, n] = row.elements
    const recipient = await db.read((tx) => getRow(tx, queuedRecipientTable, id, n))
    if (isRecipient(recipient) && recipient.queue === queue && recipient.dueAt === dueAt) continue
    const fix = (tx: WriteTx): void => tx.delete(dueTable, row.elements)
    yield { kind: kinds.dueWrong, what: `recipient ${n} of ${nameOf(id)} in ${queue} at ${dueAt}`, fix }
  }
}

const isMark = (value: unknown): value is true => value === true

function isMessage(value: unknown): value is QueuedMessage {
  if (typeof value !== 'object' || value === null) return false
  const { blob, before, from, receivedAt } = value as Record<string, unknown>
  return (
    typeof blob === 'string' &&
    /^[0-9a-f]{64}$/.test(blob) &&
    typeof before === 'string' &&
    typeof from === 'string' &&
    Number.isFinite(receivedAt)
  )
}

function isRecipient(value: unknown): value is QueuedRecipient {
  if (typeof value !== 'object' || value === null) return false
  const { address, queue, dueAt, history } = value as Record<string, unknown>
  return (
    typeof address === 'string' &&
    typeof queue === 'string' &&
    Number.isSafeInteger(dueAt) &&
    (dueAt as number) >= 0 &&
    (dueAt as number) < 2 ** 48 &&
    Array.isArray(history)
  )
}
