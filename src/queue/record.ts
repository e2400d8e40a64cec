/**
 * Writes down what became of an attempt. Whoever has it, or never will, leaves the queue, unless the sender
 * wants to hear of it: then the recipient stays until the notification is in the queue itself (`notify.ts`),
 * so that a crash in between loses neither.
 */
import type { WriteTx } from '#kv/tx.ts'
import { putRecipient, removeIfDone } from './enqueue.ts'
import { noteResult } from './follow.ts'
import { nextAttempt, noticesDue, type Schedule } from './retry.ts'
import { type QueuedMessage, type QueuedRecipient, queuedRecipientTable, type QueueId } from './tables.ts'
import type { NotifyWord, PassedOn, RecipientResult } from './transport.ts'

/** Attempts that are kept with a recipient. */
const maxHistory = 10

export interface TriedRecipient {
  readonly n: number
  readonly address: string
}

/** RFC 3461 §4.1: without NOTIFY, failures and delays are told. */
export const wantsNotice = (recipient: Pick<QueuedRecipient, 'notify'>, word: NotifyWord): boolean =>
  recipient.notify === undefined ? word !== 'success' : recipient.notify.includes(word)

/** Nobody is told about a notification: that would go on for ever (RFC 5321 §6.1). */
const canNotify = (message: QueuedMessage): boolean => message.from !== ''

/**
 * In one commit, under the lock of whoever follows the message: `results` in the order of `recipients`, by their number in the message and the
 * address that was tried. A recipient that somebody removed meanwhile stays removed, and one that was sent
 * elsewhere is tried there. Returns when the first of these is due again.
 */
export async function recordResults(
  tx: WriteTx,
  job: {
    readonly id: QueueId
    readonly message: QueuedMessage
    readonly recipients: readonly TriedRecipient[]
  },
  results: readonly RecipientResult[],
  o: { readonly now: number; readonly schedule: Schedule },
): Promise<number | undefined> {
  let nextAt: number | undefined
  for (const [i, { n, address }] of job.recipients.entries()) {
    const before = await tx.get(queuedRecipientTable, job.id, n)
    const result = results[i]!
    const after = before?.address === address ? nextState(job.message, before, result, o) : before
    if (after !== undefined) nextAt = Math.min(nextAt ?? Infinity, after.dueAt)
    if (after === before) continue
    putRecipient(tx, job.id, n, before, after)
    await noteResult(tx, job, n, { queue: before!.queue, result, after })
  }
  await removeIfDone(tx, job.id)
  return nextAt
}

/** Undefined: nothing is left to do for it. */
export function nextState(
  message: QueuedMessage,
  before: QueuedRecipient,
  result: RecipientResult,
  { now, schedule }: { readonly now: number; readonly schedule: Schedule },
): QueuedRecipient | undefined {
  const tried: QueuedRecipient = {
    ...before,
    attempts: before.attempts + 1,
    history: [...before.history, result.attempt].slice(-maxHistory),
    ...(result.kind === 'delivered' ? {} : { status: result.status }),
  }
  if (result.kind === 'delivered') {
    return canNotify(message) && wantsToKnow(message, before, result, now)
      ? toReport(tried, before.queue === 'local' ? 'delivered' : 'relayed', now)
      : undefined
  }
  const isOver = result.kind === 'failed' || now >= before.expiresAt
  if (isOver) {
    const status = result.kind === 'failed' ? result.status : expiredStatus(message, now)
    return canNotify(message) && wantsNotice(before, 'failure')
      ? toReport({ ...tried, status }, 'failed', now)
      : undefined
  }
  const retryAt = Math.min(
    nextAttempt(schedule, tried.attempts, now, before.expiresAt),
    lateAt(message, now) ?? Infinity,
  )
  const late = isLate(message, now)
  const due = noticesDue(schedule, message.receivedAt, now) + (late ? 1 : 0)
  const waiting = { ...tried, notices: due, dueAt: retryAt }
  if (due <= before.notices || !canNotify(message) || !wantsNotice(before, 'delay')) return waiting
  // RFC 2852 §4.1.3.
  return { ...toReport(late ? { ...waiting, status: '4.4.7' } : waiting, 'delayed', now), retryAt }
}

/** Of a message that was delivered, or that another server has now. */
function wantsToKnow(
  { by }: QueuedMessage,
  before: QueuedRecipient,
  { passedOn, byPassedOn }: PassedOn,
  now: number,
): boolean {
  if (wantsNotice(before, 'success') && !passedOn) return true
  if (by === undefined || before.queue === 'local' || before.notify?.length === 0) return false
  // RFC 2852 §4.1.4 and §4.1.4.2: who traces it hears of each server, and anybody of one that does not know by when.
  return by.trace === true || (by.mode === 'notify' && !byPassedOn && now < by.at)
}

const toReport = (
  recipient: QueuedRecipient,
  report: NonNullable<QueuedRecipient['report']>,
  now: number,
): QueuedRecipient => ({ ...recipient, report, dueAt: now })

/** RFC 2852 §4: in mode N the sender hears that it was not in time, and it goes on. */
const isLate = ({ by }: QueuedMessage, now: number): boolean => by?.mode === 'notify' && now >= by.at

/** When the sender is to hear that: it is tried then, and told if that fails. */
const lateAt = ({ by }: QueuedMessage, now: number): number | undefined =>
  by?.mode === 'notify' && by.at > now ? by.at : undefined

/** RFC 3463 §3.5: delivery time expired. RFC 2852 §4.1.4.2: for good where the sender set the time. */
const expiredStatus = ({ by }: QueuedMessage, now: number): string =>
  by?.mode === 'return' && now >= by.at ? '5.4.7' : '4.4.7'

/** After its notification is in the queue. */
export function reported(before: QueuedRecipient): QueuedRecipient | undefined {
  if (before.report !== 'delayed') return undefined
  const { report: _, retryAt, ...rest } = before
  return { ...rest, dueAt: retryAt ?? before.dueAt }
}
