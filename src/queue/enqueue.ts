/**
 * Puts a message into the queue, in the commit that accepts it: its row, its recipients, and a link to its
 * bytes. What stands behind a reply to a sender is this commit; delivery follows from the rows alone.
 */
import type { AccountId } from '#base/id.ts'
import type { Staged } from '#kv/backend.ts'
import { ownerKinds, type BlobOwner } from '#kv/blob-rows.ts'
import type { WriteTx } from '#kv/tx.ts'
import {
  dueTable,
  type QueuedMessage,
  queuedMessageTable,
  type QueuedRecipient,
  queuedRecipientTable,
  type QueueId,
} from './tables.ts'
import type { OutboundRecipient } from './transport.ts'

export interface NewRecipient extends OutboundRecipient {
  /** The virtual queue. */
  readonly queue: string
  readonly expiresAt: number
  /** It is done already, and the sender is to hear of it. */
  readonly report?: 'delivered'
}

/** What is asked of the queue, once its bytes are staged. */
export type NewMessage = Omit<QueuedMessage, 'blob' | 'sizeBytes'>

/** The owner of a queued message's bytes: no account, so that it may go on when its sender is deleted. */
export const queueOwner = (id: QueueId): BlobOwner => ({
  account: 0 as AccountId,
  kind: ownerKinds.queue,
  id,
})

/** Milliseconds since 2020 and seven bits that rise within one: 48 bits until 2089. */
const epochMs = Date.UTC(2020, 0, 1)
const idsPerMs = 128

/** When the message came in, as far as its id says. */
export const receivedAtOf = (id: QueueId): number => epochMs + Math.floor(id / idsPerMs)

/** Names for messages: no two in one process are the same, and what is taken already is passed over. */
export class QueueIds {
  #last = 0

  next(nowMs: number): QueueId {
    this.#last = Math.max(this.#last + 1, (nowMs - epochMs) * idsPerMs)
    return this.#last as QueueId
  }
}

/** Bytes that are in the store already, so that they need not be brought there once more. */
export type StoredBytes = Pick<Staged, 'hash' | 'sizeBytes'>

/**
 * Returns the id under which it waits. `recipients` are in the order in which they were given. Throws Fault
 * `notFound` where stored bytes are gone.
 */
export async function enqueue(
  tx: WriteTx,
  ids: QueueIds,
  bytes: Staged | StoredBytes,
  message: NewMessage,
  recipients: readonly NewRecipient[],
): Promise<QueueId> {
  const id = await newQueueId(tx, ids, message.receivedAt)
  await enqueueAs(tx, id, bytes, message, recipients)
  return id
}

/** One that nobody has. */
export async function newQueueId(tx: WriteTx, ids: QueueIds, nowMs: number): Promise<QueueId> {
  let id = ids.next(nowMs)
  // Another process may have given out the same one.
  while ((await tx.get(queuedMessageTable, id)) !== undefined) id = ids.next(nowMs)
  return id
}

/** As `enqueue`, where the message itself names its id. */
export async function enqueueAs(
  tx: WriteTx,
  id: QueueId,
  bytes: Staged | StoredBytes,
  message: NewMessage,
  recipients: readonly NewRecipient[],
): Promise<void> {
  if ('record' in bytes) tx.attach(bytes, queueOwner(id))
  else await tx.link(bytes.hash, queueOwner(id))
  tx.put(queuedMessageTable, [id], { ...message, blob: bytes.hash, sizeBytes: bytes.sizeBytes })
  const dueAt = Math.max(message.receivedAt, message.heldUntil)
  for (const [i, { queue, expiresAt, ...recipient }] of recipients.entries()) {
    putRecipient(tx, id, i, undefined, {
      ...recipient,
      queue,
      dueAt,
      expiresAt,
      attempts: 0,
      notices: 0,
      history: [],
    })
  }
}

/** Writes a recipient and moves its due row; `after` undefined removes both. */
export function putRecipient(
  tx: WriteTx,
  id: QueueId,
  n: number,
  before: QueuedRecipient | undefined,
  after: QueuedRecipient | undefined,
): void {
  if (before !== undefined) tx.delete(dueTable, [before.queue, before.dueAt, id, n])
  if (after === undefined) {
    tx.delete(queuedRecipientTable, [id, n])
    return
  }
  tx.put(queuedRecipientTable, [id, n], after)
  tx.put(dueTable, [after.queue, after.dueAt, id, n], true)
}

/**
 * Removes a message of which no recipient is left. Where one is, this commit depends on it: of two attempts that
 * each end one of the last two recipients, the second is a conflict, and looks again.
 */
export async function removeIfDone(tx: WriteTx, id: QueueId): Promise<void> {
  const left = await tx.list(queuedRecipientTable, [id], { limit: 1 })
  for (const [[, n]] of left) await tx.get(queuedRecipientTable, id, n)
  const message = left.length > 0 ? undefined : await tx.get(queuedMessageTable, id)
  if (message === undefined) return
  tx.unlink(message.blob, queueOwner(id))
  tx.delete(queuedMessageTable, [id])
}
