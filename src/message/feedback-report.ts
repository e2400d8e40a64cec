/**
 * Feedback reports (ARF, RFC 5965): about abuse, and about authentication that failed (RFC 6591), which DMARC
 * extends (RFC 9991 §4). A report is a multipart/report of a text for people, fields for programs, and the
 * message or its header. Here is how one is written; its fields are in `feedback-fields.ts`.
 *
 * What must always hold: no value can end its own line or its part; the report is well-formed MIME whatever
 * the message it is about was.
 */
import { composeAddressField, composeField } from './compose.ts'
import { formatDate } from './date.ts'
import { originalPart } from './delivery-report.ts'
import { composeFeedbackFields, type FeedbackFields } from './feedback-fields.ts'

export interface FeedbackReport {
  readonly from: { readonly name: string; readonly address: string }
  readonly to: string
  /** Without brackets. */
  readonly messageId: string
  /** Of the message that this is about, which RFC 5965 §2 wants in the report's. */
  readonly subject: string
  readonly at: number
  /** For people; lines without their ends. */
  readonly text: readonly string[]
  readonly fields: FeedbackFields
  /** The message or its header, with what was put in front of it. */
  readonly original: { readonly kind: 'message' | 'header'; readonly bytes: Uint8Array }
  /** Letters and digits that stand nowhere in the original. */
  readonly boundary: string
}

const crlf = '\r\n'
/** RFC 5322 §2.1.1 allows 998 octets; a character has four at most. */
const longestLine = 249

const isAscii = (bytes: Uint8Array): boolean => bytes.every((byte) => byte < 0x80)

/** The whole report, and whether it needs 8BITMIME and SMTPUTF8 on its way. */
export function composeFeedbackReport(report: FeedbackReport): {
  readonly bytes: Buffer
  readonly is8bit: boolean
  readonly needsUtf8: boolean
} {
  const { boundary, fields, to } = report
  const original = originalPart(
    report.original,
    report.original.kind === 'message' ? 'Reported message' : 'Reported message header',
  )
  const head = [
    composeAddressField('From', [report.from]).trimEnd(),
    composeAddressField('To', [{ address: to }]).trimEnd(),
    composeField('Subject', `FW: ${report.subject}`).trimEnd(),
    `Date: ${formatDate(report.at)}`,
    `Message-ID: <${report.messageId.replace(/[\p{Cc}\s<>]+/gu, '')}>`,
    // RFC 3834 §5: so that nothing answers.
    'Auto-Submitted: auto-generated',
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type=feedback-report;${crlf}\tboundary="${boundary}"`,
    '',
    'This is a feedback report in MIME format.',
    '',
    `--${boundary}`,
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
    ...report.text.map((line) => line.replace(/\p{Cc}+/gu, ' ').slice(0, longestLine)),
    '',
    `--${boundary}`,
    'Content-Type: message/feedback-report',
    '',
    composeFeedbackFields(fields),
    `--${boundary}`,
    ...original.fields,
    '',
    '',
  ].join(crlf)
  const bytes = Buffer.concat([
    Buffer.from(head),
    original.bytes,
    Buffer.from(`${crlf}--${boundary}--${crlf}`),
  ])
  return { bytes, is8bit: !isAscii(bytes), needsUtf8: !isAscii(Buffer.from(to)) }
}
