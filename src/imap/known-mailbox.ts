/** A mailbox as a client that watches it was told of it (RFC 5465). */
import { hasAll, rightsOf } from '#mail/rights.ts'
import type { Events } from './event-groups.ts'
import type { MailboxRef } from './mailbox-ref.ts'

export interface KnownMailbox {
  readonly ref: MailboxRef
  readonly isSubscribed: boolean
  readonly events: Events
}

/** By `keyOf`. */
export type KnownMailboxes = ReadonlyMap<string, KnownMailbox>

const needed = rightsOf('lr')

/** RFC 5465 §5: what all events need. */
export const isReadable = ({ rights }: MailboxRef): boolean => hasAll(rights, needed)
