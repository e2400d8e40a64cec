/**
 * The mail transaction: what MAIL, RCPT and BDAT have gathered so far (RFC 5321 §3.3). It lives from MAIL to
 * the end of the data or to a reset, whichever comes first.
 */
import type { LineEndCheck } from '#message/line-ends.ts'
import type { MailParameters } from '#queue/envelope-parameters.ts'
import type { Path } from '#message/path.ts'
import type { Intake } from './intake.ts'
import type { Refusal } from './stages/stage.ts'
import type { Verification } from './verification.ts'
import type { Vouching } from './vouching.ts'
import type { Recipient } from './recipient.ts'

/** What MAIL said. */
export interface Envelope extends MailParameters {
  readonly from: Path
  /** Whether addresses and header fields may be UTF-8 (RFC 6531 §3.4). */
  readonly isUtf8: boolean
  /** As declared with SIZE (RFC 1870 §6); 0 where it was not. */
  readonly declaredBytes: number
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
  /** Known once the header is complete. */
  authorRefusal: Refusal | undefined
  /** From the first BDAT on; `failed` after one that was refused, until a reset. */
  chunks: Chunks | 'failed' | undefined
}
