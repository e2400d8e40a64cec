/** EmailBodyPart objects (RFC 8621 §4.1.4). */
import { partBlob } from '#mail/client-blob.ts'
import { type BodyPart, contentId, namedCharset } from '#message/body-parts.ts'
import { isMultipart } from '#message/structure.ts'
import { blobIdText } from '../blob-id.ts'
import { objectOf } from '../dispatch.ts'
import type { Json, JsonObject } from '../value.ts'
import { isHeaderProperty, parseHeaderProperty } from './header-property.ts'
import type { EmailSource } from './source.ts'

const properties: ReadonlySet<string> = new Set([
  'partId',
  'blobId',
  'size',
  'headers',
  'name',
  'type',
  'charset',
  'disposition',
  'cid',
  'language',
  'location',
  'subParts',
])

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

export const isBodyProperty = (name: string): boolean => properties.has(name) || isHeaderProperty(name)

export async function bodyPartObject(
  source: EmailSource,
  one: BodyPart,
  wanted: readonly string[],
): Promise<JsonObject> {
  const object: [string, Json][] = []
  for (const name of wanted) object.push([name, await valueOf(source, one, name, wanted)])
  return objectOf(object)
}

async function valueOf(
  source: EmailSource,
  one: BodyPart,
  name: string,
  wanted: readonly string[],
): Promise<Json> {
  const { part, partId } = one
  switch (name) {
    case 'partId':
      return partId ?? null
    case 'blobId':
      return partId === undefined ? null : blobIdText(partBlob(source.blob, one.place))
    case 'size':
      return source.sizeOf(part)
    case 'headers':
      return (await source.headerOf(part)).all()
    case 'name':
      return one.name?.toWellFormed() ?? null
    case 'type':
      return `${part.type}/${part.subtype}`
    case 'charset':
      return namedCharset(part) ?? null
    case 'disposition':
      return part.disposition?.type ?? null
    case 'cid':
      return contentId(part) ?? null
    case 'language':
      return part.language.length === 0 ? null : part.language
    case 'location':
      return part.location ?? null
    case 'subParts':
      if (!isMultipart(part)) return null
      return Promise.all(one.subParts.map((child) => bodyPartObject(source, child, wanted)))
    default:
      return (await source.headerOf(part)).value(parseHeaderProperty(name)!)
  }
}
