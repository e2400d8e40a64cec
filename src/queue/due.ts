/**
 * What can be begun now: of one virtual queue, the due recipients in the order of their time, each with all
 * others of the same message that are due for the same destination.
 */
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

export interface DueKey {
  readonly queue: string
  readonly dueAt: number
  readonly id: QueueId
  readonly n: number
}

export interface DueRecipient {
  readonly n: number
  readonly row: QueuedRecipient
}

export interface DueMessage {
  readonly id: QueueId
  readonly message: QueuedMessage
  readonly recipients: readonly DueRecipient[]
}

export const recipientName = (id: QueueId, n: number): string => `${id} ${n}`

/** How many of the newest are looked at besides: what has just come in does not wait behind a backlog. */
const newest = 32

/**
 * Due ones that are not among `taken`: the newest first, then from the earliest on, `limit` of these; and when
 * there is more to do, which is now where not all fitted.
 */
export async function listDue(
  db: Db,
  queue: string,
  now: number,
  o: { readonly limit: number; readonly taken: ReadonlyMap<string, unknown> },
): Promise<{ readonly due: readonly DueKey[]; readonly nextAt: number | undefined }> {
  const due = new Map<string, DueKey>()
  const add = ([, dueAt, id, n]: readonly [string, number, QueueId, number]): void => {
    const name = recipientName(id, n)
    if (!o.taken.has(name)) due.set(name, { queue, dueAt, id, n })
  }
  const behindNow = [queue, now + 1, 0 as QueueId, 0] as const
  const latest = await db.read((tx) =>
    tx.list(dueTable, [queue], { limit: newest, reverse: true, after: behindNow }),
  )
  for (const [key] of latest) add(key)
  let after: readonly [string, number, QueueId, number] | undefined
  for (;;) {
    const from = after === undefined ? {} : { after }
    const page = await db.read((tx) => tx.list(dueTable, [queue], { limit: o.limit, ...from }))
    for (const [key] of page) {
      if (key[1] > now) return { due: [...due.values()], nextAt: key[1] }
      if (due.size >= o.limit + newest) return { due: [...due.values()], nextAt: now }
      add(key)
    }
    if (page.length < o.limit) return { due: [...due.values()], nextAt: undefined }
    after = page.at(-1)![0]
  }
}

const mostPerMessage = 10_000

/** A message with those of its recipients that are due now; undefined where it is gone. */
export async function readDue(tx: ReadTx, id: QueueId, now: number): Promise<DueMessage | undefined> {
  const message = await tx.get(queuedMessageTable, id)
  if (message === undefined) return undefined
  const rows = await tx.list(queuedRecipientTable, [id], { limit: mostPerMessage })
  const recipients = rows.filter(([, row]) => row.dueAt <= now).map(([[, n], row]) => ({ n, row }))
  return { id, message, recipients }
}

/** The names of all virtual queues in which something waits. */
export async function listQueues(db: Db): Promise<readonly string[]> {
  const names: string[] = []
  for (;;) {
    const last = names.at(-1)
    const after =
      last === undefined ? {} : { after: [last, 2 ** 48 - 1, (2 ** 48 - 1) as QueueId, 2 ** 32 - 1] as const }
    const [row] = await db.read((tx) => tx.list(dueTable, [], { limit: 1, ...after }))
    if (row === undefined) return names
    names.push(row[0][0])
  }
}
