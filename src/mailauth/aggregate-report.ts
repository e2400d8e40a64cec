/**
 * DMARC aggregate reports (RFC 9990): what they say, and what their files and messages are called. Read are
 * also those of RFC 7489, which most of the world still sends.
 *
 * Times are seconds since 1970-01-01 UTC. Results are in lower case, as in Authentication-Results.
 */
import type { DmarcPolicy } from './dmarc-record.ts'

export interface AggregateReport {
  /** Who wrote it. */
  readonly orgName: string
  readonly email: string
  readonly extraContactInfo?: string
  readonly reportId: string
  readonly begin: number
  readonly end: number
  /** What the writer found wrong with the policy record. */
  readonly errors: readonly string[]
  /** The program that wrote it. */
  readonly generator?: string
  readonly policy: PublishedPolicy
  readonly extensions: readonly Extension[]
  readonly records: readonly AggregateRecord[]
}

export interface PublishedPolicy {
  /** Where the record was found. */
  readonly domain: string
  readonly discoveryMethod?: 'psl' | 'treewalk'
  readonly p: DmarcPolicy
  readonly sp?: DmarcPolicy
  readonly np?: DmarcPolicy
  readonly adkim?: 'r' | 's'
  readonly aspf?: 'r' | 's'
  /** As in the record: `1:d:s`. */
  readonly fo?: string
  readonly isTesting?: boolean
}

/** Named only: what is in one is for those who know it (RFC 9990 §5). */
export interface Extension {
  readonly name: string
  /** The URI of its definition. */
  readonly definition: string
}

type ActionDisposition = DmarcPolicy | 'pass'

/** `forwarded` and `sampled_out` are of RFC 7489, `policy_test_mode` is new. */
export type OverrideType =
  | 'local_policy'
  | 'mailing_list'
  | 'other'
  | 'policy_test_mode'
  | 'trusted_forwarder'
  | 'forwarded'
  | 'sampled_out'

export interface OverrideReason {
  readonly type: OverrideType
  readonly comment?: string
}

/** Messages that have all of this in common. */
export interface AggregateRecord {
  /** Undefined only where a report of others has none. */
  readonly sourceIp?: string
  readonly count: number
  readonly disposition: ActionDisposition
  /** Whether an aligned identifier passed. */
  readonly dkim: 'pass' | 'fail'
  readonly spf: 'pass' | 'fail'
  readonly reasons: readonly OverrideReason[]
  readonly headerFrom: string
  /** Empty: the reverse-path was. */
  readonly envelopeFrom?: string
  readonly envelopeTo?: string
  readonly dkimResults: readonly DkimAuthResult[]
  /** One at most in reports of RFC 9990. */
  readonly spfResults: readonly SpfAuthResult[]
  readonly extensions: readonly Extension[]
}

export type AuthResultName =
  | 'none'
  | 'pass'
  | 'fail'
  | 'softfail'
  | 'policy'
  | 'neutral'
  | 'temperror'
  | 'permerror'

export interface DkimAuthResult {
  readonly domain: string
  readonly selector?: string
  readonly result: AuthResultName
  readonly humanResult?: string
}

export interface SpfAuthResult {
  readonly domain: string
  readonly scope?: 'mfrom' | 'helo'
  readonly result: AuthResultName
  readonly humanResult?: string
}

/** What names a report; `receiver` is the domain of who received the mail and writes. */
export interface ReportName {
  readonly receiver: string
  readonly policyDomain: string
  readonly begin: number
  readonly end: number
  /** Letters and digits, to tell apart what else would have the same name. */
  readonly uniqueId?: string
}

/** RFC 9990 §3.5.2. */
export function reportFileName(name: ReportName, extension: 'xml' | 'xml.gz'): string {
  const { receiver, policyDomain, begin, end, uniqueId } = name
  const parts = [receiver, policyDomain, begin, end, ...(uniqueId === undefined ? [] : [uniqueId])]
  return `${parts.join('!')}.${extension}`
}

/** RFC 9990 §3.5.2. `reportId` is without brackets. */
export const reportSubject = (policyDomain: string, receiver: string, reportId: string): string =>
  `Report Domain: ${policyDomain} Submitter: ${receiver} Report-ID: <${reportId}>`
