/**
 * Ids of blobs (RFC 8620 §6): "U" and the SHA-256 of an upload, or "B", the number of a message and a tag that only
 * those know who have seen it; then the places of parts, each behind a dash. They say all that is needed to find the
 * bytes, so they are the same after a restart; who may have the bytes is asked on each use.
 */
import type { BlobHash, MessageId } from '#base/id.ts'
import { type BlobContent, type BlobOrigin, type ClientBlob, mostParts, openBlob } from '#mail/client-blob.ts'
import type { OpenAccount } from './accounts.ts'
import type { ReadBudget } from './read-budget.ts'
import type { JmapServices } from './services.ts'

const form = /^(?:U([0-9a-f]{64})|B([0-9a-z]{1,10})-([0-9a-f]{20}))((?:-[0-9a-z]{1,4}){0,8})$/

export const blobIdText = ({ origin, parts }: ClientBlob): string =>
  parts.reduce(partBlobIdText, originText(origin))

/** Of a part of what has this id; `place` is that among all its parts. */
export const partBlobIdText = (blobId: string, place: number): string => `${blobId}-${place.toString(36)}`

const originText = (origin: BlobOrigin): string =>
  origin.kind === 'upload' ? `U${origin.hash}` : `B${origin.id.toString(36)}-${origin.tag}`

/** undefined for anything that we never gave out. */
export function readBlobId(text: string): ClientBlob | undefined {
  const match = form.exec(text)
  if (match === null) return undefined
  const [, hash, id, tag, places = ''] = match
  const parts = places
    .split('-')
    .slice(1)
    .map((place) => Number.parseInt(place, 36))
  const origin: BlobOrigin =
    hash === undefined
      ? { kind: 'message', id: Number.parseInt(id!, 36) as MessageId, tag: tag! }
      : { kind: 'upload', hash: hash as BlobHash }
  const blob = { origin, parts }
  const isPossible =
    parts.length <= mostParts && (hash !== undefined || isMessageId(Number.parseInt(id!, 36)))
  return isPossible && blobIdText(blob) === text ? blob : undefined
}

const isMessageId = (number: number): boolean => number >= 1 && number < 2 ** 48

/** The content that an id stands for, as far as the user may have it. Throws Fault `tooLarge` by the budget. */
export async function openBlobId(
  { db, blobs, partSizes }: Pick<JmapServices, 'db' | 'blobs' | 'partSizes'>,
  account: OpenAccount,
  text: string,
  budget?: ReadBudget,
): Promise<BlobContent | undefined> {
  const blob = readBlobId(text)
  const content = blob && (await openBlob({ db, blobs, partSizes }, account.id, account.who, blob))
  budget?.spend(content?.passedBytes ?? 0)
  return content
}
