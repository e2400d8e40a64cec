/** A delivery report (RFC 3464) as Python's email package reads it. */
import { join } from 'node:path'
import { run } from './program.ts'

/** The fields of one block, by their names in lower case. */
export type ReportFields = Readonly<Record<string, string>>

export interface Report {
  readonly type: string
  readonly reportType: string | null
  /** The types of its parts. */
  readonly parts: readonly string[]
  readonly from: string
  readonly to: string
  readonly autoSubmitted: string
  readonly text: string
  readonly message: ReportFields
  readonly recipients: readonly ReportFields[]
  /** The Message-ID of what it is about. */
  readonly original: string
  readonly defects: readonly string[]
}

export async function readReport(message: Buffer): Promise<Report> {
  const script = join(import.meta.dirname, 'python/read_report.py')
  const { stdout } = await run('python3', ['-B', script], { input: message })
  const report = JSON.parse(stdout.toString()) as Report
  return { ...report, message: folded(report.message), recipients: report.recipients.map(folded) }
}

const folded = (fields: ReportFields): ReportFields =>
  Object.fromEntries(Object.entries(fields).map(([name, value]) => [name.toLowerCase(), value]))
