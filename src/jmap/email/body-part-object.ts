/** EmailBodyPart objects (RFC 8621 §4.1.4). */
import { inTurn, type Maybe, whenThere } from '#base/maybe.ts'
import { type BodyPart, contentId, namedCharset } from '#message/body-parts.ts'
import { isMultipart } from '#message/structure.ts'
import { partBlobIdText } from '../blob-id.ts'
import type { JsonObject } from '../value.ts'
import { isHeaderProperty, parseHeaderProperty } from './header-property.ts'
import { objectReader, type Reader } from './object-reader.ts'
import type { EmailSource } from './source.ts'

/** RFC 8621 §4.2. */
export const usualBodyProperties: readonly string[] = [
  'partId',
  'blobId',
  'size',
  'name',
  'type',
  'charset',
  'disposition',
  'cid',
  'language',
  'location',
]

export interface ShownPart {
  readonly source: EmailSource
  readonly one: BodyPart
}

const readers: ReadonlyMap<string, Reader<ShownPart>> = new Map<string, Reader<ShownPart>>([
  ['partId', ({ one }) => one.partId ?? null],
  [
    'blobId',
    ({ source, one }) => (one.partId === undefined ? null : partBlobIdText(source.blobId, one.place)),
  ],
  ['size', ({ source, one }) => source.sizeOf(one.part)],
  ['headers', ({ source, one }) => whenThere(source.headerOf(one.part), (header) => header.all())],
  ['name', ({ one }) => one.name?.toWellFormed() ?? null],
  ['type', ({ one: { part } }) => `${part.type}/${part.subtype}`],
  ['charset', ({ one }) => namedCharset(one.part) ?? null],
  ['disposition', ({ one }) => one.part.disposition?.type ?? null],
  ['cid', ({ one }) => contentId(one.part) ?? null],
  ['language', ({ one: { part } }) => (part.language.length === 0 ? null : part.language)],
  ['location', ({ one }) => one.part.location ?? null],
])

export const isBodyProperty = (name: string): boolean =>
  name === 'subParts' || readers.has(name) || isHeaderProperty(name)

/** Makes objects with these properties, each of which is one. */
export function partReader(names: readonly string[]): Reader<ShownPart, JsonObject> {
  const read = objectReader<ShownPart>(
    names.map((name) => [name, name === 'subParts' ? subParts : (readers.get(name) ?? headerReader(name))]),
    ({ source }) => source.budget,
  )
  function subParts({ source, one }: ShownPart): Maybe<readonly JsonObject[] | null> {
    return isMultipart(one.part) ? inTurn(one.subParts, (child) => read({ source, one: child })) : null
  }
  return read
}

function headerReader(name: string): Reader<ShownPart> {
  const property = parseHeaderProperty(name)!
  return ({ source, one }) => whenThere(source.headerOf(one.part), (header) => header.value(property))
}
