/**
 * What is decided about a message before it is sent (RFC 8621 §7.5): whether it is right, whether this user may
 * send it, and to whom it goes. As for submission over SMTP (RFC 6409): the same limits, the same senders, the
 * same recipients. Nothing is written but staged bytes.
 */
import type { Access } from '#account/access.ts'
import type { ListMembers } from '#account/list-expansion.ts'
import { mayPost } from '#account/list-posting.ts'
import type { Resolution, StoredList } from '#account/lookup.ts'
import { maySendAs, type Resolve, signingDomain } from '#account/sending-address.ts'
import { type Clock, localZoneMinutes } from '#base/clock.ts'
import type { AccountId, MessageId } from '#base/id.ts'
import type { Maybe } from '#base/maybe.ts'
import type { BlobStore } from '#blob/store.ts'
import type { Db } from '#kv/db.ts'
import type { DkimSigningKey } from '#mailauth/dkim-sign.ts'
import { type AddedFields, addedText } from '#message/added-fields.ts'
import { composeAddressField } from '#message/compose.ts'
import { formatDate } from '#message/date.ts'
import { messageId as identifierOf } from '#message/references.ts'
import { StoredStructure } from '#message/structure-codec.ts'
import type { MailParameters } from '#queue/envelope-parameters.ts'
import type { SubmissionEnvelope } from '#queue/submission-rows.ts'
import type { OutboundRecipient } from '#queue/transport.ts'
import { type Identity, identityCovers } from './identity.ts'
import { readMessageRange } from '../message-bytes.ts'
import { type MessageRow, sizeOf } from '../message-row.ts'
import { type SubmissionContent, submissionContent } from './content.ts'
import { checkEnvelope, type EnvelopeRecipient, envelopeOf, invalidRecipients, tooLarge } from './envelope.ts'
import { problemsOf, readSubmissionHeader, type SubmissionHeader } from './header.ts'
import { invalidEmail, SubmissionRefusal } from './refusal.ts'
import { messageTable, structureTable } from '../tables.ts'

/** As for submission over SMTP. */
export interface SubmissionLimits {
  readonly maxMessageBytes: number
  readonly maxHeaderBytes: number
  readonly maxRecipients: number
  readonly maxReceivedFields: number
  /** Users send only as addresses of their own. */
  readonly mustMatchSender: boolean
  /** How far ahead mail may be held, milliseconds. */
  readonly maxHoldMs: number
}

export interface SubmissionDeps {
  readonly db: Db
  readonly blobs: BlobStore
  readonly clock: Clock
  readonly hostname: () => string
  readonly limits: () => SubmissionLimits
  readonly resolve: Resolve
  readonly expand: (list: StoredList) => Promise<ListMembers>
  /** DKIM keys of a domain of ours. */
  readonly keysOf: (domain: string) => Maybe<readonly DkimSigningKey[]>
  /** A name for a message that no other has. */
  readonly newMessageId: () => string
}

export interface SubmissionRequest {
  readonly access: Access
  /** Whose message and whose identity it is. */
  readonly account: AccountId
  readonly email: MessageId
  readonly identity: Identity
  readonly envelope: SubmissionEnvelope | null
}

export interface PreparedSubmission {
  readonly request: SubmissionRequest
  readonly row: MessageRow
  readonly envelope: SubmissionEnvelope
  readonly from: string
  readonly parameters: MailParameters
  readonly recipients: readonly PreparedRecipient[]
  readonly content: SubmissionContent
  readonly needsUtf8: boolean
  readonly added: AddedFields
  /** What stands in front of the message besides its signatures and the trace. */
  readonly fields: string
  /** Without brackets. */
  readonly messageId: string | undefined
  readonly at: number
}

export interface PreparedRecipient {
  readonly outbound: OutboundRecipient
  readonly queue: 'local' | 'remote'
  /** As it stands in the envelope. */
  readonly email: string
}

/** Throws SubmissionRefusal; undefined where there is no such message. */
export async function prepareSubmission(
  deps: SubmissionDeps,
  request: SubmissionRequest,
): Promise<PreparedSubmission | undefined> {
  const { access, account, identity } = request
  const { clock, blobs } = deps
  if (!access.permissions.has('emailSend'))
    throw new SubmissionRefusal('forbiddenToSend', 'You may not send mail.')
  const found = await deps.db.read(async (tx) => ({
    row: await tx.get(messageTable, account, request.email),
    structure: await tx.get(structureTable, account, request.email),
  }))
  if (found.row === undefined || found.structure === undefined) return undefined
  const { row } = found
  const limits = deps.limits()
  const structure = new StoredStructure(found.structure)
  assertSizes(row, structure, limits)
  const header = Buffer.from(await readMessageRange(blobs, row, 0, structure.headerEnd))
  const fields = readSubmissionHeader(header, deps.hostname())
  const isReceived = row.prefix.length > 0
  const problems = isReceived ? [] : problemsOf(fields)
  if (problems.length > 0) throw invalidEmail(problems, 'fields of the header are missing, wrong or repeated')
  const envelope = request.envelope ?? envelopeOf(fields, identity)
  const at = clock.now()
  const checked = checkEnvelope(envelope, { ...limits, nowMs: at })
  const isPassedOn = await assertSenders(deps, request, { header: fields, from: checked.from, isReceived })
  const targets = await findRecipients(deps, access, checked.from, checked.recipients)
  const added = missingFields(deps, fields, at)
  const passedOn = isPassedOn ? resentFields(deps, identity, checked.from, at) : ''
  const ownFields = passedOn + addedText(added)
  const keys = targets.goesOut ? await keysFor(deps, access, fields, checked.from) : []
  const { dropped } = fields
  const content = await submissionContent({ blobs, row, header, dropped, added: ownFields, keys, nowMs: at })
  return {
    request,
    row,
    envelope,
    from: checked.from,
    parameters: checked.parameters,
    recipients: targets.recipients,
    content,
    needsUtf8: content.needsUtf8 || !checked.isFromAscii || targets.needsUtf8,
    added,
    fields: ownFields,
    messageId: added.messageId ?? (fields.messageId && identifierOf(fields.messageId)),
    at,
  }
}

function assertSizes(row: MessageRow, structure: StoredStructure, limits: SubmissionLimits): void {
  if (sizeOf(row) > limits.maxMessageBytes) throw tooLarge(limits.maxMessageBytes)
  if (structure.headerEnd > limits.maxHeaderBytes) throw invalidEmail(['headers'], 'the header is too large')
  // RFC 5321 §6.3.
  if (structure.receivedCount > limits.maxReceivedFields)
    throw invalidEmail(['headers'], 'the message has been passed on too often')
}

/**
 * Throws SubmissionRefusal. True where the message is of somebody else, and came in over this server: that is
 * passed on as it is (RFC 5322 §3.6.6). What a client has put into a mailbox must be of its user.
 */
async function assertSenders(
  deps: SubmissionDeps,
  { access, identity }: SubmissionRequest,
  o: { readonly header: SubmissionHeader; readonly from: string; readonly isReceived: boolean },
): Promise<boolean> {
  const mayUse = async (address: string): Promise<boolean> =>
    identityCovers(identity, address) || (await maySendAs(access, address, deps.resolve))
  if (deps.limits().mustMatchSender) {
    if (o.from !== '' && !(await maySendAs(access, o.from, deps.resolve)))
      throw new SubmissionRefusal('forbiddenMailFrom', 'You may not send as this address.')
  } else if (!o.isReceived) return false
  for (const author of o.header.from) {
    if (await mayUse(author)) continue
    if (o.isReceived) return true
    throw new SubmissionRefusal('forbiddenFrom', 'You may not send as the address in From.')
  }
  return false
}

interface Targets {
  readonly recipients: readonly PreparedRecipient[]
  readonly needsUtf8: boolean
  /** To another server. */
  readonly goesOut: boolean
}

/** Throws SubmissionRefusal with all that cannot be sent to. */
export async function findRecipients(
  { resolve, expand }: SubmissionDeps,
  access: Access,
  from: string,
  given: readonly EnvelopeRecipient[],
): Promise<Targets> {
  const recipients: PreparedRecipient[] = []
  const invalid: string[] = []
  let goesOut = false
  for (const { path, parameters } of given) {
    const found = await resolve(path.address)
    const members = found.kind === 'list' ? await expand(found.list) : undefined
    if (!isReachable(found, members, { access, from, isVouchedFor: false })) {
      invalid.push(path.address)
      continue
    }
    goesOut ||= found.kind === 'remote' || (members !== undefined && members.others.length > 0)
    recipients.push({
      outbound: { address: `${path.localPart}@${path.domain}`, ...parameters },
      queue: found.kind === 'remote' ? 'remote' : 'local',
      email: path.address,
    })
  }
  if (invalid.length > 0) throw invalidRecipients(invalid)
  return { recipients, goesOut, needsUtf8: given.some(({ path }) => !path.isAscii) }
}

function isReachable(
  found: Resolution,
  members: ListMembers | undefined,
  by: Parameters<typeof mayPost>[2],
): boolean {
  if (found.kind === 'remote') return true
  if (found.kind === 'local') return found.mayReceive
  if (found.kind !== 'list' || members === undefined) return false
  return members.accounts.length + members.others.length > 0 && mayPost(found.list, members, by)
}

/** RFC 6409 §8.2, §8.3. */
function missingFields(deps: SubmissionDeps, header: SubmissionHeader, at: number): AddedFields {
  const ms = Math.floor(at / 1000) * 1000
  return {
    ...(header.hasDate ? {} : { date: { text: formatDate(ms, localZoneMinutes(ms)), ms } }),
    ...(header.messageId === undefined ? { messageId: deps.newMessageId() } : {}),
  }
}

/** RFC 5322 §3.6.6: who has passed it on, and when. */
function resentFields(deps: SubmissionDeps, { email }: Identity, from: string, at: number): string {
  const by = email.startsWith('*') ? from : email
  if (by === '') return ''
  return (
    `Resent-Date: ${formatDate(at, localZoneMinutes(at))}\r\n` +
    composeAddressField('Resent-From', [{ address: by }]) +
    `Resent-Message-ID: <${deps.newMessageId()}>\r\n`
  )
}

export async function keysFor(
  deps: SubmissionDeps,
  access: Access,
  header: Pick<SubmissionHeader, 'from'>,
  from: string,
): Promise<readonly DkimSigningKey[]> {
  const domain = await signingDomain(access, { authors: header.from, envelope: from }, deps.resolve)
  return domain === undefined ? [] : deps.keysOf(domain)
}
