/** Mail that waits: its manager with everything that it needs, on the main worker only. */
import { MailboxTransport } from '#mail/local-transport.ts'
import { attempt } from '#queue/attempt.ts'
import { QueueIds } from '#queue/enqueue.ts'
import { QueueManager } from '#queue/manager.ts'
import { notify } from '#queue/notify.ts'
import { destinationOf } from '#queue/route.ts'
import { SmtpTransport } from '#smtp/client/transport.ts'
import { readLimits } from '#smtp/settings.ts'
import type { Services, WorkerOptions } from '../services/services.ts'
import { systemSettings } from '../settings.ts'

export interface RunningQueue extends AsyncDisposable {
  readonly manager: QueueManager
}

export function startQueue(o: WorkerOptions, services: Services): RunningQueue {
  const { bus, clock, settings, telemetry } = o
  const { accounts, limits, dns: resolver } = services
  const { db, blobs } = services.store
  const hostname = (): string => settings.get(systemSettings).defaultHostname
  const remote = new SmtpTransport({ resolver, settings, clock, hostname })
  const ids = new QueueIds()
  const keysOfHost = (name: string) => services.signingKeys.keysOfHost(name)
  const local = new MailboxTransport({
    db,
    blobs,
    clock,
    accounts,
    bus,
    ids,
    settings,
    limitsOf: (account) => limits.of(account),
    addDeliveredTo: () => readLimits(settings).addDeliveredTo,
  })
  const isLocal = async (address: string): Promise<boolean> =>
    (await accounts.resolve(address)).kind !== 'remote'
  const manager = new QueueManager({
    db,
    bus,
    clock,
    settings,
    telemetry,
    work: {
      destinationOf: (address) => destinationOf({ settings, isLocal }, address),
      attempt: (work, how) => attempt({ db, blobs, clock, settings, telemetry, remote, local }, work, how),
      notify: (work) => notify({ db, blobs, clock, settings, telemetry, ids, hostname, keysOfHost }, work),
    },
  })
  return {
    manager,
    async [Symbol.asyncDispose]() {
      await manager[Symbol.asyncDispose]()
      remote[Symbol.dispose]()
    },
  }
}
