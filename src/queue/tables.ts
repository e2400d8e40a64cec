/**
 * The rows of mail that waits: one for each message, one for each of its recipients that is not done, and one
 * for each of these under the time when it is due. The letters `o q v y` of global keys are this folder's.
 *
 * What must always hold: a message is there as long as one of its recipients is, and owns a link to its bytes;
 * each recipient has exactly one due row, under the queue and time that its own row says.
 */
import type { AccountId, BlobHash, Branded } from '#base/id.ts'
import { json, nothing } from '#kv/codec.ts'
import { text, u32, u48 } from '#kv/key.ts'
import { globalTable } from '#kv/table.ts'
import type { AddedFields } from '#message/added-fields.ts'
import type { Attempt, DeliverBy, NotifyWord } from './transport.ts'

/** Rises with time, so that lists are in the order of arrival. Below 2^48. */
export type QueueId = Branded<number, 'QueueId'>

export interface QueuedMessage {
  readonly blob: BlobHash
  /** Of the blob. */
  readonly sizeBytes: number
  /** What goes in front of the blob: Received, and fields that were missing. */
  readonly before: string
  /** What of `before` belongs to the message itself. */
  readonly added: AddedFields
  readonly is8bit: boolean
  readonly needsUtf8: boolean
  /** The reverse-path; empty for a notification. */
  readonly from: string
  readonly ret?: 'full' | 'headers'
  readonly envelopeId?: string
  /** `submitted` by an account of ours, `received` from outside, or a notification or a report of our own. */
  readonly source: 'submitted' | 'received' | 'dsn' | 'report'
  /** Who submitted it; 0: nobody. */
  readonly account: AccountId
  /** The account that follows it: its submission of the same id (`submission-rows.ts`). */
  readonly submission?: AccountId
  /** Milliseconds. */
  readonly receivedAt: number
  /** Not before, where the sender asked for it (RFC 4865). Milliseconds, 0 otherwise. */
  readonly heldUntil: number
  /** As it was asked: `for;3600`. */
  readonly hold?: string
  readonly by?: DeliverBy
}

export interface QueuedRecipient {
  readonly address: string
  readonly originalRecipient?: string
  readonly notify?: readonly NotifyWord[]
  /** The virtual queue and the time under which it is due. */
  readonly queue: string
  readonly dueAt: number
  readonly expiresAt: number
  readonly attempts: number
  /** How many delay notices were due so far, whether sent or not. */
  readonly notices: number
  /** The last ones, newest last. */
  readonly history: readonly Attempt[]
  /** RFC 3463, of the last attempt. */
  readonly status?: string
  /**
   * The sender is to be told before anything else happens. After `failed`, `delivered` and `relayed` (to a server
   * that does not notify) the recipient is done; after `delayed` it is tried again at `retryAt`.
   */
  readonly report?: 'failed' | 'delivered' | 'relayed' | 'delayed'
  readonly retryAt?: number
}

/** That nothing is begun. */
export interface Paused {
  /** Milliseconds. */
  readonly at: number
  /** Who paused it. */
  readonly by: string
}

export const queuedMessageTable = globalTable({
  name: 'queued-message',
  letter: 'q',
  key: [u48<QueueId>()],
  value: json<QueuedMessage>(),
})

/** Message, and the recipient's number in it. */
export const queuedRecipientTable = globalTable({
  name: 'queued-recipient',
  letter: 'y',
  key: [u48<QueueId>(), u32()],
  value: json<QueuedRecipient>(),
})

/** Virtual queue, milliseconds, message, number of the recipient. */
export const dueTable = globalTable({
  name: 'queue-due',
  letter: 'o',
  key: [text(), u48(), u48<QueueId>(), u32()],
  value: nothing,
})

/** There while nothing is begun. */
export const queuePausedTable = globalTable({
  name: 'queue-paused',
  letter: 'v',
  key: [],
  value: json<Paused>(),
})

export const queueIdText = (id: QueueId): string => id.toString(36)

export function readQueueId(given: string): QueueId | undefined {
  const id = /^[0-9a-z]{1,10}$/.test(given) ? Number.parseInt(given, 36) : 0
  return id > 0 && id < 2 ** 48 ? (id as QueueId) : undefined
}
