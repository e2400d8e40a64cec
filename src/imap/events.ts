/** What IMAP sessions tell. */
import { durationMs, error, eventKind, flag, maybe, number, text } from '#telemetry/event.ts'
import { gaugeKind } from '#telemetry/gauge.ts'

export const connectionStart = eventKind({
  name: 'imap.connection-start',
  level: 'info',
  help: 'A client connected over IMAP.',
  fields: { ip: text, listener: text, tls: flag },
})

export const connectionEnd = eventKind({
  name: 'imap.connection-end',
  level: 'info',
  help: 'An IMAP connection is over.',
  fields: { ip: text, account: maybe(number), reason: text, commands: number, elapsed: durationMs },
})

export const commandError = eventKind({
  name: 'imap.error',
  level: 'error',
  help: 'An IMAP command failed because of a defect of the server.',
  fields: { ip: text, account: maybe(number), command: text, error },
  count: 'imap_errors_total',
})

export const activeConnections = gaugeKind({
  name: 'imap_connections_active',
  help: 'IMAP connections that are open.',
  workers: 'sum',
})
