/**
 * What a call may stage of new messages before its commit. Whether a message may come in is decided there; but what
 * the quota refuses must not fill the disk before.
 */
import { Fault } from '#base/fault.ts'
import { assertRoom, type MailLimits, type MailUsage } from '#mail/limits.ts'
import { quotaUsage } from '#mail/mailbox.ts'
import type { OpenAccount } from '../accounts.ts'
import type { Call } from '../method.ts'

/** Over what the account has room for: messages that the commit refuses for something else take no room of others. */
const spareBytes = 256 << 20

export class StagingRoom {
  readonly #usage: MailUsage
  readonly #limits: MailLimits
  #left: number

  constructor(usage: MailUsage, limits: MailLimits, spare = spareBytes) {
    this.#usage = usage
    this.#limits = limits
    this.#left = limits.bytes === 0 ? Number.POSITIVE_INFINITY : limits.bytes - usage.usedBytes + spare
  }

  static async read({ services }: Call, { id }: OpenAccount, limits: MailLimits): Promise<StagingRoom> {
    return new StagingRoom(await services.db.read((tx) => quotaUsage(tx, id)), limits)
  }

  /** The bytes of a message as they go by. Throws Fault `overQuota`. What is not read to its end has taken no room. */
  async *within(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    let taken = 0
    let isWhole = false
    try {
      for await (const piece of bytes) {
        taken += piece.length
        this.#left -= piece.length
        assertRoom(this.#usage, taken, this.#limits)
        if (this.#left < 0)
          throw new Fault('overQuota', 'there is no room for so many messages', { limit: this.#limits.bytes })
        yield piece
      }
      isWhole = true
    } finally {
      if (!isWhole) this.#left += taken
    }
  }
}
