/**
 * Object identifiers (RFC 8474): short texts that never change, with a letter in front that tells the kinds
 * apart. Unique in their account.
 */
import type { MailboxId, MessageId, ThreadId } from '#base/id.ts'

export const mailboxObjectId = (id: MailboxId): string => `F${id.toString(36)}`
export const emailObjectId = (id: MessageId): string => `M${id.toString(36)}`
export const threadObjectId = (id: ThreadId): string => `T${id.toString(36)}`

/** The number of an identifier with this letter; undefined for anything that we never gave out. */
export function objectNumber(letter: 'F' | 'M' | 'T', text: string): number | undefined {
  if (text[0] !== letter || !/^[0-9a-z]{1,10}$/.test(text.slice(1))) return undefined
  const number = Number.parseInt(text.slice(1), 36)
  return number.toString(36) === text.slice(1) ? number : undefined
}
