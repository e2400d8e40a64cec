/**
 * Which parts of a message may be reports. What must hold: a message is looked at by its structure alone, and of
 * one with many parts only the first that may be reports count.
 */
import { fileName, isMessage, type MessageStructure, type Part } from '#message/structure.ts'

/** A report for machines: an aggregate report in a file, or the fields of a feedback report. */
export interface ReportPart {
  readonly kind: 'aggregate' | 'feedback'
  readonly part: Part
  /** Of a feedback report: the message that it is about, or its header (RFC 5965 §2). */
  readonly original: Part | undefined
}

const mostReports = 5

/** RFC 9990 §3.5.2, RFC 7489 §7.2.1.1, and what writers use in their place. */
const fileTypes: ReadonlySet<string> = new Set([
  'application/gzip',
  'application/x-gzip',
  'application/zip',
  'application/x-zip',
  'application/x-zip-compressed',
  'text/xml',
  'application/xml',
])

export function reportParts({ root }: MessageStructure): readonly ReportPart[] {
  const found: ReportPart[] = []
  collect(root, undefined, found)
  return found
}

function collect(part: Part, next: Part | undefined, found: ReportPart[]): void {
  if (found.length === mostReports) return
  const kind = kindOf(part)
  if (kind !== undefined) found.push({ kind, part, original: next })
  // What is in a message that was forwarded, or that a report is about, is not for us.
  else if (!isMessage(part))
    for (const [i, child] of part.children.entries()) collect(child, part.children[i + 1], found)
}

function kindOf(part: Part): ReportPart['kind'] | undefined {
  const type = `${part.type}/${part.subtype}`
  if (type === 'message/feedback-report') return 'feedback'
  if (fileTypes.has(type)) return 'aggregate'
  // RFC 9990 §3.5.2: names have an exclamation mark between their parts.
  const isNamed = /!.*\.(?:xml|gz|zip)$/i.test(fileName(part)?.slice(-1000) ?? '')
  return type === 'application/octet-stream' && isNamed ? 'aggregate' : undefined
}
