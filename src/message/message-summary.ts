/**
 * From what the parser found, the structure of the whole message: the members that are derived from the
 * top header and from the tree of parts.
 */
import { hasAttachment } from './attachment.ts'
import { baseSubject } from './base-subject.ts'
import { parseDate } from './date.ts'
import type { MessageFields } from './part-header.ts'
import { messageId, messageIds } from './references.ts'
import { subjectText, type MessageStructure, type Part } from './structure.ts'

export function summarize(
  root: Part,
  { envelope, references, receivedCount, fidelity }: MessageFields,
  preview: string,
  sizeBytes: number,
): MessageStructure {
  const id = envelope.messageId === undefined ? undefined : messageId(envelope.messageId)
  return {
    root,
    envelope,
    fidelity,
    sentAt: envelope.date === undefined ? undefined : parseDate(envelope.date)?.ms,
    messageIds: id === undefined ? [] : [id],
    inReplyTo: envelope.inReplyTo === undefined ? [] : messageIds(envelope.inReplyTo),
    references: messageIds(references),
    baseSubject: baseSubject(subjectText(envelope)),
    preview,
    hasAttachment: hasAttachment(root),
    receivedCount,
    sizeBytes,
  }
}
