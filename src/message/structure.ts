/**
 * What is known about a message without reading its bytes again: the tree of its parts with their byte
 * offsets, and what the top header and the first text say. Plain data.
 *
 * Offsets count bytes from the message's first; an end is exclusive. Strings that come from the message
 * (not those marked as text) have one character per byte, with folding, NUL and line breaks removed.
 */
import type { Address } from './address.ts'
import { decodeHeaderText } from './encoded-word.ts'
import { parameter, type Parameter } from './parameters.ts'

/** The envelope of RFC 9051 §7.5.2: undefined where the field is absent. */
export interface Envelope {
  readonly date: string | undefined
  readonly subject: string | undefined
  readonly from: readonly Address[]
  /** As `from` where the field is absent or empty; so is `replyTo`. */
  readonly sender: readonly Address[]
  readonly replyTo: readonly Address[]
  readonly to: readonly Address[]
  readonly cc: readonly Address[]
  readonly bcc: readonly Address[]
  readonly inReplyTo: string | undefined
  readonly messageId: string | undefined
}

/** What the envelope does not say of the fields that it is made of. */
export interface EnvelopeFidelity {
  /** The fields can be told from the envelope, the references and what stands here. */
  readonly isExact: boolean
  readonly hasSender: boolean
  readonly hasReplyTo: boolean
}

export interface Disposition {
  /** Lower case. */
  readonly type: string
  readonly params: readonly Parameter[]
}

/**
 * A part: its header is `[headerStart, bodyStart)` with the empty line, its body `[bodyStart, bodyEnd)`
 * without the line end that belongs to the next boundary (RFC 2046 §5.1.1). Parts lie inside their
 * parent's body, in order, and do not overlap; the root begins at 0 and ends with the message.
 */
export interface Part {
  readonly headerStart: number
  readonly bodyStart: number
  readonly bodyEnd: number
  /** Line ends in the body, for text and for messages; 0 for everything else. */
  readonly lines: number
  /** Lower case, with the defaults of RFC 2045 §5.2 and RFC 2046 §5.1.5. */
  readonly type: string
  readonly subtype: string
  readonly params: readonly Parameter[]
  /** Content-ID, with its brackets. This and the next two are not kept for multiparts. */
  readonly id: string | undefined
  readonly description: string | undefined
  /** Lower case. */
  readonly encoding: string
  readonly md5: string | undefined
  readonly disposition: Disposition | undefined
  readonly language: readonly string[]
  readonly location: string | undefined
  /** The parts of a multipart, at least one; of a message/rfc822 the message in it; else empty. */
  readonly children: readonly Part[]
  /** Of the message in a message/rfc822 that was looked into. */
  readonly envelope: Envelope | undefined
}

export interface MessageStructure {
  readonly root: Part
  readonly envelope: Envelope
  readonly fidelity: EnvelopeFidelity
  /** The Date field in milliseconds since 1970-01-01 UTC. */
  readonly sentAt: number | undefined
  /** Identifiers without brackets; `messageIds` holds the message's own, normally one. */
  readonly messageIds: readonly string[]
  readonly inReplyTo: readonly string[]
  readonly references: readonly string[]
  /** Text: the base subject of RFC 5256 §2.1. */
  readonly baseSubject: string
  /** Text: at most 256 characters. */
  readonly preview: string
  readonly hasAttachment: boolean
  /** Received fields in the top header, for loop detection (RFC 5321 §6.3). */
  readonly receivedCount: number
  readonly sizeBytes: number
}

export const isMultipart = (part: Part): boolean => part.type === 'multipart'

/** True for message/rfc822 and message/global (RFC 6532 §3.7), also when not looked into. */
export const isMessage = (part: Pick<Part, 'type' | 'subtype'>): boolean =>
  part.type === 'message' && (part.subtype === 'rfc822' || part.subtype === 'global')

/**
 * The part that IMAP calls by these numbers (RFC 9051 §6.4.5.1), undefined where there is none; no numbers
 * give the root. A message that is not multipart has one part, 1, which is the message's own body.
 */
export function partAt(root: Part, numbers: readonly number[]): Part | undefined {
  let part = root
  /** The next number counts the parts of a message: of the root, or of the one in a message/rfc822. */
  let ofMessage = true
  for (const number of numbers) {
    if (!ofMessage && isMessage(part)) {
      const inner = part.children[0]
      if (inner === undefined) return undefined
      part = inner
      ofMessage = true
    }
    if (isMultipart(part)) {
      const child = part.children[number - 1]
      if (child === undefined) return undefined
      part = child
    } else if (number !== 1 || !ofMessage) {
      return undefined
    }
    ofMessage = false
  }
  return part
}

/** The decoded file name of a part (RFC 2183 §2.3, else the older "name"); undefined where it has none. */
export function fileName(part: Part): string | undefined {
  const given =
    (part.disposition && parameter(part.disposition.params, 'filename')) ?? parameter(part.params, 'name')
  if (given === undefined) return undefined
  return given.extended ? Buffer.from(given.value, 'latin1').toString('utf8') : decodeHeaderText(given.value)
}

/** The charset that a text part names, or implies (RFC 2046 §4.1.2). */
export const charsetOf = (part: Part): string | undefined => parameter(part.params, 'charset')?.value

/** The envelope's subject as text. */
export const subjectText = (envelope: Envelope): string => decodeHeaderText(envelope.subject ?? '')

/**
 * The structure of the message with `prefixBytes` of header fields put before it (Return-Path, Received):
 * the root's header grows, everything behind it moves. `receivedCount` stays that of the message.
 */
export function shiftStructure(structure: MessageStructure, prefixBytes: number): MessageStructure {
  if (prefixBytes === 0) return structure
  const root = { ...shiftPart(structure.root, prefixBytes), headerStart: 0 }
  return { ...structure, root, sizeBytes: structure.sizeBytes + prefixBytes }
}

function shiftPart(part: Part, by: number): Part {
  return {
    ...part,
    headerStart: part.headerStart + by,
    bodyStart: part.bodyStart + by,
    bodyEnd: part.bodyEnd + by,
    children: part.children.map((child) => shiftPart(child, by)),
  }
}
