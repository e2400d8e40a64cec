/** What the operating system knows about this process, under the names that monitoring expects. */
import type { Telemetry } from '#telemetry/telemetry.ts'
import { residentMemory, startTime } from './events.ts'

/** Until disposed. */
export function readProcessGauges(telemetry: Telemetry): Disposable {
  const startedAt = performance.timeOrigin / 1000
  const readers = new DisposableStack()
  readers.use(telemetry.gauge(residentMemory, () => process.memoryUsage.rss()))
  readers.use(telemetry.gauge(startTime, () => startedAt))
  return readers
}
