/** The logs that the settings name: opened at the start, exchanged when the settings change. */
import { openLogWriters, type LogWriter } from '#observe/log-writer.ts'
import { tracer } from '#observe/settings.ts'
import type { ServerTelemetry } from '#observe/telemetry.ts'
import type { Settings } from '#settings/object.ts'
import { settingsRefused } from './events.ts'

/** Throws Fault `unavailable` where a file cannot be opened. Disposed last: it writes what is left. */
export function keepLogs(settings: Settings, telemetry: ServerTelemetry): AsyncDisposable {
  let writers = openLogWriters(settings)
  telemetry.useLogs(writers)
  const closing = new Set<Promise<void>>()
  const subscription = settings.onChange(tracer, () => {
    try {
      const before = writers
      writers = openLogWriters(settings)
      telemetry.useLogs(writers)
      const closed = close(before).finally(() => closing.delete(closed))
      closing.add(closed)
    } catch (error) {
      telemetry.emit(settingsRefused, { reason: (error as Error).message })
    }
  })
  return {
    async [Symbol.asyncDispose]() {
      subscription[Symbol.dispose]()
      await close(writers)
      await Promise.all(closing)
    },
  }
}

async function close(writers: readonly LogWriter[]): Promise<void> {
  await Promise.all(writers.map((writer) => writer[Symbol.asyncDispose]()))
}
