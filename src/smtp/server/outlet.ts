/**
 * The way from a transaction into the queue: recipients on other servers, those of a message that is held, and
 * those whose delivery here the sender wants to hear of.
 */
import type { AccountId } from '#base/id.ts'
import type { Bus } from '#bus/bus.ts'
import type { WriteTx } from '#kv/tx.ts'
import { enqueue, type NewRecipient, type QueueIds } from '#queue/enqueue.ts'
import { messageQueued } from '#queue/events.ts'
import { countSent } from '#queue/sending-limit.ts'
import { type BuiltInQueue, mtaOutbound, scheduleOf } from '#queue/settings.ts'
import { type QueueId, queueIdText } from '#queue/tables.ts'
import type { Settings } from '#settings/object.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import type { AcceptedMessage } from './accepted-message.ts'
import type { MailboxRecipient, Recipient } from './recipient.ts'

export class Outlet {
  readonly #ids: QueueIds
  readonly #bus: Bus
  readonly #settings: Pick<Settings, 'get' | 'each'>
  readonly #telemetry: Telemetry

  constructor(o: {
    ids: QueueIds
    bus: Bus
    settings: Pick<Settings, 'get' | 'each'>
    telemetry: Telemetry
  }) {
    this.#ids = o.ids
    this.#bus = o.bus
    this.#settings = o.settings
    this.#telemetry = o.telemetry
  }

  /**
   * In the commit that accepts the message. `told`: delivered in it, and the sender is to hear of it. Returns
   * under what ids it waits: one for each return path, none where nobody is to get it later.
   */
  async put(
    tx: WriteTx,
    message: AcceptedMessage,
    later: readonly Recipient[],
    told: readonly MailboxRecipient[],
  ): Promise<readonly QueueId[]> {
    await this.#count(tx, message, later)
    const { envelopeFrom } = message
    const bySender = Map.groupBy(later, (one) => returnPath(envelopeFrom, one))
    if (told.length > 0 && !bySender.has(envelopeFrom)) bySender.set(envelopeFrom, [])
    const ids: QueueId[] = []
    for (const [from, recipients] of bySender)
      ids.push(await this.#putOne(tx, message, from, recipients, from === envelopeFrom ? told : []))
    return ids
  }

  async #putOne(
    tx: WriteTx,
    message: AcceptedMessage,
    from: string,
    later: readonly Recipient[],
    told: readonly MailboxRecipient[],
  ): Promise<QueueId> {
    const { receivedAt, trace, outgoing } = message
    const { account, is8bit, needsUtf8, ret, envelopeId, heldUntil, hold, by } = outgoing
    const waiting = [
      ...later.map((one) => this.#waiting(message, one)),
      ...told.map((one) => this.#told(message, one)),
    ]
    const id = await enqueue(
      tx,
      this.#ids,
      message.staged,
      {
        from,
        before: outgoing.signatures + trace.after,
        added: trace.added,
        is8bit,
        needsUtf8,
        source: account === 0 ? 'received' : 'submitted',
        account,
        receivedAt,
        heldUntil,
        ...(ret === undefined ? {} : { ret }),
        ...(envelopeId === undefined ? {} : { envelopeId }),
        ...(by === undefined ? {} : { by }),
        ...(hold === undefined ? {} : { hold }),
      },
      waiting,
    )
    const to = later.map(({ address }) => address)
    if (to.length > 0)
      this.#telemetry.emit(messageQueued, {
        message: queueIdText(id),
        id: message.id,
        from,
        to,
        size: message.staged.sizeBytes,
      })
    return id
  }

  /** Of a message that goes to other servers the sender's row is written too. */
  locks({ outgoing: { account } }: AcceptedMessage, later: readonly Recipient[]): readonly AccountId[] {
    return account !== 0 && later.some(isCounted) ? [account] : []
  }

  async #count(tx: WriteTx, message: AcceptedMessage, later: readonly Recipient[]): Promise<void> {
    const [account] = this.locks(message, later)
    if (account === undefined) return
    const recipients = later.filter(isCounted).length
    const { maxRecipientsPerHour: perHour, maxRecipientsPerDay: perDay } = this.#settings.get(mtaOutbound)
    await countSent(tx, account, recipients, { now: message.receivedAt, limits: { perHour, perDay } })
  }

  /** After that commit: it may be begun. */
  kick(messages: readonly QueueId[]): void {
    for (const message of messages) this.#bus.publish({ kind: 'queue', message })
  }

  #waiting(message: AcceptedMessage, recipient: Recipient): NewRecipient {
    const queue: BuiltInQueue = recipient.kind === 'remote' ? 'remote' : 'local'
    const { outgoing, receivedAt } = message
    const { expireMs } = scheduleOf(this.#settings, queue)
    const last = Math.max(receivedAt, outgoing.heldUntil) + expireMs
    const expiresAt = outgoing.by?.mode === 'return' ? Math.min(last, outgoing.by.at) : last
    return { ...addressed(recipient), queue, expiresAt }
  }

  #told(message: AcceptedMessage, recipient: MailboxRecipient): NewRecipient {
    return { ...addressed(recipient), queue: 'local', expiresAt: message.receivedAt, report: 'delivered' }
  }
}

/** Who is on a list was not named by the sender. */
const isCounted = (recipient: Recipient): boolean =>
  recipient.kind === 'remote' && recipient.returnTo === undefined

/** RFC 5321 §4.5.5: a notification stays one, also on its way through a list. */
const returnPath = (sender: string, recipient: Recipient): string =>
  sender !== '' && recipient.kind === 'remote' && recipient.returnTo !== undefined
    ? recipient.returnTo
    : sender

const addressed = ({ address, notify, originalRecipient }: Recipient) => ({
  address,
  ...(notify === undefined ? {} : { notify }),
  ...(originalRecipient === undefined ? {} : { originalRecipient }),
})
