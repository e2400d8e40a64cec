/** The special uses of mailboxes (RFC 6154, RFC 8457, RFC 9979): the attributes of LIST and CREATE, and the roles behind them. */
import type { MailboxId } from '#base/id.ts'
import type { Mailbox, MailboxRole } from '#mail/mailbox-row.ts'
import { Refusal } from '../errors.ts'

const attributes: readonly (readonly [MailboxRole, string])[] = [
  ['archive', '\\Archive'],
  ['drafts', '\\Drafts'],
  ['important', '\\Important'],
  ['junk', '\\Junk'],
  ['memos', '\\Memos'],
  ['scheduled', '\\Scheduled'],
  ['sent', '\\Sent'],
  ['snoozed', '\\Snoozed'],
  ['trash', '\\Trash'],
]

/** Undefined for the Inbox too, which has no attribute. */
export const useAttribute = (role: MailboxRole | undefined): string | undefined =>
  attributes.find(([known]) => known === role)?.[1]

/**
 * The role of a mailbox with these uses, in any case. Throws for what is no use, and for more than one, since a mailbox
 * has one role (RFC 6154 §3).
 */
export function roleOfUses(uses: readonly string[]): MailboxRole | undefined {
  if (uses.length === 0) return undefined
  const use = uses[0]!.toLowerCase()
  const role = uses.length === 1 && attributes.find(([, known]) => known.toLowerCase() === use)?.[0]
  if (!role) throw new Refusal('No such use', 'USEATTR')
  return role
}

/** A Refusal where another mailbox has the role. */
export function assertUseFree(
  all: readonly Mailbox[],
  role: MailboxRole | undefined,
  mailbox?: MailboxId,
): void {
  if (role !== undefined && all.some((other) => other.role === role && other.id !== mailbox))
    throw new Refusal('Another mailbox has that use', 'USEATTR')
}

/** Uses are the owner's (RFC 6154 §3): what of them is taken is nobody else's to know. */
export const notYourUse = (): Refusal => new Refusal('Uses are for your own mailboxes', 'USEATTR')
