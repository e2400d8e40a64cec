/** What the process as a whole tells, and what no other folder knows. */
import { durationMs, error, eventKind, list, number, text, sizeBytes } from '#telemetry/event.ts'
import { gaugeKind } from '#telemetry/gauge.ts'

export const serverReady = eventKind({
  name: 'server.ready',
  level: 'info',
  help: 'All listeners are open and the administrator exists.',
  fields: { version: text, workers: number, startedIn: durationMs },
})

export const serverStopping = eventKind({
  name: 'server.stopping',
  level: 'info',
  help: 'The server was told to stop: it takes nothing new and finishes what it has begun.',
  fields: { why: text },
})

export const serverStopped = eventKind({
  name: 'server.stopped',
  level: 'info',
  help: 'Everything is closed. Sessions that did not end in time were cut off.',
  fields: { cutSessions: number, elapsed: durationMs },
})

export const storageTrouble = eventKind({
  name: 'server.storage-trouble',
  level: 'error',
  help: 'The disk refused to store something. Mail is refused for now and nothing acknowledged is lost; look at the disk.',
  fields: { trouble: text },
  count: 'storage_troubles_total',
})

export const storageUnreadable = eventKind({
  name: 'server.storage-unreadable',
  level: 'error',
  help: 'A file with bytes of messages cannot be read, or is damaged. Whoever wants those messages is told that they cannot be had now, and nothing is deleted for it. Look at the disk; if it is well, stop the server and run postern check.',
  fields: { trouble: text },
  count: 'storage_unreadable_total',
})

export const storageRecovered = eventKind({
  name: 'server.storage-recovered',
  level: 'info',
  help: 'The server had not ended in order: what it had acknowledged last was brought from the journal to its place.',
  fields: { commits: number },
})

export const journalGap = eventKind({
  name: 'server.journal-gap',
  level: 'error',
  help: 'The disk has lost or changed a part of the journal: so many commits that were acknowledged are gone. Stop the server and run postern check.',
  fields: { commits: number },
})

export const columnsNotKept = eventKind({
  name: 'server.columns-not-kept',
  level: 'warn',
  help: 'What the list of a mailbox shows could not be kept for the next start, which reads it from the messages then. Nothing is lost.',
  fields: { reason: text },
})

export const serverFailed = eventKind({
  name: 'server.failed',
  level: 'error',
  help: 'Something went wrong that the server cannot go on after; what was acknowledged is on disk.',
  fields: { error },
})

export const settingsWarning = eventKind({
  name: 'server.settings-warning',
  level: 'warn',
  help: 'Something in the configuration is odd and has no effect.',
  fields: { text },
})

export const settingsReloaded = eventKind({
  name: 'server.settings-reloaded',
  level: 'info',
  help: 'The settings were read again: which objects changed, and which fields take effect at the next start only.',
  fields: { changed: list, nextStart: list },
})

export const settingsRefused = eventKind({
  name: 'server.settings-refused',
  level: 'error',
  help: 'The settings were read again and refused as a whole; those before stay in force.',
  fields: { reason: text },
})

export const settingsNotApplied = eventKind({
  name: 'server.settings-not-applied',
  level: 'error',
  help: 'A setting that is in force could not be followed, such as a port that another program has.',
  fields: { reason: text },
})

export const busHandlerFailed = eventKind({
  name: 'server.bus-handler-failed',
  level: 'error',
  help: 'Whoever was told that something changed failed: a defect.',
  fields: { error },
})

export const httpFailed = eventKind({
  name: 'server.http-failed',
  level: 'error',
  help: 'A request was answered with 500 because of a defect.',
  fields: { error, request: text, path: text },
})

export const sweepDone = eventKind({
  name: 'server.sweep-done',
  level: 'info',
  help: 'Stored bytes that no message uses any more, and old entries of change logs, were removed.',
  fields: { condemned: number, deleted: number, segments: number, logRows: number, elapsed: durationMs },
})

export const queueMessages = gaugeKind({
  name: 'queue_messages_total',
  help: 'Accepted messages that wait to be delivered.',
  workers: 'max',
})

export const accountPurged = eventKind({
  name: 'server.account-purged',
  level: 'info',
  help: 'The mail of an account that was deleted has been removed.',
  fields: { account: number, messages: number },
})

export const usageRecounted = eventKind({
  name: 'server.usage-recounted',
  level: 'info',
  help: 'What an account holds was counted anew.',
  fields: { account: number, before: sizeBytes, usedBytes: sizeBytes },
})
