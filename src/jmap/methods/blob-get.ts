/**
 * Blob/get (RFC 9404 §4.2): bytes of a range as text or in base64, digests of them, and the size of the whole. What
 * is to be told in the response is held in memory, so it has a limit; digests and sizes are made as the bytes pass.
 */
import { isUtf8 } from 'node:buffer'
import { createHash, type Hash } from 'node:crypto'
import type { BlobContent } from '#mail/client-blob.ts'
import type { OpenAccount } from '../accounts.ts'
import { openBlobId } from '../blob-id.ts'
import { MethodError } from '../errors.ts'
import type { Call } from '../method.ts'
import { jmapSettings } from '../settings.ts'
import { ReadBudget } from '../read-budget.ts'
import { standardGet } from '../standard-get.ts'
import { type JsonObject, nullable, unsignedInt } from '../value.ts'

/** By their names in the registry of HTTP digest algorithms, in lower case. */
const digests: ReadonlyMap<string, string> = new Map([
  ['sha-256', 'sha256'],
  ['sha-512', 'sha512'],
  ['sha', 'sha1'],
])
export const digestNames = [...digests.keys()]

const digestPrefix = 'digest:'
const texts: ReadonlySet<string> = new Set(['data', 'data:asText', 'data:asBase64'])

export const blobGet = standardGet({
  type: 'Blob',
  using: 'urn:ietf:params:jmap:blob',
  standard: 'RFC 9404 §4.2',
  permission: 'jmapBlobGet',
  properties: [
    'id',
    ...texts,
    ...digestNames.map((name) => digestPrefix + name),
    'size',
    'isEncodingProblem',
    'isTruncated',
  ],
  usual: ['data', 'size'],
  more: { offset: nullable(unsignedInt), length: nullable(unsignedInt) },
  async read(call, account, { ids, properties }, { offset, length }) {
    if (ids === null)
      throw new MethodError('invalidArguments', 'There is no list of all blobs.', { arguments: ['ids'] })
    const wanted = { properties, start: offset ?? 0, length: length ?? undefined }
    const room = { bytes: call.services.settings.get(jmapSettings).maxRequestSize }
    const budget = new ReadBudget(call.services)
    const list: JsonObject[] = []
    for (const id of ids) {
      const blob = await readBlob(call, account, id, { wanted, room, budget })
      if (blob !== undefined) list.push(blob)
    }
    // What an id stands for never changes.
    return { state: '0', list }
  },
})

interface Wanted {
  readonly properties: ReadonlySet<string>
  readonly start: number
  readonly length: number | undefined
}

interface Bounds {
  readonly wanted: Wanted
  /** What is left for data in this response. */
  readonly room: { bytes: number }
  readonly budget: ReadBudget
}

async function readBlob(
  call: Call,
  account: OpenAccount,
  id: string,
  bounds: Bounds,
): Promise<JsonObject | undefined> {
  const { wanted, budget } = bounds
  const content = await openBlobId(call.services, account, id, budget)
  if (content === undefined) return undefined
  const passed = await pass(content, bounds, call.signal)
  const { properties } = wanted
  const found: Record<string, JsonObject[string]> = { id }
  if (properties.has('size')) found['size'] = passed.size
  for (const [name, hash] of passed.hashes) found[digestPrefix + name] = hash.digest('base64')
  const isTruncated = wanted.start + (wanted.length ?? 0) > passed.size
  if (isTruncated || properties.has('isTruncated')) found['isTruncated'] = isTruncated
  return { ...found, ...dataOf(properties, passed.data) }
}

/** RFC 9404 §4.2: as text where it is UTF-8, and else with a word that it is not. */
function dataOf(properties: ReadonlySet<string>, data: Buffer | undefined): JsonObject {
  if (data === undefined) return {}
  const asksForText = properties.has('data') || properties.has('data:asText')
  const isText = !asksForText || isUtf8(data)
  const isBase64 = properties.has('data:asBase64') || (properties.has('data') && !isText)
  return {
    ...(asksForText && isText ? { 'data:asText': data.toString('utf8') } : {}),
    ...(properties.has('data:asText') && !isText ? { 'data:asText': null } : {}),
    ...(isBase64 ? { 'data:asBase64': data.toString('base64') } : {}),
    ...(!isText || properties.has('isEncodingProblem') ? { isEncodingProblem: !isText } : {}),
  }
}

interface Passed {
  readonly size: number
  readonly hashes: readonly (readonly [string, Hash])[]
  /** Of the range; undefined where nobody asks for it. */
  readonly data: Buffer | undefined
}

/** Reads what is needed of the content, once. Throws MethodError `requestTooLarge` and Fault `tooLarge`. */
async function pass(
  content: BlobContent,
  { wanted: { properties, start, length }, room, budget }: Bounds,
  signal: AbortSignal,
): Promise<Passed> {
  const end = start + (length ?? Number.POSITIVE_INFINITY)
  const hashes = [...digests]
    .filter(([name]) => properties.has(digestPrefix + name))
    .map(([name, algorithm]) => [name, createHash(algorithm)] as const)
  const pieces: Uint8Array[] | undefined = [...texts, 'isEncodingProblem'].some((one) => properties.has(one))
    ? []
    : undefined
  const isRead = pieces !== undefined || hashes.length > 0
  const take = (bytes: Uint8Array): void => {
    for (const [, hash] of hashes) hash.update(bytes)
    if (pieces === undefined) return
    room.bytes -= bytes.length
    if (room.bytes < 0)
      throw new MethodError('requestTooLarge', 'That is too much data for one response: ask for a range.')
    pieces.push(bytes)
  }
  let size = content.sizeBytes
  if (size === undefined) {
    size = 0
    for await (const piece of content.read()) {
      signal.throwIfAborted()
      budget.spend(piece.length)
      const wanted = piece.subarray(Math.max(0, start - size), Math.max(0, end - size))
      if (isRead && wanted.length > 0) take(wanted)
      size += piece.length
    }
  } else if (isRead && start < size) {
    if (content.isEncoded) budget.spend(start)
    for await (const piece of content.read(start, Math.min(end, size))) {
      signal.throwIfAborted()
      budget.spend(piece.length)
      take(piece)
    }
  }
  return { size, hashes, data: pieces === undefined ? undefined : Buffer.concat(pieces) }
}
