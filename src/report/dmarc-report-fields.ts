/** A DMARC aggregate report as it is shown to administrators, whoever wrote it. */
import { utcDateOf } from '#base/utc-date.ts'
import type { AggregateRecord, AggregateReport, Extension } from '#mailauth/aggregate-report.ts'
import { boolean, dateTime, integer, list, record, text } from '#settings/field.ts'
import type { Values } from '#settings/values.ts'

/** Those that most messages are of; further ones are counted. */
export const mostShown = 1000

const said = (help: string) => text({ fallback: '', settable: 'never', help })
const count = (help: string) => integer({ fallback: 0, settable: 'never', help })
const moment = (help: string) => dateTime({ fallback: undefined, settable: 'never', help })

const extensions = (help: string) =>
  list(
    record(
      { name: said('Its element.'), definition: said('The URI of what it means.') },
      { fallback: undefined, help: 'An extension.' },
    ),
    { fallback: [], settable: 'never', help },
  )

const result = {
  domain: said('The domain.'),
  result: said('The result, as in Authentication-Results.'),
  humanResult: said('More about it.'),
}

const recordParts = {
  sourceIp: said('The address that the messages came from.'),
  count: count('How many messages.'),
  evaluatedDisposition: said('What was done with them: none, quarantine, reject, or pass.'),
  evaluatedDkim: said('Whether an aligned DKIM signature passed.'),
  evaluatedSpf: said('Whether SPF passed for an aligned domain.'),
  policyOverrideReasons: list(
    record(
      { overrideType: said('The kind of reason.'), comment: said('More about it.') },
      { fallback: undefined, help: 'A reason.' },
    ),
    { fallback: [], settable: 'never', help: 'Why not what the policy says.' },
  ),
  headerFrom: said('The domain in From.'),
  envelopeFrom: said('The domain of the sender of the envelope; empty for notifications.'),
  envelopeTo: said('The domain of the recipients.'),
  dkimResults: list(
    record({ ...result, selector: said('The selector.') }, { fallback: undefined, help: 'A signature.' }),
    { fallback: [], settable: 'never', help: 'What became of each signature.' },
  ),
  spfResults: list(
    record(
      { ...result, scope: said('Which name was checked: mfrom or helo.') },
      { fallback: undefined, help: 'A check.' },
    ),
    { fallback: [], settable: 'never', help: 'What became of SPF.' },
  ),
  extensions: extensions('What else stands with these messages.'),
}

export const dmarcReportField = record(
  {
    orgName: said('Who wrote it.'),
    email: said('Where they can be asked.'),
    extraContactInfo: said('Where else.'),
    reportId: said('How they call it.'),
    generator: said('The program that wrote it.'),
    dateRangeBegin: moment('From when on.'),
    dateRangeEnd: moment('Until when.'),
    errors: list(said('An error.'), {
      fallback: [],
      settable: 'never',
      help: 'What they found wrong with the record of the domain.',
    }),
    policyDomain: said('The domain that published the policy.'),
    policyDiscoveryMethod: said('How its record was found: psl or treewalk.'),
    policyDisposition: said('What is wanted for mail of the domain that fails.'),
    policySubdomainDisposition: said('For mail of domains below it.'),
    policyNp: said('For mail of domains below it that do not exist.'),
    policyAdkim: said('How DKIM must be aligned: r or s.'),
    policyAspf: said('How SPF must be aligned: r or s.'),
    policyFailureReportingOptions: said('When failure reports are wanted.'),
    policyTestingMode: boolean({
      fallback: false,
      settable: 'never',
      help: 'Whether the domain is only testing.',
    }),
    extensions: extensions('What else is in the report.'),
    messages: count('All messages of the report.'),
    passed: count('Those that passed DMARC.'),
    leftOut: count('Messages whose records are not shown: too many differ.'),
    records: list(record(recordParts, { fallback: undefined, help: 'What some messages have in common.' }), {
      fallback: [],
      settable: 'never',
      help: 'Messages by what they have in common, most first.',
    }),
  },
  { fallback: undefined, settable: 'never', help: 'The report.' },
)

const timeText = (seconds: number): string => {
  const ms = seconds * 1000
  // A report of others may say anything.
  return utcDateOf(Math.min(ms, 253_402_300_799_000))
}

/** A report of which no more than `mostShown` records are kept. */
export interface ReportDigest {
  readonly report: AggregateReport
  readonly messages: number
  readonly passed: number
  readonly leftOut: number
}

const sum = (records: readonly AggregateRecord[]): number =>
  // A report of others may say anything.
  Math.min(
    records.reduce((all, { count: some }) => all + some, 0),
    Number.MAX_SAFE_INTEGER,
  )

/** One aligned identifier is enough. */
export const hasPassed = ({ dkim, spf }: AggregateRecord): boolean => dkim === 'pass' || spf === 'pass'

export function digestOf(report: AggregateReport): ReportDigest {
  const records = report.records.toSorted((a, b) => b.count - a.count)
  const shown = records.slice(0, mostShown)
  return {
    report: { ...report, records: shown },
    messages: sum(records),
    passed: sum(records.filter(hasPassed)),
    leftOut: sum(records.slice(mostShown)),
  }
}

export function shownDmarcReport({ report, messages, passed, leftOut }: ReportDigest): Values {
  const { policy } = report
  const { p, sp = '', np = '' } = policy
  return {
    orgName: report.orgName,
    email: report.email,
    extraContactInfo: report.extraContactInfo ?? '',
    reportId: report.reportId,
    generator: report.generator ?? '',
    dateRangeBegin: timeText(report.begin),
    dateRangeEnd: timeText(report.end),
    errors: report.errors,
    policyDomain: policy.domain,
    policyDiscoveryMethod: policy.discoveryMethod ?? '',
    policyDisposition: p,
    policySubdomainDisposition: sp,
    policyNp: np,
    policyAdkim: policy.adkim ?? '',
    policyAspf: policy.aspf ?? '',
    policyFailureReportingOptions: policy.fo ?? '',
    policyTestingMode: policy.isTesting ?? false,
    extensions: report.extensions.map(shownExtension),
    messages,
    passed,
    leftOut,
    records: report.records.map(shownRecord),
  }
}

const shownExtension = ({ name, definition }: Extension): Values => ({ name, definition })

const shownRecord = (one: AggregateRecord): Values => ({
  sourceIp: one.sourceIp ?? '',
  count: one.count,
  evaluatedDisposition: one.disposition,
  evaluatedDkim: one.dkim,
  evaluatedSpf: one.spf,
  policyOverrideReasons: one.reasons.map(({ type, comment = '' }) => ({ overrideType: type, comment })),
  headerFrom: one.headerFrom,
  envelopeFrom: one.envelopeFrom ?? '',
  envelopeTo: one.envelopeTo ?? '',
  dkimResults: one.dkimResults.map(({ domain, result: found, humanResult = '', selector = '' }) => ({
    domain,
    result: found,
    humanResult,
    selector,
  })),
  spfResults: one.spfResults.map(({ domain, result: found, humanResult = '', scope = '' }) => ({
    domain,
    result: found,
    humanResult,
    scope,
  })),
  extensions: one.extensions.map(shownExtension),
})
