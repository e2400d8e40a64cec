/** A message that came in whole and passed the checks: what is delivered and queued. */
import type { AccountId } from '#base/id.ts'
import type { Staged } from '#kv/backend.ts'
import type { MessageStructure } from '#message/structure.ts'
import type { QueuedMessage } from '#queue/tables.ts'
import type { ReportAnalysis } from '#report/incoming.ts'
import type { Trace } from './trace.ts'

/** A complete message, with what the server puts in front of it. */
export interface AcceptedMessage {
  /** As its Received field and the log have it. */
  readonly id: string
  readonly staged: Staged
  readonly structure: MessageStructure
  readonly envelopeFrom: string
  readonly receivedAt: number
  readonly trace: Trace
  readonly isJunk: boolean
  /** It is a report for those who run the server, and is read after it was accepted. */
  readonly report: ReportAnalysis | undefined
  /** What the queue has to know where it takes a part in it. */
  readonly outgoing: Outgoing
}

/** Of a message that was accepted: what matters on its way to others. */
export interface Outgoing {
  /** Who submitted it; 0: nobody. */
  readonly account: AccountId
  readonly is8bit: boolean
  readonly needsUtf8: boolean
  readonly ret?: 'full' | 'headers'
  readonly envelopeId?: string
  /** Milliseconds; 0: at once. */
  readonly heldUntil: number
  readonly hold?: string
  readonly by?: QueuedMessage['by']
  /** Fields that vouch for it to others, each ended with CRLF. */
  readonly signatures: string
}

/** Nobody is to get it yet (RFC 4865). */
export const isHeld = ({ outgoing, receivedAt }: AcceptedMessage): boolean => outgoing.heldUntil > receivedAt
