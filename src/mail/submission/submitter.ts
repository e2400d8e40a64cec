/** The way of a stored message to others, as the protocols that send stored messages need it: JMAP. */
import type { AccountId } from '#base/id.ts'
import { maySendAs, type Sender } from '#account/sending-address.ts'
import type { Bus } from '#bus/bus.ts'
import type { WriteTx } from '#kv/tx.ts'
import type { QueueIds } from '#queue/enqueue.ts'
import { messageQueued } from '#queue/events.ts'
import { type QueueId, queueIdText } from '#queue/tables.ts'
import type { Settings } from '#settings/object.ts'
import type { Telemetry } from '#telemetry/telemetry.ts'
import { followAddresses } from './identity.ts'
import {
  type PreparedSubmission,
  prepareSubmission,
  type SubmissionDeps,
  type SubmissionLimits,
  type SubmissionRequest,
} from './prepare.ts'
import { type MdnRequest, type PreparedMdn, prepareMdn, sendMdn } from './send-mdn.ts'
import { createSubmission } from './submission.ts'

export interface SubmitterOptions extends SubmissionDeps {
  readonly bus: Pick<Bus, 'publish'>
  readonly ids: QueueIds
  readonly settings: Pick<Settings, 'get' | 'each'>
  readonly telemetry: Telemetry
  readonly groupsOf: (account: AccountId) => Promise<readonly AccountId[]>
}

type SentMessage = Pick<PreparedSubmission, 'from' | 'recipients' | 'content'>

export class Submitter {
  readonly #o: SubmitterOptions

  constructor(o: SubmitterOptions) {
    this.#o = o
  }

  get limits(): SubmissionLimits {
    return this.#o.limits()
  }

  /** Whether mail of the account may be of the address, which may have a star in place of its local part. */
  async maySendAs(account: AccountId, email: string): Promise<boolean> {
    if (!this.limits.mustMatchSender) return true
    const sender: Sender = { account, emails: [], groups: await this.#o.groupsOf(account) }
    return maySendAs(sender, email, this.#o.resolve)
  }

  /** To be called before identities are read: they are then those of the addresses of now. */
  followAddresses(account: AccountId): Promise<void> {
    return followAddresses(this.#o.db, account, (email) => this.maySendAs(account, email))
  }

  /** Throws SubmissionRefusal; undefined where there is no such message. */
  prepare(request: SubmissionRequest): Promise<PreparedSubmission | undefined> {
    return prepareSubmission(this.#o, request)
  }

  create(tx: WriteTx, prepared: PreparedSubmission): Promise<QueueId> {
    const { ids, settings, hostname } = this.#o
    return createSubmission(tx, prepared, { ids, settings, hostname: hostname() })
  }

  /** A receipt. Throws SubmissionRefusal, and Fault `notFound` where nobody asks for one. */
  prepareMdn(request: MdnRequest): Promise<PreparedMdn> {
    return prepareMdn(this.#o, request)
  }

  sendMdn(tx: WriteTx, prepared: PreparedMdn): Promise<QueueId> {
    const { ids, settings, hostname } = this.#o
    return sendMdn(tx, prepared, { ids, settings, hostname: hostname() })
  }

  /** After that commit: it may be begun. */
  sent(id: QueueId, { from, recipients, content }: SentMessage): void {
    const message = queueIdText(id)
    const to = recipients.map(({ email }) => email)
    this.#o.telemetry.emit(messageQueued, { message, from, to, size: content.bytes.sizeBytes })
    this.#o.bus.publish({ kind: 'queue', message: id })
  }
}
