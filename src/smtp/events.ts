/**
 * What receiving mail tells. Every event of a session also carries its context: `session`, `listener` and the
 * client's address as `ip`.
 */
import { error, eventKind, flag, list, maybe, number, sizeBytes, text } from '#telemetry/event.ts'
import { gaugeKind } from '#telemetry/gauge.ts'

export const connectionStart = eventKind({
  name: 'smtp.connection-start',
  level: 'debug',
  help: 'A client connected over SMTP or LMTP.',
  fields: { port: number },
})

export const connectionEnd = eventKind({
  name: 'smtp.connection-end',
  level: 'debug',
  help: 'An SMTP or LMTP session ended.',
  fields: { messages: number, reason: text },
})

export const messageReceived = eventKind({
  name: 'smtp.message-received',
  level: 'info',
  help: 'A message was accepted and is on disk.',
  fields: {
    id: text,
    from: text,
    to: number,
    size: sizeBytes,
    helo: text,
    tls: maybe(text),
    account: maybe(text),
    messageId: maybe(text),
  },
  count: 'smtp_messages_received_total',
})

export const messageRejected = eventKind({
  name: 'smtp.message-rejected',
  level: 'info',
  help: 'A sender, a recipient or a message was refused.',
  fields: { stage: text, from: text, to: maybe(list), reason: text, reply: text, size: maybe(sizeBytes) },
  count: 'smtp_messages_rejected_total',
})

export const sessionAborted = eventKind({
  name: 'smtp.session-aborted',
  level: 'info',
  help: 'A session was ended by the server because of what the client did.',
  fields: { reason: text },
})

export const startTlsDone = eventKind({
  name: 'smtp.start-tls',
  level: 'debug',
  help: 'A session went on under TLS. Bytes that were sent ahead in clear were dropped.',
  fields: { version: text, cipher: text, droppedBytes: number, suspicious: flag },
})

export const startTlsFailed = eventKind({
  name: 'smtp.start-tls-failed',
  level: 'info',
  help: 'The TLS handshake after STARTTLS failed.',
  fields: { reason: text },
})

export const smtpError = eventKind({
  name: 'smtp.error',
  level: 'error',
  help: 'Something went wrong on our side while mail was received; the client was asked to try again later.',
  fields: { error },
})

export const recipientGone = eventKind({
  name: 'smtp.recipient-gone',
  level: 'warn',
  help: 'An accepted message was not delivered to a recipient whose account is gone since.',
  fields: { from: text, to: text, reason: text },
})

export const smtpSessions = gaugeKind({
  name: 'smtp_sessions',
  help: 'Open SMTP and LMTP sessions.',
  workers: 'sum',
})
