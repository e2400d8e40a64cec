/**
 * Sends a report of a domain and a period: a task for each (RFC 9990 §3.5). What must hold: it is sent exactly
 * once, in the commit that removes what it was made of; and to nobody who does not want it.
 */
import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { Fault } from '#base/fault.ts'
import {
  type AggregateRecord,
  type AggregateReport,
  reportFileName,
  reportSubject,
} from '#mailauth/aggregate-report.ts'
import { writeAggregateReport } from '#mailauth/aggregate-report-xml.ts'
import { DmarcRecords } from '#mailauth/dmarc-tree-walk.ts'
import { checkDestination, type DestinationCheck } from '#mailauth/report-destination.ts'
import type { AuthResolver } from '#mailauth/resolver.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import type { TaskContext, TaskKind } from '#tasks/kind.ts'
import { aggregateSent, destinationRefused, reportTooLarge } from './events.ts'
import type { Outbox, OutboxOptions, Reporter } from './outbox.ts'
import { continuePending, recordsOf, removePending, scheduleSending, sendAggregateName } from './pending.ts'
import { composeReportMail } from './report-mail.ts'
import { dmarcReportSettings } from './settings.ts'
import { type PendingReport, pendingReportTable, type ReportKey } from './tables.ts'

const compress = promisify(gzip)

const minuteMs = 60_000
/** Other tasks wait for a DNS that does not answer. */
const mostLookingMs = 20_000
/** When it is asked again. */
const laterMs = 30 * minuteMs
/** After so long an address that cannot be checked counts as one that wants nothing. */
const givenUpMs = 24 * 60 * minuteMs

export interface AggregateSenderOptions extends Pick<OutboxOptions, 'clock' | 'settings'> {
  readonly telemetry: Telemetry
  readonly outbox: Outbox
  readonly resolver: AuthResolver
  /** As reports call the program: its name and version. */
  readonly generator: string
}

export const sendAggregateTask = (o: AggregateSenderOptions): TaskKind<{ readonly key: ReportKey }> => ({
  ...sendAggregateName,
  leaseMs: 10 * minuteMs,
  retry: { firstMs: 10 * minuteMs, mostMs: 120 * minuteMs },
  async run({ key }, task) {
    const { report, records } = await task.db.read(async (tx) => ({
      report: await tx.get(pendingReportTable, ...key),
      records: await recordsOf(tx, key),
    }))
    if (report === undefined) return
    const to = await destinations(o, key, report, task.signal)
    if (to === 'later') {
      await task.db.write([], async (tx) => {
        await task.done(tx)
        scheduleSending(tx, key, o.clock.now() + laterMs)
      })
    } else if (to.length === 0 || records.length === 0) {
      await task.db.write([], async (tx) => {
        await removePending(tx, key)
        await task.done(tx)
      })
    } else await send(o, task, { key, report, records, to })
  },
})

/** `later`: a DNS that does not answer may do so then. */
async function destinations(
  { resolver, clock, telemetry }: AggregateSenderOptions,
  [, domain]: ReportKey,
  { rua, deliverAt }: PendingReport,
  stopped: AbortSignal,
): Promise<readonly string[] | 'later'> {
  const late = AbortSignal.timeout(mostLookingMs)
  const dmarc = new DmarcRecords(resolver, AbortSignal.any([stopped, late]))
  const addresses = new Set<string>()
  for (const uri of rua) {
    const check = await checkDestination(domain, 'rua', uri, dmarc).catch((error: unknown) => {
      if (!late.aborted || stopped.aborted) throw error
      return { kind: 'failed', reason: 'the DNS did not answer in time' } satisfies DestinationCheck
    })
    if (check.kind === 'allowed') for (const address of check.addresses) addresses.add(address)
    else if (check.kind === 'failed' && clock.now() < deliverAt + givenUpMs) return 'later'
    else telemetry.emit(destinationRefused, { domain, to: uri.uri, reason: check.reason })
  }
  return [...addresses]
}

const changedMeanwhile = (): Fault =>
  new Fault('unavailable', 'try again later', {}, { reason: 'the report has changed while it was made' })

interface Sending {
  readonly key: ReportKey
  readonly report: PendingReport
  readonly records: readonly AggregateRecord[]
  readonly to: readonly string[]
}

async function send(o: AggregateSenderOptions, task: TaskContext, sending: Sending): Promise<void> {
  const { clock, outbox, telemetry } = o
  const { key, report, to } = sending
  const now = clock.now()
  const reporter = await outbox.reporter()
  const made = fitted(o, reporter, sending, now)
  const mail = await composed(reporter, made, sending, now)
  const needsUtf8 = to.some((address) => /[^\x00-\x7f]/.test(address))
  const { address: author } = reporter.from
  const outgoing = { author, envelopeFrom: author, to, bytes: mail, is8bit: needsUtf8, needsUtf8 }
  const id = await outbox.send(outgoing, async (tx) => {
    const current = await removePending(tx, key)
    // More was counted meanwhile.
    if (current?.messages !== report.messages) throw changedMeanwhile()
    await task.done(tx)
    if (now < report.end) await continuePending(tx, key, report, now)
    return true
  })
  if (id === undefined) return
  telemetry.emit(aggregateSent, {
    domain: key[1],
    to,
    report: made.reportId,
    messages: made.records.reduce((sum, { count }) => sum + count, 0),
    queued: id,
  })
}

/** As much of it as fits: those records are left out that few messages are of. */
function fitted(
  { settings, telemetry, generator }: AggregateSenderOptions,
  { orgName, submitter, from }: Reporter,
  { key, report, records: all }: Sending,
  now: number,
): AggregateReport {
  const { aggregateMaxReportSize: maxBytes, aggregateContactInfo: extraContactInfo } =
    settings.get(dmarcReportSettings)
  const begin = Math.floor(report.begin / 1000)
  const end = Math.max(begin, Math.floor((Math.min(report.end, now) - 1) / 1000))
  // RFC 9990 §3.1.4, §3.5.1: the same in each place, and another one for each report to the domain.
  const reportId = createHash('sha256')
    .update(`${submitter} ${key[1]} ${begin} ${end} ${report.messages}`)
    .digest('hex')
    .slice(0, 32)
  for (let records = all; ;) {
    const leftOut = report.leftOut + all.slice(records.length).reduce((sum, { count }) => sum + count, 0)
    const made: AggregateReport = {
      orgName,
      email: from.address,
      ...(extraContactInfo !== undefined && { extraContactInfo }),
      reportId,
      begin,
      end,
      errors: [...report.errors, ...(leftOut === 0 ? [] : [`${leftOut} more messages are left out`])],
      generator,
      policy: report.policy,
      extensions: [],
      records,
    }
    const bytes = Buffer.byteLength(writeAggregateReport(made))
    if (bytes <= maxBytes || records.length === 1) {
      if (leftOut > 0) telemetry.emit(reportTooLarge, { domain: key[1], leftOut })
      return made
    }
    records = records.slice(0, Math.max(1, Math.floor(records.length * (maxBytes / bytes) * 0.95)))
  }
}

async function composed(
  { submitter, from }: Reporter,
  made: AggregateReport,
  { key: [, policyDomain], to }: Sending,
  at: number,
): Promise<Buffer> {
  const { begin, end, reportId } = made
  const day = (seconds: number): string => new Date(seconds * 1000).toUTCString()
  return composeReportMail({
    from,
    to,
    subject: reportSubject(policyDomain, submitter, reportId),
    messageId: `${reportId}@${submitter}`,
    at,
    text: [
      `This is a DMARC report by ${submitter} on mail from ${policyDomain},`,
      `received from ${day(begin)} to ${day(end)}.`,
      '',
      `The DMARC record of ${policyDomain} asks for such reports.`,
    ],
    attachment: {
      type: 'application/gzip',
      name: reportFileName({ receiver: submitter, policyDomain, begin, end, uniqueId: reportId }, 'xml.gz'),
      bytes: await compress(writeAggregateReport(made)),
    },
    boundary: `=_${reportId}`,
  })
}
