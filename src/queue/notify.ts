/**
 * Tells a sender what became of a message: composes one notification for all of its recipients that are to be
 * reported, and puts it into the queue in the commit that ends or reschedules them. So a crash leaves either
 * both or neither, and nobody is told twice.
 */
import { randomBytes } from 'node:crypto'
import type { Clock } from '#base/clock.ts'
import type { BlobStore } from '#blob/store.ts'
import type { Db } from '#kv/db.ts'
import type { DkimSigningKey } from '#mailauth/dkim-sign.ts'
import { signMessage } from '#mailauth/sign-message.ts'
import {
  composeDeliveryReport,
  type DeliveryReport,
  headerOf,
  type ReportedRecipient,
} from '#message/delivery-report.ts'
import { decodeHeaderText } from '#message/encoded-word.ts'
import { fieldValue } from '#message/headers.ts'
import type { Settings } from '#settings/object.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import type { AccountId } from '#base/id.ts'
import { enqueue, putRecipient, type QueueIds, removeIfDone } from './enqueue.ts'
import { messageUnreadable, notified } from './events.ts'
import { reported } from './record.ts'
import { scheduleOf } from './settings.ts'
import {
  type QueuedMessage,
  type QueuedRecipient,
  queuedRecipientTable,
  type QueueId,
  queueIdText,
} from './tables.ts'
import { isReply, noticeSubject, noticeText } from './notice-text.ts'
import type { Work } from './work.ts'

export interface NotifyDeps {
  readonly db: Db
  readonly blobs: Pick<BlobStore, 'readRange' | 'stager'>
  readonly clock: Clock
  readonly settings: Settings
  readonly telemetry: Telemetry
  readonly ids: QueueIds
  readonly hostname: () => string
  /** DKIM keys for mail from a host of that name. */
  readonly keysOfHost: (name: string) => Promise<readonly DkimSigningKey[]>
}

type Original = NonNullable<DeliveryReport['original']>

/** A message larger than this comes back as its header alone, whatever RET asked for. */
const largestReturned = 256 * 1024
const largestHeader = 64 * 1024

/** Returns the notification, and when the first of the recipients is due again. */
export async function notify(
  deps: NotifyDeps,
  work: Omit<Work, 'destination'>,
): Promise<{ nextAt: number | undefined; notification: QueueId }> {
  const { id, message } = work
  const now = deps.clock.now()
  const recipients = work.recipients.map(({ row }) => row)
  const original = await originalOf(deps, id, message, recipients)
  const report = compose(deps, message, recipients, { now, original })
  const before = await signMessage(report.bytes, await deps.keysOfHost(deps.hostname()), now)
  const stager = deps.blobs.stager({ maxBytes: report.bytes.length })
  try {
    await stager.write(report.bytes)
    const staged = await stager.finish()
    const { expireMs } = scheduleOf(deps.settings, 'dsn')
    const made = await deps.db.write([], async (tx) => {
      let nextAt: number | undefined
      for (const { n } of work.recipients) {
        const row = await tx.get(queuedRecipientTable, id, n)
        const after = row?.report === undefined ? row : reported(row)
        if (after !== undefined) nextAt = Math.min(nextAt ?? Infinity, after.dueAt)
        if (after !== row) putRecipient(tx, id, n, row, after)
      }
      await removeIfDone(tx, id)
      const notification = await enqueue(
        tx,
        deps.ids,
        staged,
        {
          before,
          added: {},
          is8bit: report.is8bit,
          needsUtf8: report.needsUtf8,
          // RFC 5321 §4.5.5: nobody is told about a notification.
          from: '',
          source: 'dsn',
          account: 0 as AccountId,
          receivedAt: now,
          heldUntil: 0,
        },
        [{ address: message.from, notify: [], queue: 'dsn', expiresAt: now + expireMs }],
      )
      return { nextAt, notification }
    })
    deps.telemetry.emit(notified, {
      message: queueIdText(id),
      notification: queueIdText(made.notification),
      to: message.from,
      recipients: recipients.length,
    })
    return made
  } finally {
    await stager.abort()
  }
}

/** What comes back of the message: all of it, its header, or nothing where that cannot be read. */
async function originalOf(
  { blobs, telemetry }: NotifyDeps,
  id: QueueId,
  message: QueuedMessage,
  recipients: readonly QueuedRecipient[],
): Promise<Original | undefined> {
  const isFailure = recipients.some(({ report }) => report === 'failed')
  // RFC 3461 §4.3: RET is about failures; other notifications carry the header.
  const wholeFits = message.sizeBytes <= largestReturned
  const whole = isFailure && message.ret !== 'headers' && wholeFits
  const headerEnd = Math.min(message.sizeBytes, largestHeader)
  const read = async (end: number): Promise<Buffer> =>
    Buffer.concat([Buffer.from(message.before), await blobs.readRange(message.blob, 0, end)])
  try {
    if (whole) return { kind: 'message', bytes: await read(message.sizeBytes) }
    return { kind: 'header', bytes: headerOf(await read(headerEnd)) }
  } catch (error) {
    telemetry.emit(messageUnreadable, { message: queueIdText(id), blob: message.blob, error })
  }
  // Damage may be behind it.
  return read(headerEnd).then(
    (bytes) => ({ kind: 'header', bytes: headerOf(bytes) }),
    () => undefined,
  )
}

function compose(
  { hostname }: NotifyDeps,
  message: QueuedMessage,
  recipients: readonly QueuedRecipient[],
  { now, original }: { readonly now: number; readonly original: Original | undefined },
): ReturnType<typeof composeDeliveryReport> {
  const host = hostname()
  const header = headerOf(original?.bytes ?? Buffer.from(message.before))
  const subject = fieldValue(header, 'subject')
  const shownSubject = subject === undefined ? undefined : decodeHeaderText(subject).slice(0, 200)
  const originalId = fieldValue(header, 'message-id')?.trim()
  return composeDeliveryReport({
    reportingMta: host,
    from: { name: 'Mail Delivery System', address: `MAILER-DAEMON@${host}` },
    to: message.from,
    messageId: `${randomBytes(12).toString('hex')}@${host}`,
    subject: noticeSubject(recipients, shownSubject),
    at: now,
    text: noticeText(message, recipients, { hostname: host, subject: shownSubject }),
    ...(message.envelopeId === undefined ? {} : { envelopeId: message.envelopeId }),
    arrivedAt: message.receivedAt,
    ...(message.hold === undefined ? {} : { futureRelease: message.hold }),
    ...(message.by === undefined ? {} : { deliverByAt: message.by.at }),
    ...(originalId === undefined || originalId.length > 500 ? {} : { inReplyTo: originalId }),
    recipients: recipients.map(reportedRecipient),
    ...(original === undefined ? {} : { original }),
    boundary: `=_${randomBytes(18).toString('hex')}`,
  })
}

function reportedRecipient(recipient: QueuedRecipient): ReportedRecipient {
  const { address, originalRecipient, report = 'failed', status, history, expiresAt } = recipient
  const last = history.at(-1)
  const isGood = report === 'delivered' || report === 'relayed'
  // RFC 3464 §2.3.6: only what a server said; our own words are in the text.
  const isSaid = last?.host !== undefined && isReply(last.said)
  return {
    address,
    action: report,
    status: isGood ? '2.0.0' : (status ?? '5.0.0'),
    ...(originalRecipient === undefined ? {} : { originalRecipient }),
    // RFC 3464 §2.3.5: the server that said so, so not one that was not reached.
    ...(last?.host !== undefined && (isGood || isSaid) ? { remoteMta: last.host } : {}),
    ...(!isGood && isSaid ? { diagnostic: last.said } : {}),
    ...(last === undefined ? {} : { lastAttemptAt: last.at }),
    ...(report === 'delayed' ? { retryUntil: expiresAt } : {}),
  }
}
