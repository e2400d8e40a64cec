/**
 * One attempt: the queued rows become a job for the transport of its destination, and the transport's results
 * become rows again.
 *
 * What must always hold: what another server has taken is not sent again because it could not be written down.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '#base/clock.ts'
import type { AccountId } from '#base/id.ts'
import type { BlobStore } from '#blob/store.ts'
import type { Db } from '#kv/db.ts'
import type { Settings } from '#settings/object.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import { attemptFailed, delayed, delivered, failed, messageUnreadable } from './events.ts'
import { beginAttempt, followers } from './follow.ts'
import { recordResults } from './record.ts'
import { type BuiltInQueue, scheduleOf } from './settings.ts'
import { type QueuedMessage, type QueueId, queueIdText } from './tables.ts'
import {
  type Job,
  type LocalTransport,
  type OutboundMessage,
  type RecipientResult,
  type Transport,
  UnreadableMessage,
} from './transport.ts'
import type { Left, Work } from './work.ts'

/** Results that are there at the same time share a commit, as writers of one account do. */
const nobody = 0 as AccountId

const firstWaitMs = 100
const longestWaitMs = 30_000

export interface AttemptDeps {
  readonly db: Db
  readonly blobs: Pick<BlobStore, 'read'>
  readonly clock: Clock
  readonly settings: Settings
  readonly telemetry: Telemetry
  readonly remote: Transport
  readonly local: LocalTransport
}

/** Returns when the first of the recipients is due again. */
export async function attempt(
  deps: AttemptDeps,
  work: Work,
  { signal, left }: { readonly signal: AbortSignal; readonly left: Left },
): Promise<number | undefined> {
  const { id, message, destination } = work
  const recipients = await stillWaiting(deps.db, work)
  if (recipients.length === 0) return undefined
  const content = (): AsyncIterable<Uint8Array> => contentOf(deps, id, message)
  const job: Job = {
    id: queueIdText(id),
    destination,
    from: message.from,
    recipients: recipients.map(({ row: { address, originalRecipient, notify } }) => ({
      address,
      ...(originalRecipient === undefined ? {} : { originalRecipient }),
      ...(notify === undefined ? {} : { notify }),
    })),
    message: outboundMessage(message, content),
    ...(message.ret === undefined ? {} : { ret: message.ret }),
    ...(message.envelopeId === undefined ? {} : { envelopeId: message.envelopeId }),
    ...(message.by === undefined ? {} : { by: message.by }),
  }
  const record = { id, message, recipients: recipients.map(({ n, row }) => ({ n, address: row.address })) }
  const schedule = scheduleOf(deps.settings, recipients[0]!.row.queue as BuiltInQueue)
  const late = tooLate({ message, recipients }, deps.clock.now())
  let results: readonly RecipientResult[] = []
  let nextAt: number | undefined
  if (destination.route.kind === 'local' && late === undefined) {
    const { receivedAt, before, added } = message
    const locks = followers(message)
    await deps.local.deliver({ ...job, receivedAt, before, content, added, locks }, async (tx, outcomes) => {
      results = outcomes
      nextAt = await recordResults(tx, record, outcomes, { now: deps.clock.now(), schedule })
    })
  } else {
    results = late ?? (await deps.remote.deliver(job, signal))
    left(unreachableOf(results))
    nextAt = await untilWritten(deps, job.id, signal, () =>
      deps.db.write(
        [message.submission ?? nobody],
        (tx) => recordResults(tx, record, results, { now: deps.clock.now(), schedule }),
        { mayWait: true },
      ),
    )
  }
  tell(deps.telemetry, job, results)
  return nextAt
}

/** Whoever follows the message may have canceled it; from now on that is too late. */
async function stillWaiting(db: Db, { id, message, recipients }: Work): Promise<Work['recipients']> {
  const { submission } = message
  if (submission === undefined) return recipients
  const numbers = recipients.map(({ n }) => n)
  const waits = await db.write([submission], (tx) => beginAttempt(tx, submission, id, numbers))
  return recipients.filter((_, i) => waits[i])
}

/** RFC 2852 §4.1.3: what was to be returned when it is late is not tried any more. */
function tooLate(
  { message: { by }, recipients }: Pick<Work, 'message' | 'recipients'>,
  now: number,
): readonly RecipientResult[] | undefined {
  if (by?.mode !== 'return' || now < by.at) return undefined
  return recipients.map(({ row: { history } }) => {
    const before = history.at(-1)
    const over = 'the time is over within which its sender wanted it delivered'
    const said = before === undefined ? over : `${over}; the last time: ${before.said}`
    return { kind: 'failed', status: '5.4.7', attempt: { at: now, elapsedMs: 0, step: 'BY', said } }
  })
}

/** What was said where nobody at the destination could be reached. */
const unreachableOf = (results: readonly RecipientResult[]): RecipientResult | undefined =>
  results.every((result) => result.kind === 'delayed' && result.unreachable === true) ? results[0] : undefined

/** The rows are as before the attempt, so whoever gave up here would send the message once more. */
async function untilWritten<T>(
  deps: Pick<AttemptDeps, 'telemetry'>,
  message: string,
  signal: AbortSignal,
  write: () => Promise<T>,
): Promise<T> {
  for (let waitMs = firstWaitMs; ; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
    try {
      return await write()
    } catch (error) {
      if (signal.aborted) throw error
      deps.telemetry.emit(attemptFailed, { message, error })
    }
    // A stop ends the wait, and it is tried one last time.
    await sleep(waitMs, undefined, { signal }).catch(() => undefined)
  }
}

/** The stored bytes. Whatever keeps them from being read is told here, since a sender cannot do anything about it. */
async function* contentOf(
  { blobs, telemetry }: Pick<AttemptDeps, 'blobs' | 'telemetry'>,
  id: QueueId,
  { blob }: QueuedMessage,
): AsyncGenerator<Uint8Array> {
  try {
    yield* blobs.read(blob)
  } catch (error) {
    telemetry.emit(messageUnreadable, { message: queueIdText(id), blob, error })
    throw new UnreadableMessage('unreadable', { cause: error })
  }
}

function outboundMessage(message: QueuedMessage, content: () => AsyncIterable<Uint8Array>): OutboundMessage {
  const before = Buffer.from(message.before)
  return {
    sizeBytes: before.length + message.sizeBytes,
    async *read() {
      yield before
      yield* content()
    },
    is8bit: message.is8bit,
    needsUtf8: message.needsUtf8,
  }
}

/** One line for all recipients with the same result. */
function tell(telemetry: Telemetry, job: Job, results: readonly RecipientResult[]): void {
  const groups = new Map<string, { result: RecipientResult; to: string[] }>()
  for (const [i, result] of results.entries()) {
    const { kind, attempt: one } = result
    const key = `${kind} ${one.ip ?? ''} ${one.step.split(' ')[0]!} ${one.said}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, { result, to: [job.recipients[i]!.address] })
    else group.to.push(job.recipients[i]!.address)
  }
  for (const { result, to } of groups.values()) {
    const { host, ip, tls, step, said, elapsedMs } = result.attempt
    const where = { host, ip }
    const common = { message: job.id, from: job.from, to, said, ...where }
    if (result.kind === 'delivered') telemetry.emit(delivered, { ...common, tls, elapsed: elapsedMs })
    else
      telemetry.emit(result.kind === 'failed' ? failed : delayed, { ...common, step, status: result.status })
  }
}
