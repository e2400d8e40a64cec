/**
 * What a command is, and what it may ask of its session. `session.ts` implements SmtpSession; the commands
 * know no more of the protocol's state than stands here.
 */
import type { AccessWatch } from '#account/access-watch.ts'
import type { Access } from '#account/access.ts'
import type { ListMembers } from '#account/list-expansion.ts'
import type { Resolution, StoredList } from '#account/lookup.ts'
import type { SaslSignIn } from '#account/sasl/mechanism.ts'
import type { SaslMechanisms } from '#account/sasl/mechanisms.ts'
import type { Cursor } from '#base/cursor.ts'
import type { Maybe } from '#base/maybe.ts'
import type { BlobStore } from '#blob/store.ts'
import type { Connection } from '#net/connection.ts'
import type { IncomingReports } from '#report/incoming.ts'
import type { ReportRecorder } from '#report/recorder.ts'
import type { EventKind, EventValues } from '#telemetry/event.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import type { Operation } from '../errors.ts'
import type { Reply } from '../reply.ts'
import type { SmtpLimits } from '../settings.ts'
import type { Acceptor } from './accept.ts'
import type { Intake } from './intake.ts'
import type { KeysOf } from './vouching.ts'
import type { Envelope, Transaction } from './transaction.ts'
import type { Recipient } from './recipient.ts'
import type { VerificationDeps } from './verification.ts'

/** `smtp`: mail from other servers. `submission`: from users, who sign in. `lmtp`: from a server of ours. */
export type Role = 'smtp' | 'submission' | 'lmtp'

/** What a server's sessions share. */
export interface SmtpDeps extends VerificationDeps {
  /** Whose postmaster `<postmaster>` means; undefined where there is no domain yet. */
  readonly defaultDomain: () => Maybe<string | undefined>
  readonly limits: () => SmtpLimits
  readonly telemetry: Telemetry
  readonly resolve: (address: string) => Maybe<Resolution>
  /** Who gets what is sent to a list. */
  readonly expand: (list: StoredList) => Promise<ListMembers>
  readonly signIn: SaslSignIn
  readonly accessWatch: Pick<AccessWatch, 'watch'>
  /** DKIM keys of ours. */
  readonly keysOf: KeysOf
  readonly mechanisms: Pick<SaslMechanisms, 'offered' | 'find'>
  /** Is told of checked messages, for reports to their domains. */
  readonly reports: Pick<ReportRecorder, 'record'>
  /** Recognises reports of others. */
  readonly incomingReports: Pick<IncomingReports, 'recognise'>
  readonly blobs: Pick<BlobStore, 'stager'>
  readonly acceptor: Pick<Acceptor, 'accept' | 'hasRoom'>
  /** Settled after the time, or at once when the signal is aborted. */
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>
  /** A name for a session that no other has: letters and digits. */
  readonly newSessionId: () => string
}

/** A recipient as the checks at RCPT see it: a list with who is on it. */
export type RcptSubject =
  | Exclude<Resolution, { kind: 'list' }>
  | (Extract<Resolution, { kind: 'list' }> & { readonly members: ListMembers })

export interface Hello {
  /** What the client calls itself: a domain or an address literal, as given. */
  readonly name: string
  /** EHLO or LHLO, not HELO. */
  readonly isExtended: boolean
}

export interface SmtpSession {
  readonly role: Role
  readonly deps: SmtpDeps
  readonly limits: SmtpLimits
  readonly connection: Connection
  /** Names the current message in Received fields and the log; no other message has it. */
  readonly messageId: string
  /** Messages taken in or refused as a whole so far. */
  readonly messageCount: number
  readonly hello: Hello | undefined
  readonly access: Access | undefined
  readonly transaction: Transaction | undefined
  readonly canSignIn: boolean
  /** Mail of a user of ours: on a port for it, or after sign-in. */
  readonly isSubmission: boolean

  /** RFC 5321 §4.1.4: also ends a transaction. */
  greet(hello: Hello): void
  signedIn(access: Access): void
  begin(envelope: Envelope): void
  addRecipient(recipient: Recipient): void
  /** Ends the transaction and forgets what it had staged. */
  reset(): void
  /** A message was taken in or refused as a whole; the transaction is over. */
  finishMessage(): void
  /** After the TLS handshake: as at the start (RFC 3207 §4.2). */
  restart(): void
  /** For the data of the open transaction. */
  newIntake(): Intake
  /** Counts a failed sign-in; true when that was one too many. */
  countAuthFailure(): boolean
  /** The session ends when the reply to this command is sent. */
  close(reason: string): void
  /** Throws the connection's time out where a transfer takes longer than it may. */
  isTransferTooSlow(sinceMs: number, bytes: number): boolean
  emit<F>(kind: EventKind<F>, values: EventValues<NoInfer<F>>): void
}

/** What must be true before a command runs; the session checks it before it parses. */
type Need = 'nothing' | 'hello' | 'transaction' | 'recipients'

export interface SmtpCommand<A> {
  /** In upper case. */
  readonly verb: string
  /** In RFC 5321 or the extension's own: `RFC 5321 §4.1.1.2`. */
  readonly standard: string
  readonly roles: readonly Role[]
  readonly need: Need
  /** Refused with 530 on a submission listener before sign-in (RFC 4954 §6). */
  readonly needsSignIn: boolean
  readonly operation: Operation
  /** The answer to an argument that `parse` refuses. */
  readonly syntaxReply: Reply
  /** Takes the argument; throws SyntaxFault. */
  parse(argument: Cursor): A
  /** Returns all replies, or undefined where it has sent them or the client is gone. */
  run(session: SmtpSession, args: A): Maybe<Reply | undefined>
}

/** A command whose argument only itself knows. */
export type AnySmtpCommand = SmtpCommand<unknown>

/** Lets commands of different arguments stand in one table. */
export const smtpCommand = <A>(command: SmtpCommand<A>): AnySmtpCommand => command

export const everywhere: readonly Role[] = ['smtp', 'submission', 'lmtp']
export const overSmtp: readonly Role[] = ['smtp', 'submission']
