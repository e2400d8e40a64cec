/**
 * Reads reports that came by mail and keeps what is in them, one message at a time. What must hold: whatever
 * others send, what is unpacked and read is bounded, other work goes on meanwhile, and a message that cannot be
 * read is told once and left.
 */
import { setImmediate } from 'node:timers/promises'
import { asBuffer, empty } from '#base/bytes.ts'
import type { Clock } from '#base/clock.ts'
import { isFault, SyntaxFault } from '#base/fault.ts'
import { KeyedMutex } from '#base/mutex.ts'
import type { BlobStore } from '#blob/store.ts'
import type { WriteTx } from '#kv/tx.ts'
import type { ReadReport } from '#mailauth/aggregate-report-reader.ts'
import { decodeBody } from '#message/body.ts'
import { decodeHeaderText } from '#message/encoded-word.ts'
import { headerOf } from '#message/delivery-report.ts'
import { parseFeedbackFields } from '#message/feedback-fields.ts'
import { StructureParser } from '#message/mime.ts'
import type { MessageStructure, Part } from '#message/structure.ts'
import type { Settings } from '#settings/object.ts'
import type { TaskKind } from '#tasks/kind.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import { digestOf, type ReportDigest } from './dmarc-report-fields.ts'
import { dmarcReceived, feedbackReceived, reportUnread, tooManyReceived } from './events.ts'
import { analyseName, type ReportAnalysis } from './incoming.ts'
import { feedbackOf } from './received-feedback.ts'
import { putReceived } from './received.ts'
import { type ReportPart, reportParts } from './report-parts.ts'
import { reportSettings } from './settings.ts'
import { dmarcReceivedTable, feedbackReceivedTable, type ReceivedReport } from './tables.ts'

export interface AnalysisOptions {
  readonly blobs: Pick<BlobStore, 'readRange'>
  readonly clock: Clock
  readonly settings: Pick<Settings, 'get'>
  readonly telemetry: Telemetry
}

/** A report that was read: how it is kept, and what is told then. */
interface Finding {
  keep(tx: WriteTx, nowMs: number): Promise<boolean>
  tell(): void
}

type Mail = Omit<ReceivedReport<unknown>, 'report' | 'problems'>

const longestSubject = 300
const longestAddress = 320
const pieceBytes = 1 << 18

export function analyseTask(o: AnalysisOptions): TaskKind<ReportAnalysis> {
  const turns = new KeyedMutex<'analysis'>()
  return {
    ...analyseName,
    leaseMs: 600_000,
    retry: { firstMs: 60_000, mostMs: 3_600_000 },
    async run(given, task) {
      const findings = await turns.run(['analysis'], () => analyse(o, given))
      const kept = await task.db.write([], async (tx) => {
        await task.done(tx)
        const all: boolean[] = []
        for (const finding of findings) all.push(await finding.keep(tx, o.clock.now()))
        return all
      })
      for (const [i, finding] of findings.entries()) {
        if (kept[i] === true) finding.tell()
        else o.telemetry.emit(tooManyReceived, { to: given.to })
      }
    },
  }
}

async function analyse(o: AnalysisOptions, given: ReportAnalysis): Promise<readonly Finding[]> {
  const { inboundReportMaxSize: maxBytes } = o.settings.get(reportSettings)
  const { sizeBytes, to } = given
  const findings: Finding[] = []
  const unread = (from: string, error: unknown): void => {
    const isExpected = error instanceof SyntaxFault || isFault(error)
    const reason = error instanceof Error ? error.message : String(error)
    o.telemetry.emit(reportUnread, { from, to, reason, ...(isExpected ? {} : { error }) })
  }
  let from = ''
  try {
    if (sizeBytes > maxBytes) throw new SyntaxFault(`the message is over ${maxBytes} bytes`, 0)
    const bytes = asBuffer(await o.blobs.readRange(given.blob, 0, sizeBytes))
    const structure = await structureOf(bytes)
    const mail = mailOf(given, structure)
    from = mail.from
    for (const part of reportParts(structure)) {
      const read = async (): Promise<Finding> =>
        part.kind === 'feedback'
          ? readFeedback(o, bytes, part, mail)
          : readAggregate(o, bytes, part, mail, maxBytes)
      await read().then(
        (finding) => void findings.push(finding),
        (error: unknown) => unread(from, error),
      )
    }
  } catch (error) {
    // The disk does not give it now: the task is tried again.
    if (isFault(error, 'unavailable')) throw error
    // It was deleted meanwhile.
    if (!isFault(error, 'notFound')) unread(from, error)
  }
  return findings
}

async function structureOf(bytes: Buffer): Promise<MessageStructure> {
  const parser = new StructureParser()
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    parser.push(bytes.subarray(at, at + pieceBytes))
    await setImmediate()
  }
  return parser.end()
}

function mailOf({ to, receivedAt, dmarc }: ReportAnalysis, { envelope }: MessageStructure): Mail {
  const [author] = envelope.from
  const address = author?.mailbox === undefined ? '' : `${author.mailbox}@${author.host ?? ''}`
  return {
    from: address.slice(0, longestAddress),
    to,
    subject: decodeHeaderText(envelope.subject ?? '').slice(0, longestSubject),
    receivedAt,
    dmarc,
  }
}

const contentOf = (bytes: Buffer, { bodyStart, bodyEnd, encoding }: Part): Buffer =>
  decodeBody(bytes.subarray(bodyStart, bodyEnd), encoding)

function readFeedback(
  { telemetry }: AnalysisOptions,
  bytes: Buffer,
  { part, original }: ReportPart,
  mail: Mail,
): Finding {
  const fields = parseFeedbackFields(contentOf(bytes, part))
  if (fields === undefined) throw new SyntaxFault('the report says not of what type it is', part.bodyStart)
  const report = feedbackOf(fields, original === undefined ? empty : headerOf(contentOf(bytes, original)))
  return {
    keep: (tx, nowMs) => putReceived(tx, feedbackReceivedTable, { ...mail, report, problems: [] }, nowMs),
    tell: () =>
      telemetry.emit(feedbackReceived, {
        from: mail.from,
        type: fields.feedbackType,
        domains: report.fields.reportedDomains,
        source: fields.sourceIp,
        incidents: fields.incidents ?? 1,
        dmarc: mail.dmarc,
      }),
  }
}

async function readAggregate(
  { telemetry }: AnalysisOptions,
  bytes: Buffer,
  { part }: ReportPart,
  mail: Mail,
  maxBytes: number,
): Promise<Finding> {
  const packed = contentOf(bytes, part)
  const { unpackReport } = await import('./unpack.ts')
  const { report, problems } = await readInSteps(await unpackReport(packed, maxBytes))
  const digest: ReportDigest = digestOf(report)
  return {
    keep: (tx, nowMs) => putReceived(tx, dmarcReceivedTable, { ...mail, report: digest, problems }, nowMs),
    tell: () =>
      telemetry.emit(dmarcReceived, {
        from: mail.from,
        org: report.orgName,
        domain: report.policy.domain,
        report: report.reportId,
        messages: digest.messages,
        passed: digest.passed,
        dmarc: mail.dmarc,
      }),
  }
}

async function readInSteps(document: Uint8Array): Promise<ReadReport> {
  const { aggregateReportSteps } = await import('#mailauth/aggregate-report-reader.ts')
  const steps = aggregateReportSteps(document)
  for (;;) {
    const { done, value } = steps.next()
    if (done === true) return value
    await setImmediate()
  }
}
