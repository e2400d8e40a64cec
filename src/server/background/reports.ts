/** Reports about mail: the tasks that send and read them, on the main worker only. */
import { sendAggregateTask } from '#report/aggregate-sender.ts'
import { analyseTask } from '#report/analysis.ts'
import type { AnyTaskKind } from '#tasks/scheduler.ts'
import type { Services, WorkerOptions } from '../services/services.ts'
import { version } from '../version.ts'

export function reportTasks(
  { clock, settings, telemetry }: WorkerOptions,
  { store, reports: { outbox }, dns: resolver }: Services,
): readonly AnyTaskKind[] {
  const generator = `Postern ${version}`
  return [
    analyseTask({ blobs: store.blobs, clock, settings, telemetry }),
    sendAggregateTask({ clock, settings, telemetry, outbox, resolver, generator }),
  ]
}
