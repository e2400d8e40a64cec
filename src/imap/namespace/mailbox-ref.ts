/**
 * A mailbox that a session may do something with: whose it is, and what its user may do there. Commands get one
 * from `Mailboxes` only, and say for which rights; whoever has one has them.
 */
import { Fault } from '#base/fault.ts'
import type { AccountId } from '#base/id.ts'
import type { Mailbox, Place } from '#mail/mailbox-row.ts'
import { hasAll, hasAny, type Rights, rightsOf } from '#mail/rights.ts'

export interface HeldMailbox {
  readonly account: AccountId
  /** Of the session's own account. */
  readonly isOwn: boolean
  /** Its row as it was when the session asked. */
  readonly mailbox: Mailbox
  /** What the session's user might do then. */
  readonly rights: Rights
  /** What it was asked for; every commit asks again. */
  readonly needs: Rights
}

export interface MailboxRef extends HeldMailbox {
  /** As the session's user sees it. */
  readonly path: string
}

/** RFC 4315 §5: UIDs of a mailbox that one cannot open are not told, though one may put messages there. */
export const tellsUids = ({ rights }: HeldMailbox): boolean => hasAny(rights, readable)

export const placeOf = ({ account, mailbox }: HeldMailbox): Place => ({ account, mailbox: mailbox.id })

const visible = rightsOf('l')
const readable = rightsOf('r')

/**
 * Throws where a right is missing. Who may not see the mailbox gets the answer for one that does not exist
 * (RFC 4314 §6).
 */
export function assertRights(rights: Rights, needs: Rights): void {
  if (!hasAll(rights, needs)) throw hasAny(rights, visible) ? notPermitted() : noSuchMailbox()
}

export const noSuchMailbox = (): Fault => new Fault('notFound', 'No such mailbox', { what: 'mailbox' })
export const notPermitted = (): Fault =>
  new Fault('forbidden', 'You do not have the right to do that here', { what: 'mailbox' })
