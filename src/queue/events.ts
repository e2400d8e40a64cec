/** What mail that waits and goes out tells. The text of a message is never in it. */
import { durationMs, error, eventKind, list, maybe, number, sizeBytes, text } from '#telemetry/event.ts'

export const messageQueued = eventKind({
  name: 'queue.message-queued',
  level: 'info',
  help: 'A message waits to be sent. `id` is that of smtp.message-received, where it came that way.',
  fields: { message: text, id: maybe(text), from: text, to: list, size: sizeBytes },
  count: 'queue_enqueued_total',
})

export const delivered = eventKind({
  name: 'queue.delivered',
  level: 'info',
  help: 'A server or a mailbox has taken a message.',
  fields: {
    message: text,
    from: text,
    to: list,
    host: maybe(text),
    ip: maybe(text),
    tls: maybe(text),
    said: text,
    elapsed: durationMs,
  },
  count: 'queue_delivered_total',
  time: 'elapsed',
})

export const delayed = eventKind({
  name: 'queue.delayed',
  level: 'warn',
  help: 'A message could not be delivered and is tried again.',
  fields: {
    message: text,
    from: text,
    to: list,
    host: maybe(text),
    ip: maybe(text),
    step: text,
    said: text,
    status: text,
  },
  count: 'queue_delayed_total',
})

export const failed = eventKind({
  name: 'queue.failed',
  level: 'warn',
  help: 'A message will not be delivered.',
  fields: {
    message: text,
    from: text,
    to: list,
    host: maybe(text),
    ip: maybe(text),
    step: text,
    said: text,
    status: text,
  },
  count: 'queue_failed_total',
})

export const notified = eventKind({
  name: 'queue.notified',
  level: 'info',
  help: 'The sender of a message is told what became of it.',
  fields: { message: text, notification: text, to: text, recipients: number },
})

export const attemptFailed = eventKind({
  name: 'queue.attempt-failed',
  level: 'error',
  help: 'Trouble of our own, such as a full disk, with a message of the queue: it is tried again.',
  fields: { message: text, error },
})

export const messageUnreadable = eventKind({
  name: 'queue.message-unreadable',
  level: 'error',
  help: 'The stored bytes of a message of the queue are gone or damaged, so it cannot be sent: "postern check" says which, and with --repair looks for another copy. It is tried again until it expires.',
  fields: { message: text, blob: text, error },
  count: 'queue_unreadable_total',
})

export const queuePaused = eventKind({
  name: 'queue.paused',
  level: 'warn',
  help: 'Nothing leaves the queue until it is resumed.',
  fields: { by: text },
})

export const queueResumed = eventKind({
  name: 'queue.resumed',
  level: 'info',
  help: 'Mail leaves the queue again.',
  fields: { by: text },
})
