/**
 * One header, read once: the MIME fields that describe a part (RFC 2045, 2183, 3282, 2557) and, for the
 * header of a message, the fields of its envelope. Fields are found by name length first, so that the
 * many fields nobody asks for cost a line scan and a switch.
 */
import { MAX_ADDRESSES, parseAddresses, type Address } from './address.ts'
import { FieldScanner } from './headers.ts'
import {
  parameter,
  parseContentType,
  parseDisposition,
  type ContentType,
  type Parameter,
  withoutFirstComments,
} from './parameters.ts'
import { messageIdsOf } from './header-forms.ts'
import { messageIds } from './references.ts'
import type { Disposition, Envelope, EnvelopeFidelity } from './structure.ts'

/** Of one field's raw value, as much as is read. */
const MAX_FIELD = 65_536
/** Of recipients: about as many as an address list keeps. */
const MAX_RECIPIENTS = 4 * MAX_FIELD
/** Of a value that is kept as it is: a description, a location, an identifier. */
const MAX_VALUE = 1024
const MAX_LANGUAGES = 16

export interface PartFields {
  readonly contentType: ContentType | undefined
  readonly encoding: string
  readonly id: string | undefined
  readonly description: string | undefined
  readonly md5: string | undefined
  readonly disposition: Disposition | undefined
  readonly language: readonly string[]
  readonly location: string | undefined
}

export interface MessageFields {
  readonly envelope: Envelope
  /** The raw value of References. */
  readonly references: string
  readonly receivedCount: number
  readonly fidelity: EnvelopeFidelity
}

type Field = keyof typeof slots
/** Names by length; the value says which member of `values` a field fills. */
const slots = {
  to: 2,
  cc: 2,
  bcc: 3,
  date: 4,
  from: 4,
  sender: 6,
  subject: 7,
  'reply-to': 8,
  received: 8,
  references: 10,
  'message-id': 10,
  'in-reply-to': 11,
  'content-id': 10,
  'content-md5': 11,
  'content-type': 12,
  'content-language': 16,
  'content-location': 16,
  'content-description': 19,
  'content-disposition': 19,
  'content-transfer-encoding': 25,
} as const

const byLength: readonly (readonly Field[])[] = Array.from({ length: 26 }, (_, length) =>
  (Object.keys(slots) as Field[]).filter((name) => slots[name] === length),
)

/** The fields of one header that anybody asks for, unfolded: the first of each name, all of to, cc, bcc. */
export class HeaderReader {
  receivedCount = 0
  /** A field of the envelope says more than the envelope can. */
  #isLossy = false
  /** Those whose value was too long to be read to its end. */
  #cut: Set<Field> | undefined
  readonly #values: Partial<Record<Field, string>> = {}

  /** Without `ofMessage`, only the MIME fields are read. `isCut`: there is more of it than is given. */
  constructor(header: Uint8Array, ofMessage: boolean, isCut: boolean) {
    this.#isLossy = isCut
    const scanner = new FieldScanner(header)
    while (scanner.next()) {
      const candidates = byLength[scanner.nameEnd - scanner.nameStart]
      if (candidates === undefined) continue
      for (const name of candidates) {
        if (!scanner.is(name)) continue
        if (ofMessage || name.startsWith('content-'))
          this.#take(name, scanner, isCut && scanner.end === header.length)
        break
      }
    }
  }

  /** `isCut`: the field ends where the header was cut. */
  #take(name: Field, scanner: FieldScanner, isCut: boolean): void {
    if (name === 'received') {
      this.receivedCount++
      return
    }
    const before = this.#values[name]
    if (before !== undefined && !name.startsWith('content-')) this.#isLossy = true
    if (name === 'subject') this.#isLossy ||= isUnevenText(scanner)
    const isRecipients = name === 'to' || name === 'cc' || name === 'bcc'
    const most = isRecipients ? MAX_RECIPIENTS - (before?.length ?? 0) : MAX_FIELD
    if (before !== undefined && (!isRecipients || most <= 0)) return
    if (isCut || scanner.end - scanner.valueStart > most) (this.#cut ??= new Set()).add(name)
    const value = scanner.value(most)
    // RFC 5322 §4.5.3: repeated destination fields are one list.
    this.#values[name] = before === undefined ? value : `${before}, ${value}`
  }

  #addresses(name: Field): readonly Address[] {
    const value = this.#values[name]
    if (value === undefined || value === '') return []
    const list = parseAddresses(value)
    return this.#cut?.has(name) === true ? withoutLast(list) : list
  }

  /** A field without an address is as an absent one in an envelope, and what was quoted is not told. */
  #isKeptWhole(name: Field, { length }: readonly Address[]): boolean {
    const value = this.#values[name]
    if (value === undefined) return true
    if (length === 0 || length >= MAX_ADDRESSES || this.#cut?.has(name) === true) return false
    return !(value.includes('"') && value.includes('=?'))
  }

  get hasContentType(): boolean {
    return this.#values['content-type'] !== undefined
  }

  part(): PartFields {
    const values = this.#values
    const contentType = values['content-type']
    const disposition = values['content-disposition']
    return {
      contentType: contentType === undefined ? undefined : parseContentType(contentType),
      encoding: encodingName(values['content-transfer-encoding']),
      id: values['content-id']?.slice(0, MAX_VALUE),
      description: values['content-description']?.slice(0, MAX_VALUE),
      md5: values['content-md5']?.slice(0, MAX_VALUE),
      disposition: disposition === undefined ? undefined : parseDisposition(disposition),
      language: languages(values['content-language']),
      location: values['content-location']?.slice(0, MAX_VALUE),
    }
  }

  message(): MessageFields {
    const values = this.#values
    const lists = {
      from: this.#addresses('from'),
      sender: this.#addresses('sender'),
      replyTo: this.#addresses('reply-to'),
      to: this.#addresses('to'),
      cc: this.#addresses('cc'),
      bcc: this.#addresses('bcc'),
    }
    const { from, sender, replyTo } = lists
    return {
      envelope: {
        ...lists,
        date: values.date?.slice(0, MAX_VALUE),
        subject: values.subject?.slice(0, MAX_VALUE * 4),
        sender: sender.length > 0 ? sender : from,
        replyTo: replyTo.length > 0 ? replyTo : from,
        inReplyTo: values['in-reply-to']?.slice(0, MAX_VALUE * 4),
        messageId: values['message-id']?.slice(0, MAX_VALUE),
      },
      references: values.references ?? '',
      receivedCount: this.receivedCount,
      fidelity: {
        isExact:
          !this.#isLossy &&
          this.#keepsTexts() &&
          this.#isKeptWhole('from', from) &&
          this.#isKeptWhole('sender', sender) &&
          this.#isKeptWhole('reply-to', replyTo) &&
          this.#isKeptWhole('to', lists.to) &&
          this.#isKeptWhole('cc', lists.cc) &&
          this.#isKeptWhole('bcc', lists.bcc),
        hasSender: values.sender !== undefined,
        hasReplyTo: values['reply-to'] !== undefined,
      },
    }
  }

  #keepsTexts(): boolean {
    const { date = '', subject = '', references } = this.#values
    const id = this.#values['message-id'] ?? ''
    const inReplyTo = this.#values['in-reply-to'] ?? ''
    if (date.length > MAX_VALUE || subject.length > 4 * MAX_VALUE) return false
    if (id.length > MAX_VALUE || inReplyTo.length > 4 * MAX_VALUE) return false
    return references === undefined || sameList(messageIdsOf(references) ?? [], messageIds(references))
  }
}

/** Of a value that was cut the last address may be a part of one: mail for it would go to somebody else. */
function withoutLast(list: readonly Address[]): readonly Address[] {
  const last = list.findLastIndex(({ mailbox }) => mailbox !== undefined)
  return last === -1 ? list : list.toSpliced(last, 1)
}

const sameList = (a: readonly string[], b: readonly string[]): boolean =>
  a.length > 0 && a.length === b.length && a.every((one, i) => one === b[i])

/**
 * Whether unfolding takes something off that belongs to the value all the same (RFC 8621 §4.1.2.2): space at an end,
 * or a line end that is no fold.
 */
function isUnevenText({ bytes, valueStart, end }: FieldScanner): boolean {
  let last = end
  while (last > valueStart && (bytes[last - 1] === LF || bytes[last - 1] === CR)) last--
  let first = valueStart
  while (first < last && bytes[first] === SPACE) first++
  if (first < last && (bytes[first]! < SPACE || bytes[last - 1]! <= SPACE)) return true
  for (let at = first; at < last; at++) {
    const byte = bytes[at]!
    if (byte === 0 || (byte === CR && bytes[at + 1] !== LF)) return true
    if (byte === LF && bytes[at + 1] !== SPACE && bytes[at + 1] !== TAB) return true
  }
  return false
}

const TAB = 0x09
const LF = 0x0a
const CR = 0x0d
const SPACE = 0x20

/** RFC 2045 §6.1: 7bit where the field is missing; comments, and junk behind the word, are not part of it. */
function encodingName(value: string | undefined): string {
  if (value === undefined) return '7bit'
  const word = withoutFirstComments(value)
    .replace(/^"/, '')
    .split(/[\s;("]/, 1)[0]!
    .slice(0, 64)
    .toLowerCase()
  if (word === '') return '7bit'
  return /[^!-~]/.test(word) ? 'x-unknown' : word
}

/** RFC 3282: a comma-separated list of tags. */
function languages(value: string | undefined): readonly string[] {
  if (value === undefined) return []
  return value
    .slice(0, MAX_VALUE)
    .split(/[\s,]+/)
    .filter((tag) => tag !== '' && !tag.startsWith('('))
    .slice(0, MAX_LANGUAGES)
}

const usAscii: readonly Parameter[] = [{ name: 'charset', value: 'US-ASCII', extended: false }]

/** What a part without a usable Content-Type is (RFC 2045 §5.2, RFC 2046 §5.1.5). */
export const plainText: ContentType = { type: 'text', subtype: 'plain', params: usAscii }
export const innerMessage: ContentType = { type: 'message', subtype: 'rfc822', params: [] }
export const opaque: ContentType = { type: 'application', subtype: 'octet-stream', params: [] }

/** Text that names no charset is US-ASCII (RFC 2046 §4.1.2), and says so in its structure. */
export function withImpliedCharset(type: ContentType): ContentType {
  if (type.type !== 'text' || parameter(type.params, 'charset') !== undefined) return type
  return { ...type, params: [...type.params, ...usAscii] }
}
