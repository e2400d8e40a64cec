/**
 * Reports that others send: mail to the addresses for them is recognised by its structure when it is accepted.
 * Its commit adds a task that reads it (`analysis.ts`), so no delivery waits for that or fails by it.
 */
import { compileWildcard, type Pattern } from '#base/pattern.ts'
import type { BlobHash } from '#base/id.ts'
import type { TaskName } from '#kv/task-rows.ts'
import type { MessageStructure } from '#message/structure.ts'
import type { Settings } from '#settings/object.ts'
import { reportParts } from './report-parts.ts'
import { reportSettings } from './settings.ts'

/** What the task needs to know of a message that is stored. */
export interface ReportAnalysis {
  readonly blob: BlobHash
  readonly sizeBytes: number
  /** Which addresses for reports it came to. */
  readonly to: readonly string[]
  /** Milliseconds. */
  readonly receivedAt: number
  /** The result of DMARC; empty where it was not checked. */
  readonly dmarc: string
}

export const analyseName: TaskName<ReportAnalysis> = { name: 'report.analyse' }

const mostAddresses = 20

export class IncomingReports {
  readonly #settings: Pick<Settings, 'get'>
  #compiled: { readonly of: readonly string[]; readonly patterns: readonly Pattern[] } | undefined

  constructor(settings: Pick<Settings, 'get'>) {
    this.#settings = settings
  }

  /** What is to be done with a message; undefined where it is no report, or is for somebody else. */
  recognise(
    recipients: readonly string[],
    structure: MessageStructure,
    o: Pick<ReportAnalysis, 'blob' | 'receivedAt' | 'dmarc'>,
  ): ReportAnalysis | undefined {
    const patterns = this.#patterns()
    const to = recipients.filter((address) => patterns.some((pattern) => pattern.matches(address)))
    return to.length === 0 || reportParts(structure).length === 0
      ? undefined
      : { ...o, sizeBytes: structure.sizeBytes, to: to.slice(0, mostAddresses) }
  }

  #patterns(): readonly Pattern[] {
    const { inboundReportAddresses: of } = this.#settings.get(reportSettings)
    if (this.#compiled?.of !== of) this.#compiled = { of, patterns: of.map(compileWildcard) }
    return this.#compiled.patterns
  }
}
