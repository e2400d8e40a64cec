/**
 * DMARC aggregate reports as XML, by the schema of RFC 9990 Appendix A. What must always hold: the document is
 * well-formed whatever the values are, which come from hostile mail, and none of them is long.
 */
import type {
  AggregateRecord,
  AggregateReport,
  DkimAuthResult,
  OverrideReason,
  PublishedPolicy,
  SpfAuthResult,
} from './aggregate-report.ts'

const namespace = 'urn:ietf:params:xml:ns:dmarc-2.0'
/** RFC 9990 §3.1.3: of one row, as many signatures. */
const mostSignatures = 100
const mostReasons = 10
const longestValue = 1000

/** Extensions are not written: we have none. */
export function writeAggregateReport(report: AggregateReport): string {
  const { orgName, email, extraContactInfo, reportId, begin, end, errors, generator } = report
  const lines = [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<feedback xmlns="${namespace}">`,
    leaf('version', '1.0'),
    element('report_metadata', [
      leaf('org_name', orgName),
      leaf('email', email),
      leaf('extra_contact_info', extraContactInfo),
      leaf('report_id', reportId),
      element('date_range', [leaf('begin', String(begin)), leaf('end', String(end))]),
      // One element at most, unlike in RFC 7489.
      leaf('error', errors.length === 0 ? undefined : errors.join('; ')),
      leaf('generator', generator),
    ]),
    policyPublished(report.policy),
    ...report.records.map(record),
    '</feedback>',
    '',
  ]
  return lines.join('\n')
}

function policyPublished(policy: PublishedPolicy): string {
  const { isTesting } = policy
  return element('policy_published', [
    leaf('domain', policy.domain),
    leaf('discovery_method', policy.discoveryMethod),
    leaf('p', policy.p),
    leaf('sp', policy.sp),
    leaf('np', policy.np),
    leaf('fo', policy.fo),
    leaf('adkim', policy.adkim),
    leaf('aspf', policy.aspf),
    leaf('testing', isTesting === undefined ? undefined : isTesting ? 'y' : 'n'),
  ])
}

function record(one: AggregateRecord): string {
  return element('record', [
    element('row', [
      leaf('source_ip', one.sourceIp),
      leaf('count', String(one.count)),
      element('policy_evaluated', [
        leaf('disposition', one.disposition),
        leaf('dkim', one.dkim),
        leaf('spf', one.spf),
        ...one.reasons.slice(0, mostReasons).map(reason),
      ]),
    ]),
    element('identifiers', [
      leaf('header_from', one.headerFrom),
      leaf('envelope_from', one.envelopeFrom),
      leaf('envelope_to', one.envelopeTo),
    ]),
    element('auth_results', [
      ...one.dkimResults.slice(0, mostSignatures).map(dkim),
      ...one.spfResults.slice(0, 1).map(spf),
    ]),
  ])
}

const reason = ({ type, comment }: OverrideReason): string =>
  element('reason', [leaf('type', type), leaf('comment', comment)])

const dkim = ({ domain, selector = '', result, humanResult }: DkimAuthResult): string =>
  element('dkim', [
    leaf('domain', domain),
    leaf('selector', selector),
    leaf('result', result),
    leaf('human_result', humanResult),
  ])

const spf = ({ domain, scope, result, humanResult }: SpfAuthResult): string =>
  element('spf', [
    leaf('domain', domain),
    leaf('scope', scope),
    leaf('result', result),
    leaf('human_result', humanResult),
  ])

const element = (name: string, children: readonly string[]): string =>
  `<${name}>${children.join('')}</${name}>`

const leaf = (name: string, value: string | undefined): string =>
  value === undefined ? '' : `<${name}>${escape(value)}</${name}>`

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/** XML 1.0 §2.2 has no control characters and no halves of characters, not even escaped. */
const escape = (value: string): string =>
  value
    .slice(0, longestValue)
    .toWellFormed()
    .replace(/[\s\p{Cc}\ufffe\uffff]+/gu, ' ')
    .trim()
    .replace(/[&<>"]/g, (char) => entities[char]!)
