/**
 * The message that carries a report as a file (RFC 9990 §3.5.2): a few words for people, and the attachment.
 * What must always hold: no value can end its own line or its part.
 */
import { composeAddressField, composeField } from '#message/compose.ts'
import { formatDate } from '#message/date.ts'

export interface ReportMail {
  readonly from: { readonly name: string; readonly address: string }
  readonly to: readonly string[]
  readonly subject: string
  /** Without brackets. */
  readonly messageId: string
  readonly at: number
  /** Lines of ASCII without their ends. */
  readonly text: readonly string[]
  readonly attachment: { readonly type: string; readonly name: string; readonly bytes: Buffer }
  /** Letters and digits. */
  readonly boundary: string
}

const crlf = '\r\n'

/** RFC 2045 §6.8. */
const base64Lines = (bytes: Buffer): string => bytes.toString('base64').replace(/.{76}/g, `$&${crlf}`)

/** What is within quotation marks. */
const quotable = (text: string): string => text.replace(/[^\x20-\x7e]|["\\]/g, '_')

export function composeReportMail(mail: ReportMail): Buffer {
  const { from, to, subject, messageId, at, text, attachment, boundary } = mail
  const name = quotable(attachment.name)
  const lines = [
    composeAddressField('From', [from]).trimEnd(),
    composeAddressField(
      'To',
      to.map((address) => ({ address })),
    ).trimEnd(),
    composeField('Subject', subject).trimEnd(),
    `Date: ${formatDate(at)}`,
    `Message-ID: <${messageId}>`,
    // RFC 3834 §5.
    'Auto-Submitted: auto-generated',
    'MIME-Version: 1.0',
    `Content-Type: multipart/mixed;${crlf}\tboundary="${boundary}"`,
    '',
    'This is a report in MIME format.',
    '',
    `--${boundary}`,
    'Content-Type: text/plain; charset=us-ascii',
    '',
    ...text.map((line) => line.replace(/[^\x20-\x7e]/g, '_')),
    '',
    `--${boundary}`,
    `Content-Type: ${attachment.type};${crlf}\tname="${name}"`,
    'Content-Transfer-Encoding: base64',
    `Content-Disposition: attachment;${crlf}\tfilename="${name}"`,
    '',
    base64Lines(attachment.bytes),
    `--${boundary}--`,
    '',
  ]
  return Buffer.from(lines.join(crlf))
}
