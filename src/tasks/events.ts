/** What the scheduler of durable tasks tells. */
import { error, eventKind, number, text } from '#telemetry/event.ts'

export const taskFailed = eventKind({
  name: 'tasks.run-failed',
  level: 'warn',
  help: 'A background task failed and will run again.',
  fields: { task: text, attempts: number, error },
  count: 'tasks_failed_total',
})

export const taskUnknown = eventKind({
  name: 'tasks.unknown',
  level: 'error',
  help: 'The store holds a background task that this release does not know; it stays there untouched.',
  fields: { task: text },
})
