/**
 * Date and Message-ID of a submitted message that lacked them (RFC 6409 §8.2, §8.3): they stand among the
 * fields that were put in front of it, and count as its own.
 */
import type { MessageStructure } from './structure.ts'

/** Fields that a submitted message lacked. */
export interface AddedFields {
  readonly date?: { readonly text: string; readonly ms: number }
  /** Without brackets. */
  readonly messageId?: string
}

/** Each ended with CRLF. */
export const addedText = ({ date, messageId }: AddedFields): string =>
  (date === undefined ? '' : `Date: ${date.text}\r\n`) +
  (messageId === undefined ? '' : `Message-ID: <${messageId}>\r\n`)

/** The structure as it is with fields that were added. */
export function withAddedFields(
  { date, messageId }: AddedFields,
  structure: MessageStructure,
): MessageStructure {
  if (date === undefined && messageId === undefined) return structure
  return {
    ...structure,
    sentAt: date === undefined ? structure.sentAt : date.ms,
    messageIds: messageId === undefined ? structure.messageIds : [messageId],
    envelope: {
      ...structure.envelope,
      date: date === undefined ? structure.envelope.date : date.text,
      messageId: messageId === undefined ? structure.envelope.messageId : `<${messageId}>`,
    },
  }
}
