/**
 * An Email that is to be created (RFC 8621 §4.6): read from what the client sent, with every demand of that section,
 * then written as a message with the bytes of the blobs that it names.
 */
import { randomBytes } from 'node:crypto'
import { domainPart } from '#base/domain-name.ts'
import type { PropertyProblem } from '#base/fault.ts'
import type { Stager } from '#blob/store.ts'
import { type BlobContent, sizeOfContent } from '#mail/client-blob.ts'
import { type PreparedMessage, prepareMessage } from '#mail/prepare.ts'
import { composeDate, composeMessageIds } from '#message/compose.ts'
import { type ComposedPart, composeMessage } from '#message/compose-message.ts'
import { StructureParser } from '#message/mime.ts'
import type { OpenAccount } from '../accounts.ts'
import { openBlobId } from '../blob-id.ts'
import { invalidProperties, SetFault } from '../errors.ts'
import type { Call } from '../method.ts'
import { boolean, type Json, type JsonObject, mapOf, object, string } from '../value.ts'
import { FieldReader, pathIn } from './create-fields.ts'
import {
  blobIdsOf,
  defaultType,
  type DraftPart,
  mostParts,
  type PartContext,
  readPart,
  withDisposition,
} from './create-parts.ts'
import { namedHeaderProperties } from './header-property.ts'
import { type Metadata, readMetadata } from './metadata.ts'
import type { StagingRoom } from './staging-room.ts'

/** What the client wants, as far as it can be told without looking at the store. */
export interface Draft extends Metadata {
  /** Of the message, in front of those of its root part. */
  readonly fields: readonly string[]
  readonly root: DraftPart
  readonly hasDate: boolean
  readonly hasMessageId: boolean
}

/** RFC 8621 §1.3.1, maxSizeAttachmentsPerEmail. */
export const mostAttachmentBytes = 50_000_000
/** With what the encoding adds, and the texts. */
const mostMessageBytes = 150_000_000

const serverSet: ReadonlySet<string> = new Set([
  'id',
  'blobId',
  'threadId',
  'size',
  'hasAttachment',
  'preview',
])
const metadata: ReadonlySet<string> = new Set(['mailboxIds', 'keywords', 'receivedAt'])
const bodies = ['bodyStructure', 'textBody', 'htmlBody', 'attachments', 'bodyValues'] as const

/** Throws SetFault `invalidProperties` with everything that is wrong. */
export function readDraft(input: JsonObject): Draft {
  const problems: PropertyProblem[] = []
  const reader = new FieldReader(problems)
  const about = readMetadata(input, problems)
  const fields = messageFields(reader, input)
  const root = readBody(reader, input)
  if (problems.length > 0 || root === undefined) throw invalidProperties(problems)
  if (sum(fields.map((field) => field.length)) + headerChars(root) > mostHeaderChars)
    throw new SetFault(
      'tooLarge',
      `All header fields together must not have more than ${mostHeaderChars} characters.`,
    )
  return {
    ...about,
    fields,
    root,
    hasDate: hasField([...fields, ...root.fields], 'date:'),
    hasMessageId: hasField([...fields, ...root.fields], 'message-id:'),
  }
}

/** Of the message and its parts: more, and our own parser would not look at all of it. */
const mostHeaderChars = 100_000

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0)

function headerChars({ fields, parameters, content }: DraftPart): number {
  const own =
    sum(fields.map((field) => field.length)) + sum(parameters.map(({ value }) => 3 * value.length + 20))
  return own + (content.kind === 'multipart' ? sum(content.parts.map(headerChars)) : 0)
}

const hasField = (fields: readonly string[], start: string): boolean =>
  fields.some((field) => field.slice(0, start.length).toLowerCase() === start)

function messageFields(reader: FieldReader, input: JsonObject): readonly string[] {
  const fields: string[] = []
  for (const [name, value = null] of Object.entries(input)) {
    const path = pathIn('', name)
    const named = namedHeaderProperties.get(name)
    if (metadata.has(name) || (bodies as readonly string[]).includes(name)) continue
    if (named !== undefined) {
      if (value !== null && reader.take(named.field, path))
        fields.push(...reader.fieldsOf(named, value, path))
    } else if (serverSet.has(name)) reader.problem(path, 'is set by the server')
    else if (name === 'headers') reader.problem(path, 'must not be given: each field has a property')
    else if (!name.startsWith('header:')) reader.problem(path, 'is not known')
    else if (/^header:content-/i.test(name)) reader.problem(path, 'is for parts only')
    else if (/^header:mime-version(?::|$)/i.test(name)) reader.problem(path, 'is set by the server')
    else fields.push(...reader.read(name, value, path))
  }
  return fields
}

// ---- the body

function readBody(reader: FieldReader, input: JsonObject): DraftPart | undefined {
  const bodyValues = readBodyValues(reader, input['bodyValues'] ?? null)
  const context: PartContext = { reader: new FieldReader(reader.problems), bodyValues, partsLeft: mostParts }
  const structure = input['bodyStructure'] ?? null
  if (structure === null) return readLists(context, input)
  for (const name of ['textBody', 'htmlBody', 'attachments'])
    if ((input[name] ?? null) !== null) reader.problem(name, 'must not be given with bodyStructure')
  const defaults = { type: defaultType(structure) }
  return readPart(context, structure, 'bodyStructure', defaults, 0, reader.taken)
}

const bodyValue = object({ value: string, isEncodingProblem: boolean, isTruncated: boolean })

function readBodyValues(reader: FieldReader, input: Json): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  if (input === null) return found
  for (const [partId, read] of reader.as(mapOf(string, bodyValue), input, 'bodyValues') ?? []) {
    const path = pathIn('bodyValues', partId)
    if (read.isEncodingProblem === true) reader.problem(`${path}/isEncodingProblem`, 'must be false')
    if (read.isTruncated === true) reader.problem(`${path}/isTruncated`, 'must be false')
    if (read.value === undefined) reader.problem(`${path}/value`, 'must be there')
    else found.set(partId, read.value)
  }
  return found
}

function readLists(context: PartContext, input: JsonObject): DraftPart | undefined {
  const { problems } = context.reader
  const before = problems.length
  const text = onlyPart(context, input, 'textBody', 'text/plain')
  const html = onlyPart(context, input, 'htmlBody', 'text/html')
  const attachments = attachmentsOf(context, input)
  return problems.length > before ? undefined : bodyOf(text, html, attachments)
}

function onlyPart(
  context: PartContext,
  input: JsonObject,
  name: 'textBody' | 'htmlBody',
  mustBe: string,
): DraftPart | undefined {
  const list = input[name] ?? null
  if (list === null) return undefined
  if (Array.isArray(list) && list.length === 1)
    return readPart(context, (list as readonly Json[])[0]!, `${name}/0`, { type: mustBe, mustBe })
  return context.reader.problem(name, 'must be a list of exactly one part')
}

function attachmentsOf(context: PartContext, input: JsonObject): readonly DraftPart[] {
  const list = input['attachments'] ?? null
  if (list === null) return []
  if (!Array.isArray(list)) {
    context.reader.problem('attachments', 'must be a list of parts')
    return []
  }
  const parts: DraftPart[] = []
  for (const [i, one] of (list as readonly Json[]).entries()) {
    const part = readPart(context, one, `attachments/${i}`, { type: defaultType(one) })
    if (part !== undefined) parts.push(part)
    else if (context.partsLeft <= 0) break
  }
  return parts
}

const multipart = (subtype: string, parts: readonly DraftPart[]): DraftPart => ({
  type: `multipart/${subtype}`,
  parameters: [],
  fields: [],
  content: { kind: 'multipart', parts },
  cid: undefined,
  disposition: undefined,
  name: undefined,
})

/** The usual tree: what HTML shows stands beside it, what is attached behind all. */
function bodyOf(
  text: DraftPart | undefined,
  html: DraftPart | undefined,
  attachments: readonly DraftPart[],
): DraftPart {
  const isShown = (part: DraftPart): boolean =>
    html !== undefined && part.cid !== undefined && part.disposition !== 'attachment'
  const shown = attachments.filter(isShown).map((part) => withDisposition(part, 'inline'))
  const attached = attachments
    .filter((part) => !isShown(part))
    .map((part) => withDisposition(part, 'attachment'))
  const page = html !== undefined && shown.length > 0 ? multipart('related', [html, ...shown]) : html
  const body =
    text !== undefined && page !== undefined ? multipart('alternative', [text, page]) : (text ?? page)
  if (attached.length > 0) return multipart('mixed', body === undefined ? attached : [body, ...attached])
  return body ?? { ...multipart('', []), type: 'text/plain', content: { kind: 'text', text: '' } }
}

// ---- the message

/** A message whose bytes are staged; `abort` removes them where they were not attached. */
export interface StagedEmail {
  readonly message: PreparedMessage
  abort(): Promise<void>
}

/**
 * Writes the message. Throws SetFault `blobNotFound` with every blob that is not there for the user, `tooLarge`, and Fault `overQuota`.
 */
export async function stageDraft(
  call: Call,
  account: OpenAccount,
  draft: Draft,
  room: StagingRoom,
): Promise<StagedEmail> {
  const { services, access } = call
  const contents = await openBlobs(call, account, [...new Set(blobIdsOf(draft.root))])
  const now = services.clock.now()
  const fields = [...draft.fields]
  if (!draft.hasDate) fields.push(composeDate('Date', { ms: now, zoneMinutes: 0 }))
  if (!draft.hasMessageId)
    fields.push(composeMessageIds('Message-ID', [`${token()}@${domainFor(draft, access.name)}`]))
  const composed = composeMessage({ fields, root: composedPart(draft.root, contents) }, token)
  const stager = services.blobs.stager({ maxBytes: mostMessageBytes })
  return stage(stager, room.within(composed), draft.receivedAt ?? now)
}

async function stage(
  stager: Stager,
  bytes: AsyncIterable<Uint8Array>,
  receivedAt: number,
): Promise<StagedEmail> {
  try {
    const parser = new StructureParser()
    for await (const piece of bytes) {
      parser.push(piece)
      await stager.write(piece)
    }
    const structure = parser.end()
    const message = prepareMessage({
      staged: await stager.finish(),
      structure,
      prefix: Buffer.alloc(0),
      receivedAt,
    })
    return { message, abort: () => stager.abort() }
  } catch (error) {
    await stager.abort()
    throw error
  }
}

async function openBlobs(
  call: Call,
  account: OpenAccount,
  ids: readonly string[],
): Promise<ReadonlyMap<string, BlobContent>> {
  const found = new Map<string, BlobContent>()
  const notFound: string[] = []
  let size = 0
  for (const id of ids) {
    // RFC 9404 §4.1: one that was made in the same request may be named by its creation id.
    const content = await openBlobId(call.services, account, call.resolve(id) ?? id)
    if (content === undefined) notFound.push(id)
    else {
      found.set(id, content)
      size += await sizeOfContent(content)
    }
  }
  if (notFound.length > 0)
    throw new SetFault('blobNotFound', 'Some of the blobs are not there.', { notFound })
  if (size > mostAttachmentBytes)
    throw new SetFault('tooLarge', `Attachments must not be larger than ${mostAttachmentBytes} octets.`)
  return found
}

function composedPart(part: DraftPart, contents: ReadonlyMap<string, BlobContent>): ComposedPart {
  const { type, parameters, fields, content } = part
  const about = { type, parameters, fields }
  if (content.kind === 'blob') {
    const blob = contents.get(content.blobId)!
    return { ...about, content: { kind: 'bytes', read: () => blob.read() } }
  }
  if (content.kind === 'text') return { ...about, content }
  const parts = content.parts.map((one) => composedPart(one, contents))
  return { ...about, content: { kind: 'multipart', parts } }
}

const token = (): string => randomBytes(18).toString('hex')

/** RFC 5322 §3.6.4: the right side is a domain of whoever makes the identifier. */
function domainFor({ fields }: Draft, name: string): string {
  const from = fields.find((field) => /^from:/i.test(field)) ?? ''
  const found = /@([A-Za-z0-9](?:[A-Za-z0-9.-]{0,250}[A-Za-z0-9])?)>?\s*$/.exec(from)
  const own = domainPart(name)
  return found?.[1] ?? (/^[A-Za-z0-9.-]{1,253}$/.test(own) ? own : 'localhost')
}

/** Whether an object has nothing but what is said of it, for what is imported and copied. */
export function readAbout(
  input: JsonObject,
  others: readonly string[],
): { readonly metadata: Metadata; readonly problems: PropertyProblem[] } {
  const problems: PropertyProblem[] = []
  for (const name of Object.keys(input))
    if (!metadata.has(name) && !others.includes(name))
      problems.push({ property: pathIn('', name), problem: 'cannot be given' })
  return { metadata: readMetadata(input, problems), problems }
}
