/**
 * Object identifiers (RFC 8474): short texts that never change, with a letter in front that tells the kinds
 * apart. Numbers are those of the account; of a mailbox that is not the user's own, the account stands before
 * them, so that nobody ever sees one identifier for two things (RFC 8474 §4 and §5).
 */
import type { AccountId, MailboxId, MessageId, ThreadId } from '#base/id.ts'
import type { IdentityId } from '#queue/submission-rows.ts'
import type { QueueId } from '#queue/tables.ts'

/** What stands between letter and number. */
export const objectIdPrefix = (of: { readonly account: AccountId; readonly isOwn: boolean }): string =>
  of.isOwn ? '' : `${of.account.toString(36)}_`

export const mailboxObjectId = (id: MailboxId, prefix: string): string => `F${prefix}${id.toString(36)}`
export const emailObjectId = (id: MessageId, prefix: string): string => `M${prefix}${id.toString(36)}`
export const threadObjectId = (id: ThreadId, prefix: string): string => `T${prefix}${id.toString(36)}`
export const identityObjectId = (id: IdentityId, prefix: string): string => `I${prefix}${id.toString(36)}`
export const submissionObjectId = (id: QueueId, prefix: string): string => `S${prefix}${id.toString(36)}`

/** The number of an identifier with this letter; undefined for anything that we never gave out. */
export function objectNumber(
  letter: 'F' | 'M' | 'T' | 'I' | 'S',
  text: string,
  prefix: string,
): number | undefined {
  const digits = text.slice(1 + prefix.length)
  if (!text.startsWith(letter + prefix) || !/^[0-9a-z]{1,10}$/.test(digits)) return undefined
  const number = Number.parseInt(digits, 36)
  return number.toString(36) === digits ? number : undefined
}
