/**
 * Mail from the queue into mailboxes here: notifications of our own, and what could not be delivered when it
 * came in. Each recipient is delivered in the commit that ends its queue row, so a crash delivers neither
 * twice nor never.
 */
import type { AccountId } from '#base/id.ts'
import type { BlobStore } from '#blob/store.ts'
import type { Clock } from '#base/clock.ts'
import type { Bus } from '#bus/bus.ts'
import type { StoredAccount } from '#account/stored-account.ts'
import { type ListMembers, ownerOf } from '#account/list-expansion.ts'
import type { Resolution, StoredList } from '#account/lookup.ts'
import type { Db } from '#kv/db.ts'
import type { WriteTx } from '#kv/tx.ts'
import { withAddedFields } from '#message/added-fields.ts'
import { enqueue, type QueueIds } from '#queue/enqueue.ts'
import { scheduleOf } from '#queue/settings.ts'
import {
  type Attempt,
  type LocalJob,
  type LocalTransport,
  type RecipientResult,
  unreadable,
  UnreadableMessage,
} from '#queue/transport.ts'
import type { Settings } from '#settings/object.ts'
import { applyDelivery, type DeliveryPlan, planDeliveries, type RecipientOutcome } from './deliver.ts'
import { type MailLimits, noLimits } from './limits.ts'
import { type Restaged, restage } from './restage.ts'

export interface LocalTransportDeps {
  readonly db: Db
  readonly blobs: Pick<BlobStore, 'stager'>
  readonly clock: Clock
  readonly accounts: {
    resolve(address: string): Promise<Resolution>
    expand(list: StoredList): Promise<ListMembers>
  }
  readonly bus: Pick<Bus, 'publish'>
  readonly ids: QueueIds
  readonly settings: Pick<Settings, 'each'>
  readonly limitsOf: (account: StoredAccount) => Promise<MailLimits> | MailLimits
  /** Whether a Delivered-To field is added. */
  readonly addDeliveredTo: () => boolean
}

/** What a queued recipient means in mailboxes, or why it means none. */
type Target = Members | { readonly refusal: Refusal }

interface Members {
  readonly plans: readonly DeliveryPlan[]
  /** On a list, at other servers: back into the queue. */
  readonly others: readonly string[]
  /** The return path of theirs. */
  readonly owner: string
}

interface Refusal {
  readonly kind: 'delayed' | 'failed'
  readonly status: string
  readonly said: string
  /** Absent: the mailbox said so. */
  readonly step?: string
}

const unknownUser: Refusal = { kind: 'failed', status: '5.1.1', said: '550 5.1.1 No such user here' }
const closed: Refusal = { kind: 'failed', status: '5.2.1', said: '550 5.2.1 This mailbox takes no mail' }
const empty: Refusal = { kind: 'failed', status: '5.2.4', said: '550 5.2.4 This list has no recipients' }
/** The domain was ours when it was looked up: the next attempt goes elsewhere. */
const moved: Refusal = { kind: 'delayed', status: '4.4.3', said: '450 4.4.3 The domain is no longer here' }
const full: Refusal = { kind: 'delayed', status: '4.2.2', said: '452 4.2.2 The mailbox is full' }

export class MailboxTransport implements LocalTransport {
  readonly #o: LocalTransportDeps

  constructor(o: LocalTransportDeps) {
    this.#o = o
  }

  async deliver(
    job: LocalJob,
    finish: (tx: WriteTx, results: readonly RecipientResult[]) => Promise<void>,
  ): Promise<void> {
    const startedAt = this.#o.clock.now()
    let message: Restaged
    try {
      message = await restage(this.#o.blobs, job.content())
    } catch (error) {
      if (!(error instanceof UnreadableMessage)) throw error
      const results = job.recipients.map(() => this.#refused(unreadable, startedAt))
      return this.#o.db.write(job.locks, (tx) => finish(tx, results))
    }
    try {
      const targets: Target[] = []
      for (const { address } of job.recipients) targets.push(await this.#target(job, address, message))
      const accounts = new Set<AccountId>(job.locks)
      for (const target of targets)
        if ('plans' in target) for (const { recipient } of target.plans) accounts.add(recipient.id)
      await this.#o.db.write([...accounts], async (tx) => {
        const results: RecipientResult[] = []
        for (const target of targets) results.push(await this.#apply(tx, { job, message, target, startedAt }))
        await finish(tx, results)
      })
      if (targets.some((target) => 'others' in target && target.others.length > 0))
        this.#o.bus.publish({ kind: 'queue' })
    } finally {
      await message.abort()
    }
  }

  async #target(job: LocalJob, address: string, message: Restaged): Promise<Target> {
    const { accounts, limitsOf, addDeliveredTo } = this.#o
    const found = await accounts.resolve(address)
    if (found.kind === 'remote') return { refusal: moved }
    if (found.kind === 'unknownUser') return { refusal: unknownUser }
    if (found.kind === 'local' && !found.mayReceive) return { refusal: closed }
    const members =
      found.kind === 'list' ? await accounts.expand(found.list) : { accounts: [found.account], others: [] }
    if (members.accounts.length + members.others.length === 0) return { refusal: empty }
    const recipients = []
    for (const account of members.accounts) {
      const limits = found.kind === 'list' ? noLimits : await limitsOf(account)
      recipients.push({ id: account.id, address, limits })
    }
    const deliveredTo = addDeliveredTo() ? `Delivered-To: ${address}\r\n` : ''
    const prefix = Buffer.from(`Return-Path: <${job.from}>\r\n${deliveredTo}${job.before}`)
    const incoming = {
      staged: message.staged,
      structure: withAddedFields(job.added, message.structure),
      envelopeFrom: job.from,
      receivedAt: job.receivedAt,
      prefixFor: () => prefix,
    }
    const owner = found.kind === 'list' ? ownerOf(found.list) : ''
    return { plans: await planDeliveries(incoming, recipients), others: members.others, owner }
  }

  async #apply(
    tx: WriteTx,
    o: { job: LocalJob; message: Restaged; target: Target; startedAt: number },
  ): Promise<RecipientResult> {
    const { target, startedAt } = o
    if ('refusal' in target) return this.#refused(target.refusal, startedAt)
    const outcomes: RecipientOutcome[] = []
    for (const plan of target.plans) outcomes.push(await applyDelivery(tx, plan))
    if (target.others.length > 0) await this.#passOn(tx, o.job, o.message, target)
    if (target.others.length > 0 || outcomes.some(({ kind }) => kind === 'delivered')) {
      return {
        kind: 'delivered',
        attempt: this.#attempt(startedAt, '250 2.1.5 Delivered'),
        passedOn: false,
        byPassedOn: false,
      }
    }
    return this.#refused(refusalOf(outcomes[0]!), startedAt)
  }

  /** To members of a list on other servers, as if it had come in now. */
  async #passOn(tx: WriteTx, job: LocalJob, { staged }: Restaged, { others, owner }: Members): Promise<void> {
    const { ids, settings, clock } = this.#o
    const now = clock.now()
    const { is8bit, needsUtf8 } = job.message
    const expiresAt = now + scheduleOf(settings, 'remote').expireMs
    await enqueue(
      tx,
      ids,
      staged,
      {
        // RFC 5321 §4.5.5
        from: job.from === '' ? '' : owner,
        before: job.before,
        added: job.added,
        is8bit,
        needsUtf8,
        source: 'received',
        account: 0 as AccountId,
        receivedAt: now,
        heldUntil: 0,
      },
      others.map((address) => ({ address, queue: 'remote', expiresAt })),
    )
  }

  #refused({ kind, status, said, step }: Refusal, startedAt: number): RecipientResult {
    return { kind, status, attempt: this.#attempt(startedAt, said, step) }
  }

  #attempt(at: number, said: string, step = 'mailbox'): Attempt {
    return { at, elapsedMs: this.#o.clock.now() - at, step, said }
  }
}

function refusalOf(outcome: RecipientOutcome): Refusal {
  if (outcome.kind !== 'refused') return full
  const { fault } = outcome
  return fault.lasting
    ? { kind: 'failed', status: '5.2.0', said: `550 5.2.0 ${fault.publicText}` }
    : { kind: 'delayed', status: '4.2.0', said: `450 4.2.0 ${fault.publicText}` }
}
