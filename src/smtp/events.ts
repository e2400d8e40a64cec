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
    /** The first of those that it was accepted for. */
    to: list,
    recipients: number,
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

export const messageChecked = eventKind({
  name: 'smtp.message-checked',
  level: 'info',
  help: 'What was found out about where a message comes from. What was not asked for is left out.',
  fields: {
    id: text,
    iprev: maybe(text),
    spfEhlo: maybe(text),
    spfFrom: maybe(text),
    dkim: maybe(list),
    arc: maybe(text),
    dmarc: maybe(text),
    bimi: maybe(text),
  },
})

const found = (name: `smtp.${string}`, count: `${string}_total`, help: string) =>
  eventKind({ name, level: 'debug', help, fields: { id: text, reason: text }, count })

const signatureFound = (name: `smtp.${string}`, count: `${string}_total`, help: string) =>
  eventKind({ name, level: 'debug', help, fields: { id: text, domain: text, reason: text }, count })

export const iprevPass = found(
  'smtp.iprev-pass',
  'smtp_iprev_pass_total',
  'The name of a client leads back to its address.',
)
export const iprevFail = found(
  'smtp.iprev-fail',
  'smtp_iprev_fail_total',
  'The name of a client does not lead back to its address.',
)
export const spfEhloPass = found(
  'smtp.spf-ehlo-pass',
  'smtp_spf_ehlo_pass_total',
  'SPF of the name in EHLO passed.',
)
export const spfEhloFail = found(
  'smtp.spf-ehlo-fail',
  'smtp_spf_ehlo_fail_total',
  'SPF of the name in EHLO failed.',
)
export const spfFromPass = found(
  'smtp.spf-from-pass',
  'smtp_spf_from_pass_total',
  'SPF of the sender passed.',
)
export const spfFromFail = found(
  'smtp.spf-from-fail',
  'smtp_spf_from_fail_total',
  'SPF of the sender failed.',
)
export const arcPass = found('smtp.arc-pass', 'smtp_arc_pass_total', 'The ARC chain of a message is good.')
export const arcFail = found('smtp.arc-fail', 'smtp_arc_fail_total', 'The ARC chain of a message is broken.')
export const dmarcPass = found('smtp.dmarc-pass', 'smtp_dmarc_pass_total', 'DMARC of a message passed.')
export const dmarcFail = found('smtp.dmarc-fail', 'smtp_dmarc_fail_total', 'DMARC of a message failed.')
export const dkimPass = signatureFound('smtp.dkim-pass', 'smtp_dkim_pass_total', 'A DKIM signature is good.')
export const dkimFail = signatureFound(
  'smtp.dkim-fail',
  'smtp_dkim_fail_total',
  'A DKIM signature does not match its message.',
)
