/**
 * Puts off what is due and cannot be begun: its destination cannot be reached for now, or has no place for more.
 *
 * What must always hold: nobody waits longer for it than the sender was promised. Where a destination cannot be
 * reached, what was said there stands for all that are to be given up, or told to be late, before it is tried
 * again: a hundred thousand messages do not need a hundred thousand attempts for that.
 */
import type { WriteTx } from '#kv/tx.ts'
import { putRecipient, removeIfDone } from './enqueue.ts'
import { noteResult } from './follow.ts'
import { nextState } from './record.ts'
import { noticesDue, type Schedule } from './retry.ts'
import {
  type QueuedMessage,
  queuedMessageTable,
  type QueuedRecipient,
  queuedRecipientTable,
  type QueueId,
} from './tables.ts'
import type { RecipientResult } from './transport.ts'

export interface PutOff {
  readonly id: QueueId
  readonly numbers: readonly number[]
  readonly until: number
  /** Why the destination cannot be reached, where that is it. */
  readonly why?: RecipientResult | undefined
}

/** After its time is over, something that has not been tried looks again so soon. */
const overdueMs = 1000

/** In one commit, under the locks of those who follow them. Returns when the first of them is due again. */
export async function putOff(
  tx: WriteTx,
  all: readonly PutOff[],
  o: { readonly now: number; readonly scheduleOf: (queue: string) => Schedule },
): Promise<number | undefined> {
  let nextAt: number | undefined
  for (const { id, numbers, until, why } of all) {
    const message = why === undefined ? undefined : await tx.get(queuedMessageTable, id)
    let isGone = false
    for (const n of numbers) {
      const before = await tx.get(queuedRecipientTable, id, n)
      // Somebody may have taken it out, or changed when it is due.
      if (before === undefined || before.dueAt > o.now) continue
      const schedule = o.scheduleOf(before.queue)
      const after =
        message !== undefined && why !== undefined && isToBeTold(message, before, schedule, o.now)
          ? nextState(message, before, why, { now: o.now, schedule })
          : { ...before, dueAt: laterTime(before.expiresAt, until, o.now) }
      if (after === undefined) isGone = true
      else nextAt = Math.min(nextAt ?? Infinity, after.dueAt)
      putRecipient(tx, id, n, before, after)
      if (message !== undefined && why !== undefined && after?.attempts !== before.attempts)
        await noteResult(tx, { id, message }, n, { queue: before.queue, result: why, after })
    }
    if (isGone) await removeIfDone(tx, id)
  }
  return nextAt
}

/** Something about it is due that an attempt would bring. */
const isToBeTold = (
  message: QueuedMessage,
  recipient: QueuedRecipient,
  schedule: Schedule,
  now: number,
): boolean =>
  recipient.report === undefined &&
  (now >= recipient.expiresAt || noticesDue(schedule, message.receivedAt, now) > recipient.notices)

/** What was wanted, but not after the expiry, and not at once. */
const laterTime = (expiresAt: number, wanted: number, now: number): number =>
  Math.max(now + 1, Math.min(wanted, Math.max(expiresAt, now + overdueMs)))
