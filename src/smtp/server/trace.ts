/**
 * The fields that are put in front of a delivered message: Return-Path, Delivered-To and Received (RFC 5321
 * §4.4), and for submitted messages Date and Message-ID where they are missing (RFC 6409 §8.2, §8.3). They
 * are kept with each recipient's copy, so the message's own bytes stay as they came and are stored once.
 */
import { formatDate } from '#message/date.ts'
import { composeReceived, type ReceivedFacts } from '#message/received.ts'
import { type AddedFields, addedText } from '#message/added-fields.ts'
import type { MessageStructure } from '#message/structure.ts'

/** Plain data: it also travels in a task. The Delivered-To field stands between the two texts. */
export interface Trace {
  readonly before: string
  readonly after: string
  readonly deliveredTo: boolean
  /** What of `after` is not trace but belongs to the message. */
  readonly added: AddedFields
}

/** The prefix of one recipient's copy. */
export const prefixOf = (trace: Trace, recipient: string): Buffer =>
  Buffer.from(
    trace.deliveredTo
      ? `${trace.before}Delivered-To: ${recipient}\r\n${trace.after}`
      : trace.before + trace.after,
  )

export interface Protocol {
  readonly isLmtp: boolean
  readonly isExtended: boolean
  readonly isUtf8: boolean
  readonly isTls: boolean
  readonly isSignedIn: boolean
}

/** RFC 3848, RFC 6531 §4.3: the word behind "with". */
export function protocolName(p: Protocol): string {
  if (!p.isExtended) return 'SMTP'
  const base = p.isUtf8 ? (p.isLmtp ? 'UTF8LMTP' : 'UTF8SMTP') : p.isLmtp ? 'LMTP' : 'ESMTP'
  return `${base}${p.isTls ? 'S' : ''}${p.isSignedIn ? 'A' : ''}`
}

export interface TraceFacts extends ReceivedFacts {
  readonly envelopeFrom: string
  readonly deliveredTo: boolean
  /** Fields about where it comes from, each ended with CRLF. RFC 8601 §5, RFC 7208 §9.1: above Received. */
  readonly findings: string
  /** For a submitted message: what its Message-ID is to be if it has none. */
  readonly newMessageId: string | undefined
}

export function makeTrace(facts: TraceFacts, structure: MessageStructure): Trace {
  const added = facts.newMessageId === undefined ? {} : missingFields(facts, facts.newMessageId, structure)
  let after = facts.findings + composeReceived(facts) + addedText(added)
  // A message without any header begins with its body: the line between them is not in its bytes.
  if (structure.root.bodyStart === 0 && structure.sizeBytes > 0) after += '\r\n'
  return { before: `Return-Path: <${facts.envelopeFrom}>\r\n`, after, deliveredTo: facts.deliveredTo, added }
}

function missingFields(facts: TraceFacts, newMessageId: string, { envelope }: MessageStructure): AddedFields {
  // The field has whole seconds.
  const ms = Math.floor(facts.atMs / 1000) * 1000
  return {
    ...(envelope.date === undefined ? { date: { text: formatDate(ms, facts.zoneMinutes ?? 0), ms } } : {}),
    ...(envelope.messageId === undefined ? { messageId: newMessageId } : {}),
  }
}
