/**
 * The promise behind 250: everything that a message changes is written here in one commit, and the reply
 * leaves after it and from nowhere else.
 *
 * What must hold: when `accept` resolves with `delivered` for a recipient, the message is durable for that
 * recipient, in a mailbox or in the queue; when it rejects, nothing was written for anybody. For SMTP there is
 * one answer for all recipients (`together`), so either all have it or none; LMTP has one for each (RFC 2033
 * §4.2).
 */
import { randomBytes } from 'node:crypto'
import type { Account } from '#account/account.ts'
import { Fault } from '#base/fault.ts'
import type { Maybe } from '#base/maybe.ts'
import { ownerKinds } from '#kv/blob-rows.ts'
import type { Db } from '#kv/db.ts'
import type { WriteTx } from '#kv/tx.ts'
import {
  applyDelivery,
  type DeliveryPlan,
  type Recipient as PlannedRecipient,
  planDeliveries,
  type RecipientOutcome,
} from '#mail/deliver.ts'
import { hasRoom, type MailLimits, noLimits } from '#mail/limits.ts'
import { quotaUsage } from '#mail/mailbox.ts'
import { type ChunkPayload, deliverChunkName, serverAccount } from './chunk.ts'
import type { Outlet } from './outlet.ts'
import { type AcceptedMessage, isHeld } from './accepted-message.ts'
import { analyseName } from '#report/incoming.ts'
import { prefixOf } from './trace.ts'
import type { ListRecipient, MailboxRecipient, Recipient } from './recipient.ts'

/** More accounts than this are not locked at once: their copies follow in chunks of this many. */
const mostAccounts = 16

export type AcceptOutcome = { readonly kind: 'delivered' } | Exclude<RecipientOutcome, { kind: 'delivered' }>

const delivered: AcceptOutcome = { kind: 'delivered' }

/** Recipients by what happens to them in the commit. */
interface Parts {
  /** Into mailboxes, each copy once. */
  readonly now: readonly MailboxRecipient[]
  /** Into the queue. */
  readonly later: readonly Recipient[]
}

export class Acceptor {
  readonly #db: Db
  readonly #limitsOf: (account: Account) => Maybe<MailLimits>
  readonly #outlet: Outlet

  constructor(db: Db, limitsOf: (account: Account) => Maybe<MailLimits>, outlet: Outlet) {
    this.#db = db
    this.#limitsOf = limitsOf
    this.#outlet = outlet
  }

  /** Whether a message of so many bytes (0: any) fits what the account may hold now. */
  hasRoom(account: Account, sizeBytes: number): Maybe<boolean> {
    const limits = this.#limitsOf(account)
    if (limits instanceof Promise) return limits.then((found) => this.#fits(account, sizeBytes, found))
    return this.#fits(account, sizeBytes, limits)
  }

  #fits(account: Account, sizeBytes: number, limits: MailLimits): Maybe<boolean> {
    if (limits.bytes === 0 && limits.messages === 0) return true
    return this.#db.read(async (tx) =>
      hasRoom(await quotaUsage(tx, account.id), Math.max(1, sizeBytes), limits),
    )
  }

  /**
   * One outcome for every recipient, in their order. `together`: all outcomes are of one kind. Rejects with a
   * Fault where nothing could be written, `unavailable` where trying again may help.
   */
  async accept(
    message: AcceptedMessage,
    recipients: readonly Recipient[],
    how: 'together' | 'each',
  ): Promise<readonly AcceptOutcome[]> {
    const [only] = recipients
    if (recipients.length === 1 && only?.kind === 'mailbox' && only.notify === undefined && !isHeld(message))
      return this.#commit(message, { now: [only], later: [] }, how)
    const copies = new Map<string, Recipient>()
    for (const copy of isHeld(message) ? recipients : recipients.flatMap(copiesOf)) {
      const name = copyName(copy)
      if (!copies.has(name)) copies.set(name, copy)
    }
    const distinct = [...copies.values()]
    const now = isHeld(message) ? [] : distinct.filter((copy) => copy.kind === 'mailbox')
    const parts = { now, later: distinct.filter((copy) => isHeld(message) || copy.kind !== 'mailbox') }
    const outcomes = await this.#commit(message, parts, how)
    const byName = new Map(now.map((copy, i) => [copyName(copy), outcomes[i]!]))
    return recipients.map((recipient) =>
      together(copiesOf(recipient).map((copy) => byName.get(copyName(copy)) ?? delivered)),
    )
  }

  /** The outcomes of `parts.now`; what goes into the queue is as good as delivered. */
  #commit(
    message: AcceptedMessage,
    parts: Parts,
    how: 'together' | 'each',
  ): Promise<readonly AcceptOutcome[]> {
    const accounts = new Set(parts.now.map((recipient) => recipient.account.id))
    return accounts.size > mostAccounts ? this.#fanOut(message, parts) : this.#deliverNow(message, parts, how)
  }

  async #deliverNow(
    message: AcceptedMessage,
    { now, later }: Parts,
    how: 'together' | 'each',
  ): Promise<readonly AcceptOutcome[]> {
    const incoming = { ...message, prefixFor: (address: string) => prefixOf(message.trace, address) }
    const plans = now.length === 0 ? [] : await planDeliveries(incoming, await this.#limited(now))
    const locked = [...now.map((recipient) => recipient.account.id), ...this.#outlet.locks(message, later)]
    const told = now.filter(({ notify }) => notify?.includes('success') === true)
    const { outcomes, queued } = await this.#db.write([...new Set(locked)], async (tx) => {
      const all = plans.length === 0 ? [] : await applyAll(tx, plans, how, later.length > 0)
      const isTold = all[0]?.kind === 'delivered'
      scheduleAnalysis(tx, message)
      return { outcomes: all, queued: await this.#outlet.put(tx, message, later, isTold ? told : []) }
    })
    this.#outlet.kick(queued)
    return outcomes
  }

  async #limited(recipients: readonly MailboxRecipient[]): Promise<readonly PlannedRecipient[]> {
    const limited: PlannedRecipient[] = []
    for (const { account, address, ofList } of recipients) {
      const found = ofList === true ? noLimits : this.#limitsOf(account)
      const limits = found instanceof Promise ? await found : found
      limited.push({ id: account.id, address, limits })
    }
    return limited
  }

  /** Commits the message with one task for every chunk of recipients: durable at once, delivered soon after. */
  async #fanOut(message: AcceptedMessage, { now, later }: Parts): Promise<readonly AcceptOutcome[]> {
    const chunks: ChunkPayload[] = []
    for (let i = 0; i < now.length; i += mostAccounts) {
      chunks.push({
        blob: message.staged.hash,
        owner: randomBytes(6).readUIntBE(0, 6),
        envelopeFrom: message.envelopeFrom,
        receivedAt: message.receivedAt,
        trace: message.trace,
        ...(message.isJunk ? { isJunk: true } : {}),
        recipients: now
          .slice(i, i + mostAccounts)
          .map(({ account, address }) => ({ account: account.id, address })),
      })
    }
    const told = now.filter(({ notify }) => notify?.includes('success') === true)
    const queued = await this.#db.write(this.#outlet.locks(message, later), async (tx) => {
      scheduleAnalysis(tx, message)
      for (const [i, chunk] of chunks.entries()) {
        const owner = { account: serverAccount, kind: ownerKinds.queue, id: chunk.owner }
        if (i === 0) tx.attach(message.staged, owner)
        else await tx.link(message.staged.hash, owner)
        tx.schedule(deliverChunkName, chunk, message.receivedAt)
      }
      return this.#outlet.put(tx, message, later, told)
    })
    this.#outlet.kick(queued)
    return now.map(() => delivered)
  }
}

function scheduleAnalysis(tx: WriteTx, { report, receivedAt }: AcceptedMessage): void {
  if (report !== undefined) tx.schedule(analyseName, report, receivedAt)
}

/** `others`: somebody else has it already, by way of the queue. */
async function applyAll(
  tx: WriteTx,
  plans: readonly DeliveryPlan[],
  how: 'together' | 'each',
  others: boolean,
): Promise<readonly AcceptOutcome[]> {
  const outcomes: AcceptOutcome[] = []
  for (const plan of plans) outcomes.push(await applyDelivery(tx, plan))
  const first = others ? 'delivered' : outcomes[0]!.kind
  if (how === 'each' || outcomes.every((outcome) => outcome.kind === first)) return outcomes
  const refused = outcomes.find((outcome) => outcome.kind === 'refused')
  // One answer cannot say both. Nobody gets it now; at the next try RCPT refuses who cannot have it.
  if (refused !== undefined) throw tryAgain(refused.fault)
  // There was room at RCPT and it is gone since: what some have cannot be refused, so all get it.
  for (const [i, plan] of plans.entries()) {
    if (outcomes[i]!.kind !== 'overQuota') continue
    const outcome = await applyDelivery(tx, withoutQuota(plan))
    if (outcome.kind !== 'delivered') throw tryAgain(undefined)
    outcomes[i] = outcome
  }
  return outcomes
}

const tryAgain = (cause: Fault | undefined): Fault =>
  new Fault('unavailable', 'try again later', {}, { cause, reason: cause?.message ?? 'over quota' })

const withoutQuota = (plan: DeliveryPlan): DeliveryPlan => ({
  ...plan,
  recipient: { ...plan.recipient, limits: noLimits },
})

/** Several addresses of one account get one copy, unless a detail sorts them apart. */
const copyName = (copy: Recipient): string =>
  copy.kind === 'mailbox' ? `${copy.account.id} ${copy.detail ?? ''}` : copy.address

/** What a recipient means in mailboxes and on other servers. */
function copiesOf(recipient: Recipient): readonly Exclude<Recipient, ListRecipient>[] {
  if (recipient.kind !== 'list') return [recipient]
  const { members, address, owner } = recipient
  return [
    ...members.accounts.map((account) => ({ kind: 'mailbox', account, address, ofList: true }) as const),
    ...members.others.map((other) => ({ kind: 'remote', address: other, returnTo: owner }) as const),
  ]
}

/** One outcome for all copies of a recipient: a list is served when one of its members is. */
const together = (outcomes: readonly AcceptOutcome[]): AcceptOutcome =>
  outcomes.find(({ kind }) => kind === 'delivered') ?? outcomes[0]!
