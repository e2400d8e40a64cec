/**
 * Email/import (RFC 8621 §4.8): uploaded bytes become messages as they are. Two messages with the same bytes may be
 * in an account, each with its own id.
 */
import { type Fault, isFault } from '#base/fault.ts'
import type { WriteTx } from '#kv/tx.ts'
import { ingestEmail } from '#mail/ingest.ts'
import type { MailLimits } from '#mail/limits.ts'
import { type PreparedMessage, prepareMessage } from '#mail/prepare.ts'
import { restage } from '#mail/restage.ts'
import { FieldScanner } from '#message/headers.ts'
import { receivedTime } from '#message/received.ts'
import { assertWritable, type OpenAccount } from '../accounts.ts'
import { openBlobId } from '../blob-id.ts'
import { type Arrival, bringIn, objectsToBringIn } from '../email/bring-in.ts'
import { readAbout, type StagedEmail } from '../email/create.ts'
import type { Metadata, Places } from '../email/metadata.ts'
import { StagingRoom } from '../email/staging-room.ts'
import { invalidProperties, SetFault } from '../errors.ts'
import { accountField, type Call, method } from '../method.ts'
import { anything, type JsonObject, mapOf, nullable, string } from '../value.ts'
import { bytesOf, createdEmail } from './email-set.ts'

type Prepared = StagedEmail & { readonly metadata: Metadata }

export const emailImport = method({
  name: 'Email/import',
  using: 'urn:ietf:params:jmap:mail',
  standard: 'RFC 8621 §4.8',
  permission: 'jmapEmailImport',
  arguments: { ...accountField, ifInState: nullable(string), emails: mapOf(string, anything) },
  required: ['accountId', 'emails'],
  async call(call, { accountId, ifInState, emails }) {
    const account = await call.account(accountId!)
    assertWritable(account)
    const { services } = call
    const limits = await services.limitsOf(account.id)
    const room = await StagingRoom.read(call, account, limits)
    const objects = new Map<string, ((tx: WriteTx, places: Places) => Promise<Arrival>) | Fault>()
    const staged: Prepared[] = []
    try {
      for (const [creationId, object] of objectsToBringIn(call, emails!, 'emails')) {
        call.signal.throwIfAborted()
        const one = await prepare(call, account, object, room)
        if (!isFault(one)) staged.push(one)
        objects.set(creationId, isFault(one) ? one : comesIn(call, account, one, limits))
      }
      const { response } = await bringIn({ call, to: account, ifInState, objects })
      return [{ arguments: response }]
    } finally {
      for (const one of staged) await one.abort()
    }
  },
})

const comesIn =
  (call: Call, account: OpenAccount, { message, metadata }: Prepared, limits: MailLimits) =>
  async (tx: WriteTx, places: Places): Promise<Arrival> => {
    const mailboxes = places.named(metadata.mailboxIds, (text) => call.resolve(text))
    const keywords = metadata.keywords ?? []
    places.assertMayAdd(mailboxes, keywords)
    const options = { keywords, savedAt: call.services.clock.now(), limits }
    const ingested = await ingestEmail(tx, account.id, message, [...mailboxes], options)
    return createdEmail(account, ingested, bytesOf(message))
  }

async function prepare(
  call: Call,
  account: OpenAccount,
  object: JsonObject,
  room: StagingRoom,
): Promise<Prepared | Fault> {
  try {
    const { metadata, problems } = readAbout(object, ['blobId'])
    const blobId = object['blobId']
    const content =
      typeof blobId === 'string'
        ? await openBlobId(call.services, account, call.resolve(blobId) ?? blobId)
        : undefined
    if (content === undefined) problems.push({ property: 'blobId', problem: 'is not there' })
    if (metadata.mailboxIds === undefined || metadata.mailboxIds.length === 0)
      problems.push({ property: 'mailboxIds', problem: 'must name a mailbox' })
    if (problems.length > 0) return invalidProperties(problems)
    return { metadata, ...(await stage(call, room.within(content!.read()), metadata)) }
  } catch (error) {
    if (isFault(error)) return error
    throw error
  }
}

/** Of a header, as much is looked at for the time of arrival. */
const mostHeader = 65_536

async function stage(
  { services }: Call,
  bytes: AsyncIterable<Uint8Array>,
  { receivedAt }: Metadata,
): Promise<StagedEmail> {
  const start: Uint8Array[] = []
  const restaged = await restage(services.blobs, beginningOf(bytes, start))
  const { staged, structure } = restaged
  // RFC 5322 §3.6: what does not begin with a field is no message.
  if (!new FieldScanner(Buffer.concat(start)).next()) {
    await restaged.abort()
    throw new SetFault('invalidEmail', 'This is no message.')
  }
  const arrived = receivedAt ?? receivedTime(Buffer.concat(start)) ?? services.clock.now()
  const message: PreparedMessage = prepareMessage({
    staged,
    structure,
    prefix: Buffer.alloc(0),
    receivedAt: arrived,
  })
  return { message, abort: () => restaged.abort() }
}

/** The bytes go by; the first of them are kept. */
async function* beginningOf(
  bytes: AsyncIterable<Uint8Array>,
  kept: Uint8Array[],
): AsyncGenerator<Uint8Array> {
  let length = 0
  for await (const piece of bytes) {
    if (length < mostHeader) {
      kept.push(Uint8Array.from(piece.subarray(0, mostHeader - length)))
      length += piece.length
    }
    yield piece
  }
}
