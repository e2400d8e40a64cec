/** EmailSubmission as JMAP shows it (RFC 8621 §7). */
import type { AccountId, MessageId } from '#base/id.ts'
import type { ReadTx } from '#kv/tx.ts'
import { messageBlob } from '#mail/client-blob.ts'
import { emailObjectId, identityObjectId, submissionObjectId, threadObjectId } from '#mail/object-id.ts'
import { recipientsOf, type Submission } from '#mail/submission/submission.ts'
import { messageTable } from '#mail/tables.ts'
import type { EnvelopeAddress, SubmissionEnvelope, SubmissionRecipientRow } from '#queue/submission-rows.ts'
import type { OpenAccount } from './accounts.ts'
import { blobIdText } from './blob-id.ts'
import { objectOf } from './dispatch.ts'
import { chosen, type JsonObject } from './value.ts'
import { utcDateOf } from '#base/utc-date.ts'

export const submissionProperties = [
  'id',
  'identityId',
  'emailId',
  'threadId',
  'envelope',
  'sendAt',
  'undoStatus',
  'deliveryStatus',
  'dsnBlobIds',
  'mdnBlobIds',
] as const

/** RFC 8620 §1.4: without a fraction that is zero. */

/** Rows are read only for properties that are asked for. */
export async function submissionObject(
  tx: ReadTx,
  account: OpenAccount,
  submission: Submission,
  properties: ReadonlySet<string>,
): Promise<JsonObject> {
  const { id, identity, email, thread, envelope, sendAt, undo, dsns = [], mdns = [] } = submission
  const prefix = account.idPrefix
  const reports = async (name: string, ids: readonly MessageId[]): Promise<readonly string[]> =>
    properties.has(name) ? reportBlobs(tx, account.id, ids) : []
  const all: JsonObject = {
    id: submissionObjectId(id, prefix),
    identityId: identityObjectId(identity, prefix),
    emailId: emailObjectId(email, prefix),
    threadId: threadObjectId(thread, prefix),
    envelope: envelopeObject(envelope),
    sendAt: utcDateOf(sendAt),
    undoStatus: undo,
    deliveryStatus: properties.has('deliveryStatus')
      ? statusObject(await recipientsOf(tx, account.id, id))
      : null,
    dsnBlobIds: await reports('dsnBlobIds', dsns),
    mdnBlobIds: await reports('mdnBlobIds', mdns),
  }
  return chosen(all, properties)
}

export const envelopeObject = ({ mailFrom, rcptTo }: SubmissionEnvelope): JsonObject => ({
  mailFrom: addressObject(mailFrom),
  rcptTo: rcptTo.map(addressObject),
})

const addressObject = ({ email, parameters }: EnvelopeAddress): JsonObject => ({
  email,
  parameters: parameters === null ? null : objectOf(Object.entries(parameters)),
})

export const statusObject = (recipients: readonly SubmissionRecipientRow[]): JsonObject =>
  objectOf(
    recipients.map(({ address, smtpReply, delivered, displayed }) => [
      address,
      { smtpReply, delivered, displayed: displayed === true ? 'yes' : 'unknown' },
    ]),
  )

/** Those that are still there: they are messages of the account like others. */
async function reportBlobs(
  tx: ReadTx,
  account: AccountId,
  ids: readonly MessageId[],
): Promise<readonly string[]> {
  const rows = await tx.getMany(
    messageTable,
    ids.map((id) => [account, id] as const),
  )
  return rows.flatMap((row, i) => (row === undefined ? [] : [blobIdText(messageBlob(account, ids[i]!, row))]))
}
