/**
 * What others report about what an account has sent: a notification that comes into a mailbox is looked at behind
 * its delivery, and where it is about a submission of that account, the submission learns of it (RFC 8621 §7).
 *
 * What must always hold: reports are claims of strangers. They settle only what this server does not know itself:
 * whether a message that another server took has arrived, and whether somebody was shown it.
 */
import { foldAddress } from '#base/domain-name.ts'
import type { AccountId, MessageId } from '#base/id.ts'
import type { BlobStore } from '#blob/store.ts'
import type { TaskName } from '#kv/task-rows.ts'
import type { ReadTx, WriteTx } from '#kv/tx.ts'
import { decodeBody } from '#message/body.ts'
import { parameter } from '#message/parameters.ts'
import { messageId as identifierOf } from '#message/references.ts'
import {
  type DeliveryStatusReport,
  type DispositionReport,
  readDeliveryStatus,
  readDisposition,
  type ReportedStatus,
} from '#message/report-reader.ts'
import { fieldValue } from '#message/headers.ts'
import type { MessageStructure, Part } from '#message/structure.ts'
import { StoredStructure } from '#message/structure-codec.ts'
import {
  submissionRecipientTable,
  type SubmissionRecipientRow,
  type SubmissionRow,
  submissionTable,
} from '#queue/submission-rows.ts'
import { readQueueId, type QueueId } from '#queue/tables.ts'
import type { TaskContext, TaskKind } from '#tasks/kind.ts'
import { readMessageRange } from '../message-bytes.ts'
import type { MessageRow } from '../message-row.ts'
import { recipientsOf } from './submission.ts'
import { messageTable, structureTable } from '../tables.ts'

interface Report {
  readonly account: AccountId
  readonly message: MessageId
}

const taskName: TaskName<Report> = { name: 'mail.read-submission-report' }

/** Larger parts are not read. */
const longestPart = 262_144
/** A report that names a message by its identifier is about one of the last that were sent. */
const mostLookedAt = 1000
const mostReports = 200

/** RFC 3464 §2, RFC 8098 §3, RFC 6533 §4. */
const partTypes: ReadonlyMap<string, 'dsn' | 'mdn'> = new Map([
  ['message/delivery-status', 'dsn'],
  ['message/global-delivery-status', 'dsn'],
  ['message/disposition-notification', 'mdn'],
  ['message/global-disposition-notification', 'mdn'],
])

/** RFC 6522: what the message says it is. */
export function isReport({ root }: Pick<MessageStructure, 'root'>): boolean {
  if (root.type !== 'multipart' || root.subtype !== 'report') return false
  const type = parameter(root.params, 'report-type')?.value.toLowerCase()
  return type === 'delivery-status' || type === 'disposition-notification'
}

/** In the commit that delivers it. */
export async function scheduleReport(tx: WriteTx, report: Report, atMs: number): Promise<void> {
  const sent = await tx.list(submissionTable, [report.account], { limit: 1 })
  if (sent.length > 0) tx.schedule(taskName, report, atMs)
}

export const submissionReportTask = (o: { readonly blobs: BlobStore }): TaskKind<Report> => ({
  ...taskName,
  leaseMs: 60_000,
  retry: { firstMs: 1000, mostMs: 600_000 },
  async run(given, task) {
    const found = await readReport(o.blobs, given, task)
    await task.db.write([given.account], async (tx) => {
      await task.done(tx)
      if (found !== undefined) await keepReport(tx, given, found)
    })
  },
})

type Found =
  | ({ readonly kind: 'dsn'; readonly messageId: string | undefined } & DeliveryStatusReport)
  | ({ readonly kind: 'mdn' } & DispositionReport)

async function readReport(
  blobs: BlobStore,
  { account, message }: Report,
  { db }: TaskContext,
): Promise<Found | undefined> {
  const { row, stored } = await db.read(async (tx) => ({
    row: await tx.get(messageTable, account, message),
    stored: await tx.get(structureTable, account, message),
  }))
  if (row === undefined || stored === undefined) return undefined
  const { children } = new StoredStructure(stored).parts()
  const part = children.find((one) => partTypes.has(`${one.type}/${one.subtype}`))
  const bytes = part && (await bodyOf(blobs, row, part))
  if (part === undefined || bytes === undefined) return undefined
  if (partTypes.get(`${part.type}/${part.subtype}`) === 'mdn') {
    const read = readDisposition(bytes)
    return read && { kind: 'mdn', ...read }
  }
  const messageId = await returnedId(blobs, row, children.slice(children.indexOf(part) + 1))
  return { kind: 'dsn', messageId, ...readDeliveryStatus(bytes) }
}

async function bodyOf(blobs: BlobStore, row: MessageRow, part: Part): Promise<Buffer | undefined> {
  if (part.bodyEnd - part.bodyStart > longestPart) return undefined
  const bytes = await readMessageRange(blobs, row, part.bodyStart, part.bodyEnd)
  return decodeBody(bytes, part.encoding)
}

/** The identifier of the message that comes back, or of its header (RFC 6522 §3). */
async function returnedId(
  blobs: BlobStore,
  row: MessageRow,
  parts: readonly Part[],
): Promise<string | undefined> {
  for (const part of parts) {
    const inner = part.envelope?.messageId
    if (inner !== undefined) return inner
    if (!part.subtype.endsWith('-headers') && !part.subtype.endsWith('rfc822')) continue
    const header = await bodyOf(blobs, row, part)
    const value = header && fieldValue(header, 'message-id')
    if (value !== undefined) return value
  }
  return undefined
}

async function keepReport(tx: WriteTx, { account, message }: Report, report: Found): Promise<void> {
  const id = await subjectOf(tx, account, report)
  const row = id === undefined ? undefined : await tx.get(submissionTable, account, id)
  if (id === undefined || row === undefined) return
  const recipients = await recipientsOf(tx, account, id)
  for (const [n, before] of recipients.entries()) {
    const after = learned(before, report, recipients.length === 1)
    if (after !== before) tx.put(submissionRecipientTable, [account, id, n], after)
  }
  tx.put(submissionTable, [account, id], withReport(row, report.kind, message))
  tx.changed(account, 'EmailSubmission', id, 'updated')
}

/** Which submission it is about. */
async function subjectOf(tx: ReadTx, account: AccountId, report: Found): Promise<QueueId | undefined> {
  const named = report.kind === 'dsn' ? report.envelopeId : undefined
  // As `envelopeIdOf` makes it.
  const id = named?.startsWith('S') === true ? readQueueId(named.slice(1)) : undefined
  if (id !== undefined && (await tx.get(submissionTable, account, id)) !== undefined) return id
  const text = report.kind === 'dsn' ? report.messageId : report.originalMessageId
  const identifier = text === undefined ? undefined : identifierOf(text)
  if (identifier === undefined) return undefined
  const rows = await tx.list(submissionTable, [account], { reverse: true, limit: mostLookedAt })
  return rows.find(([, row]) => row.messageId === identifier)?.[0][1]
}

const withReport = (row: SubmissionRow, kind: Found['kind'], message: MessageId): SubmissionRow => {
  const all = (kind === 'dsn' ? row.dsns : row.mdns) ?? []
  const list = all.includes(message) ? all : [...all, message].slice(0, mostReports)
  return kind === 'dsn' ? { ...row, dsns: list } : { ...row, mdns: list }
}

function learned(row: SubmissionRecipientRow, report: Found, isOnly: boolean): SubmissionRecipientRow {
  const isHis = (addresses: readonly string[]): boolean =>
    addresses.some((one) => foldAddress(one) === foldAddress(row.address))
  if (report.kind === 'mdn') {
    const isAbout = isHis(report.addresses) || isOnly
    return isAbout && report.disposition === 'displayed' ? { ...row, displayed: true } : row
  }
  const { recipients } = report
  const told = recipients.find(({ addresses }) => isHis(addresses)) ?? (isOnly ? recipients[0] : undefined)
  return told === undefined || row.delivered !== 'unknown' ? row : settled(row, told)
}

/** RFC 8621 §7: of all actions only these two say how it ended. */
function settled(
  row: SubmissionRecipientRow,
  { action, status, smtpReply }: ReportedStatus,
): SubmissionRecipientRow {
  if (action === 'delivered') return { ...row, delivered: 'yes', smtpReply: smtpReply ?? row.smtpReply }
  if (action !== 'failed') return row
  const synthetic = `550 ${status?.startsWith('5') === true ? status : '5.0.0'} Reported as not delivered`
  return { ...row, delivered: 'no', smtpReply: smtpReply ?? synthetic }
}
