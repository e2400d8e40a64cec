/**
 * Date and Message-ID of a submitted message that lacked them (RFC 6409 §8.2, §8.3): they stand among the
 * fields that were put in front of it, and count as its own.
 */
import { parseStructure } from './mime.ts'
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

/** Those that stand in what was put in front of a message: whole fields, with their line ends. */
export function addedFieldsIn(prefix: Uint8Array): AddedFields {
  if (prefix.length === 0) return {}
  const { sentAt, messageIds, envelope } = parseStructure(Buffer.concat([prefix, Buffer.from('\r\n')]))
  const [messageId] = messageIds
  return {
    ...(envelope.date !== undefined && sentAt !== undefined && { date: { text: envelope.date, ms: sentAt } }),
    ...(messageId !== undefined && { messageId }),
  }
}

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
