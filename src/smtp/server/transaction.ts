/**
 * The mail transaction: what MAIL, RCPT and BDAT have gathered so far (RFC 5321 §3.3). It lives from MAIL to
 * the end of the data or to a reset, whichever comes first.
 */
import type { Account } from '#account/account.ts'
import type { ListMembers } from '#account/list-expansion.ts'
import type { LineEndCheck } from '#message/line-ends.ts'
import type { MailParameters, RecipientParameters } from '#queue/envelope-parameters.ts'
import type { Path } from '#message/path.ts'
import type { Intake } from './intake.ts'
import type { Verification } from './verification.ts'
import type { Vouching } from './vouching.ts'

/** What MAIL said. */
export interface Envelope extends MailParameters {
  readonly from: Path
  /** Whether addresses and header fields may be UTF-8 (RFC 6531 §3.4). */
  readonly isUtf8: boolean
  /** As declared with SIZE (RFC 1870 §6); 0 where it was not. */
  readonly declaredBytes: number
}

/** A local recipient that was accepted. */
export type Recipient = MailboxRecipient | ListRecipient | RemoteRecipient

/** On another server. */
export interface RemoteRecipient extends RecipientParameters {
  readonly kind: 'remote'
  readonly address: string
  /** Who hears of it when it cannot be reached, where that is not the sender: it is on a list of this owner. */
  readonly returnTo?: string
}

export interface ListRecipient extends RecipientParameters {
  readonly kind: 'list'
  readonly members: ListMembers
  readonly address: string
  /** RFC 5321 §3.9.2: the sender is not told of members that cannot be reached; they are the list's. */
  readonly owner: string
}

export interface MailboxRecipient extends RecipientParameters {
  readonly kind: 'mailbox'
  readonly account: Account
  /** As the client gave it, its domain normalised. */
  readonly address: string
  /** What stands behind the `+`, where that is how the account was found. */
  readonly detail?: string
  /** It came by way of a list: the sender cannot be told that one of many is full, so it is not. */
  readonly ofList?: true
}

/** The message while it comes in chunks (RFC 3030 §2). */
export interface Chunks {
  readonly intake: Intake
  readonly lineEnds: LineEndCheck
}

export interface Transaction {
  readonly envelope: Envelope
  /** In the order of the RCPT commands, with repetitions: LMTP answers each (RFC 2033 §4.2). */
  readonly recipients: Recipient[]
  /** Of a message from another server: what is found out about where it comes from. */
  readonly verification: Verification | undefined
  /** Of what goes to others; from the first byte of data on. */
  vouching: Vouching | undefined
  /** From the first BDAT on; `failed` after one that was refused, until a reset. */
  chunks: Chunks | 'failed' | undefined
}
