/** What all that an account sends from the store has in common on its way into the queue. */
import type { AccountId } from '#base/id.ts'
import { localZoneMinutes } from '#base/clock.ts'
import type { WriteTx } from '#kv/tx.ts'
import { composeReceived } from '#message/received.ts'
import type { QueueIds } from '#queue/enqueue.ts'
import { countSent } from '#queue/sending-limit.ts'
import { mtaOutbound } from '#queue/settings.ts'
import { type QueueId, queueIdText } from '#queue/tables.ts'
import type { Settings } from '#settings/object.ts'
import type { PreparedRecipient } from './prepare.ts'

export interface OutgoingOptions {
  readonly ids: QueueIds
  readonly settings: Pick<Settings, 'get' | 'each'>
  readonly hostname: string
}

/** Counts the recipients on other servers. Throws Fault `rateLimited`. */
export async function countOutgoing(
  tx: WriteTx,
  sender: AccountId,
  recipients: readonly PreparedRecipient[],
  o: Pick<OutgoingOptions, 'settings'> & { readonly now: number },
): Promise<void> {
  const { maxRecipientsPerHour: perHour, maxRecipientsPerDay: perDay } = o.settings.get(mtaOutbound)
  const elsewhere = recipients.filter(({ queue }) => queue === 'remote').length
  await countSent(tx, sender, elsewhere, { now: o.now, limits: { perHour, perDay } })
}

/** The Received field of what came over no SMTP connection (RFC 5321 §4.4), ended with CRLF. */
export const receivedHere = (hostname: string, id: QueueId, atMs: number): string =>
  composeReceived({
    helo: undefined,
    ip: undefined,
    by: hostname,
    protocol: undefined,
    id: queueIdText(id),
    atMs,
    zoneMinutes: localZoneMinutes(atMs),
  })
