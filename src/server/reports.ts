/** Reports about mail: the tasks that send them, on the main worker only. */
import { QueueIds } from '#queue/enqueue.ts'
import { sendAggregateTask } from '#report/aggregate-sender.ts'
import { analyseTask } from '#report/analysis.ts'
import { Outbox } from '#report/outbox.ts'
import type { AnyTaskKind } from '#tasks/scheduler.ts'
import type { Services, WorkerOptions } from './boot.ts'
import { systemSettings } from './settings.ts'
import { version } from './version.ts'

export function reportTasks(o: WorkerOptions, services: Services): readonly AnyTaskKind[] {
  const { clock, settings, telemetry, bus } = o
  const { accounts, dns: resolver, signingKeys } = services
  const outbox = new Outbox({
    ...services.store,
    bus,
    clock,
    settings,
    ids: new QueueIds(),
    hostname: () => settings.get(systemSettings).defaultHostname,
    defaultDomain: async () => (await accounts.listDomains())[0]?.name,
    keysOf: (domain) => signingKeys.keysOf(domain),
  })
  return [
    analyseTask({ blobs: services.store.blobs, clock, settings, telemetry }),
    sendAggregateTask({ clock, settings, telemetry, outbox, resolver, generator: `Postern ${version}` }),
  ]
}
