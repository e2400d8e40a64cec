/** What search indexes tell. */
import { eventKind, durationMs, error, number, sizeBytes, text } from '#telemetry/event.ts'

export const indexDamaged = eventKind({
  name: 'search.index-damaged',
  level: 'warn',
  help: 'The search index of an account could not be read. It is made anew; until then searches take longer.',
  fields: { account: number, reason: text },
})

export const indexAdvanced = eventKind({
  name: 'search.indexed',
  level: 'debug',
  help: 'Messages of an account were added to its search index.',
  fields: { account: number, messages: number, sizeBytes, elapsed: durationMs },
})

export const indexMerged = eventKind({
  name: 'search.merged',
  level: 'debug',
  help: 'Segments of an account`s search index were made one.',
  fields: { account: number, segments: number, messages: number, sizeBytes, elapsed: durationMs },
})

export const indexFailed = eventKind({
  name: 'search.index-failed',
  level: 'error',
  help: 'Messages could not be added to the search index of an account. It is tried again later; until then searches take longer.',
  fields: { account: number, error },
})
