/**
 * Blob/upload (RFC 9404 §4.1): blobs put together of text, base64 and ranges of other blobs, each of them an upload
 * as one that came over HTTP. The bytes of others pass in flat memory. Those that were made before in the same
 * request are named by "#" and their creation ids.
 */
import { Fault, isFault, type PropertyProblem } from '#base/fault.ts'
import { sizeOfContent } from '#mail/client-blob.ts'
import type { OpenAccount } from '../accounts.ts'
import { openBlobId } from '../blob-id.ts'
import { objectOf } from '../dispatch.ts'
import { invalidProperties, MethodError, setErrorOf, SetFault } from '../errors.ts'
import { accountField, type Call, method } from '../method.ts'
import { ReadBudget } from '../read-budget.ts'
import { jmapSettings } from '../settings.ts'
import { stageUpload } from '../upload.ts'
import {
  anything,
  id,
  isId,
  isObject,
  type JsonObject,
  listOf,
  mapOf,
  nullable,
  object,
  type Read,
  readFields,
  string,
  unsignedInt,
} from '../value.ts'

/** RFC 9404 §3.1: at least 64. */
export const maxDataSources = 256

const source = object({
  'data:asText': nullable(string),
  'data:asBase64': nullable(string),
  blobId: nullable(id),
  offset: nullable(unsignedInt),
  length: nullable(unsignedInt),
})
const uploadFields = { data: listOf(source), type: nullable(string) } as const

type Source = Read<typeof source>

export const blobUpload = method({
  name: 'Blob/upload',
  using: 'urn:ietf:params:jmap:blob',
  standard: 'RFC 9404 §4.1',
  permission: 'jmapBlobUpload',
  arguments: { ...accountField, create: mapOf(string, anything) },
  required: ['accountId', 'create'],
  async call(call, { accountId, create }) {
    const account = await call.account(accountId!)
    const most = call.services.settings.get(jmapSettings).setMaxObjects
    if (create!.size > most)
      throw new MethodError('requestTooLarge', `At most ${most} blobs can be made in one call.`)
    if (![...create!.keys()].every(isId))
      throw new MethodError('invalidArguments', 'A creation id must be an id.', { arguments: ['create'] })
    const budget = new ReadBudget(call.services)
    const created = new Map<string, JsonObject>()
    const notCreated = new Map<string, JsonObject>()
    for (const [creationId, given] of create!) {
      call.signal.throwIfAborted()
      try {
        const made = await make(call, account, given, budget)
        created.set(creationId, made)
        call.createdIds.set(creationId, made['id'] as string)
      } catch (error) {
        if (!isFault(error)) throw error
        notCreated.set(creationId, setErrorOf(error))
      }
    }
    return [
      {
        arguments: {
          accountId: account.text,
          created: created.size === 0 ? null : objectOf(created),
          notCreated: notCreated.size === 0 ? null : objectOf(notCreated),
        },
      },
    ]
  },
})

/** Throws a SetFault or another Fault. */
async function make(
  call: Call,
  account: OpenAccount,
  given: unknown,
  budget: ReadBudget,
): Promise<JsonObject> {
  const { data, type } = readUpload(given)
  const { maxUploadSize } = call.services.settings.get(jmapSettings)
  const bytes = joined(call, account, data, budget)
  const { blobId, sizeBytes } = await stageUpload(call.services, account, bytes, maxUploadSize)
  // RFC 9404 §4.1: with all that the upload endpoint answers.
  return {
    id: blobId,
    accountId: account.text,
    blobId,
    type: type ?? 'application/octet-stream',
    size: sizeBytes,
  }
}

function readUpload(given: unknown): { readonly data: readonly Source[]; readonly type: string | null } {
  const problems: PropertyProblem[] = []
  if (!isObject(given)) throw invalidProperties([{ property: 'data', problem: 'must be there' }])
  const { data, type = null } = readFields(uploadFields, given, problems)
  if (data === undefined) problems.push({ property: 'data', problem: 'must be there' })
  if (problems.length > 0) throw invalidProperties(problems)
  if (data!.length > maxDataSources)
    throw new SetFault('tooLarge', `A blob may have ${maxDataSources} sources.`)
  for (const [i, one] of data!.entries()) {
    const problem = problemOf(one)
    if (problem !== undefined) throw invalidProperties([{ property: `data/${i}`, problem }])
  }
  return { data: data!, type }
}

const isSaid = (value: unknown): boolean => value !== undefined && value !== null

/** RFC 9404 §4.1: exactly one of the three, and a range only of a blob. */
function problemOf(one: Source): string | undefined {
  const said = [one['data:asText'], one['data:asBase64'], one.blobId].filter(isSaid)
  if (said.length !== 1) return 'must have exactly one of data:asText, data:asBase64 and blobId'
  if (!isSaid(one.blobId) && (isSaid(one.offset) || isSaid(one.length)))
    return 'must have a range of blobs only'
  if (isSaid(one['data:asText']) && !one['data:asText']!.isWellFormed()) return 'must be UTF-8'
  if (isSaid(one['data:asBase64']) && !isBase64(one['data:asBase64']!)) return 'must be base64'
  return undefined
}

/** RFC 4648 §3.3 and §4: nothing outside the alphabet, and all of the padding. */
const isBase64 = (text: string): boolean => text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)

async function* joined(
  call: Call,
  account: OpenAccount,
  data: readonly Source[],
  budget: ReadBudget,
): AsyncGenerator<Uint8Array> {
  for (const [i, one] of data.entries()) {
    if (isSaid(one['data:asText'])) yield Buffer.from(one['data:asText']!, 'utf8')
    else if (isSaid(one['data:asBase64'])) yield Buffer.from(one['data:asBase64']!, 'base64')
    else yield* rangeOf(call, account, { ...one, property: `data/${i}` }, budget)
  }
}

/** Throws SetFault where the range is not all there. */
async function* rangeOf(
  call: Call,
  account: OpenAccount,
  { blobId, offset, length, property }: Source & { readonly property: string },
  budget: ReadBudget,
): AsyncGenerator<Uint8Array> {
  const wanted = call.resolve(blobId!)
  const content = wanted === undefined ? undefined : await openBlobId(call.services, account, wanted, budget)
  if (content === undefined) throw new SetFault('blobNotFound', undefined, { notFound: [blobId!] })
  const start = offset ?? 0
  const size = await sizeOfContent(content)
  // To know the size, and to come to the range, what is encoded is decoded from its beginning.
  if (content.sizeBytes === undefined) budget.spend(size)
  const end = isSaid(length) ? start + length! : size
  if (start > size || end > size)
    throw invalidProperties([{ property, problem: `must lie within the ${size} octets of the blob` }])
  budget.spend(content.isEncoded ? end : end - start)
  let read = 0
  for await (const piece of start === end ? [] : content.read(start, end)) {
    call.signal.throwIfAborted()
    read += piece.length
    yield piece
  }
  if (read !== end - start) throw new Fault('unavailable', 'The blob could not be read.', {})
}
