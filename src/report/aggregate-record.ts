/**
 * What a message adds to the report of the domain in its From field (RFC 9990 §3.1.1). Domains alone, nothing of
 * people: no local parts, no recipients, no subject.
 */
import { formatIp } from '#base/ip.ts'
import { splitAddress } from '#base/domain-name.ts'
import type {
  AggregateRecord,
  AuthResultName,
  DkimAuthResult,
  OverrideReason,
  PublishedPolicy,
  SpfAuthResult,
} from '#mailauth/aggregate-report.ts'
import type { DkimCheck } from '#mailauth/dkim-check.ts'
import type { DmarcCheck } from '#mailauth/dmarc.ts'
import type { DmarcPolicy, DmarcRecord } from '#mailauth/dmarc-record.ts'
import type { Origin, Verdict } from '#mailauth/message-verifier.ts'
import type { MailDestination } from '#mailauth/report-destination.ts'

/** A message whose checks are done, and what was made of it. */
export interface CheckedMessage {
  readonly verdict: Verdict
  readonly origin: Origin
  /** What was done with it because of DMARC. */
  readonly applied: DmarcPolicy
  /** It was not refused. */
  readonly isTaken: boolean
  /** As it came, where somebody looked at it. */
  readonly header: Uint8Array | undefined
  /** Milliseconds. */
  readonly receivedAt: number
}

/** Of one row, as many signatures: RFC 9990 §3.1.3 has 100, each of which somebody chose. */
const mostSignatures = 20
const longestName = 255

/** A domain that wants reports by mail about this message, and what it has published. */
export interface ReportedDomain {
  readonly domain: string
  readonly policy: PublishedPolicy
  readonly rua: readonly MailDestination[]
  readonly errors: readonly string[]
}

/** Undefined where nobody asks for reports. */
export function reportedDomain(dmarc: DmarcCheck | undefined): ReportedDomain | undefined {
  const { policyDomain: domain, record } = dmarc ?? {}
  if (domain === undefined || record === undefined) return undefined
  const rua = record.rua.filter((uri) => uri.scheme === 'mailto')
  return rua.length === 0
    ? undefined
    : { domain, rua, policy: publishedPolicy(domain, record), errors: record.problems }
}

const modes = { relaxed: 'r', strict: 's' } as const

function publishedPolicy(domain: string, record: DmarcRecord): PublishedPolicy {
  const { p, sp, np, failureOptions, isTesting } = record
  return {
    domain,
    discoveryMethod: 'treewalk',
    p,
    ...(sp !== undefined && { sp }),
    ...(np !== undefined && { np }),
    adkim: modes[record.dkimAlignment],
    aspf: modes[record.spfAlignment],
    fo: failureOptions.join(':'),
    isTesting,
  }
}

/** The record of one message. */
export function aggregateRecord(
  { verdict, origin, applied }: CheckedMessage,
  dmarc: DmarcCheck,
): AggregateRecord {
  const { result } = dmarc
  return {
    sourceIp: formatIp(origin.ip),
    count: 1,
    disposition: result === 'pass' ? 'pass' : applied,
    dkim: dmarc.dkim.some((alignment) => alignment !== 'none') ? 'pass' : 'fail',
    spf: dmarc.spf === 'none' ? 'fail' : 'pass',
    reasons: reasonsOf(verdict, dmarc, applied),
    headerFrom: dmarc.authorDomain,
    envelopeFrom: splitAddress(origin.sender)?.domain ?? '',
    dkimResults: signaturesOf(verdict.dkim ?? [], dmarc),
    spfResults: spfOf(verdict),
    extensions: [],
  }
}

/** RFC 9990 §3.1.1.9: there must be one where a message fails and its domain's policy was not applied. */
function reasonsOf(
  { vouchedBy }: Verdict,
  dmarc: DmarcCheck,
  applied: DmarcPolicy,
): readonly OverrideReason[] {
  const { result, policy, effectivePolicy } = dmarc
  if (result === 'temperror') return [{ type: 'other', comment: 'the DNS did not answer' }]
  if (result !== 'fail' || applied === policy) return []
  if (vouchedBy !== undefined)
    return [{ type: 'trusted_forwarder', comment: `it passed at ${vouchedBy}, says an unbroken ARC chain` }]
  const testing: OverrideReason = { type: 'policy_test_mode' }
  const local: OverrideReason = { type: 'local_policy' }
  return [...(effectivePolicy === policy ? [] : [testing]), ...(applied === effectivePolicy ? [] : [local])]
}

/** RFC 9990 §3.1.3: those that matter most come first. */
function signaturesOf(checks: readonly DkimCheck[], { dkim }: DmarcCheck): readonly DkimAuthResult[] {
  const rank = (check: DkimCheck, i: number): number =>
    check.result !== 'pass' ? 3 : dkim[i] === 'strict' ? 0 : dkim[i] === 'relaxed' ? 1 : 2
  return checks
    .map((check, i) => ({ check, rank: rank(check, i) }))
    .filter(({ check }) => check.domain !== '')
    .toSorted((a, b) => a.rank - b.rank)
    .slice(0, mostSignatures)
    .map(({ check: { domain, selector, result } }) => ({
      domain: domain.slice(0, longestName),
      selector: selector.slice(0, longestName),
      result,
    }))
}

/** RFC 9990 §3.1.1.13: of MAIL FROM alone. */
function spfOf({ spf }: Verdict): readonly SpfAuthResult[] {
  if (spf?.domain === undefined) return []
  const result: AuthResultName = spf.result
  return [{ domain: spf.domain.slice(0, longestName), scope: 'mfrom', result }]
}
