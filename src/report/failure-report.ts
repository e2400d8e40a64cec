/**
 * Which failure report a domain wants about a message, and what it says (RFC 9991, RFC 6591). What must hold: none
 * about a message that is a report or a notification itself, so that no two servers go on reporting to each
 * other; of people there is what stands in the header, and no recipients of the envelope.
 */
import { asBuffer } from '#base/bytes.ts'
import { formatIp } from '#base/ip.ts'
import type { DkimCheck } from '#mailauth/dkim-check.ts'
import type { DmarcCheck } from '#mailauth/dmarc.ts'
import { isWithin } from '#mailauth/dmarc-tree-walk.ts'
import type { MailDestination } from '#mailauth/report-destination.ts'
import { verdictResults } from '#mailauth/verdict-results.ts'
import type { AuthFailure, FeedbackFields } from '#message/feedback-fields.ts'
import { fieldValue } from '#message/headers.ts'
import type { CheckedMessage } from './aggregate-record.ts'

/** A message of which a domain wants to hear. */
export interface WantedFailure {
  readonly message: CheckedMessage
  readonly dmarc: DmarcCheck
  readonly policyDomain: string
  readonly failure: AuthFailure
  readonly to: readonly MailDestination[]
  readonly header: Uint8Array
}

/** Undefined where none is wanted, or none may be sent. */
export function wantedFailure(message: CheckedMessage): WantedFailure | undefined {
  const { dmarc } = message.verdict
  const { policyDomain, record } = dmarc ?? {}
  const { header } = message
  if (dmarc === undefined || policyDomain === undefined || record === undefined || header === undefined)
    return undefined
  const to = record.ruf.filter((uri) => uri.scheme === 'mailto')
  if (to.length === 0) return undefined
  const failure = failureOf(message, dmarc)
  if (failure === undefined || isAutomatic(message, header)) return undefined
  return { message, dmarc, policyDomain, failure, to, header }
}

/** RFC 9989 §4.7, `fo`. */
function failureOf({ verdict }: CheckedMessage, dmarc: DmarcCheck): AuthFailure | undefined {
  const { failureOptions } = dmarc.record!
  const isKnown = dmarc.result === 'pass' || dmarc.result === 'fail'
  if (failureOptions.includes('0') && dmarc.result === 'fail') return 'dmarc'
  if (failureOptions.includes('1') && isKnown && unaligned(dmarc).length > 0) return 'dmarc'
  const broken = verdict.dkim?.find(({ result }) => result === 'fail')
  if (failureOptions.includes('d') && broken !== undefined)
    return broken.reason === 'bodyHash' ? 'bodyhash' : 'signature'
  return failureOptions.includes('s') && verdict.spf?.result === 'fail' ? 'spf' : undefined
}

/** RFC 9991 §4: the methods that gave no aligned identifier. */
const unaligned = ({ dkim, spf }: DmarcCheck): readonly ('dkim' | 'spf')[] => [
  ...(dkim.some((alignment) => alignment !== 'none') ? [] : (['dkim'] as const)),
  ...(spf === 'none' ? (['spf'] as const) : []),
]

/** RFC 9991 §5.1, RFC 3834 §2. */
const isAutomatic = ({ origin }: CheckedMessage, header: Uint8Array): boolean =>
  origin.sender === '' ||
  !/^(?:no)?$/i.test(fieldValue(header, 'auto-submitted')?.trim() ?? '') ||
  /^\s*multipart\/report\b/i.test(fieldValue(header, 'content-type') ?? '')

/** `spfRecords`: of the domain that SPF was asked of, where it failed. */
export function failureFields(
  { message, dmarc, policyDomain, failure }: WantedFailure,
  o: { readonly userAgent: string; readonly hostname: string } & Pick<FeedbackFields, 'spfRecords'>,
): FeedbackFields {
  const { verdict, origin, applied, isTaken, receivedAt } = message
  const signature = failedSignature(verdict.dkim ?? [], policyDomain)
  return {
    feedbackType: 'auth-failure',
    userAgent: o.userAgent,
    originalMailFrom: origin.sender,
    originalRecipients: [],
    arrivedAt: receivedAt,
    reportingMta: o.hostname,
    sourceIp: formatIp(origin.ip),
    authResults: [{ authservId: o.hostname, results: verdictResults(verdict, origin) }],
    reportedDomains: [dmarc.authorDomain],
    reportedUris: [],
    authFailure: failure,
    deliveryResult: isTaken ? (applied === 'quarantine' ? 'spam' : 'delivered') : 'reject',
    identityAlignment: unaligned(dmarc),
    ...(signature === undefined
      ? {}
      : {
          dkimDomain: signature.domain,
          dkimIdentity: signature.identity,
          dkimSelector: signature.selector,
        }),
    spfRecords: o.spfRecords,
  }
}

/** Rather one of the domain itself. */
function failedSignature(checks: readonly DkimCheck[], policyDomain: string): DkimCheck | undefined {
  const failed = checks.filter(({ result, domain }) => result !== 'pass' && domain !== '')
  return failed.find(({ domain }) => isWithin(domain, policyDomain)) ?? failed[0]
}

const longestHeader = 32_768

/** To the end of a line; without the empty one. */
export function reportedHeader(header: Uint8Array): Uint8Array {
  const bytes = asBuffer(header)
  const end = bytes.indexOf('\r\n\r\n')
  const whole = end < 0 ? bytes : bytes.subarray(0, end + 2)
  if (whole.length <= longestHeader) return whole
  return whole.subarray(0, whole.lastIndexOf('\r\n', longestHeader) + 2)
}
