/** Messages to push services, on the main worker only. */
import { readAccess } from '#account/access.ts'
import type { JmapOptions } from '#jmap/api.ts'
import { PushDispatcher } from '#jmap/push-dispatcher.ts'
import { PushSender } from '#jmap/push-sender.ts'
import { PushTurns } from '#jmap/push-turns.ts'
import { jmapSettings } from '#jmap/settings.ts'
import { VerificationLimit } from '#jmap/verification-limit.ts'
import { addressesFrom, type Services, type WorkerOptions } from './boot.ts'

export function startPush(
  { bus, settings, telemetry }: WorkerOptions,
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
  stack.use(
    new PushDispatcher(bus, {
      services: processor.services,
      stateWatch,
      accessWatch,
      accessOf: (account) => store.db.read((tx) => readAccess(tx, account)),
      sender,
      turns: new PushTurns(),
      limit: new VerificationLimit(),
      telemetry,
    }),
  )
  return stack
}
