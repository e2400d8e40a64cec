/** What JMAP tells. */
import { error, eventKind, number, text } from '#telemetry/event.ts'

export const methodError = eventKind({
  name: 'jmap.error',
  level: 'error',
  help: 'A JMAP method failed because of a defect of the server.',
  fields: { account: number, method: text, error },
  count: 'jmap_errors_total',
})

export const webSocketFailed = eventKind({
  name: 'jmap.websocket-error',
  level: 'error',
  help: 'A WebSocket of JMAP was closed because of a defect of the server, or because its store cannot be read.',
  fields: { account: number, error },
  count: 'jmap_websocket_errors_total',
})

export const pushNotSent = eventKind({
  name: 'jmap.push-not-sent',
  level: 'info',
  help: 'A push message was not taken by the push service of a client; it is tried again.',
  fields: { account: number, subscription: text, host: text, reason: text },
  count: 'jmap_push_failures_total',
})

export const pushEnded = eventKind({
  name: 'jmap.push-ended',
  level: 'info',
  help: 'A push subscription was removed: it has expired, its credential does not hold any more, or the push service does not know it.',
  fields: { account: number, subscription: text, reason: text },
})
