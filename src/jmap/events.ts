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
