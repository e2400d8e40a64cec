/** Recipients that were accepted at RCPT (RFC 5321 §3.3). */
import type { Account } from '#account/account.ts'
import type { ListMembers } from '#account/list-expansion.ts'
import type { RecipientParameters } from '#queue/envelope-parameters.ts'

export type Recipient = MailboxRecipient | ListRecipient | RemoteRecipient

/** On another server. */
interface RemoteRecipient extends RecipientParameters {
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
