/**
 * Email objects (RFC 8621 §4.1) as Email/get and Email/parse show them. What the stored structure says of a message
 * is not read again: only where it cannot say all, or where a header or a text is asked for, are bytes read.
 */
import type { MailboxId } from '#base/id.ts'
import type { MessageRow } from '#mail/message-row.ts'
import { leavesOf, namedCharset, type BodyPart } from '#message/body-parts.ts'
import { readBodyValue } from '#message/body-value.ts'
import { addressesOf, dateOf, messageIdsOf, textOf } from '#message/header-forms.ts'
import type { StoredStructure } from '#message/structure-codec.ts'
import { blobIdText } from '../blob-id.ts'
import { objectOf } from '../dispatch.ts'
import { MethodError } from '../errors.ts'
import {
  boolean,
  type Json,
  type JsonObject,
  listOf,
  nullable,
  string,
  unsignedInt,
  utcDateOf,
} from '../value.ts'
import { bodyPartObject, isBodyProperty, usualBodyProperties } from './body-part-object.ts'
import { isHeaderProperty, namedHeaderProperties, parseHeaderProperty } from './header-property.ts'
import { type EmailSource, readStructure } from './source.ts'

/** What is known of a message without its structure. */
const rowProperties = ['id', 'blobId', 'threadId', 'mailboxIds', 'keywords', 'size', 'receivedAt'] as const
type RowProperty = (typeof rowProperties)[number]

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
  readonly properties: readonly string[]
  readonly text: boolean
  readonly html: boolean
  readonly all: boolean
  readonly maxBytes: number
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
  return {
    properties: [...new Set(properties)],
    text: args.fetchTextBodyValues === true,
    html: args.fetchHTMLBodyValues === true,
    all: args.fetchAllBodyValues === true,
    maxBytes: args.maxBodyValueBytes ?? 0,
  }
}

/** Whether something is asked for that only the structure says. */
export const needsStructure = (properties: Iterable<string>): boolean =>
  [...properties].some((name) => !(rowProperties as readonly string[]).includes(name))

/** How what stands in a row is told to this user. */
export interface RowNames {
  readonly id: string
  blobId(): string
  readonly threadId: string
  readonly mailboxIds: readonly string[]
}

export function rowValue(
  name: string,
  row: Pick<MessageRow, 'keywords' | 'receivedAt'>,
  sizeBytes: number,
  names: RowNames,
): Json | undefined {
  switch (name as RowProperty) {
    case 'id':
    case 'threadId':
      return names[name as 'id']
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
    default:
      return undefined
  }
}

const setOfTrue = (texts: readonly string[]): JsonObject =>
  objectOf(texts.map((text) => [text, true] as const))

/** The value of a property that comes from the message itself. */
export async function messageValue(source: EmailSource, name: string, o: BodyOptions): Promise<Json> {
  const { structure } = source
  const named = namedHeaderProperties.get(name)
  if (named !== undefined) {
    const known = structure.fidelity.isExact ? envelopeValue(structure, name) : undefined
    return known === undefined ? (await source.header()).value(named) : known
  }
  switch (name) {
    case 'hasAttachment':
      return structure.hasAttachment
    case 'preview':
      return structure.preview
    case 'headers':
      return (await source.header()).all()
    case 'bodyStructure':
      return bodyPartObject(source, source.tree, o.properties)
    case 'textBody':
    case 'htmlBody':
    case 'attachments':
      return partObjects(source, source.lists[name], o)
    case 'bodyValues':
      return bodyValues(source, o)
    case 'blobId':
      return blobIdText(source.blob)
    case 'size':
      return source.sizeBytes
    default: {
      const property = parseHeaderProperty(name)
      return property === undefined ? null : (await source.header()).value(property)
    }
  }
}

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
  return structure.fidelity.isExact ? envelopeValue(structure, name) : undefined
}

async function partObjects(
  source: EmailSource,
  parts: readonly BodyPart[],
  o: BodyOptions,
): Promise<readonly JsonObject[]> {
  const found: JsonObject[] = []
  for (const part of parts) found.push(await bodyPartObject(source, part, o.properties))
  return found
}

async function bodyValues(source: EmailSource, o: BodyOptions): Promise<JsonObject> {
  const parts = new Set<BodyPart>()
  if (o.all) for (const one of leavesOf(source.tree)) parts.add(one)
  if (o.text) for (const one of source.lists.textBody) parts.add(one)
  if (o.html) for (const one of source.lists.htmlBody) parts.add(one)
  const values: [string, Json][] = []
  for (const one of parts) {
    if (one.part.type !== 'text') continue
    const { bodyStart, bodyEnd, encoding, subtype } = one.part
    const body = {
      encoding,
      charset: namedCharset(one.part)!,
      isHtml: subtype === 'html',
      sizeBytes: bodyEnd - bodyStart,
      read: (bytes: number) => source.range(bodyStart, bodyStart + bytes),
    }
    const value = await readBodyValue(body, o.maxBytes)
    source.budget.spend(value.value.length)
    values.push([one.partId!, { ...value }])
  }
  return objectOf(values)
}

/** The mailboxes of a message that a user may see. */
export const seenMailboxes = (
  all: ReadonlySet<MailboxId>,
  readable: ReadonlySet<MailboxId>,
): readonly MailboxId[] => [...all].filter((id) => readable.has(id))
