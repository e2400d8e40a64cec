/**
 * Feedback reports (ARF, RFC 5965) that came in: complaints about single messages, and messages that failed
 * authentication (RFC 6591, RFC 9991).
 */
import { utcDateOf } from '#base/utc-date.ts'
import { rawBytes } from '#kv/codec.ts'
import { u32 } from '#kv/key.ts'
import { globalTable } from '#kv/table.ts'
import { composeAuthResults } from '#message/auth-results.ts'
import type { FeedbackFields } from '#message/feedback-fields.ts'
import { dateTime, integer, list, record, text } from '#settings/field.ts'
import type { Values } from '#settings/values.ts'
import { mailFields, type ReceivedKind } from './received-handler.ts'
import { feedbackReceivedTable, type ReceivedFeedback } from './tables.ts'

/** Of what a report has several times, as many are kept. */
const mostKept = 20
const longestHeader = 16_384

const said = (help: string) => text({ fallback: '', settable: 'never', help })
const several = (help: string) =>
  list(text({ fallback: undefined, help: 'One.' }), { fallback: [], settable: 'never', help })

const feedbackField = record(
  {
    feedbackType: said('abuse, fraud, virus, not-spam, auth-failure, or other.'),
    userAgent: said('The program that wrote it.'),
    reportingMta: said('The server that had the message.'),
    arrivalDate: dateTime({ fallback: undefined, settable: 'never', help: 'When it got the message.' }),
    incidents: integer({ fallback: 1, settable: 'never', help: 'How many messages it is about.' }),
    sourceIp: said('The address that the message came from.'),
    sourcePort: integer({ fallback: undefined, settable: 'never', help: 'And the port.' }),
    originalEnvelopeId: said('What the sender of the message called it.'),
    originalMailFrom: said('The sender of the envelope.'),
    originalRcptTo: several('The recipients of the envelope.'),
    reportedDomains: several('Domains that it is about.'),
    reportedUris: several('Addresses that it is about.'),
    authFailure: said('What failed: dmarc, spf, signature, bodyhash, revoked or adsp.'),
    authenticationResults: several('What was found out about the message.'),
    deliveryResult: said('What became of the message.'),
    identityAlignment: several('Methods that vouched for no aligned domain.'),
    dkimDomain: said('The domain of the signature.'),
    dkimIdentity: said('For whom it was signed.'),
    dkimSelector: said('The selector of the signature.'),
    spfDns: several('SPF records that were used.'),
    headers: said('The header of the message.'),
  },
  { fallback: undefined, settable: 'never', help: 'The report.' },
)

/** What is kept of one; `header` is of the message that it is about. */
export const feedbackOf = (fields: FeedbackFields, header: Uint8Array): ReceivedFeedback => ({
  fields: {
    ...fields,
    originalRecipients: fields.originalRecipients.slice(0, mostKept),
    authResults: fields.authResults.slice(0, mostKept),
    reportedDomains: fields.reportedDomains.slice(0, mostKept),
    reportedUris: fields.reportedUris.slice(0, mostKept),
    spfRecords: fields.spfRecords.slice(0, mostKept),
  },
  headers: Buffer.from(header.subarray(0, longestHeader)).toString(),
})

function shown({ fields, headers }: ReceivedFeedback): Values {
  const { arrivedAt, sourcePort } = fields
  return {
    feedbackType: fields.feedbackType,
    userAgent: fields.userAgent ?? '',
    reportingMta: fields.reportingMta ?? '',
    ...(arrivedAt === undefined ? {} : { arrivalDate: utcDateOf(arrivedAt) }),
    incidents: fields.incidents ?? 1,
    sourceIp: fields.sourceIp ?? '',
    ...(sourcePort === undefined ? {} : { sourcePort }),
    originalEnvelopeId: fields.originalEnvelopeId ?? '',
    originalMailFrom: fields.originalMailFrom ?? '',
    originalRcptTo: fields.originalRecipients,
    reportedDomains: fields.reportedDomains,
    reportedUris: fields.reportedUris,
    authFailure: fields.authFailure ?? '',
    authenticationResults: fields.authResults.map((results) =>
      composeAuthResults(results)
        .replace(/^[^:]*:\s*/, '')
        .replace(/\s+/g, ' ')
        .trim(),
    ),
    deliveryResult: fields.deliveryResult ?? '',
    identityAlignment: fields.identityAlignment ?? [],
    dkimDomain: fields.dkimDomain ?? '',
    dkimIdentity: fields.dkimIdentity ?? '',
    dkimSelector: fields.dkimSelector ?? '',
    spfDns: fields.spfRecords.map(({ domain, record: published }) => `${domain}: ${published}`),
    headers,
  }
}

const part = (help: string) => text({ fallback: undefined, longest: 320, help })

export const receivedFeedback: ReceivedKind<ReceivedFeedback> = {
  object: {
    name: 'ArfExternalReport',
    title: 'Feedback that came in',
    help: 'What other servers tell about single messages: complaints, and mail that failed authentication.',
    kind: 'record',
    fields: { ...mailFields, report: feedbackField },
    filters: {
      text: part('Part of the sender, the subject, a domain, or the address that the message came from.'),
      type: part('The type of feedback, such as "abuse" or "auth-failure".'),
    },
  },
  letter: 'a',
  table: feedbackReceivedTable,
  keys: globalTable({ name: 'received-feedback', letter: 'F', key: [u32(), u32()], value: rawBytes }),
  shown,
  matches: ({ fields }, { type }) => typeof type !== 'string' || fields.feedbackType === type.toLowerCase(),
  texts: ({ fields }) => [
    ...fields.reportedDomains,
    fields.dkimDomain ?? '',
    fields.sourceIp ?? '',
    fields.originalMailFrom ?? '',
  ],
}
