/**
 * Delivery to a local account: think first, then write.
 *
 * `planDelivery` decides what becomes of a message for one recipient, and may ask and wait; `applyDelivery`
 * only reads and writes rows, inside the one commit that stands behind the reply to the sender. A plan is
 * plain data and may be applied again after a conflict.
 */
import { empty } from '#base/bytes.ts'
import { type Fault, isFault } from '#base/fault.ts'
import type { AccountId, MailboxId } from '#base/id.ts'
import type { Staged } from '#kv/backend.ts'
import type { WriteTx } from '#kv/tx.ts'
import type { MessageStructure } from '#message/structure.ts'
import { type Ingested, ingest } from './ingest.ts'
import type { MailLimits } from './limits.ts'
import { inboxId, listMailboxes } from './mailbox.ts'
import type { MailboxRole } from './mailbox-row.ts'
import { isReport, scheduleReport } from './submission/reports.ts'
import { type PreparedMessage, prepareMessage, withPrefix } from './prepare.ts'

/** A message that has been received whole and is not yet anybody's. */
export interface IncomingMessage {
  readonly staged: Staged
  /** Of the staged bytes. */
  readonly structure: MessageStructure
  /** The reverse-path, empty for a bounce. */
  readonly envelopeFrom: string
  /** The header fields that go before the message for this recipient: Return-Path, Delivered-To, Received. */
  prefixFor(recipientAddress: string): Uint8Array
  /** Milliseconds. */
  readonly receivedAt: number
  /** It was taken, but is not to stand among what people read: it goes to Junk Mail, or where there is none to the Inbox. */
  readonly isJunk?: boolean
}

export interface Recipient {
  readonly id: AccountId
  /** As in RCPT. */
  readonly address: string
  readonly limits: MailLimits
}

/** `file`: into the mailbox with this role, or the Inbox where there is none. */
type DeliveryAction = {
  readonly kind: 'file'
  readonly into: MailboxRole
  readonly keywords: readonly string[]
}

export interface DeliveryPlan {
  readonly recipient: Recipient
  readonly message: PreparedMessage
  readonly actions: readonly DeliveryAction[]
  /** It reports on a message that somebody sent. */
  readonly isReport: boolean
}

export type RecipientOutcome =
  | ({ readonly kind: 'delivered'; readonly mailbox: MailboxId } & Ingested)
  | { readonly kind: 'overQuota'; readonly limit: number }
  | { readonly kind: 'refused'; readonly fault: Fault }

/** What becomes of a message for one recipient. */
export async function planDelivery(message: IncomingMessage, recipient: Recipient): Promise<DeliveryPlan> {
  return planFor(message, shared(message), recipient)
}

/** The same for many recipients, with what they share computed once. */
export async function planDeliveries(
  message: IncomingMessage,
  recipients: readonly Recipient[],
): Promise<readonly DeliveryPlan[]> {
  const prepared = shared(message)
  return recipients.map((recipient) => planFor(message, prepared, recipient))
}

/** What is the same for all recipients; each has header fields of its own before it. */
const shared = ({ staged, structure, receivedAt }: IncomingMessage): PreparedMessage =>
  prepareMessage({ staged, structure, receivedAt, prefix: empty })

const toInbox: DeliveryAction = { kind: 'file', into: 'inbox', keywords: [] }
const toJunk: DeliveryAction = { kind: 'file', into: 'junk', keywords: ['$junk'] }

function planFor(message: IncomingMessage, prepared: PreparedMessage, recipient: Recipient): DeliveryPlan {
  return {
    recipient,
    message: withPrefix(prepared, message.prefixFor(recipient.address)),
    actions: [message.isJunk === true ? toJunk : toInbox],
    isReport: isReport(message.structure),
  }
}

/**
 * Carries a plan out; the account must be locked by the write. A refusal leaves nothing of this plan behind,
 * and does not touch what else the write does. Anything but a Fault is thrown.
 */
export async function applyDelivery(tx: WriteTx, plan: DeliveryPlan): Promise<RecipientOutcome> {
  const outcome = await tx.attempt(() => applyActions(tx, plan))
  if (!isFault(outcome)) return outcome
  if (isFault(outcome, 'overQuota')) return { kind: 'overQuota', limit: outcome.detail.limit }
  return { kind: 'refused', fault: outcome }
}

async function applyActions(tx: WriteTx, plan: DeliveryPlan): Promise<RecipientOutcome> {
  const { recipient, message } = plan
  let outcome: RecipientOutcome | undefined
  for (const action of plan.actions) {
    const mailbox = await mailboxFor(tx, recipient.id, action.into)
    const ingested = await ingest(tx, recipient.id, message, {
      mailbox,
      keywords: action.keywords,
      savedAt: message.receivedAt,
      limits: recipient.limits,
    })
    outcome ??= { kind: 'delivered', mailbox, ...ingested }
  }
  if (outcome?.kind !== 'delivered') throw new Error('a delivery plan without an action')
  if (plan.isReport)
    await scheduleReport(tx, { account: recipient.id, message: outcome.id }, message.receivedAt)
  return outcome
}

async function mailboxFor(tx: WriteTx, account: AccountId, role: MailboxRole): Promise<MailboxId> {
  if (role === 'inbox') return inboxId
  const all = await listMailboxes(tx, account)
  return all.find((mailbox) => mailbox.role === role)?.id ?? inboxId
}
