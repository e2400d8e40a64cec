/**
 * Email objects (RFC 8621 §4.1) as Email/get and Email/parse show them. What the stored structure says of a message
 * is not read again: only where it cannot say all, or where a header or a text is asked for, are bytes read.
 */
import type { MailboxId } from '#base/id.ts'
import { inTurn, type Maybe, whenThere } from '#base/maybe.ts'
import type { MessageRow } from '#mail/message-row.ts'
import { leavesOf, namedCharset, type BodyPart } from '#message/body-parts.ts'
import { readBodyValue } from '#message/body-value.ts'
import { addressesOf, dateOf, messageIdsOf, textOf } from '#message/header-forms.ts'
import type { StoredStructure } from '#message/structure-codec.ts'
import { objectOf } from '../dispatch.ts'
import { MethodError } from '../errors.ts'
import { boolean, type Json, type JsonObject, listOf, nullable, string, unsignedInt } from '../value.ts'
import { utcDateOf } from '#base/utc-date.ts'
import { isBodyProperty, partReader, type ShownPart, usualBodyProperties } from './body-part-object.ts'
import { isHeaderProperty, namedHeaderProperties, parseHeaderProperty } from './header-property.ts'
import type { Reader } from './object-reader.ts'
import { type EmailSource, readStructure } from './source.ts'

/** What is known of a message without its structure. */
const rowProperties = ['id', 'blobId', 'threadId', 'mailboxIds', 'keywords', 'size', 'receivedAt'] as const
export type RowProperty = (typeof rowProperties)[number]

export const isRowProperty = (name: string): name is RowProperty =>
  (rowProperties as readonly string[]).includes(name)

export const emailProperties: readonly string[] = [
  ...rowProperties,
  ...namedHeaderProperties.keys(),
  'headers',
  'bodyStructure',
  'bodyValues',
  'textBody',
  'htmlBody',
  'attachments',
  'hasAttachment',
  'preview',
]

export const isEmailProperty = (name: string): boolean =>
  emailProperties.includes(name) || isHeaderProperty(name)

const shown = ['hasAttachment', 'preview', 'bodyValues', 'textBody', 'htmlBody', 'attachments']

/** RFC 8621 §4.9. */
export const usualParsedProperties: readonly string[] = [
  'messageId',
  'inReplyTo',
  'references',
  'sender',
  'from',
  'to',
  'cc',
  'bcc',
  'replyTo',
  'subject',
  'sentAt',
  ...shown,
]

/** RFC 8621 §4.2. */
export const usualEmailProperties: readonly string[] = [...rowProperties, ...usualParsedProperties]

/** Arguments of Email/get and Email/parse. */
export const bodyArguments = {
  bodyProperties: nullable(listOf(string)),
  fetchTextBodyValues: nullable(boolean),
  fetchHTMLBodyValues: nullable(boolean),
  fetchAllBodyValues: nullable(boolean),
  maxBodyValueBytes: nullable(unsignedInt),
} as const

export interface BodyOptions {
  readonly readPart: Reader<ShownPart, JsonObject>
  readonly text: boolean
  readonly html: boolean
  readonly all: boolean
  readonly maxBytes: number
  /** Options with the same show the same of a message. */
  readonly key: readonly Json[]
}

/** Throws MethodError `invalidArguments` for a property that there is not. */
export function bodyOptions(args: {
  readonly bodyProperties?: readonly string[] | null
  readonly fetchTextBodyValues?: boolean | null
  readonly fetchHTMLBodyValues?: boolean | null
  readonly fetchAllBodyValues?: boolean | null
  readonly maxBodyValueBytes?: number | null
}): BodyOptions {
  const properties = args.bodyProperties ?? usualBodyProperties
  for (const name of properties)
    if (!isBodyProperty(name))
      throw new MethodError(
        'invalidArguments',
        `There is no property ${JSON.stringify(name.slice(0, 200))}.`,
        {
          arguments: ['bodyProperties'],
        },
      )
  const text = args.fetchTextBodyValues === true
  const html = args.fetchHTMLBodyValues === true
  const all = args.fetchAllBodyValues === true
  const maxBytes = args.maxBodyValueBytes ?? 0
  const readPart = partReader([...new Set(properties)])
  return { readPart, text, html, all, maxBytes, key: [properties, text, html, all, maxBytes] }
}

/** Whether something is asked for that only the structure says. */
export const needsStructure = (properties: Iterable<string>): boolean =>
  [...properties].some((name) => !isRowProperty(name))

/** How what stands in a row is told to this user. */
export interface RowNames {
  readonly id: string
  blobId(): string
  readonly threadId: string
  readonly mailboxIds: readonly string[]
}

export function rowValue(
  name: RowProperty,
  row: Pick<MessageRow, 'keywords' | 'receivedAt'>,
  sizeBytes: number,
  names: RowNames,
): Json {
  switch (name) {
    case 'id':
    case 'threadId':
      return names[name]
    case 'blobId':
      return names.blobId()
    case 'mailboxIds':
      return setOfTrue(names.mailboxIds)
    case 'keywords':
      return setOfTrue(row.keywords)
    case 'size':
      return sizeBytes
    case 'receivedAt':
      return utcDateOf(row.receivedAt)
  }
}

const setOfTrue = (texts: readonly string[]): JsonObject =>
  objectOf(texts.map((text) => [text, true] as const))

/** Reads a property that comes from the message itself. */
export function messageReader(name: string, o: BodyOptions): Reader<EmailSource> {
  switch (name) {
    case 'hasAttachment':
    case 'preview':
      return ({ structure }) => structure[name]
    case 'headers':
      return (source) => whenThere(source.header(), (header) => header.all())
    case 'bodyStructure':
      return (source) => o.readPart({ source, one: source.tree })
    case 'textBody':
    case 'htmlBody':
    case 'attachments':
      return (source) => inTurn(source.lists[name], (one) => o.readPart({ source, one }))
    case 'bodyValues':
      return (source) => bodyValues(source, o)
    case 'blobId':
      return ({ blobId }) => blobId
    case 'size':
      return ({ sizeBytes }) => sizeBytes
    default:
      return headerReader(name)
  }
}

function headerReader(name: string): Reader<EmailSource> {
  const property = namedHeaderProperties.get(name) ?? parseHeaderProperty(name)
  if (property === undefined) return () => null
  return (source) => {
    const known = knownHeader(source.structure, name)
    return known === undefined ? whenThere(source.header(), (header) => header.value(property)) : known
  }
}

/** Undefined where the message itself must be read for it. */
const knownHeader = (structure: StoredStructure, name: string): Json | undefined =>
  structure.fidelity.isExact ? envelopeValue(structure, name) : undefined

/** Of a field that the envelope shows as it is. */
export function envelopeValue(structure: StoredStructure, name: string): Json | undefined {
  const { envelope, fidelity } = structure
  const list = (addresses: typeof envelope.from): Json =>
    addresses.length === 0 ? null : (addressesOf(addresses) as unknown as Json)
  switch (name) {
    case 'from':
    case 'to':
    case 'cc':
    case 'bcc':
      return list(envelope[name])
    case 'sender':
      return fidelity.hasSender ? list(envelope.sender) : null
    case 'replyTo':
      return fidelity.hasReplyTo ? list(envelope.replyTo) : null
    case 'subject':
      return envelope.subject === undefined ? null : textOf(envelope.subject)
    case 'sentAt':
      return envelope.date === undefined ? null : dateOf(envelope.date)
    case 'messageId':
      return envelope.messageId === undefined ? null : messageIdsOf(envelope.messageId)
    case 'inReplyTo':
      return envelope.inReplyTo === undefined ? null : messageIdsOf(envelope.inReplyTo)
    case 'references':
      return structure.references.length === 0 ? null : structure.references
    default:
      return undefined
  }
}

/** Whether a stored structure alone may tell the value. */
export const isStructureProperty = (name: string): boolean =>
  name === 'hasAttachment' || name === 'preview' || namedHeaderProperties.has(name)

/** Undefined where the message itself would have to be read. */
export function structureValue(stored: Uint8Array, name: string): Json | undefined {
  const structure = readStructure(stored)
  if (structure === undefined) return undefined
  if (name === 'hasAttachment' || name === 'preview') return structure[name]
  return knownHeader(structure, name)
}

function bodyValues(source: EmailSource, o: BodyOptions): Maybe<JsonObject> {
  const { tree, lists } = source
  const parts = o.all
    ? leavesOf(tree)
    : new Set([...(o.text ? lists.textBody : []), ...(o.html ? lists.htmlBody : [])])
  const texts = [...parts].filter(({ part }) => part.type === 'text')
  return whenThere(
    inTurn(texts, (one) => bodyValue(source, one, o)),
    (values) => Object.fromEntries(values.map((value, i) => [texts[i]!.partId!, value])),
  )
}

function bodyValue(source: EmailSource, { part }: BodyPart, { maxBytes }: BodyOptions): Maybe<JsonObject> {
  const { bodyStart, bodyEnd, encoding, subtype } = part
  const body = {
    encoding,
    charset: namedCharset(part)!,
    isHtml: subtype === 'html',
    sizeBytes: bodyEnd - bodyStart,
    read: (bytes: number) => source.range(bodyStart, bodyStart + bytes),
  }
  return whenThere(readBodyValue(body, maxBytes), (value) => {
    source.budget.spend(value.value.length)
    return { ...value }
  })
}

/** The mailboxes of a message that a user may see. */
export const seenMailboxes = (
  all: ReadonlySet<MailboxId>,
  readable: ReadonlySet<MailboxId>,
): readonly MailboxId[] => [...all].filter((id) => readable.has(id))
