/**
 * What carries a queued message to where it goes. The queue knows when and to whom; a transport knows how:
 * `smtp/client` reaches other servers, `mail` the mailboxes of this one. `server/boot.ts` brings them together.
 *
 * What must always hold: there is one result for each recipient of a job; `delivered` is said only after the
 * other side has taken the responsibility, and never for a message that it may not have whole.
 */
import type { AccountId } from '#base/id.ts'
import type { WriteTx } from '#kv/tx.ts'
import type { AddedFields } from '#message/added-fields.ts'

/** RFC 3461 §4.1. */
export const notifyWords = ['success', 'failure', 'delay'] as const
export type NotifyWord = (typeof notifyWords)[number]

export interface OutboundRecipient {
  /** As it was given, its domain normalised. */
  readonly address: string
  /** RFC 3461 §4.2: `rfc822;bob@example.net`, decoded, but for the type utf-8 (`#message/unitext.ts`). */
  readonly originalRecipient?: string
  /** RFC 3461 §4.1; none: never. Absent: the sender said nothing. */
  readonly notify?: readonly NotifyWord[]
}

export interface OutboundMessage {
  /** All bytes that are sent, before dot-stuffing. */
  readonly sizeBytes: number
  /** As many times as it takes; each time from the beginning. Throws UnreadableMessage. */
  read(): AsyncIterable<Uint8Array>
  /** Bytes above 127 in it, so that RFC 6152 is needed. */
  readonly is8bit: boolean
  /** A header or an address of the envelope has more than ASCII: RFC 6531 is needed. */
  readonly needsUtf8: boolean
}

/** Where a job goes. Jobs with the same key may share connections, and wait for each other's. */
export interface Destination {
  /** `local`, a domain, or `relay <name>`. */
  readonly key: string
  readonly route: Route
}

type Route =
  | { readonly kind: 'local' }
  | { readonly kind: 'mx'; readonly domain: string }
  | ({ readonly kind: 'relay' } & Relay)

export interface Relay {
  readonly name: string
  readonly address: string
  readonly port: number
  readonly protocol: 'smtp' | 'lmtp'
  readonly implicitTls: boolean
  readonly allowInvalidCerts: boolean
  readonly username?: string
  /** Reveals the password; never logged. */
  readonly secret?: () => string
}

export interface Job {
  /** Of the queued message: names it in logs and replies. */
  readonly id: string
  readonly destination: Destination
  /** The reverse-path; empty for a notification. */
  readonly from: string
  readonly recipients: readonly OutboundRecipient[]
  readonly message: OutboundMessage
  /** RFC 3461 §4.3 and §4.4. */
  readonly ret?: 'full' | 'headers'
  readonly envelopeId?: string
  readonly by?: DeliverBy
}

/** RFC 2852: by when, and what then: return it, or notify only. */
export interface DeliverBy {
  /** Milliseconds. */
  readonly at: number
  readonly mode: 'return' | 'notify'
  /** The sender hears of each server on the way. */
  readonly trace?: true
}

/** What is known of one try to reach a server, for administrators and for notifications. */
export interface Attempt {
  /** Milliseconds. */
  readonly at: number
  readonly elapsedMs: number
  /** The name and address of the server; absent where none was found. */
  readonly host?: string
  readonly ip?: string
  /** `TLSv1.3 TLS_AES_256_GCM_SHA384 verified`; absent in clear. */
  readonly tls?: string
  /** What was said last: `RCPT TO:<bob@example.net>`, `connect`, `MX example.net`. */
  readonly step: string
  /** The server's reply on one line, or what went wrong. */
  readonly said: string
}

/** What the server that has it now was told of the sender's wishes. */
export interface PassedOn {
  /** It notifies the sender itself (RFC 3461 §5.2.2). */
  readonly passedOn: boolean
  /** It knows by when (RFC 2852 §4.1.4), where the sender said that. */
  readonly byPassedOn: boolean
}

export type RecipientResult =
  | ({
      readonly kind: 'delivered'
      readonly attempt: Attempt
      /** What the server said to the recipient, before it had the message. */
      readonly rcptSaid?: string
    } & PassedOn)
  | {
      /** `delayed`: to be tried again. `failed`: never. */
      readonly kind: 'delayed' | 'failed'
      readonly attempt: Attempt
      /** RFC 3463: `4.4.1`. */
      readonly status: string
      /** Nobody at this destination can be reached now: others need not try at once. */
      readonly unreachable?: true
      /** The other side went away before it said whether it has the message. */
      readonly mayHaveIt?: true
    }

/** The bytes of a message are not to be had: what is stored here is damaged. A transport says `unreadable` then. */
export class UnreadableMessage extends Error {}

/** What is said of recipients whose message cannot be read: a repair of the store may bring it back. */
export const unreadable = {
  kind: 'delayed',
  step: 'reading the message',
  // RFC 3463 §3.4: something about the system.
  status: '4.3.0',
  said: 'this server cannot read the message, which was stored here',
} as const

export interface Transport {
  /** One result for each recipient, in their order. Rejects only for a defect or when the signal is aborted. */
  deliver(job: Job, signal: AbortSignal): Promise<readonly RecipientResult[]>
}

/** What one step of a probe found, in words for people. */
export interface ProbeStep {
  /** `MX`, `connect`, `EHLO`, `RCPT`, ... */
  readonly step: string
  /** `note`: worth knowing, and mail goes all the same. `problem`: mail does not get past this. */
  readonly result: 'ok' | 'note' | 'problem'
  readonly said: string
  /** What to do about it. */
  readonly advice?: string
}

/** Goes the way that mail would, up to the recipient, and sends none. */
export interface Prober {
  /** True where the recipient was accepted. Rejects only for a defect or when the signal is aborted. */
  probe(
    destination: Destination,
    envelope: { readonly from: string; readonly to: string },
    o: { readonly signal: AbortSignal; readonly tell: (step: ProbeStep) => void },
  ): Promise<boolean>
}

/** Delivers in the commit that also ends the queue's rows, so that a crash cannot deliver twice. */
export interface LocalTransport {
  /** `finish` is called in that commit with the results. */
  deliver(
    job: LocalJob,
    finish: (tx: WriteTx, results: readonly RecipientResult[]) => Promise<void>,
  ): Promise<void>
}

export interface LocalJob extends Job {
  readonly receivedAt: number
  /** What stands between Return-Path and the message. */
  readonly before: string
  /** What stands behind `before`. Throws UnreadableMessage. */
  content(): AsyncIterable<Uint8Array>
  readonly added: AddedFields
  /** Accounts whose rows `finish` touches. */
  readonly locks: readonly AccountId[]
}
