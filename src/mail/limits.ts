/**
 * How much an account may hold. Exact: usage is counted in the account's own row, and every way by which mail
 * or a mailbox comes in asks in the commit that brings it.
 */
import { Fault } from '#base/fault.ts'

/** 0 means no limit, in each. */
export interface MailLimits {
  readonly bytes: number
  readonly messages: number
  readonly mailboxes: number
}

export interface MailUsage {
  readonly usedBytes: number
  readonly messages: number
}

export const noLimits: MailLimits = { bytes: 0, messages: 0, mailboxes: 0 }

export const hasRoom = (used: MailUsage, bytes: number, limits: MailLimits): boolean =>
  !(limits.bytes > 0 && used.usedBytes + bytes > limits.bytes) &&
  !(limits.messages > 0 && used.messages >= limits.messages)

/** Throws Fault('overQuota') where one more message of so many bytes would be too much. */
export function assertRoom(used: MailUsage, bytes: number, limits: MailLimits): void {
  if (limits.bytes > 0 && used.usedBytes + bytes > limits.bytes)
    throw new Fault('overQuota', 'mailbox is full', { limit: limits.bytes })
  if (limits.messages > 0 && used.messages >= limits.messages)
    throw new Fault('overQuota', 'mailbox has too many messages', { limit: limits.messages })
}
