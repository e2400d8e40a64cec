/**
 * The stored form of a message's structure: what FETCH and SEARCH need, in the bytes in which they send
 * or compare it, so that nothing is parsed or rendered again.
 *
 * Layout, version 1: version, flags, the length of the prefix (four bytes, little endian), then numbers
 * (unsigned, seven bits a byte, low first), then the sections. Offsets are kept without the prefix, so
 * that `shiftStored` only changes four bytes.
 */
import { asBuffer } from '#base/bytes.ts'
import { SyntaxFault } from '#base/fault.ts'
import { readBodyStructure, renderBodyStructure, type PartPlace } from './body-structure.ts'
import {
  type EnvelopeMember,
  memberText,
  memberWire,
  readEnvelope,
  readIdentifiers,
  renderEnvelope,
} from './envelope.ts'
import { messageId, messageIds } from './references.ts'
import type { Envelope, EnvelopeFidelity, MessageStructure, Part } from './structure.ts'
import { WireReader } from './wire.ts'

const VERSION = 1
const HAS_ATTACHMENT = 1
const HAS_SENT_AT = 2
const SENT_BEFORE_1970 = 4
/** Absent in what was stored before there was such a flag: the header itself is asked then. */
const IS_EXACT = 8
const HAS_SENDER = 16
const HAS_REPLY_TO = 32
const PREFIX_AT = 2
const NUMBERS_AT = 6
/** Envelope, body structure, extensions, offsets, preview, base subject, references. */
const SECTIONS = 7

/** The stored form; `prefixBytes` of header fields stand before the message that was parsed. */
export function encodeStructure(structure: MessageStructure, prefixBytes = 0): Uint8Array {
  const { sentAt, preview, baseSubject } = structure
  const envelope = renderEnvelope(structure.envelope)
  const rendered = renderBodyStructure(structure.root)
  const extensions = packDeltas(rendered.extensions)
  const places: number[] = []
  packPlaces(structure.root, 0, places)
  const references = structure.references.join(' ')
  const previewLength = Buffer.byteLength(preview)
  const subjectLength = Buffer.byteLength(baseSubject)
  const lengths = [
    envelope.length,
    rendered.wire.length,
    extensions.length,
    places.length,
    previewLength,
    subjectLength,
    references.length,
  ]
  const numbers: number[] = []
  pack(numbers, structure.sizeBytes)
  pack(numbers, structure.receivedCount)
  // RFC 5322 §3.3: dates have whole seconds.
  if (sentAt !== undefined) pack(numbers, Math.abs(Math.trunc(sentAt / 1000)))
  for (const length of lengths) pack(numbers, length)

  let flags = structure.hasAttachment ? HAS_ATTACHMENT : 0
  if (sentAt !== undefined) flags |= HAS_SENT_AT | (sentAt < 0 ? SENT_BEFORE_1970 : 0)
  const { isExact, hasSender, hasReplyTo } = structure.fidelity
  if (isExact) flags |= IS_EXACT | (hasSender ? HAS_SENDER : 0) | (hasReplyTo ? HAS_REPLY_TO : 0)
  const out = Buffer.allocUnsafe(
    NUMBERS_AT + numbers.length + lengths.reduce((sum, length) => sum + length, 0),
  )
  out[0] = VERSION
  out[1] = flags
  out.writeUInt32LE(prefixBytes, PREFIX_AT)
  let at = NUMBERS_AT
  for (const byte of numbers) out[at++] = byte
  at += out.write(envelope, at, 'latin1')
  at += out.write(rendered.wire, at, 'latin1')
  for (const byte of extensions) out[at++] = byte
  for (const byte of places) out[at++] = byte
  at += out.write(preview, at, 'utf8')
  at += out.write(baseSubject, at, 'utf8')
  out.write(references, at, 'latin1')
  return out
}

/** The same stored structure with `prefixBytes` more header bytes before the message; a copy. */
export function shiftStored(stored: Uint8Array, prefixBytes: number): Uint8Array {
  const copy = Buffer.from(stored)
  copy.writeUInt32LE(copy.readUInt32LE(PREFIX_AT) + prefixBytes, PREFIX_AT)
  return copy
}

function pack(out: number[], value: number): void {
  while (value >= 0x80) {
    out.push((value % 0x80) | 0x80)
    value = Math.floor(value / 0x80)
  }
  out.push(value)
}

function packDeltas(ascending: readonly number[]): number[] {
  const out: number[] = []
  let before = 0
  for (const value of ascending) {
    pack(out, value - before)
    before = value
  }
  return out
}

/** Per part, as they open: the gap before it, the lengths of header and body, the number of children. */
function packPlaces(part: Part, from: number, out: number[]): void {
  pack(out, part.headerStart - from)
  pack(out, part.bodyStart - part.headerStart)
  pack(out, part.bodyEnd - part.bodyStart)
  pack(out, part.children.length)
  let at = part.bodyStart
  for (const child of part.children) {
    packPlaces(child, at, out)
    at = child.bodyEnd
  }
}

/** Reads the numbers of `bytes[at, end)`; a number beyond them is a SyntaxFault. */
class NumberReader {
  readonly #bytes: Buffer
  readonly #end: number
  at: number

  constructor(bytes: Buffer, at: number, end: number) {
    this.#bytes = bytes
    this.at = at
    this.#end = end
  }

  get atEnd(): boolean {
    return this.at >= this.#end
  }

  next(): number {
    let value = 0
    for (let factor = 1; factor <= 2 ** 49; factor *= 0x80) {
      if (this.at >= this.#end) break
      const byte = this.#bytes[this.at++]!
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
    throw new SyntaxFault('damaged structure', this.at)
  }
}

/**
 * A stored structure. Each member is read when it is asked for and costs nothing to the others; the wire
 * forms are views of the stored bytes. Damaged bytes give a SyntaxFault, from the constructor or a member.
 */
export class StoredStructure {
  readonly #bytes: Buffer
  /** Where the sections end; the first begins at `#sectionsAt`. */
  readonly #ends: number[] = []
  readonly #sectionsAt: number
  readonly prefixBytes: number
  /** Of the whole message with its prefix. */
  readonly sizeBytes: number
  readonly receivedCount: number
  /** Milliseconds since 1970-01-01 UTC, from the Date field. */
  readonly sentAt: number | undefined
  #envelope: Envelope | undefined
  #ids: Pick<Envelope, 'inReplyTo' | 'messageId'> | undefined

  constructor(stored: Uint8Array) {
    const bytes = asBuffer(stored)
    if (bytes.length < NUMBERS_AT || bytes[0] !== VERSION)
      throw new SyntaxFault('unknown structure version', 0)
    this.#bytes = bytes
    this.prefixBytes = bytes.readUInt32LE(PREFIX_AT)
    const numbers = new NumberReader(bytes, NUMBERS_AT, bytes.length)
    this.sizeBytes = numbers.next() + this.prefixBytes
    this.receivedCount = numbers.next()
    const seconds = (bytes[1]! & HAS_SENT_AT) === 0 ? undefined : numbers.next()
    const sign = (bytes[1]! & SENT_BEFORE_1970) === 0 ? 1 : -1
    this.sentAt = seconds === undefined ? undefined : seconds * 1000 * sign
    let end = 0
    for (let i = 0; i < SECTIONS; i++) this.#ends.push((end += numbers.next()))
    this.#sectionsAt = numbers.at
    if (numbers.at + end > bytes.length) throw new SyntaxFault('structure cut short', bytes.length)
  }

  get hasAttachment(): boolean {
    return (this.#bytes[1]! & HAS_ATTACHMENT) !== 0
  }

  get fidelity(): EnvelopeFidelity {
    const flags = this.#bytes[1]!
    return {
      isExact: (flags & IS_EXACT) !== 0,
      hasSender: (flags & HAS_SENDER) !== 0,
      hasReplyTo: (flags & HAS_REPLY_TO) !== 0,
    }
  }

  /** ENVELOPE, as it is sent. */
  get envelopeWire(): Uint8Array {
    return this.#section(0)
  }

  /** BODYSTRUCTURE, as it is sent. */
  get bodyStructureWire(): Uint8Array {
    return this.#section(1)
  }

  /** BODY, as it is sent: BODYSTRUCTURE without its extension data. */
  get bodyWire(): Uint8Array {
    const whole = this.#section(1)
    const extensions = this.#numbers(2)
    const kept: Buffer[] = []
    let end = 0
    let cut = 0
    while (!extensions.atEnd) {
      const start = end + extensions.next()
      kept.push(whole.subarray(cut, start))
      cut = start + extensions.next()
      end = cut
    }
    kept.push(whole.subarray(cut))
    return Buffer.concat(kept)
  }

  get preview(): string {
    return this.#section(4).toString('utf8')
  }

  get baseSubject(): string {
    return this.#section(5).toString('utf8')
  }

  /** Identifiers without brackets. */
  get references(): readonly string[] {
    const section = this.#section(6)
    return section.length === 0 ? [] : section.toString('latin1').split(' ')
  }

  get envelope(): Envelope {
    this.#envelope ??= readEnvelope(new WireReader(this.#section(0)))
    return this.#envelope
  }

  get messageId(): string | undefined {
    const { messageId: value } = this.#identifiers
    return value === undefined ? undefined : messageId(value)
  }

  get inReplyTo(): readonly string[] {
    return messageIds(this.#identifiers.inReplyTo ?? '')
  }

  /** The bytes of a member of the envelope, by which search tells most messages apart. */
  memberWire(member: EnvelopeMember): Buffer {
    return memberWire(this.#section(0), member)
  }

  /** Decoded text, for search and display. */
  memberText(member: EnvelopeMember): string {
    return memberText(this.memberWire(member), member)
  }

  /** Where the top header ends and the body begins. */
  get headerEnd(): number {
    const places = this.#numbers(3)
    return places.next() + places.next() + this.prefixBytes
  }

  /** The tree of parts, with offsets over prefix and message together. */
  parts(): Part {
    const numbers = this.#numbers(3)
    const prefix = this.prefixBytes
    let from = prefix
    const place = (): PartPlace => {
      const isRoot = numbers.at === this.#start(3)
      const headerStart = from + numbers.next()
      const bodyStart = headerStart + numbers.next()
      const bodyEnd = bodyStart + numbers.next()
      const childCount = numbers.next()
      from = bodyStart
      const done = (): void => {
        from = bodyEnd
      }
      return { headerStart: isRoot ? 0 : headerStart, bodyStart, bodyEnd, childCount, done }
    }
    return readBodyStructure(new WireReader(this.#section(1)), place)
  }

  get #identifiers(): Pick<Envelope, 'inReplyTo' | 'messageId'> {
    this.#ids ??= readIdentifiers(this.#section(0))
    return this.#ids
  }

  #start(section: number): number {
    return this.#sectionsAt + (section === 0 ? 0 : this.#ends[section - 1]!)
  }

  #section(section: number): Buffer {
    return this.#bytes.subarray(this.#start(section), this.#sectionsAt + this.#ends[section]!)
  }

  #numbers(section: number): NumberReader {
    return new NumberReader(this.#bytes, this.#start(section), this.#sectionsAt + this.#ends[section]!)
  }
}
