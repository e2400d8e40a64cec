/**
 * Delivery status notifications: a multipart/report (RFC 6522) of a text for people, fields for programs
 * (RFC 3464), and the message or its header. Where an address or a header has more than ASCII the types of
 * RFC 6533 are used.
 *
 * What must always hold: no value can end its own line or its part; the notification is well-formed MIME
 * whatever the message it is about was.
 */
import { asBuffer } from '#base/bytes.ts'
import { composeAddressField, composeField } from './compose.ts'
import { formatDate } from './date.ts'
import { addressOfUnitext, unitextInAscii } from './unitext.ts'

export interface ReportedRecipient {
  readonly address: string
  /** As in ORCPT: `rfc822;bob@example.net`, decoded, but for the type utf-8 as it was given. */
  readonly originalRecipient?: string
  readonly action: 'failed' | 'delayed' | 'delivered' | 'relayed'
  /** RFC 3463. */
  readonly status: string
  /** The server that said so. */
  readonly remoteMta?: string
  /** Its words on one line, from the reply code on. */
  readonly diagnostic?: string
  /** Milliseconds. */
  readonly lastAttemptAt?: number
  readonly retryUntil?: number
}

export interface DeliveryReport {
  /** This server, as in greetings. */
  readonly reportingMta: string
  readonly from: { readonly name: string; readonly address: string }
  readonly to: string
  /** Without brackets. */
  readonly messageId: string
  readonly subject: string
  readonly at: number
  /** For people; lines without their ends. */
  readonly text: readonly string[]
  readonly envelopeId?: string
  /** RFC 4865 §5.1.2: as it was asked. */
  readonly futureRelease?: string
  /** RFC 2852 §5. Milliseconds. */
  readonly deliverByAt?: number
  /** When the message came in. */
  readonly arrivedAt: number
  /** Of the message that this is about, if it has one, with brackets. */
  readonly inReplyTo?: string
  readonly recipients: readonly ReportedRecipient[]
  /** The message or its header, with what was put in front of it; absent where it is lost (RFC 6522 §3). */
  readonly original?: { readonly kind: 'message' | 'header'; readonly bytes: Uint8Array }
  /** Letters and digits that stand nowhere in the original. */
  readonly boundary: string
}

const crlf = '\r\n'
/** RFC 5322 §2.1.1: without the line end. */
const longestLine = 998

const isAscii = (bytes: Uint8Array): boolean => bytes.every((byte) => byte < 0x80)
const asciiText = (text: string): boolean => /^[\x00-\x7f]*$/.test(text)

/** The whole notification, and whether it needs 8BITMIME and SMTPUTF8 on its way. */
export function composeDeliveryReport(report: DeliveryReport): {
  readonly bytes: Buffer
  readonly is8bit: boolean
  readonly needsUtf8: boolean
} {
  const classic = statusFields(report, unitextInAscii)
  const isGlobal = !asciiText(classic)
  // RFC 6533 §4.1: only there original recipients of the type utf-8 stand in clear.
  const status = isGlobal ? statusFields(report, addressOfUnitext) : classic
  const original =
    report.original === undefined
      ? undefined
      : originalPart(
          report.original,
          report.original.kind === 'message' ? 'Undelivered message' : 'Undelivered message header',
        )
  const needsUtf8 = !asciiText(report.to) || isGlobal
  const head = [
    composeAddressField('From', [report.from]).trimEnd(),
    composeAddressField('To', [{ address: report.to }]).trimEnd(),
    composeField('Subject', report.subject).trimEnd(),
    `Date: ${formatDate(report.at)}`,
    `Message-ID: <${oneLine(report.messageId)}>`,
    ...(report.inReplyTo === undefined ? [] : [`In-Reply-To: ${oneLine(report.inReplyTo)}`]),
    // RFC 3834 §5.
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type=delivery-status;${crlf}\tboundary="${report.boundary}"`,
    '',
    'This is a delivery status notification in MIME format.',
    '',
    `--${report.boundary}`,
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    'Content-Description: Notification',
    '',
    ...report.text.map((line) => line.slice(0, longestLine / 4)),
    '',
    `--${report.boundary}`,
    `Content-Type: message/${isGlobal ? 'global-' : ''}delivery-status`,
    ...(isGlobal ? ['Content-Transfer-Encoding: 8bit'] : []),
    'Content-Description: Delivery report',
    '',
    status,
    ...(original === undefined ? [] : [`--${report.boundary}`, ...original.fields, '', '']),
  ].join(crlf)
  const bytes = Buffer.concat([
    Buffer.from(head),
    original?.bytes ?? Buffer.alloc(0),
    Buffer.from(`${crlf}--${report.boundary}--${crlf}`),
  ])
  return { bytes, is8bit: !isAscii(bytes), needsUtf8 }
}

/** Control characters and line ends could begin a field of their own. */
const oneLine = (text: string): string => text.replace(/\p{Cc}+/gu, ' ').trim()

/** The part with a message or its header, of the type that its bytes need. */
export function originalPart(
  { kind, bytes }: NonNullable<DeliveryReport['original']>,
  description: string,
): { readonly fields: readonly string[]; readonly bytes: Uint8Array } {
  const ascii = isAscii(bytes)
  const isGlobal = !ascii && !isAscii(headerOf(bytes))
  const type =
    kind === 'message'
      ? isGlobal
        ? 'message/global'
        : 'message/rfc822'
      : isGlobal
        ? 'message/global-headers'
        : 'text/rfc822-headers'
  return {
    fields: [
      `Content-Type: ${type}`,
      `Content-Transfer-Encoding: ${ascii ? '7bit' : '8bit'}`,
      `Content-Description: ${description}`,
    ],
    bytes,
  }
}

/** To the empty line; all where there is none. */
export function headerOf(bytes: Uint8Array): Uint8Array {
  const end = asBuffer(bytes).indexOf('\r\n\r\n')
  return end < 0 ? bytes : bytes.subarray(0, end + 2)
}

/** `utf8`: makes an address of the type utf-8 of what ORCPT had. */
function statusFields(report: DeliveryReport, utf8: (given: string) => string): string {
  const perMessage = [
    ...(report.envelopeId === undefined ? [] : [`Original-Envelope-Id: ${oneLine(report.envelopeId)}`]),
    `Reporting-MTA: dns; ${oneLine(report.reportingMta)}`,
    `Arrival-Date: ${formatDate(report.arrivedAt)}`,
    ...(report.futureRelease === undefined
      ? []
      : [`Future-Release-Request: ${oneLine(report.futureRelease)}`]),
    ...(report.deliverByAt === undefined ? [] : [`Deliver-By-Date: ${formatDate(report.deliverByAt)}`]),
  ]
  return [perMessage, ...report.recipients.map((recipient) => recipientFields(recipient, utf8))]
    .map((fields) => `${fields.join(crlf)}${crlf}`)
    .join(crlf)
}

/** RFC 3464 §2.3, RFC 6533 §4.1: an address beyond ASCII is of the type utf-8. */
const typedAddress = (address: string): string =>
  `${asciiText(address) ? 'rfc822' : 'utf-8'}; ${oneLine(address)}`

function recipientFields(recipient: ReportedRecipient, utf8: (given: string) => string): readonly string[] {
  const { originalRecipient, remoteMta, diagnostic, lastAttemptAt, retryUntil } = recipient
  const original =
    originalRecipient === undefined ? undefined : /^([^;]{1,60});\s*(.+)$/.exec(originalRecipient)
  const [, type = '', address = ''] = original ?? []
  return [
    ...(original
      ? [`Original-Recipient: ${oneLine(type)}; ${oneLine(type === 'utf-8' ? utf8(address) : address)}`]
      : []),
    `Final-Recipient: ${typedAddress(recipient.address)}`,
    `Action: ${recipient.action}`,
    `Status: ${recipient.status}`,
    ...(remoteMta === undefined ? [] : [`Remote-MTA: dns; ${oneLine(remoteMta)}`]),
    ...(diagnostic === undefined ? [] : [`Diagnostic-Code: smtp; ${oneLine(diagnostic).slice(0, 700)}`]),
    ...(lastAttemptAt === undefined ? [] : [`Last-Attempt-Date: ${formatDate(lastAttemptAt)}`]),
    ...(retryUntil === undefined ? [] : [`Will-Retry-Until: ${formatDate(retryUntil)}`]),
  ]
}
