/**
 * EmailSubmission objects (RFC 8621 §7): what an account has sent and sends, and what became of it. The queue keeps
 * their rows true in its own commits (`queue/follow.ts`); here they are made, canceled and removed.
 *
 * What must always hold: a submission is made in the commit that puts its message into the queue. One is canceled
 * only while nobody can have the message, in the commit that takes it out of the queue. Removing one changes
 * nothing about the message.
 */
import { Fault } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import { enqueueAs, type NewRecipient, newQueueId, putRecipient, removeIfDone } from '#queue/enqueue.ts'
import { isOver } from '#queue/queue-edit.ts'
import { scheduleOf } from '#queue/settings.ts'
import {
  submissionRecipientTable,
  type SubmissionRow,
  submissionTable,
  type SubmissionRecipientRow,
} from '#queue/submission-rows.ts'
import { queuedRecipientTable, type QueueId, queueIdText } from '#queue/tables.ts'
import type { Settings } from '#settings/object.ts'
import type { PreparedSubmission } from './prepare.ts'
import { countOutgoing, type OutgoingOptions, receivedHere } from './outgoing.ts'
import { SubmissionRefusal } from './refusal.ts'
import { messageTable } from '../tables.ts'

/** RFC 8621 §7: the server may remove what is long over. */
const keptMs = 30 * 86_400_000
const removedAtOnce = 4

/** RFC 3461 §4.4: others name the submission by it in what they report. */
const envelopeIdOf = (id: QueueId): string => `S${queueIdText(id)}`

/**
 * Returns its id. Throws SubmissionRefusal, Fault `rateLimited`, and `notFound` where the message is gone since it
 * was looked at. The account and that of the sender must be locked.
 */
export async function createSubmission(
  tx: WriteTx,
  prepared: PreparedSubmission,
  o: OutgoingOptions,
): Promise<QueueId> {
  const { request, parameters, recipients, at } = prepared
  const { account, access, email } = request
  if ((await tx.get(messageTable, account, email)) === undefined)
    throw new Fault('notFound', 'no such message', { what: 'message' })
  await countOutgoing(tx, access.account, recipients, { settings: o.settings, now: at })
  let id = await newQueueId(tx, o.ids, at)
  // What is out of the queue may have a submission still.
  while ((await tx.get(submissionTable, account, id)) !== undefined) id = await newQueueId(tx, o.ids, at)
  const received = receivedHere(o.hostname, id, at)
  const { heldUntil, hold, ret, by } = parameters
  await enqueueAs(
    tx,
    id,
    prepared.content.bytes,
    {
      from: prepared.from,
      before: prepared.content.signatures + received + prepared.fields,
      added: prepared.added,
      is8bit: prepared.content.is8bit,
      needsUtf8: prepared.needsUtf8,
      source: 'submitted',
      account: access.account,
      submission: account,
      receivedAt: at,
      heldUntil,
      // RFC 8621 §7: in place of one that the client gave.
      envelopeId: envelopeIdOf(id),
      ...(ret === undefined ? {} : { ret }),
      ...(by === undefined ? {} : { by }),
      ...(hold === undefined ? {} : { hold }),
    },
    recipients.map((one) => waiting(prepared, one, o.settings)),
  )
  putRows(tx, id, prepared)
  await removeOld(tx, account, at)
  return id
}

function waiting(
  { parameters: { heldUntil, by }, at }: PreparedSubmission,
  { outbound, queue }: PreparedSubmission['recipients'][number],
  settings: Pick<Settings, 'each'>,
): NewRecipient {
  const last = Math.max(at, heldUntil) + scheduleOf(settings, queue).expireMs
  return { ...outbound, queue, expiresAt: by?.mode === 'return' ? Math.min(last, by.at) : last }
}

function putRows(tx: WriteTx, id: QueueId, prepared: PreparedSubmission): void {
  const { request, row, envelope, parameters, recipients, messageId, at } = prepared
  const { account, email, identity } = request
  tx.put(submissionTable, [account, id], {
    identity: identity.id,
    email,
    thread: row.thread,
    envelope,
    sendAt: Math.max(at, parameters.heldUntil),
    undo: 'pending',
    ...(messageId === undefined ? {} : { messageId }),
  })
  for (const [n, { email: address }] of recipients.entries())
    tx.put(submissionRecipientTable, [account, id, n], {
      address,
      delivered: 'queued',
      smtpReply: '250 2.0.0 The message waits to be sent',
    })
  tx.changed(account, 'EmailSubmission', id, 'created')
}

/** As many of those that are long over as keep the rows from growing for ever. */
async function removeOld(tx: WriteTx, account: AccountId, now: number): Promise<void> {
  const oldest = await tx.list(submissionTable, [account], { limit: removedAtOnce })
  for (const [[, id], { undo, sendAt }] of oldest)
    if (undo !== 'pending' && sendAt < now - keptMs) await removeRows(tx, account, id)
}

/** Throws Fault `notFound` and SubmissionRefusal `cannotUnsend`. The account must be locked. */
export async function cancelSubmission(tx: WriteTx, account: AccountId, id: QueueId): Promise<void> {
  const row = await tx.get(submissionTable, account, id)
  if (row === undefined) throw noSubmission()
  if (row.undo === 'canceled') return
  const recipients = await recipientsOf(tx, account, id)
  if (row.undo === 'final' || recipients.some(({ isTrying }) => isTrying === true))
    throw new SubmissionRefusal('cannotUnsend', 'The message is on its way.')
  for (const [[, n]] of await tx.list(queuedRecipientTable, [id])) {
    const waits = await tx.get(queuedRecipientTable, id, n)
    // That one of them failed is told all the same.
    if (waits !== undefined && !isOver(waits)) putRecipient(tx, id, n, waits, undefined)
  }
  await removeIfDone(tx, id)
  tx.put(submissionTable, [account, id], { ...row, undo: 'canceled' })
  for (const [n, one] of recipients.entries())
    if (one.delivered === 'queued')
      tx.put(submissionRecipientTable, [account, id, n], {
        ...one,
        delivered: 'no',
        smtpReply: '550 5.0.0 The message was canceled by its sender',
      })
  tx.changed(account, 'EmailSubmission', id, 'updated')
}

/** Throws Fault `notFound`. The account must be locked. */
export async function destroySubmission(tx: WriteTx, account: AccountId, id: QueueId): Promise<void> {
  if ((await tx.get(submissionTable, account, id)) === undefined) throw noSubmission()
  await removeRows(tx, account, id)
}

async function removeRows(tx: WriteTx, account: AccountId, id: QueueId): Promise<void> {
  const recipients = await recipientsOf(tx, account, id)
  for (const n of recipients.keys()) tx.delete(submissionRecipientTable, [account, id, n])
  tx.delete(submissionTable, [account, id])
  tx.changed(account, 'EmailSubmission', id, 'destroyed')
}

const noSubmission = (): Fault => new Fault('notFound', 'no such submission', { what: 'submission' })

/** By their numbers, which have no gaps. */
export async function recipientsOf(
  tx: ReadTx,
  account: AccountId,
  id: QueueId,
): Promise<readonly SubmissionRecipientRow[]> {
  const rows = await tx.list(submissionRecipientTable, [account, id])
  return rows.map(([, row]) => row)
}

export interface Submission extends SubmissionRow {
  readonly id: QueueId
}

/** In the order in which they were made. */
export async function listSubmissions(
  tx: ReadTx,
  account: AccountId,
  limit = Number.POSITIVE_INFINITY,
): Promise<readonly Submission[]> {
  const rows = await tx.list(submissionTable, [account], { limit })
  return rows.map(([[, id], row]) => ({ id, ...row }))
}

export async function readSubmission(
  tx: ReadTx,
  account: AccountId,
  id: QueueId,
): Promise<Submission | undefined> {
  const row = await tx.get(submissionTable, account, id)
  return row && { id, ...row }
}
