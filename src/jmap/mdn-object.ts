/** MDN objects (RFC 9007 §2), and how they are read from messages (RFC 8098 §3). */
import { type BlobContent, parseContent, readContent } from '#mail/client-blob.ts'
import { decodeBody, decodeText } from '#message/body.ts'
import { headerOf } from '#message/delivery-report.ts'
import { type MdnFields, parseMdnFields } from '#message/mdn.ts'
import { parseStructure } from '#message/mime.ts'
import { charsetOf, isMessage, type MessageStructure, type Part, subjectText } from '#message/structure.ts'
import type { OpenAccount } from './accounts.ts'
import { objectOf } from './dispatch.ts'
import { MethodError } from './errors.ts'
import type { Call } from './method.ts'
import type { JsonObject } from './value.ts'

export const mdnCapability = 'urn:ietf:params:jmap:mdn'

/** A notification that came as a message. */
export interface ReceivedMdn {
  readonly fields: MdnFields
  readonly subject: string | null
  readonly textBody: string | null
  readonly hasOriginal: boolean
  /** Of the message that it is about, as far as the notification has its header. */
  readonly original: Pick<MessageStructure, 'baseSubject'> | undefined
}

/** Of each part, as much is read. */
const mostBytes = 256 * 1024

/** Undefined where the message is no notification. */
export async function readMdn(content: BlobContent): Promise<ReceivedMdn | undefined> {
  const { root, envelope } = await parseContent(content)
  if (root.type !== 'multipart' || root.subtype !== 'report') return undefined
  const place = root.children.findIndex(isNotification)
  const part = root.children[place]
  if (part === undefined) return undefined
  const fields = parseMdnFields(decodeBody(await bytesOf(content, part), part.encoding))
  if (fields === undefined) return undefined
  const text = place === 0 ? undefined : plainText(root.children[0]!)
  const original = root.children[place + 1]
  return {
    fields,
    subject: envelope.subject === undefined ? null : subjectText(envelope),
    textBody: text === undefined ? null : await textOf(content, text),
    hasOriginal: original !== undefined && isMessage(original),
    original: original === undefined ? undefined : await headOf(content, original),
  }
}

const isNotification = ({ type, subtype }: Part): boolean =>
  type === 'message' &&
  (subtype === 'disposition-notification' || subtype === 'global-disposition-notification')

/** The text for people: it may have an alternative. */
function plainText(part: Part): Part | undefined {
  if (part.type === 'text' && part.subtype === 'plain') return part
  if (part.type !== 'multipart') return undefined
  for (const child of part.children) {
    const found = plainText(child)
    if (found !== undefined) return found
  }
  return undefined
}

const bytesOf = (content: BlobContent, { bodyStart, bodyEnd }: Part): Promise<Buffer> =>
  readContent(content, bodyStart, bodyEnd, mostBytes)

async function textOf(content: BlobContent, part: Part): Promise<string> {
  const isCut = part.bodyEnd - part.bodyStart > mostBytes
  const text = decodeText(await bytesOf(content, part), part.encoding, charsetOf(part), isCut)
  return text.replaceAll('\r\n', '\n').toWellFormed()
}

/** The header of the original message, which is there with its body or alone (RFC 6522 §3, §4). */
async function headOf(content: BlobContent, part: Part): Promise<MessageStructure | undefined> {
  const isHeader = /^(?:rfc822-headers|global-headers)$/.test(part.subtype)
  if (!isMessage(part) && !isHeader) return undefined
  const bytes = decodeBody(await bytesOf(content, part), part.encoding)
  return parseStructure(headerOf(bytes))
}

/** `forEmailId`: the message that it is about, where that is found. */
export function mdnObject(
  { fields, subject, textBody, hasOriginal }: ReceivedMdn,
  forEmailId: string | null,
): JsonObject {
  const { disposition, errors, extensions } = fields
  return {
    forEmailId,
    subject,
    textBody,
    includeOriginalMessage: hasOriginal,
    reportingUA: fields.reportingUA ?? null,
    disposition: { ...disposition },
    mdnGateway: fields.mdnGateway ?? null,
    originalRecipient: fields.originalRecipient ?? null,
    finalRecipient: fields.finalRecipient ?? null,
    originalMessageId: fields.originalMessageId ?? null,
    error: errors.length === 0 ? null : errors,
    extensionFields: extensions.size === 0 ? null : objectOf(extensions),
  }
}

/** RFC 9007 §2.1, §2.2: of an account that is not there these methods say invalidArguments. */
export async function mdnAccount(call: Call, accountId: string): Promise<OpenAccount> {
  try {
    return await call.account(accountId)
  } catch (error) {
    if (error instanceof MethodError && error.type === 'accountNotFound')
      throw new MethodError('invalidArguments', 'There is no such account.', { arguments: ['accountId'] })
    throw error
  }
}
