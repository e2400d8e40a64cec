/**
 * Adding what was counted to the reports that wait, and taking them away. What must hold: there are bounds on
 * domains, on records of each, and what goes beyond is counted as left out.
 */
import { createHash } from 'node:crypto'
import { type TaskName, taskRow, taskTable } from '#kv/task-rows.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import type { AggregateRecord } from '#mailauth/aggregate-report.ts'
import { hasPassed } from './dmarc-report-fields.ts'
import type { ReportedDomain } from './aggregate-record.ts'
import {
  type PendingReport,
  pendingRecordTable,
  pendingReportTable,
  recordName,
  type ReportKey,
  reportPeriodTable,
} from './tables.ts'

/** Whoever has a wildcard in the DNS has domains without end. */
const mostDomains = 10_000
/** Of one report. */
export const mostRecords = 10_000
/** Counts that are on their way to the store come after the end of a period. */
const settleMs = 60_000

export interface Period {
  readonly begin: number
  readonly end: number
}

/** What was counted of a domain in a period. */
export interface CountedDomain {
  readonly period: Period
  readonly reported: ReportedDomain
  readonly records: readonly AggregateRecord[]
}

export const sendAggregateName: TaskName<{ readonly key: ReportKey }> = { name: 'report.send-aggregate' }

const digestOf = ([period, domain]: ReportKey): Buffer =>
  createHash('sha256').update(`${period} ${domain}`).digest()

const taskKey = (at: number, key: ReportKey) => [at, digestOf(key).toString('hex', 0, 8)] as const

/** Makes the task of a report, in place of the one before. */
export function scheduleSending(tx: WriteTx, key: ReportKey, at: number, before?: number): void {
  if (before !== undefined) tx.delete(taskTable, taskKey(before, key))
  tx.put(taskTable, taskKey(at, key), taskRow(sendAggregateName, { key }))
}

/** After `removePending`, of a report that is sent before its period ends: what comes then is for another one. */
export async function continuePending(
  tx: WriteTx,
  key: ReportKey,
  sent: PendingReport,
  nowMs: number,
): Promise<void> {
  const deliverAt = deliveryTime({ begin: key[0], end: sent.end }, key)
  const rest = { ...sent, begin: nowMs, deliverAt, records: 0, messages: 0, passed: 0, leftOut: 0 }
  tx.put(pendingReportTable, key, rest)
  tx.put(reportPeriodTable, [key[0]], ((await tx.get(reportPeriodTable, key[0])) ?? 0) + 1)
  scheduleSending(tx, key, deliverAt)
}

/** Not all at once: each domain has its own moment in a part of the time until the next report is due. */
function deliveryTime({ begin, end }: Period, key: ReportKey): number {
  const spreadMs = (end - begin) / 24
  return end + settleMs + Math.floor((digestOf(key).readUInt32BE(8) / 2 ** 32) * spreadMs)
}

/** Returns how many messages have no report, since there are too many domains. May run again. */
export async function addCounted(tx: WriteTx, counted: readonly CountedDomain[]): Promise<number> {
  let dropped = 0
  for (const one of counted) {
    if (!(await addDomain(tx, one))) dropped += one.records.reduce((sum, { count }) => sum + count, 0)
  }
  return dropped
}

async function addDomain(tx: WriteTx, { period, reported, records }: CountedDomain): Promise<boolean> {
  const key: ReportKey = [period.begin, reported.domain]
  const { policy, rua, errors } = reported
  let report = await tx.get(pendingReportTable, ...key)
  if (report === undefined) {
    const domains = (await tx.get(reportPeriodTable, period.begin)) ?? 0
    if (domains >= mostDomains) return false
    tx.put(reportPeriodTable, [period.begin], domains + 1)
    const deliverAt = deliveryTime(period, key)
    report = { ...period, deliverAt, policy, rua, errors, records: 0, messages: 0, passed: 0, leftOut: 0 }
    scheduleSending(tx, key, deliverAt)
  }
  let { records: count, messages, passed, leftOut } = report
  for (const record of records) {
    const recordKey = [...key, recordName(record)] as const
    const known = await tx.get(pendingRecordTable, ...recordKey)
    if (known === undefined && count >= mostRecords) {
      leftOut += record.count
      continue
    }
    if (known === undefined) count++
    messages += record.count
    if (hasPassed(record)) passed += record.count
    tx.put(pendingRecordTable, recordKey, { ...record, count: record.count + (known?.count ?? 0) })
  }
  // RFC 9990 §3.3: one policy for a report, the last one that was seen.
  tx.put(pendingReportTable, key, {
    ...report,
    policy,
    rua,
    errors,
    records: count,
    messages,
    passed,
    leftOut,
  })
  return true
}

/** Those with most messages first; of more than `limit`, any. */
export async function recordsOf(
  tx: ReadTx,
  key: ReportKey,
  limit = mostRecords,
): Promise<readonly AggregateRecord[]> {
  const rows = await tx.list(pendingRecordTable, key, { limit })
  return rows.map(([, record]) => record).toSorted((a, b) => b.count - a.count)
}

/** Removes a report with all that is in it; its task finds nothing to do then. */
export async function removePending(tx: WriteTx, key: ReportKey): Promise<PendingReport | undefined> {
  const report = await tx.get(pendingReportTable, ...key)
  if (report === undefined) return undefined
  for (const [recordKey] of await tx.list(pendingRecordTable, key)) tx.delete(pendingRecordTable, recordKey)
  tx.delete(pendingReportTable, key)
  const domains = (await tx.get(reportPeriodTable, key[0])) ?? 1
  if (domains > 1) tx.put(reportPeriodTable, [key[0]], domains - 1)
  else tx.delete(reportPeriodTable, [key[0]])
  return report
}
