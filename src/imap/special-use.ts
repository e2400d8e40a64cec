/** The special uses of mailboxes (RFC 6154, RFC 8457, RFC 9979): the attributes of LIST and CREATE, and the roles behind them. */
import type { MailboxRole } from '#mail/mailbox-row.ts'

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

/** The attribute in any case. */
export const roleOfUse = (attribute: string): MailboxRole | undefined =>
  attributes.find(([, known]) => known.toLowerCase() === attribute.toLowerCase())?.[0]
