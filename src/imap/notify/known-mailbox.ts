/** A mailbox as a client that watches it was told of it (RFC 5465). */
import type { AccountId, Modseq } from '#base/id.ts'
import { hasAll, rightsOf } from '#mail/rights.ts'
import type { Events } from './event-groups.ts'
import type { MailboxRef } from '../namespace/mailbox-ref.ts'

export interface KnownMailbox {
  /** In all accounts. */
  readonly key: string
  readonly ref: MailboxRef
  readonly isSubscribed: boolean
  readonly events: Events
}

/** By their keys. */
export type KnownMailboxes = ReadonlyMap<string, KnownMailbox>

/** All mailboxes as they are at one time. */
export interface Look {
  readonly known: KnownMailboxes
  /** The own ones among them, in the order of their creation. */
  readonly own: readonly KnownMailbox[]
  /** Names without a mailbox that are subscribed to. */
  readonly lost: ReadonlySet<string>
  /** Up to where each account was looked at. */
  readonly sequences: ReadonlyMap<AccountId, Modseq>
}

const needed = rightsOf('lr')

/** RFC 5465 §5: what all events need. */
export const isReadable = ({ rights }: MailboxRef): boolean => hasAll(rights, needed)
