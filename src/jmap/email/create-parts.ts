/** Body parts of an Email that is created (RFC 8621 §4.6), as they are to be written. */
import type { ComposedPart } from '#message/compose-message.ts'
import { composeParameterField, isToken, type WrittenParameter } from '#message/compose-parameters.ts'
import { isBracketable } from '#message/compose.ts'
import { parseContentType } from '#message/parameters.ts'
import { unfold } from '#message/headers.ts'
import { isObject, type Json, type JsonObject, listOf, nullable, string, unsignedInt } from '../value.ts'
import { FieldReader, pathIn } from './create-fields.ts'

/** A part before the bytes that it names are there. */
export interface DraftPart extends Omit<ComposedPart, 'content'> {
  readonly content:
    | { readonly kind: 'text'; readonly text: string }
    | { readonly kind: 'blob'; readonly blobId: string }
    | { readonly kind: 'multipart'; readonly parts: readonly DraftPart[] }
  readonly cid: string | undefined
  /** Undefined where the client said nothing, empty where it is in a field that the client wrote. */
  readonly disposition: string | undefined
  /** The file name, which a disposition that is chosen later needs too. */
  readonly name: string | undefined
}

/** Where parts are read from. */
export interface PartContext {
  readonly reader: FieldReader
  readonly bodyValues: ReadonlyMap<string, string>
  /** Counts down: the parts that one message may still have. */
  partsLeft: number
}

/** Our own parser reads deeper. */
const deepest = 20
export const mostParts = 900

const fieldOf: ReadonlyMap<string, string> = new Map([
  ['type', 'content-type'],
  ['charset', 'content-type'],
  ['name', 'content-disposition'],
  ['disposition', 'content-disposition'],
  ['cid', 'content-id'],
  ['language', 'content-language'],
  ['location', 'content-location'],
])
const others: ReadonlySet<string> = new Set(['partId', 'blobId', 'size', 'subParts'])

/** What a part is where nothing is said. */
export interface PartDefaults {
  readonly type: string
  /** The only one that it may be. */
  readonly mustBe?: string
}

export function readPart(
  context: PartContext,
  input: Json,
  path: string,
  defaults: PartDefaults,
  depth = 0,
  taken: ReadonlySet<string> = new Set(),
): DraftPart | undefined {
  const { problems } = context.reader
  const reader = new FieldReader(problems, taken)
  if (!isObject(input)) return reader.problem(path, 'must be an object')
  if (depth > deepest || context.partsLeft-- <= 0) return reader.problem(path, 'is a part too many')
  const before = problems.length
  const fields = otherFields(reader, input, path)
  const type = typeOf(reader, input, path, defaults)
  const content = contentOf(context, input, path, type.type, depth)
  const described = descriptionOf(reader, input, path)
  if (problems.length > before || content === undefined) return undefined
  if (content.kind === 'text' && given(input, 'charset'))
    return reader.problem(pathIn(path, 'charset'), 'must not be given with a partId')
  const charset = typeof input['charset'] === 'string' ? [{ name: 'charset', value: input['charset'] }] : []
  const name = described.name === undefined ? [] : [{ name: 'name', value: described.name }]
  return {
    type: type.type,
    parameters: [
      ...type.parameters.filter(
        (one) => isKept(one, content.kind) && !(one.name === 'name' && name.length > 0),
      ),
      ...charset,
      ...name,
    ],
    fields: [...fields, ...described.fields],
    content,
    cid: described.cid,
    disposition:
      described.disposition ??
      (reader.taken.has('content-disposition') && described.name === undefined ? '' : undefined),
    name: described.name,
  }
}

const given = (input: JsonObject, name: string): boolean => input[name] !== undefined && input[name] !== null

/** What the server chooses is not taken from a Content-Type that a client wrote. */
const isKept = ({ name }: WrittenParameter, kind: DraftPart['content']['kind']): boolean =>
  kind === 'multipart' ? name !== 'boundary' : kind === 'blob' || name !== 'charset'

/** The fields of "header:" properties but Content-Type; also looks for what is no property. */
function otherFields(reader: FieldReader, input: JsonObject, path: string): readonly string[] {
  const found: string[] = []
  const named = new Map<string, string>()
  for (const name of Object.keys(input)) {
    const field = given(input, name) ? fieldOf.get(name) : undefined
    if (field !== undefined) named.set(field, name)
  }
  for (const [field, name] of named) reader.take(field, pathIn(path, name))
  for (const [name, value = null] of Object.entries(input)) {
    const at = pathIn(path, name)
    if (fieldOf.has(name) || others.has(name)) continue
    if (!name.startsWith('header:')) {
      reader.problem(at, name === 'headers' ? 'must not be given: each field has a property' : 'is not known')
      continue
    }
    const field = /^header:([^:]*)/.exec(name)![1]!.toLowerCase()
    if (field === 'content-transfer-encoding' || field === 'mime-version')
      reader.problem(at, 'must not be given')
    else {
      const fields = reader.read(name, value, at)
      if (field !== 'content-type') found.push(...fields)
      else if (fields.length > 1) reader.problem(at, 'must not stand more than once')
    }
  }
  return found
}

function typeOf(
  reader: FieldReader,
  input: JsonObject,
  path: string,
  defaults: PartDefaults,
): { readonly type: string; readonly parameters: readonly WrittenParameter[] } {
  const header = Object.keys(input).find((name) => /^header:content-type(?::|$)/i.test(name))
  const wanted = header === undefined ? input['type'] : input[header]
  const at = pathIn(path, header ?? 'type')
  const found = typeIn(reader, wanted, at, header !== undefined, defaults.type)
  if (defaults.mustBe !== undefined && found.type !== defaults.mustBe)
    reader.problem(pathIn(path, 'type'), `must be ${defaults.mustBe}`)
  return found
}

function typeIn(
  reader: FieldReader,
  wanted: Json | undefined,
  path: string,
  isHeader: boolean,
  fallback: string,
): { readonly type: string; readonly parameters: readonly WrittenParameter[] } {
  if (wanted === undefined || wanted === null) return { type: fallback, parameters: [] }
  const text = Array.isArray(wanted) ? (wanted as readonly Json[])[0] : wanted
  const bytes = typeof text === 'string' ? Buffer.from(text) : undefined
  const parsed = bytes === undefined ? undefined : parseContentType(unfold(bytes, 0, bytes.length))
  if (parsed === undefined || (!isHeader && !isType(text as string))) {
    reader.problem(path, 'must be a media type such as "text/plain"')
    return { type: fallback, parameters: [] }
  }
  const parameters = parsed.params
    .filter(({ name }) => isToken(name))
    .map(({ name, value }) => ({ name, value: Buffer.from(value, 'latin1').toString('utf8') }))
  return { type: `${parsed.type}/${parsed.subtype}`, parameters }
}

const isType = (text: string): boolean => {
  const [type, subtype, ...more] = text.split('/')
  return more.length === 0 && isToken(type!) && subtype !== undefined && isToken(subtype)
}

function contentOf(
  context: PartContext,
  input: JsonObject,
  path: string,
  type: string,
  depth: number,
): DraftPart['content'] | undefined {
  const { reader } = context
  const hasPartId = given(input, 'partId')
  const hasBlobId = given(input, 'blobId')
  if (given(input, 'size')) reader.as(unsignedInt, input['size']!, pathIn(path, 'size'))
  if (type.startsWith('multipart/')) return multipartOf(context, input, path, depth)
  if (given(input, 'subParts')) return reader.problem(pathIn(path, 'subParts'), 'is only for a multipart')
  if (hasPartId && hasBlobId) return reader.problem(pathIn(path, 'blobId'), 'must not be given with a partId')
  if (hasPartId) return textOf(context, input, path, type)
  if (!hasBlobId) return reader.problem(pathIn(path, 'partId'), 'or a blobId must be given')
  const blobId = input['blobId']!
  if (typeof blobId === 'string') return { kind: 'blob', blobId }
  return reader.problem(pathIn(path, 'blobId'), 'must be an id')
}

function multipartOf(
  context: PartContext,
  input: JsonObject,
  path: string,
  depth: number,
): DraftPart['content'] | undefined {
  const { reader } = context
  for (const name of ['partId', 'blobId', 'size', 'charset'])
    if (given(input, name)) reader.problem(pathIn(path, name), 'must not be given for a multipart')
  const list = input['subParts']
  if (!Array.isArray(list) || list.length === 0)
    return reader.problem(pathIn(path, 'subParts'), 'must be a list of parts')
  const parts: DraftPart[] = []
  for (const [i, one] of (list as readonly Json[]).entries()) {
    const defaults = { type: defaultType(one) }
    const part = readPart(context, one, `${pathIn(path, 'subParts')}/${i}`, defaults, depth + 1)
    if (part !== undefined) parts.push(part)
    else if (context.partsLeft <= 0) return undefined
  }
  return { kind: 'multipart', parts }
}

/** Of a part whose type the client does not say. */
export const defaultType = (part: Json): string =>
  !isObject(part) || given(part, 'partId')
    ? 'text/plain'
    : given(part, 'subParts')
      ? 'multipart/mixed'
      : 'application/octet-stream'

function textOf(
  { reader, bodyValues }: PartContext,
  input: JsonObject,
  path: string,
  type: string,
): DraftPart['content'] | undefined {
  const partId = input['partId']
  if (given(input, 'size')) reader.problem(pathIn(path, 'size'), 'must not be given with a partId')
  if (type.startsWith('message/')) return reader.problem(pathIn(path, 'type'), 'must be that of a text')
  const text = typeof partId === 'string' ? bodyValues.get(partId) : undefined
  if (text === undefined) return reader.problem(pathIn(path, 'partId'), 'must be one of bodyValues')
  return { kind: 'text', text }
}

interface Description {
  readonly fields: readonly string[]
  readonly name: string | undefined
  readonly disposition: string | undefined
  readonly cid: string | undefined
}

const longestName = 1000

function descriptionOf(reader: FieldReader, input: JsonObject, path: string): Description {
  const textOf = (name: string, isGood: (text: string) => boolean, what: string): string | undefined => {
    const text = reader.as(nullable(string), input[name] ?? null, pathIn(path, name))
    if (typeof text !== 'string') return undefined
    return isGood(text) ? text : reader.problem(pathIn(path, name), `must be ${what}`)
  }
  const name = textOf('name', (text) => Buffer.byteLength(text) <= longestName, 'shorter')
  const disposition = textOf('disposition', isToken, 'a word such as "inline"')?.toLowerCase()
  const cid = textOf('cid', (text) => isBracketable(text), 'a Content-ID without brackets')
  const location = textOf('location', (text) => /^[!-~]{1,900}$/.test(text), 'a URL')
  textOf('charset', isToken, 'the name of a charset')
  const language =
    reader.as(nullable(listOf(string)), input['language'] ?? null, pathIn(path, 'language')) ?? null
  const isTag = (tag: string): boolean => /^[A-Za-z0-9-]{1,60}$/.test(tag)
  if (language !== null && !language.every(isTag))
    reader.problem(pathIn(path, 'language'), 'must be a list of language tags')
  const fields = [
    ...(disposition === undefined ? [] : [dispositionField(disposition, name)]),
    ...(cid === undefined ? [] : [`Content-ID: <${cid}>\r\n`]),
    ...(language === null || language.length === 0
      ? []
      : [`Content-Language: ${language.join(',\r\n ')}\r\n`]),
    ...(location === undefined ? [] : [`Content-Location: ${location}\r\n`]),
  ]
  return { fields, name, disposition, cid }
}

const dispositionField = (disposition: string, name: string | undefined): string =>
  composeParameterField(
    'Content-Disposition',
    disposition,
    name === undefined ? [] : [{ name: 'filename', value: name }],
  )

/** The part with a disposition, where it has none. */
export const withDisposition = (part: DraftPart, disposition: string): DraftPart =>
  part.disposition !== undefined
    ? part
    : { ...part, disposition, fields: [...part.fields, dispositionField(disposition, part.name)] }

/** Every blob that a part or one in it names. */
export function blobIdsOf(part: DraftPart): readonly string[] {
  if (part.content.kind === 'blob') return [part.content.blobId]
  return part.content.kind === 'multipart' ? part.content.parts.flatMap(blobIdsOf) : []
}
