/** What the rows say can be begun now: the due ones of a virtual queue by their time, and those of one message. */
import type { Db } from '#kv/db.ts'
import type { ReadTx } from '#kv/tx.ts'
import {
  dueTable,
  type QueuedMessage,
  queuedMessageTable,
  type QueuedRecipient,
  queuedRecipientTable,
  type QueueId,
} from './tables.ts'

export type DueKey = readonly [queue: string, dueAt: number, id: QueueId, n: number]

export interface DueRecipient {
  readonly n: number
  readonly row: QueuedRecipient
}

/** Of one message. */
export interface DueRecipients {
  readonly id: QueueId
  readonly recipients: readonly DueRecipient[]
  /** When another one of its recipients is due. */
  readonly nextAt: number | undefined
}

export interface DueMessage extends DueRecipients {
  readonly message: QueuedMessage
}

const greatest48 = 2 ** 48 - 1
const greatest32 = 2 ** 32 - 1

/** Behind all that is due at `at` or before. */
export const behind = (queue: string, at: number): DueKey => [queue, at, greatest48 as QueueId, greatest32]

/** The next due ones after a key, and when the first is due that is not yet; `last` where there may be more now. */
export async function listDue(
  db: Db,
  queue: string,
  now: number,
  o: { readonly after: DueKey | undefined; readonly limit: number },
): Promise<{ readonly due: readonly DueKey[]; readonly last?: DueKey; readonly nextAt?: number }> {
  const from = o.after === undefined ? {} : { after: o.after }
  const rows = await db.read((tx) => tx.list(dueTable, [queue], { limit: o.limit, ...from }))
  const keys = rows.map(([key]) => key)
  const later = keys.findIndex(([, dueAt]) => dueAt > now)
  if (later >= 0) return { due: keys.slice(0, later), nextAt: keys[later]![1] }
  return { due: keys, ...(keys.length < o.limit ? {} : { last: keys.at(-1)! }) }
}

const mostPerMessage = 10_000

/** A message with those of its recipients that are due now, or of `numbers`; undefined where it is gone. */
export async function readDue(
  tx: ReadTx,
  id: QueueId,
  now: number,
  numbers?: readonly number[],
): Promise<DueMessage | undefined> {
  const message = await tx.get(queuedMessageTable, id)
  return message && { message, ...(await readDueRecipients(tx, id, now, numbers)) }
}

/** The same without the message, which costs as much again. */
export async function readDueRecipients(
  tx: ReadTx,
  id: QueueId,
  now: number,
  numbers?: readonly number[],
): Promise<DueRecipients> {
  const recipients: DueRecipient[] = []
  let nextAt: number | undefined
  for (const { n, row } of await rowsOf(tx, id, numbers)) {
    if (row.dueAt <= now) recipients.push({ n, row })
    else nextAt = Math.min(nextAt ?? Infinity, row.dueAt)
  }
  return { id, recipients, nextAt }
}

async function rowsOf(
  tx: ReadTx,
  id: QueueId,
  numbers: readonly number[] | undefined,
): Promise<readonly DueRecipient[]> {
  if (numbers === undefined) {
    const rows = await tx.list(queuedRecipientTable, [id], { limit: mostPerMessage })
    return rows.map(([[, n], row]) => ({ n, row }))
  }
  const found: DueRecipient[] = []
  for (const n of numbers) {
    const row = await tx.get(queuedRecipientTable, id, n)
    if (row !== undefined) found.push({ n, row })
  }
  return found
}

/** The names of all virtual queues in which something waits. */
export async function listQueues(db: Db): Promise<readonly string[]> {
  const names: string[] = []
  for (;;) {
    const last = names.at(-1)
    const after = last === undefined ? {} : { after: behind(last, greatest48) }
    const [row] = await db.read((tx) => tx.list(dueTable, [], { limit: 1, ...after }))
    if (row === undefined) return names
    names.push(row[0][0])
  }
}
