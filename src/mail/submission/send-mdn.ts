/**
 * A disposition notification (RFC 8098) for a stored message: written, signed, and put into the queue in the commit
 * that marks the message as answered so, which makes it the only one (RFC 8098 §3.2.6.3).
 *
 * What must always hold: it goes to those only whom the message names for it, with the null reverse-path, and asks
 * for no notification itself (RFC 8098 §3). What this server has put in front of the message goes to nobody.
 */
import { isAscii } from 'node:buffer'
import { randomBytes } from 'node:crypto'
import type { Access } from '#account/access.ts'
import { localZoneMinutes } from '#base/clock.ts'
import { Fault } from '#base/fault.ts'
import type { AccountId, MessageId } from '#base/id.ts'
import { optional } from '#base/optional.ts'
import type { WriteTx } from '#kv/tx.ts'
import { type DkimSigningKey, DkimSigner } from '#mailauth/dkim-sign.ts'
import { addrSpec, parseAddresses } from '#message/address.ts'
import { composeMessage, type ComposedMessage, type ComposedPart } from '#message/compose-message.ts'
import { composeAddressField, composeField } from '#message/compose.ts'
import { formatDate } from '#message/date.ts'
import { headerFields, unfold } from '#message/headers.ts'
import { composeMdnFields, type MdnFields } from '#message/mdn.ts'
import { readMailbox } from '#message/path.ts'
import { StoredStructure } from '#message/structure-codec.ts'
import { enqueueAs, newQueueId } from '#queue/enqueue.ts'
import { scheduleOf } from '#queue/settings.ts'
import type { QueueId } from '#queue/tables.ts'
import { AccountEdit } from '../edit.ts'
import { changeEmail } from '../email.ts'
import type { Identity } from './identity.ts'
import { readHeader } from '../search/part-text.ts'
import { readMessage } from '../message-bytes.ts'
import type { MessageRow } from '../message-row.ts'
import {
  findRecipients,
  keysFor,
  type PreparedRecipient,
  type PreparedSubmission,
  type SubmissionDeps,
} from './prepare.ts'
import { checkEnvelope, tooLarge } from './envelope.ts'
import { countOutgoing, type OutgoingOptions, receivedHere } from './outgoing.ts'
import { SubmissionRefusal } from './refusal.ts'
import { messageTable, structureTable } from '../tables.ts'

/** Of the message: its notification has been sent. */
export const mdnSent = '$mdnsent'

export interface MdnRequest {
  readonly access: Access
  /** Whose message and whose identity it is. */
  readonly account: AccountId
  readonly email: MessageId
  readonly identity: Identity
  /** The address in From. */
  readonly from: string
  readonly subject: string | null
  readonly text: string | null
  readonly includeOriginal: boolean
  /** What the message itself does not say. */
  readonly fields: Omit<MdnFields, 'originalRecipient' | 'originalMessageId' | 'mdnGateway'>
}

export interface PreparedMdn extends Pick<PreparedSubmission, 'from' | 'recipients' | 'content'> {
  readonly request: MdnRequest
  readonly subject: string
  readonly text: string
  readonly fields: MdnFields
  readonly needsUtf8: boolean
  readonly at: number
}

/** Throws SubmissionRefusal, and Fault `notFound` where there is no such message or it asks for nothing. */
export async function prepareMdn(deps: SubmissionDeps, request: MdnRequest): Promise<PreparedMdn> {
  const { access, account } = request
  if (!access.permissions.has('emailSend'))
    throw new SubmissionRefusal('forbiddenToSend', 'You may not send mail.')
  const original = await readOriginal(deps, account, request.email)
  const limits = deps.limits()
  const at = deps.clock.now()
  const rcptTo = original.askedBy.map((email) => ({ email, parameters: null }))
  const envelope = { mailFrom: { email: '', parameters: null }, rcptTo }
  const { recipients: asked } = checkEnvelope(envelope, { ...limits, nowMs: at })
  const targets = await findRecipients(deps, access, '', asked)
  const keys = targets.goesOut ? await keysFor(deps, access, { from: [request.from] }, request.from) : []
  const fields: MdnFields = {
    ...request.fields,
    ...optional('originalRecipient', original.originalRecipient),
    ...optional('originalMessageId', original.messageId && `<${original.messageId}>`),
  }
  const subject = request.subject ?? `Receipt: ${original.subject}`
  const text = request.text ?? usualText(request, original)
  const message = compose(deps, { request, original, fields, subject, text, at })
  const content = await write(deps, message, { keys, maxBytes: limits.maxMessageBytes, at })
  const needsUtf8 = content.needsUtf8 || targets.needsUtf8
  return { request, from: '', recipients: targets.recipients, content, subject, text, fields, needsUtf8, at }
}

interface Original {
  readonly row: MessageRow
  readonly isHeaderAscii: boolean
  /** RFC 8098 §2.1: the addresses that a notification goes to. */
  readonly askedBy: readonly string[]
  /** RFC 8098 §2.3, where there is one such field. */
  readonly originalRecipient: string | undefined
  readonly messageId: string | undefined
  readonly subject: string
}

async function readOriginal(
  { db, blobs }: SubmissionDeps,
  account: AccountId,
  email: MessageId,
): Promise<Original> {
  const { row, stored } = await db.read(async (tx) => ({
    row: await tx.get(messageTable, account, email),
    stored: await tx.get(structureTable, account, email),
  }))
  if (row === undefined || stored === undefined) throw noRequest()
  const structure = new StoredStructure(stored)
  const header = Buffer.from(await readHeader(blobs, row, structure.headerEnd))
  const asked: string[] = []
  const recipients: string[] = []
  for (const { nameStart, nameEnd, valueStart, end } of headerFields(header)) {
    const name = header.toString('latin1', nameStart, nameEnd).toLowerCase()
    if (name === 'disposition-notification-to') asked.push(unfold(header, valueStart, end))
    if (name === 'original-recipient') recipients.push(unfold(header, valueStart, end).trim())
  }
  const askedBy = asked.flatMap(parseAddresses).flatMap((address) => {
    const spec = addrSpec(address)
    return spec !== undefined && readMailbox(spec) !== undefined ? [spec] : []
  })
  if (askedBy.length === 0) throw noRequest()
  return {
    row,
    isHeaderAscii: isAscii(header),
    askedBy: [...new Set(askedBy)],
    originalRecipient: recipients.length === 1 ? recipients[0] : undefined,
    messageId: structure.messageId,
    subject: structure.memberText('subject'),
  }
}

const noRequest = (): Fault =>
  new Fault('notFound', 'No message that asks for a receipt.', { what: 'message' })

const happened = {
  displayed: 'was displayed. This is no guarantee that it was read or understood',
  deleted: 'was deleted',
  dispatched: 'was passed on',
  processed: 'was processed',
} as const

const usualText = ({ fields, from }: MdnRequest, { subject }: Original): string =>
  `Your message "${subject}" to ${from} ${happened[fields.disposition.type]}.\n`

interface Written {
  readonly request: MdnRequest
  readonly original: Original
  readonly fields: MdnFields
  readonly subject: string
  readonly text: string
  readonly at: number
}

function compose(
  { blobs, newMessageId }: SubmissionDeps,
  { request, original, fields, subject, text, at }: Written,
): ComposedMessage {
  const { identity, from, includeOriginal } = request
  const { row, messageId, askedBy, isHeaderAscii } = original
  const parts: ComposedPart[] = [
    { type: 'text/plain', parameters: [], fields: [], content: { kind: 'text', text } },
    {
      type: 'message/disposition-notification',
      parameters: [],
      fields: [],
      content: { kind: 'text', text: composeMdnFields(fields) },
    },
  ]
  if (includeOriginal)
    parts.push({
      // RFC 6532 §3.7.
      type: isHeaderAscii ? 'message/rfc822' : 'message/global',
      parameters: [],
      fields: [],
      content: { kind: 'bytes', read: () => readMessage(blobs, row, row.prefix.length) },
    })
  return {
    fields: [
      composeAddressField('From', [
        { address: from, ...(identity.name === '' ? {} : { name: identity.name }) },
      ]),
      composeAddressField(
        'To',
        askedBy.map((address) => ({ address })),
      ),
      composeField('Subject', subject),
      `Date: ${formatDate(at, localZoneMinutes(at))}\r\n`,
      `Message-ID: <${newMessageId()}>\r\n`,
      ...(messageId === undefined ? [] : [`In-Reply-To: <${messageId}>\r\nReferences: <${messageId}>\r\n`]),
      // RFC 3834 §5.
      ...(fields.disposition.sendingMode === 'mdn-sent-automatically'
        ? ['Auto-Submitted: auto-replied\r\n']
        : []),
    ],
    root: {
      type: 'multipart/report',
      parameters: [{ name: 'report-type', value: 'disposition-notification' }],
      fields: [],
      content: { kind: 'multipart', parts },
    },
  }
}

/** Staged as it is written, and signed. Throws SubmissionRefusal `tooLarge`. */
async function write(
  { blobs }: SubmissionDeps,
  message: ComposedMessage,
  o: { readonly keys: readonly DkimSigningKey[]; readonly maxBytes: number; readonly at: number },
): Promise<PreparedSubmission['content']> {
  const stager = blobs.stager({ maxBytes: Number.MAX_SAFE_INTEGER })
  const signer = o.keys.length === 0 ? undefined : new DkimSigner({ keys: o.keys, nowMs: o.at })
  let header: Buffer | undefined
  let sizeBytes = 0
  let is8bit = false
  try {
    for await (const piece of composeMessage(message, () => randomBytes(16).toString('hex'))) {
      sizeBytes += piece.length
      if (sizeBytes > o.maxBytes) throw tooLarge(o.maxBytes)
      // The whole header is the first piece.
      if (header === undefined) {
        header = Buffer.from(piece)
        signer?.header(header)
      } else signer?.body(piece)
      is8bit ||= !isAscii(piece)
      await stager.write(piece)
    }
    return {
      bytes: await stager.finish(),
      signatures: (await signer?.end())?.toString('latin1') ?? '',
      is8bit,
      needsUtf8: !isAscii(header!),
      abort: () => stager.abort(),
    }
  } catch (error) {
    await stager.abort()
    throw error
  }
}

/**
 * Returns the id that it has in the queue. Throws Fault `exists` where one was sent for this message already,
 * `notFound` where that is gone, and `rateLimited`. The account and that of the sender must be locked.
 */
export async function sendMdn(
  tx: WriteTx,
  { request, recipients, content, needsUtf8, at }: PreparedMdn,
  o: OutgoingOptions,
): Promise<QueueId> {
  const { account, access, email } = request
  const row = await tx.get(messageTable, account, email)
  if (row === undefined) throw noRequest()
  if (row.keywords.includes(mdnSent))
    throw new Fault('exists', 'A receipt was sent for this message already.', { what: 'receipt' })
  const edit = await AccountEdit.open(tx, account)
  await changeEmail(edit, email, { keywords: [...row.keywords, mdnSent], savedAt: at })
  await edit.finish()
  await countOutgoing(tx, access.account, recipients, { settings: o.settings, now: at })
  const id = await newQueueId(tx, o.ids, at)
  const received = receivedHere(o.hostname, id, at)
  const waiting = ({ outbound, queue }: PreparedRecipient) => ({
    ...outbound,
    queue,
    expiresAt: at + scheduleOf(o.settings, queue).expireMs,
  })
  await enqueueAs(
    tx,
    id,
    content.bytes,
    {
      from: '',
      before: content.signatures + received,
      added: {},
      is8bit: content.is8bit,
      needsUtf8,
      source: 'submitted',
      account: access.account,
      receivedAt: at,
      heldUntil: 0,
    },
    recipients.map(waiting),
  )
  return id
}
