/** What telemetry tells about itself and about the process. */
import { eventKind, number } from '#telemetry/event.ts'
import { gaugeKind } from '#telemetry/gauge.ts'

export const linesDropped = eventKind({
  name: 'telemetry.lines-dropped',
  level: 'warn',
  help: 'Log lines were lost because the destination could not be written or did not keep up.',
  fields: { lines: number },
})

export const residentMemory = gaugeKind({
  name: 'process_resident_memory_bytes',
  help: 'Memory of the whole process that is in RAM.',
  workers: 'max',
})

export const startTime = gaugeKind({
  name: 'process_start_time_seconds',
  help: 'When the process was started, in seconds since 1970.',
  workers: 'max',
})
