/**
 * The rows of reports. Of those that are to be sent: one for each domain and period, one below it for what some
 * messages have in common, and a count of domains for each period. Of those that came in: one for each, by day.
 * The letters `E F L N P R` of global keys are this folder's.
 *
 * What must always hold: a report that waits has exactly one task that sends it, at the time in its row; the
 * messages of its records and those that were left out are all that were counted.
 */
import { createHash } from 'node:crypto'
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { json, uint } from '#kv/codec.ts'
import { hex, text, u32, u48 } from '#kv/key.ts'
import { type Codec, globalTable } from '#kv/table.ts'
import type { AggregateRecord, PublishedPolicy } from '#mailauth/aggregate-report.ts'
import type { MailDestination } from '#mailauth/report-destination.ts'
import type { FeedbackFields } from '#message/feedback-fields.ts'
import type { ReportDigest } from './dmarc-report-fields.ts'

/** Of a report that waits. Times are milliseconds. */
export interface PendingReport {
  /** From when on it is about mail. */
  readonly begin: number
  readonly end: number
  readonly deliverAt: number
  /** As it was found last. */
  readonly policy: PublishedPolicy
  readonly rua: readonly MailDestination[]
  /** What is wrong with the record of the domain. */
  readonly errors: readonly string[]
  /** How many records there are. */
  readonly records: number
  /** Of all records. */
  readonly messages: number
  /** Those that passed DMARC. */
  readonly passed: number
  /** Messages that were different from too many others to have a record. */
  readonly leftOut: number
}

/** The beginning of the period in milliseconds, and the domain where the policy was found. */
export type ReportKey = readonly [period: number, domain: string]

export const pendingReportTable = globalTable({
  name: 'pending-report',
  letter: 'R',
  key: [u48(), text()],
  value: json<PendingReport>(),
})

/** Below a report, by what all of its messages have in common. */
export const pendingRecordTable = globalTable({
  name: 'pending-report-record',
  letter: 'N',
  key: [u48(), text(), hex(16)],
  value: json<AggregateRecord>(),
})

/** How many domains have a report for a period. */
export const reportPeriodTable = globalTable({
  name: 'report-period',
  letter: 'P',
  key: [u48()],
  value: uint(),
})

/** The name of a record within its report: whatever is in it but the count. */
export const recordName = (record: AggregateRecord): string =>
  createHash('sha256')
    .update(JSON.stringify({ ...record, count: 0 }))
    .digest('hex')
    .slice(0, 32)

/** Records of a report are much alike. */
const packedJson = <T>(): Codec<T> => ({
  encode: (value) => deflateRawSync(JSON.stringify(value)),
  decode: (bytes) => JSON.parse(inflateRawSync(bytes).toString()) as T,
})

/** A report that came in, by mail. */
export interface ReceivedReport<R> {
  /** The author in From, without a name; empty where there is none. */
  readonly from: string
  /** Which of our addresses it came to. */
  readonly to: readonly string[]
  readonly subject: string
  /** Milliseconds. */
  readonly receivedAt: number
  /** What DMARC said of the mail: anybody may send a report. */
  readonly dmarc: string
  readonly report: R
  /** What was wrong with it and passed over. */
  readonly problems: readonly string[]
}

/** Days since 1970-01-01, and which one of the day. */
export type ReceivedKey = readonly [day: number, n: number]

export const dmarcReceivedTable = globalTable({
  name: 'received-dmarc-report',
  letter: 'E',
  key: [u32(), u32()],
  value: packedJson<ReceivedReport<ReportDigest>>(),
})

/** A feedback report, with the header of the message that it is about. */
export interface ReceivedFeedback {
  readonly fields: FeedbackFields
  readonly headers: string
}

export const feedbackReceivedTable = globalTable({
  name: 'received-feedback',
  letter: 'F',
  key: [u32(), u32()],
  value: packedJson<ReceivedReport<ReceivedFeedback>>(),
})

/** How many failure reports an address got on a day. */
export const failureCountTable = globalTable({
  name: 'failure-report-count',
  letter: 'L',
  key: [u32(), text()],
  value: uint(),
})
