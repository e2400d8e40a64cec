/** The exchange of the key by which push services know the server, for the administrator (`admin/push-key.ts`). */
import { exchangePushKey } from '#account/push-keys.ts'
import { longestSubscriptionMs, tellPushSubscriptions } from '#account/push-subscription.ts'
import type { PushKeyOptions } from '#admin/push-key.ts'
import type { Clock } from '#base/clock.ts'
import type { Bus } from '#bus/bus.ts'
import type { Db } from '#kv/db.ts'

/**
 * Sessions have the new key from then on (RFC 9749 §5), and whoever sends ends what was made with a key that is not
 * used any more.
 */
export const pushKeyRotator =
  ({ db, bus, clock }: { db: Db; bus: Bus; clock: Clock }): PushKeyOptions['rotatePushKey'] =>
  async (now) => {
    const until = now ? undefined : clock.now() + longestSubscriptionMs
    const { publicKey } = await db.write([], (tx) => exchangePushKey(tx, until))
    tellPushSubscriptions(bus, 'all')
    return { publicKey, oldUntil: until === undefined ? null : new Date(until).toISOString() }
  }
