/**
 * Keeps the rows of a submission as the queue's own are: in the commits that change these, under the lock of the
 * account that follows the message (`QueuedMessage.submission`).
 *
 * What must always hold: before any attempt on a followed recipient begins it is durable that one does, so that
 * whoever cancels knows that nobody has the message (RFC 8621 §7); and of an attempt that did not begin because
 * somebody canceled, nothing goes out.
 */
import type { AccountId } from '#base/id.ts'
import type { Db } from '#kv/db.ts'
import type { WriteTx } from '#kv/tx.ts'
import { isReply } from './notice-text.ts'
import {
  type Delivered,
  type SubmissionRecipientRow,
  submissionRecipientTable,
  submissionTable,
} from './submission-rows.ts'
import {
  type QueuedMessage,
  queuedMessageTable,
  type QueuedRecipient,
  queuedRecipientTable,
  type QueueId,
} from './tables.ts'
import type { RecipientResult } from './transport.ts'

/** Who has to be locked where recipients of these messages change. */
export async function followersOf(db: Db, ids: Iterable<QueueId>): Promise<readonly AccountId[]> {
  const keys = [...new Set(ids)].map((id) => [id] as const)
  if (keys.length === 0) return []
  const messages = await db.read((tx) => tx.getMany(queuedMessageTable, keys))
  const accounts = messages.map((message) => message?.submission)
  return [...new Set(accounts.filter((account) => account !== undefined))]
}

export const followers = ({ submission }: Pick<QueuedMessage, 'submission'>): readonly AccountId[] =>
  submission === undefined ? [] : [submission]

/**
 * Whether each is still to be tried; those that are count as tried from this commit on. Where an attempt before has
 * no end, somebody may have the message since then.
 */
export async function beginAttempt(
  tx: WriteTx,
  account: AccountId,
  id: QueueId,
  numbers: readonly number[],
): Promise<readonly boolean[]> {
  const waits: boolean[] = []
  for (const n of numbers) {
    const isThere = (await tx.get(queuedRecipientTable, id, n)) !== undefined
    waits.push(isThere)
    const row = isThere ? await tx.get(submissionRecipientTable, account, id, n) : undefined
    if (row?.isTrying === true) {
      if (await endUndo(tx, account, id)) tx.changed(account, 'EmailSubmission', id, 'updated')
    } else if (row !== undefined)
      tx.put(submissionRecipientTable, [account, id, n], { ...row, isTrying: true })
  }
  return waits
}

/** Of an attempt: `after` is what it has made of the recipient's row. */
export async function noteResult(
  tx: WriteTx,
  { id, message }: { readonly id: QueueId; readonly message: Pick<QueuedMessage, 'submission'> },
  n: number,
  o: {
    readonly queue: string
    readonly result: RecipientResult
    readonly after: QueuedRecipient | undefined
  },
): Promise<void> {
  const { result, after, queue } = o
  const mayHaveIt = result.kind === 'delivered' || result.mayHaveIt === true
  const now = { delivered: deliveredOf(result, after, queue), smtpReply: smtpReplyOf(result), mayHaveIt }
  await note(tx, message.submission, id, n, now)
}

/** Somebody took it out of the queue. */
export const noteRemoval = (
  tx: WriteTx,
  { id, message }: { readonly id: QueueId; readonly message: Pick<QueuedMessage, 'submission'> },
  n: number,
  smtpReply: string,
): Promise<void> => note(tx, message.submission, id, n, { delivered: 'no', smtpReply, mayHaveIt: false })

interface News {
  readonly delivered: Delivered
  readonly smtpReply: string
  /** Somebody has the message, or nobody knows whether. */
  readonly mayHaveIt: boolean
}

async function note(
  tx: WriteTx,
  account: AccountId | undefined,
  id: QueueId,
  n: number,
  { delivered, smtpReply, mayHaveIt }: News,
): Promise<void> {
  const before = account === undefined ? undefined : await tx.get(submissionRecipientTable, account, id, n)
  if (account === undefined || before === undefined) return
  const { isTrying: _, ...rest } = before
  const after: SubmissionRecipientRow = { ...rest, delivered, smtpReply }
  tx.put(submissionRecipientTable, [account, id, n], after)
  const isOver = mayHaveIt || (delivered !== 'queued' && !(await isAwaited(tx, account, id)))
  const isFinal = isOver && (await endUndo(tx, account, id))
  if (isFinal || before.delivered !== delivered || before.smtpReply !== smtpReply)
    tx.changed(account, 'EmailSubmission', id, 'updated')
}

/** Whether any of its recipients waits. */
async function isAwaited(tx: WriteTx, account: AccountId, id: QueueId): Promise<boolean> {
  const all = await tx.list(submissionRecipientTable, [account, id])
  return all.some(([, { delivered }]) => delivered === 'queued')
}

/** It cannot be unsent any more. True where it could before. */
async function endUndo(tx: WriteTx, account: AccountId, id: QueueId): Promise<boolean> {
  const row = await tx.get(submissionTable, account, id)
  if (row?.undo !== 'pending') return false
  tx.put(submissionTable, [account, id], { ...row, undo: 'final' })
  return true
}

function deliveredOf(result: RecipientResult, after: QueuedRecipient | undefined, queue: string): Delivered {
  // RFC 8621 §7: who relayed it does not know whether it has arrived.
  if (result.kind === 'delivered') return queue === 'local' ? 'yes' : 'unknown'
  return after === undefined || after.report === 'failed' ? 'no' : 'queued'
}

/** RFC 8621 §7: what a server said, to RCPT where it has taken the message; or a text of the same form. */
function smtpReplyOf(result: RecipientResult): string {
  const said = (result.kind === 'delivered' ? result.rcptSaid : undefined) ?? result.attempt.said
  if (isReply(said)) return said
  if (result.kind === 'delivered') return `250 2.1.5 ${said}`
  return `${result.status.startsWith('4') ? '451' : '550'} ${result.status} ${said}`
}
