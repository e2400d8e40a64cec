/**
 * Messages to push services: sent by the main worker of one machine of all that have the store, whichever machines
 * the changes and the subscriptions come from.
 */
import { hostname } from 'node:os'
import { readAccess } from '#account/access.ts'
import type { JmapOptions } from '#jmap/api.ts'
import { PushDispatcher } from '#jmap/push-dispatcher.ts'
import { PushSender } from '#jmap/push-sender.ts'
import type { PushServices } from '#jmap/push-subscriber.ts'
import { PushTurns } from '#jmap/push-turns.ts'
import { jmapSettings } from '#jmap/settings.ts'
import { VerificationLimit } from '#jmap/verification-limit.ts'
import { LeasedWork } from '#tasks/lease.ts'
import { addressesFrom } from '../boot.ts'
import type { Services, WorkerOptions } from '../services/services.ts'

/** Each renewal, after a third of it, is a commit: rare enough for a server that does nothing else. */
const leaseMs = 120_000

export function startPush(
  { bus, settings, telemetry, clock, directory }: WorkerOptions,
  { store, dns, accessWatch }: Services,
  { processor, stateWatch }: Pick<JmapOptions, 'processor' | 'stateWatch'>,
): AsyncDisposable {
  const stack = new AsyncDisposableStack()
  const sender = stack.use(
    new PushSender({
      addressesOf: addressesFrom(dns),
      mayReach: () => (settings.get(jmapSettings).pushPrivateNetworks ? () => true : undefined),
    }),
  )
  const { db } = store
  const services: PushServices = {
    services: processor.services,
    stateWatch,
    accessWatch,
    accessOf: (account) => db.read((tx) => readAccess(tx, account)),
    sender,
    turns: new PushTurns(),
    limit: new VerificationLimit(),
    telemetry,
  }
  // A process has its data directory for itself: one that had it before has ended.
  const holder = `${hostname()}:${directory}`
  const lease = { db, clock, holder, leaseMs }
  stack.use(new LeasedWork('web-push', lease, () => new PushDispatcher(bus, services)))
  return stack
}
