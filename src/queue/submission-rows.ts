/**
 * What an account keeps of a message that it sends and follows (RFC 8621 §7): one row for the submission and one
 * for each of its recipients, under the id that the message has in the queue. They outlive the queue's own rows.
 * The letter `q` of account keys is theirs.
 */
import type { Branded, MessageId, ThreadId } from '#base/id.ts'
import { json } from '#kv/codec.ts'
import { u32, u48 } from '#kv/key.ts'
import { accountTable } from '#kv/table.ts'
import type { QueueId } from './tables.ts'

/** Unique in its account, never reused. */
export type IdentityId = Branded<number, 'IdentityId'>

export interface EnvelopeAddress {
  readonly email: string
  /** By name; null where a parameter takes no value. */
  readonly parameters: Readonly<Record<string, string | null>> | null
}

/** As the client gave it, or as it was made from the header. */
export interface SubmissionEnvelope {
  readonly mailFrom: EnvelopeAddress
  readonly rcptTo: readonly EnvelopeAddress[]
}

type UndoStatus = 'pending' | 'final' | 'canceled'

export interface SubmissionRow {
  readonly identity: IdentityId
  readonly email: MessageId
  readonly thread: ThreadId
  readonly envelope: SubmissionEnvelope
  /** Milliseconds. */
  readonly sendAt: number
  readonly undo: UndoStatus
  /** Of what was sent, without brackets: others name it in what they report. */
  readonly messageId?: string
  /** Messages of the account that report on it, oldest first: delivery status notifications, and what says that it was shown. */
  readonly dsns?: readonly MessageId[]
  readonly mdns?: readonly MessageId[]
}

export const submissionTable = accountTable({
  name: 'submission',
  letter: 'q',
  key: [u48<QueueId>()],
  kind: 0,
  value: json<SubmissionRow>(),
})

export type Delivered = 'queued' | 'yes' | 'no' | 'unknown'

export interface SubmissionRecipientRow {
  /** As it stands in the envelope, whoever gets the message in the end. */
  readonly address: string
  readonly delivered: Delivered
  readonly smtpReply: string
  readonly displayed?: true
  /**
   * An attempt was begun and has not ended: it cannot be known whether somebody has the message. After a crash it
   * stays so until the next attempt ends.
   */
  readonly isTrying?: true
}

/** By the recipient's number in the queued message. */
export const submissionRecipientTable = accountTable({
  name: 'submission-recipient',
  letter: 'q',
  key: [u48<QueueId>(), u32()],
  kind: 1,
  value: json<SubmissionRecipientRow>(),
})
